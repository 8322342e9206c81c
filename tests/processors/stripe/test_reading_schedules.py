"""Schedules of subscriptions."""

from __future__ import annotations

import typing as t

import pytest

from flask_accrue.errors import InvalidRequest
from flask_accrue.processors import objects
from flask_accrue.processors.stripe.reading import read
from tests.processors.stripe.stripe_bodies import END, START, at, schedule


def read_schedule(**changes: t.Any) -> objects.SubscriptionSchedule:
    found = read(schedule(**changes))
    assert isinstance(found, objects.SubscriptionSchedule)
    return found


def test_a_schedule_says_which_items_there_are_when() -> None:
    found = read_schedule()

    assert found.phases == (
        objects.SchedulePhase(
            start=at(START),
            end=at(END),
            items=(objects.SchedulePhaseItem(price="price_pro", quantity=2),),
        ),
        objects.SchedulePhase(
            start=at(END), end=None, items=(objects.SchedulePhaseItem(price="price_team"),)
        ),
    )
    assert (found.current_phase_start, found.current_phase_end) == (at(START), at(END))
    assert (found.status, found.end_behavior, found.subscription) == ("active", "release", "sub_1")


def test_a_released_schedule_still_names_its_subscription() -> None:
    found = read_schedule(
        status="released", subscription=None, released_subscription="sub_1", current_phase=None
    )

    assert (found.subscription, found.current_phase_start) == ("sub_1", None)


def test_an_item_of_an_old_phase_names_a_plan() -> None:
    old = {"start_date": START, "end_date": END, "items": [{"plan": "price_old", "quantity": 1}]}

    assert read_schedule(phases=[old]).phases[0].items[0].price == "price_old"


def test_a_phase_without_a_start_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="start_date"):
        read_schedule(phases=[{"end_date": END, "items": []}])
