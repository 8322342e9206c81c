"""Timelines, and how something stood at some time."""

from __future__ import annotations

import datetime
import typing as t
import uuid

import pytest
import sqlalchemy as sa

from flask_accrue import models
from flask_accrue.ids import new_id
from flask_accrue.ledger import state_as_of, timeline_for, timeline_of_customer

if t.TYPE_CHECKING:
    from tests.ledger.conftest import Book

CARD, OTHER_CARD, SUBSCRIPTION, INVOICE = (new_id() for _ in range(4))


def test_a_timeline_is_about_one_subject_and_oldest_first(book: Book) -> None:
    customer, other = book.customer(), book.customer()
    for type in ("subscription.created", "subscription.updated", "subscription.canceled"):
        book.record(customer, type=type, subject=("subscription", SUBSCRIPTION))
        book.record(customer, type="invoice.paid", subject=("invoice", SUBSCRIPTION))
        book.record(other)

    timeline = timeline_for("subscription", SUBSCRIPTION)
    assert [entry.type for entry in timeline] == [
        "subscription.created",
        "subscription.updated",
        "subscription.canceled",
    ]
    assert timeline == timeline_for("subscription", str(SUBSCRIPTION))
    assert timeline_for("subscription", "sub_of_nobody") == []


def test_a_timeline_comes_in_pages(book: Book) -> None:
    customer = book.customer(entries=5)

    first = timeline_for("customer", customer.id, limit=2)
    second = timeline_for("customer", customer.id, limit=2, after=first[-1].id)
    third = timeline_for("customer", customer.id, limit=2, after=second[-1].id)

    assert [entry.sequence for entry in first + second + third] == [1, 2, 3, 4, 5]
    assert timeline_for("customer", customer.id, after=third[-1].id) == []


def test_a_customers_timeline_has_all_that_is_theirs(book: Book) -> None:
    customer, other = book.customer(), book.customer()
    book.record(customer, type="invoice.paid", subject=("invoice", INVOICE))
    book.record(other)

    timeline = timeline_of_customer(customer.id)
    assert [entry.type for entry in timeline] == ["customer.created", "invoice.paid"]
    assert timeline_of_customer(str(customer.id)) == timeline
    assert timeline_of_customer(new_id()) == timeline_of_customer("nobody") == []
    assert [e.sequence for e in timeline_of_customer(customer.id, after=timeline[0].id)] == [2]


def test_the_state_is_that_of_the_last_entry_by_then(book: Book) -> None:
    customer = book.customer()
    before = book.clock.now()
    book.record(customer, subject=("subscription", SUBSCRIPTION), state={"status": "trialing"})
    trialing = book.clock.now()
    book.record(customer, subject=("subscription", SUBSCRIPTION), state={"status": "active"})
    active = book.clock.now()

    def status(when: datetime.datetime) -> t.Any:
        state = state_as_of("subscription", SUBSCRIPTION, when)
        return None if state is None else state["status"]

    moment = datetime.timedelta(microseconds=1)
    assert status(before) is None
    assert status(trialing - moment) is None
    assert status(trialing) == "trialing"
    assert status(active - moment) == "trialing"
    assert status(active) == "active"
    assert status(active + datetime.timedelta(days=4000)) == "active"
    assert state_as_of("subscription", SUBSCRIPTION, active) == {
        "id": str(SUBSCRIPTION),
        "status": "active",
    }


def test_the_zone_of_the_time_does_not_matter(book: Book) -> None:
    customer = book.customer()
    book.record(customer, subject=("invoice", INVOICE), state={"status": "open"})
    there = book.clock.now().astimezone(datetime.timezone(datetime.timedelta(hours=-9)))

    assert state_as_of("invoice", INVOICE, there) == {"id": str(INVOICE), "status": "open"}
    with pytest.raises(ValueError, match="without a zone"):
        state_as_of("invoice", INVOICE, there.replace(tzinfo=None))


def test_an_entry_without_a_state_leaves_the_one_before(book: Book) -> None:
    customer = book.customer()
    book.record(customer, subject=("invoice", INVOICE), state={"status": "open"})
    book.record(customer, type="invoice.reminded", subject=("invoice", INVOICE), state=None)

    assert state_as_of("invoice", INVOICE, book.clock.now()) == {
        "id": str(INVOICE),
        "status": "open",
    }
    book.record(customer, subject=("charge", INVOICE), state=None)
    assert state_as_of("charge", INVOICE, book.clock.now()) is None


def test_entries_of_one_moment_count_in_their_order(book: Book) -> None:
    customer = book.customer()
    for status in ("draft", "open", "paid"):
        book.record(customer, subject=("invoice", INVOICE), state={"status": status})
        book.clock.moment -= datetime.timedelta(seconds=1)

    state = state_as_of("invoice", INVOICE, book.clock.now() + datetime.timedelta(seconds=1))
    assert state is not None
    assert state["status"] == "paid"


def test_what_nobody_knows_has_no_state(book: Book) -> None:
    now = book.clock.now()

    assert state_as_of("subscription", "sub_of_nobody", now) is None
    assert state_as_of("customer", "nobody", now) is None
    assert state_as_of("customer", new_id(), now) is None


def test_a_customers_state_is_composed_of_all_that_says_how_they_stood(book: Book) -> None:
    before = book.clock.now()
    customer, other = book.customer(), book.customer()
    items = [{"price_processor_id": "price_pro", "quantity": 2}]

    def note(kind: str, id: uuid.UUID, **state: t.Any) -> datetime.datetime:
        book.record(customer, type=f"{kind}.updated", subject=(kind, id), state=state)
        return book.clock.now()

    alone = book.clock.now()
    note("payment_method", CARD, last4="4242")
    note("payment_method", OTHER_CARD, last4="0341")
    note("customer", customer.id, name="Acme", default_payment_method_id=str(CARD))
    note("subscription", SUBSCRIPTION, status="active", items=items)
    draft = note("invoice", INVOICE, status="draft", total=1900)
    opened = note("invoice", INVOICE, status="open", total=1900)
    note("customer", customer.id, name="Acme", default_payment_method_id=str(OTHER_CARD))
    note("invoice", INVOICE, status="uncollectible", total=1900)
    written_off = book.clock.now()
    note("subscription", SUBSCRIPTION, status="canceled", items=[])
    note("customer", customer.id, name="Acme", default_payment_method_id=None)
    paid = note("invoice", INVOICE, status="paid", total=1900)
    book.record(other, type="invoice.open", subject=("invoice", new_id()), state={"status": "open"})

    def as_of(when: datetime.datetime) -> t.Any:
        return state_as_of("customer", customer.id, when)

    assert as_of(before - datetime.timedelta(microseconds=1)) is None
    assert as_of(alone) == {
        "customer": {"id": str(customer.id), "name": "Acme", "number": 0},
        "subscriptions": [],
        "default_payment_method": None,
        "unpaid_invoices": [],
    }
    assert as_of(draft)["unpaid_invoices"] == []
    assert as_of(opened) == {
        "customer": {
            "id": str(customer.id),
            "name": "Acme",
            "default_payment_method_id": str(CARD),
        },
        "subscriptions": [{"id": str(SUBSCRIPTION), "status": "active", "items": items}],
        "default_payment_method": {"id": str(CARD), "last4": "4242"},
        "unpaid_invoices": [{"id": str(INVOICE), "status": "open", "total": 1900}],
    }
    assert as_of(written_off)["default_payment_method"]["last4"] == "0341"
    assert [i["status"] for i in as_of(written_off)["unpaid_invoices"]] == ["uncollectible"]
    assert as_of(paid)["default_payment_method"] is None
    assert as_of(paid)["unpaid_invoices"] == []
    assert as_of(paid)["subscriptions"][0]["status"] == "canceled"


def test_subscriptions_and_invoices_come_in_the_order_in_which_they_came_up(book: Book) -> None:
    customer = book.customer()
    ids = [uuid.uuid4() for _ in range(4)]
    for id in (*ids, *reversed(ids)):
        book.record(customer, subject=("subscription", id), state={"status": "active"})
        book.record(customer, subject=("invoice", id), state={"status": "open"})

    state = state_as_of("customer", customer.id, book.clock.now())
    assert state is not None
    assert [each["id"] for each in state["subscriptions"]] == list(map(str, ids))
    assert [each["id"] for each in state["unpaid_invoices"]] == list(map(str, ids))


def test_a_deleted_customers_state_stays(book: Book) -> None:
    customer = book.customer()
    book.record(
        customer, type="customer.deleted", state={"deleted_at": "2026-01-01T12:00:01+00:00"}
    )

    state = state_as_of("customer", customer.id, book.clock.now())
    assert state is not None
    assert state["customer"]["deleted_at"] == "2026-01-01T12:00:01+00:00"


def test_reading_neither_flushes_nor_commits(book: Book, session: t.Any) -> None:
    customer = book.customer(entries=2)
    customer.name = "Pending"

    timeline_for("customer", customer.id)
    timeline_of_customer(customer.id)
    state_as_of("customer", customer.id, book.clock.now())

    assert customer in session.dirty
    session.rollback()
    assert customer.name is None


def test_one_statement_composes_a_customer(book: Book, session: t.Any) -> None:
    customer = book.customer(entries=3)
    customer_id = customer.id
    statements: list[str] = []
    sa.event.listen(
        book.state.db.engine,
        "before_cursor_execute",
        lambda connection, cursor, statement, *rest: statements.append(statement),
    )

    assert state_as_of("customer", customer_id, book.clock.now()) is not None
    assert len(statements) == 1


def test_an_entry_is_a_row_like_others(book: Book) -> None:
    (entry,) = timeline_for("customer", book.customer().id)

    assert isinstance(entry, models.LedgerEntry)
    assert entry.actor_id == "7"
