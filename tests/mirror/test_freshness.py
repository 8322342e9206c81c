"""What is newer: an event's body or the row, an answer or what came in while it was on its way."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from flask_accrue import models
from flask_accrue.mirror import UNSEEN, Source, Verdict, is_gone, judge, may_write, watermark
from flask_accrue.mirror.freshness import gone_since, is_final
from flask_accrue.processors import Answer, ProcessorEvent, Reference, objects
from tests.mirror.conftest import HOUR, START
from tests.mirror.said import card, customer, invoice, subscription

MOMENT = datetime.timedelta(microseconds=1)


def event(
    obj: objects.ProcessorObject | None,
    at: datetime.datetime = START,
    id: str = "evt_5",
    **others: Any,
) -> ProcessorEvent:
    return ProcessorEvent(processor_id=id, type="some.event", created=at, object=obj, **others)


def thin(at: datetime.datetime = START) -> ProcessorEvent:
    return event(None, at, reference=Reference("invoice", "in_1"), usable=False)


def row(
    fresh_from: datetime.datetime | None = START,
    fresh_to: datetime.datetime | None = START,
    model: type[models.Mirrored] = models.Invoice,
    **values: Any,
) -> models.Mirrored:
    return model(fresh_from=fresh_from, fresh_to=fresh_to, lock_version=1, **values)


# -- events ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("news", "verdict"),
    [
        (event(invoice()), Verdict.APPLY),
        # Not whole, or of a version that isn't known: the processor says the rest.
        (event(invoice(), usable=False), Verdict.FETCH),
        (thin(), Verdict.FETCH),
        # There is nobody to ask any more.
        (event(invoice(), usable=False, fetchable=False), Verdict.APPLY),
        (event(invoice(deleted=True), usable=False), Verdict.APPLY),
        (event(card(customer=None), usable=False), Verdict.APPLY),
    ],
)
def test_a_first_sight_is_written_unless_its_body_is_unsafe(
    news: ProcessorEvent, verdict: Verdict
) -> None:
    assert judge(None, news) is verdict


@pytest.mark.parametrize(
    ("at", "verdict"),
    [
        (START - MOMENT, Verdict.STALE),
        (START, Verdict.FETCH),
        (START + HOUR / 2, Verdict.FETCH),
        (START + HOUR, Verdict.FETCH),
        (START + HOUR + MOMENT, Verdict.APPLY),
    ],
)
def test_a_body_within_the_time_of_an_answer_cannot_be_told_from_it(
    at: datetime.datetime, verdict: Verdict
) -> None:
    answered = row(START, START + HOUR)
    assert judge(answered, event(invoice(), at)) is verdict
    # What has no body to apply is fetched in its place.
    referred = Verdict.FETCH if verdict is Verdict.APPLY else verdict
    assert judge(answered, thin(at)) is referred


@pytest.mark.parametrize(
    ("id", "verdict"),
    [("evt_4", Verdict.STALE), ("evt_5", Verdict.STALE), ("evt_6", Verdict.APPLY)],
)
def test_events_of_one_second_that_nobody_can_be_asked_about_are_ordered_by_their_ids(
    id: str, verdict: Verdict
) -> None:
    told = row(fresh_event="evt_5")
    assert judge(told, event(invoice(), id=id, fetchable=False)) is verdict
    assert judge(told, event(invoice(), id=id)) is Verdict.FETCH


def test_a_row_of_which_nothing_is_known_takes_whatever_comes() -> None:
    assert judge(row(None, None), event(invoice(), START - 1000 * HOUR)) is Verdict.APPLY


def test_a_body_that_is_unsafe_is_fetched_however_new_it_is() -> None:
    assert judge(row(), event(invoice(), START + HOUR, usable=False)) is Verdict.FETCH


@pytest.mark.parametrize("at", [START - 1000 * HOUR, START, START + 1000 * HOUR])
def test_what_a_simulation_tells_is_fetched_whatever_time_it_has_there(
    at: datetime.datetime,
) -> None:
    told = event(invoice(), at, usable=False, simulated=True)
    assert judge(row(), told) is Verdict.FETCH
    assert judge(None, told) is Verdict.FETCH
    ended = event(invoice(deleted=True), at, usable=False, simulated=True)
    assert judge(row(), ended) is Verdict.APPLY


@pytest.mark.parametrize(
    ("model", "gone", "obj"),
    [
        (models.Customer, {"deleted_at": START}, customer()),
        (models.PaymentMethod, {"detached_at": START}, card()),
    ],
)
def test_a_deleted_customer_and_a_detached_card_do_not_come_back(
    model: type[models.Mirrored], gone: dict[str, Any], obj: objects.ProcessorObject
) -> None:
    away = row(START - HOUR, START - HOUR, model, **gone)
    assert judge(away, event(obj, START + HOUR)) is Verdict.STALE
    # What it was before that may still be told.
    assert judge(away, event(obj, START - MOMENT)) is Verdict.APPLY
    assert judge(away, event(obj, START - 2 * HOUR)) is Verdict.STALE


def test_anything_else_that_was_not_found_comes_back_with_newer_news() -> None:
    away = row(START, START, models.Subscription, deleted_at=START)
    assert judge(away, event(subscription(), START + HOUR)) is Verdict.APPLY
    assert judge(away, thin(START + HOUR)) is Verdict.FETCH
    assert judge(away, event(subscription(), START + HOUR, usable=False)) is Verdict.STALE


def test_the_end_of_something_is_applied_whenever_it_is_told_and_once() -> None:
    living = row(START + HOUR, START + HOUR, models.PaymentMethod)
    ended = event(card(customer=None), START)
    assert judge(living, ended) is Verdict.APPLY
    known = row(START, START, models.PaymentMethod, detached_at=START, fresh_event="evt_5")
    assert judge(known, ended) is Verdict.STALE
    # Earlier than was known: since when it's gone is put right.
    assert judge(known, event(card(customer=None), START - HOUR)) is Verdict.APPLY


# -- answers ---------------------------------------------------------------------------------------


def test_an_answer_may_be_written_over_what_was_there_before_the_call() -> None:
    there = row(fresh_event="evt_1")
    seen = watermark(there)
    assert may_write(None, UNSEEN, Source(START, START))
    assert may_write(there, seen, Source(START - HOUR, START - HOUR))


@pytest.mark.parametrize(
    ("fresh_from", "allowed"), [(START + MOMENT, True), (START, False), (START - HOUR, False)]
)
def test_an_answer_may_be_written_over_news_in_between_only_when_it_is_clearly_newer(
    fresh_from: datetime.datetime, allowed: bool
) -> None:
    there = row(fresh_event="evt_1")
    assert may_write(there, UNSEEN, Source(fresh_from, START + HOUR)) is allowed
    assert not may_write(row(None, None), watermark(there), Source(fresh_from, START + HOUR))


@pytest.mark.parametrize(
    "change",
    [
        {"fresh_from": START - HOUR},
        {"fresh_to": START + HOUR},
        {"fresh_event": "evt_2"},
        {"lock_version": 2},
    ],
)
def test_a_watermark_tells_any_writing_apart(change: dict[str, Any]) -> None:
    before = row(fresh_event="evt_1")
    seen = watermark(before)
    for name, value in change.items():
        setattr(before, name, value)
    assert watermark(before) != seen


def test_a_source_tells_when_and_of_which_event() -> None:
    answer = Answer(objects=(invoice(),), fresh_from=START, fresh_to=START + HOUR)
    assert Source.of_answer(answer) == Source(START, START + HOUR, None)
    assert Source.of_event(event(invoice())) == Source(START, START, "evt_5")


# -- what is gone ----------------------------------------------------------------------------------


def test_what_is_gone_is_told_by_its_own_time() -> None:
    assert not is_gone(row())
    assert gone_since(row(deleted_at=START)) == START
    card_row = row(model=models.PaymentMethod, detached_at=START, deleted_at=START + HOUR)
    assert gone_since(card_row) == START


def test_only_an_end_is_final() -> None:
    assert is_final(customer(deleted=True))
    assert is_final(card(customer=None))
    assert not is_final(card())
    assert not is_final(subscription(status="canceled"))
    assert not is_final(None)
