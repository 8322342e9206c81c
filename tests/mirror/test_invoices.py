"""Invoices with their lines and payments, and the failures that grace is counted from."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import mirror, models
from flask_accrue.processors import objects
from flask_accrue.processors.fake import FakeProcessor
from flask_accrue.state import current_state
from tests.mirror.conftest import HOUR, START
from tests.mirror.said import charge, intent, invoice, line, payment, subscription

if TYPE_CHECKING:
    import datetime

    from tests.mirror.conftest import Mirror


def amounts(mirrored: Mirror) -> list[int]:
    return [each.amount for each in mirrored.find("invoice", "in_1").items]


# -- lines -----------------------------------------------------------------------------------------


def test_lines_without_an_id_are_written_once_however_often_they_come(mirrored: Mirror) -> None:
    two = (line(amount=1500), line(amount=400))
    for _ in range(3):
        mirrored.put(invoice(lines=two))
    assert amounts(mirrored) == [1500, 400]
    assert mirrored.verbs("invoice") == ["created"]


@pytest.mark.parametrize(
    "after",
    [(), (1500,), (400,), (400, 1500), (1500, 400, 100), (1, 2, 3)],
    ids=str,
)
def test_lines_are_what_came_last_and_removed_ones_go(
    mirrored: Mirror, after: tuple[int, ...]
) -> None:
    mirrored.put(invoice(lines=(line(amount=1500), line(amount=400))))
    mirrored.put(invoice(lines=tuple(line(amount=amount) for amount in after)))
    assert amounts(mirrored) == list(after)
    assert mirrored.db.session.scalar(
        sa.select(sa.func.count()).select_from(models.InvoiceItem)
    ) == len(after)
    state = mirrored.entries("invoice")[-1].state
    assert state is not None
    assert [each["amount"] for each in state["lines"]] == list(after)


def test_lines_that_are_left_out_are_kept_and_told(mirrored: Mirror) -> None:
    mirrored.put(invoice(lines=(line(amount=1500),), payments=(payment(),)))
    mirrored.put(invoice(number="A-1", lines=objects.UNSAID, payments=objects.UNSAID))
    assert amounts(mirrored) == [1500]
    entry = mirrored.entries("invoice")[-1]
    assert entry.data["changes"] == {"number": [None, "A-1"]}
    assert [each["amount"] for each in entry.state["lines"]] == [1500]
    assert len(mirrored.find("invoice", "in_1").payments) == 1


# -- payments --------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(itertools.permutations(["intent", "charge", "payment"])))
def test_a_payment_links_its_intent_and_its_charge_in_any_order(
    mirrored: Mirror, order: tuple[str, ...]
) -> None:
    news = {
        "intent": intent(latest_charge="ch_1"),
        "charge": charge(payment_intent="pi_1"),
        "payment": payment(),
    }
    for name in order:
        mirrored.put(news[name])
    assert mirrored.find("payment_intent", "pi_1").invoice_processor_id == "in_1"
    assert mirrored.find("charge", "ch_1").invoice_processor_id == "in_1"
    # News that don't speak of it erase nothing, and neither do those that say there is none.
    mirrored.put(charge(payment_intent="pi_1", amount_refunded=5, invoice=None))
    assert mirrored.find("charge", "ch_1").invoice_processor_id == "in_1"


def test_a_payment_by_a_charge_without_an_intent_links_the_charge(mirrored: Mirror) -> None:
    mirrored.put(charge())
    mirrored.put(payment(payment_intent=None, charge="ch_1"))
    assert mirrored.find("charge", "ch_1").invoice_processor_id == "in_1"
    assert mirrored.verbs("charge") == ["succeeded", "linked"]


@pytest.mark.parametrize(
    ("own", "embedded", "kept"),
    [
        # An event of its own that came in while the invoice was fetched, and one from before.
        ({"event": "evt_1", "at": START}, {"at": START}, "own"),
        ({"event": "evt_1", "at": START}, {"at": START + HOUR}, "embedded"),
        ({"event": "evt_1", "at": START + HOUR}, {"event": "evt_2", "at": START}, "own"),
        # Two answers of one moment: the one that came last.
        ({"at": START}, {"at": START}, "embedded"),
        ({"at": START + HOUR}, {"at": START}, "own"),
    ],
)
def test_a_payment_within_its_invoice_never_replaces_newer_news_of_its_own(
    mirrored: Mirror, own: dict[str, Any], embedded: dict[str, Any], kept: str
) -> None:
    mirrored.put(payment(amount_paid=1), **own)
    mirrored.put(invoice(payments=(payment(amount_paid=2),)), **embedded)
    found = mirrored.find("invoice_payment", "inpay_1")
    assert found.amount_paid == {"own": 1, "embedded": 2}[kept]


# -- failures --------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])), ids=str)
def test_the_first_failure_is_the_earliest_in_whatever_order_they_are_told(
    mirrored: Mirror, order: tuple[int, ...]
) -> None:
    mirrored.put(subscription(status="past_due"))
    for hours in order:
        mirrored.put(invoice(attempt_count=hours), failed_at=START + hours * HOUR)
    assert mirrored.find("invoice", "in_1").first_failed_at == START + HOUR
    assert mirrored.find("subscription", "sub_1").past_due_since == START + HOUR


def test_a_failure_that_old_news_tell_is_noted_and_changes_nothing_else(mirrored: Mirror) -> None:
    mirrored.put(subscription(status="past_due"))
    mirrored.put(invoice(attempt_count=2), failed_at=START + 5 * HOUR)
    for earlier in (START + 2 * HOUR, START + 3 * HOUR):
        mirrored.within(
            lambda uow, owner, at=earlier: mirror.note_failure(
                uow, owner, uow.find(models.Invoice, "fake", "in_1"), at, 2
            )
        )
    row = mirrored.find("invoice", "in_1")
    assert (row.first_failed_at, row.attempt_count) == (START + 2 * HOUR, 2)
    assert mirrored.find("subscription", "sub_1").past_due_since == START + 2 * HOUR


OWED, FIRST, AGAIN = START - HOUR, START + HOUR, START + 72 * HOUR
#: When the charge of the first attempt failed: a second before the event tells it.
CHARGED = FIRST - HOUR / 3600


def look_up(mirrored: Mirror, attempts: int) -> None:
    mirrored.put(invoice(attempt_count=attempts, finalized_at=OWED), looked_up=True)


def hear_late(mirrored: Mirror, at: datetime.datetime, attempt: int) -> None:
    """Be told of a failure by an event that came after what it tells was known."""
    mirrored.within(
        lambda uow, owner: mirror.note_failure(
            uow, owner, uow.find(models.Invoice, "fake", "in_1"), at, attempt
        )
    )


def failed(mirrored: Mirror, id: str, at: datetime.datetime) -> None:
    mirrored.put(charge(processor_id=id, status="failed", invoice="in_1", created=at))


def dated(mirrored: Mirror) -> datetime.datetime | None:
    since: datetime.datetime | None = mirrored.find("subscription", "sub_1").past_due_since
    assert mirrored.find("invoice", "in_1").first_failed_at == since
    return since


def test_a_failure_that_no_event_told_is_dated_and_no_later_one_begins_grace_anew(
    mirrored: Mirror,
) -> None:
    mirrored.put(subscription(status="past_due"))
    look_up(mirrored, 1)
    assert dated(mirrored) == OWED
    # By hand, which isn't counted.
    by_hand = AGAIN - HOUR
    mirrored.put(invoice(attempt_count=1, finalized_at=OWED), failed_at=by_hand, at=by_hand)
    mirrored.put(invoice(attempt_count=2, finalized_at=OWED), failed_at=AGAIN, at=AGAIN)
    assert dated(mirrored) == OWED
    assert mirrored.verbs("invoice") == ["created", "payment_failed", "payment_failed"]
    assert told_of(mirrored) == {1: 1, 2: 1}


def test_a_later_failure_alone_is_not_the_first(mirrored: Mirror) -> None:
    mirrored.put(subscription(status="past_due"))
    mirrored.put(invoice(attempt_count=2, finalized_at=OWED), failed_at=AGAIN)
    assert dated(mirrored) == OWED


@pytest.mark.parametrize("order", list(itertools.permutations(["event", "sync", "charges"])))
def test_what_tells_the_first_failure_best_stays_in_whatever_order_it_is_told(
    mirrored: Mirror, order: tuple[str, ...]
) -> None:
    mirrored.put(subscription(status="past_due"))
    mirrored.put(invoice(finalized_at=OWED))
    mirrored.now = AGAIN
    for what in order:
        if what == "sync":
            look_up(mirrored, 2)
        elif what == "charges":
            failed(mirrored, "ch_2", AGAIN)
            failed(mirrored, "ch_1", CHARGED)
        elif mirrored.find("invoice", "in_1").attempt_count:
            hear_late(mirrored, FIRST, 1)
        else:
            mirrored.put(invoice(attempt_count=1, finalized_at=OWED), failed_at=FIRST, at=FIRST)
    assert dated(mirrored) == CHARGED
    assert told_of(mirrored)[1] == 1


def told_of(mirrored: Mirror) -> Counter[int]:
    """Return how often the ledger tells of each failed attempt."""
    return Counter(
        entry.data["attempt"]
        for entry in mirrored.entries("invoice")
        if entry.type == "invoice.payment_failed"
    )


@pytest.mark.parametrize("owed", [FIRST, OWED], ids=["at-once", "before"])
@pytest.mark.parametrize("charged", [True, False], ids=["charged", "uncharged"])
def test_whoever_tries_again_by_hand_never_prolongs_grace(
    mirrored: Mirror, owed: datetime.datetime, charged: bool
) -> None:
    # Without a card there is no charge.
    mirrored.put(subscription(status="past_due"))
    mirrored.put(invoice(finalized_at=owed), at=OWED)
    now = {"attempt_count": 1, "finalized_at": owed}
    if charged:
        failed(mirrored, "ch_1", FIRST)
    mirrored.put(invoice(**now), failed_at=FIRST, at=FIRST)
    for days in range(1, 4):
        again = FIRST + 24 * days * HOUR
        mirrored.put(invoice(**now, next_payment_attempt=again), looked_up=True, at=again)
        failed(mirrored, f"ch_{days + 1}", again)
        mirrored.put(invoice(**now), failed_at=again, at=again)
        hear_late(mirrored, again, 1)
        assert dated(mirrored) == FIRST
    assert told_of(mirrored) == {1: 1}


def test_whoever_tries_again_by_hand_never_prolongs_grace_whose_failure_was_lost(
    mirrored: Mirror,
) -> None:
    mirrored.put(subscription(status="past_due"))
    clock = current_state().processors["fake"]
    assert isinstance(clock, FakeProcessor)
    clock.freeze(FIRST)
    look_up(mirrored, 1)
    for days in range(1, 4):
        again = FIRST + 24 * days * HOUR
        clock.freeze(again)
        mirrored.put(invoice(attempt_count=1, finalized_at=OWED), looked_up=True, at=again)
        failed(mirrored, f"ch_{days + 1}", again)
        hear_late(mirrored, again, 1)
        assert dated(mirrored) == OWED


@pytest.mark.parametrize("first", [FIRST, FIRST + HOUR])
def test_the_first_failure_counts_although_one_by_hand_is_told_before(
    mirrored: Mirror, first: datetime.datetime
) -> None:
    mirrored.put(subscription(status="past_due"))
    mirrored.put(invoice(attempt_count=1, finalized_at=FIRST), looked_up=True, at=AGAIN)
    hear_late(mirrored, AGAIN, 1)
    hear_late(mirrored, first, 1)
    assert dated(mirrored) == first


NEWS = ["updated", "event", "charge", "second"]


@pytest.mark.parametrize("by", ["body", "fetch"])
@pytest.mark.parametrize("order", list(itertools.permutations(NEWS))[::4], ids="-".join)
def test_a_failure_is_told_once_whose_charge_and_event_are_of_one_second(
    mirrored: Mirror, order: tuple[str, ...], by: str
) -> None:
    mirrored.put(subscription(status="past_due"))
    mirrored.put(invoice(finalized_at=FIRST), at=OWED)
    for what in order:
        if what == "charge":
            failed(mirrored, "ch_1", FIRST)
            continue
        at, attempt = (AGAIN, 2) if what == "second" else (FIRST, 1)
        failed_at = None if what == "updated" else at
        if by == "fetch":
            # It tells how things are when it's made, which is at the end.
            now = invoice(attempt_count=2, finalized_at=FIRST)
            mirrored.put(now, at=AGAIN, failed_at=failed_at, attempt=attempt, looked_up=True)
        elif at >= mirrored.find("invoice", "in_1").fresh_to:
            then = invoice(attempt_count=attempt, finalized_at=FIRST)
            mirrored.put(then, at=at, failed_at=failed_at, looked_up=failed_at is None)
        elif failed_at is not None:
            hear_late(mirrored, at, attempt)
    assert dated(mirrored) == FIRST
    assert told_of(mirrored) == {1: 1, 2: 1}


def test_a_failure_is_told_of_an_invoice_that_nothing_told_of_before(mirrored: Mirror) -> None:
    mirrored.put(subscription(status="past_due"))
    mirrored.put(invoice(attempt_count=1), failed_at=START)
    hear_late(mirrored, START, 1)
    assert mirrored.verbs("invoice") == ["created", "payment_failed"]


@pytest.mark.parametrize("order", list(itertools.permutations(["sync", "first", "again"])))
def test_failed_charges_date_what_no_event_told_once_all_are_known(
    mirrored: Mirror, order: tuple[str, ...]
) -> None:
    mirrored.put(subscription(status="past_due"))
    mirrored.put(invoice(finalized_at=OWED))
    mirrored.now = AGAIN
    for number, what in enumerate(order):
        if what == "sync":
            look_up(mirrored, 2)
        else:
            failed(mirrored, what, FIRST if what == "first" else AGAIN)
        if number == 1 and "sync" in order[:2]:
            assert dated(mirrored) == OWED
    assert dated(mirrored) == FIRST


def test_charges_of_attempts_that_an_invoice_does_not_count_yet_do_not_date_it(
    mirrored: Mirror,
) -> None:
    mirrored.put(subscription(status="past_due"))
    look_up(mirrored, 1)
    mirrored.now = AGAIN
    failed(mirrored, "ch_2", AGAIN)
    assert dated(mirrored) == OWED


def test_what_is_sent_to_be_paid_is_overdue_since_it_was_due(mirrored: Mirror) -> None:
    mirrored.put(subscription(status="past_due"))
    sent = {"collection_method": "send_invoice", "finalized_at": OWED, "due_date": FIRST}
    mirrored.put(invoice(attempt_count=1, **sent), looked_up=True)
    assert dated(mirrored) == FIRST


@pytest.mark.parametrize(
    "changes", [{"attempt_count": 0}, {"status": "paid"}, {"finalized_at": None}], ids=str
)
def test_what_was_not_attempted_or_is_not_owed_has_not_failed(
    mirrored: Mirror, changes: dict[str, Any]
) -> None:
    values = {"attempt_count": 1, "finalized_at": OWED, **changes}
    mirrored.put(invoice(**values), looked_up=True)
    assert mirrored.find("invoice", "in_1").first_failed_at is None


@pytest.mark.parametrize(
    ("before", "after", "verb"),
    [
        ({"status": "draft"}, {}, "finalized"),
        ({}, {"status": "paid"}, "paid"),
        ({}, {"status": "void"}, "voided"),
        ({}, {"status": "uncollectible"}, "marked_uncollectible"),
        ({}, {"due_date": START}, "updated"),
    ],
)
def test_what_happened_to_an_invoice_is_named(
    mirrored: Mirror, before: dict[str, Any], after: dict[str, Any], verb: str
) -> None:
    mirrored.put(invoice(**before))
    mirrored.put(invoice(**after))
    assert mirrored.verbs("invoice") == ["created", verb]


def test_one_failure_is_told_once_whether_its_count_or_its_event_comes_first(
    mirrored: Mirror,
) -> None:
    mirrored.put(invoice())
    mirrored.put(invoice(attempt_count=1))
    mirrored.put(invoice(attempt_count=1), failed_at=START)
    mirrored.put(invoice(attempt_count=2))
    assert mirrored.verbs("invoice") == ["created", "updated", "payment_failed", "payment_failed"]


def test_a_payment_that_waits_for_its_customer_is_no_failure(mirrored: Mirror) -> None:
    mirrored.put(intent(status="requires_action", invoice="in_1"))
    mirrored.put(invoice())
    mirrored.put(invoice(attempt_count=1), failed_at=START)
    assert mirrored.verbs("invoice") == ["created", "action_required"]
