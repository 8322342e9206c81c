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


def test_a_phase_says_its_terms_as_they_are_sent() -> None:
    rate = {"id": "txr_vat", "object": "tax_rate", "percentage": 20.0}
    terms = {
        "application_fee_percent": 12.5,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": True,
            "liability": {"type": "account", "account": "acct_1"},
        },
        "default_payment_method": {"id": "pm_1", "object": "payment_method"},
        "default_tax_rates": [rate],
        "description": None,
        "invoice_settings": {"days_until_due": 14, "footer": None, "issuer": {"type": "self"}},
        "metadata": {"id": "7", "object": "of the host"},
    }
    item = {
        "price": "price_pro",
        "quantity": 1,
        "tax_rates": [rate],
        "discounts": [{"coupon": None, "discount": "di_1"}],
        "metadata": {},
    }

    [phase] = read_schedule(
        phases=[{"start_date": START, "end_date": END, "items": [item], **terms}]
    ).phases

    assert phase.terms == {
        "application_fee_percent": "12.5",
        "automatic_tax": {
            "enabled": True,
            "liability": {"type": "account", "account": "acct_1"},
        },
        "default_payment_method": "pm_1",
        "default_tax_rates": ["txr_vat"],
        "invoice_settings": {"days_until_due": 14},
    }
    assert phase.metadata == terms["metadata"]
    assert phase.items[0].terms == {"tax_rates": ["txr_vat"], "discounts": [{"discount": "di_1"}]}


def test_a_phase_says_how_it_begins() -> None:
    fee = {
        "price": {"id": "price_fee", "object": "price"},
        "quantity": 2,
        "discounts": [{"coupon": "HALF", "discount": None}],
        "tax_rates": [{"id": "txr_vat", "object": "tax_rate", "percentage": 20.0}],
        "metadata": {"object": "of the host"},
        "period": {"start": {"type": "phase_start"}, "end": {"type": "phase_end"}},
    }
    begins = {
        "proration_behavior": "always_invoice",
        "billing_cycle_anchor": "phase_start",
        "add_invoice_items": [fee],
    }

    first, second = read_schedule(
        phases=[
            {"start_date": START, "end_date": END, "items": [], "add_invoice_items": []},
            {"start_date": END, "items": [], **begins},
        ]
    ).phases

    assert (first.proration, first.beginning) == ("create_prorations", {})
    assert second.proration == "always_invoice"
    assert second.beginning == {
        "billing_cycle_anchor": "phase_start",
        "add_invoice_items": [
            {
                **fee,
                "price": "price_fee",
                "discounts": [{"coupon": "HALF"}],
                "tax_rates": ["txr_vat"],
            }
        ],
    }
    assert second.terms == {}
