"""Appending: in the transaction of the change, in two statements, exactly as it was said."""

from __future__ import annotations

import datetime
import typing as t
import uuid

import flask
import pytest
import sqlalchemy as sa

from flask_accrue import models
from flask_accrue.errors import InvalidState
from flask_accrue.ledger import chain, verify
from flask_accrue.origins import Actor, Origin
from flask_accrue.unit_of_work import UnitOfWork, system_chain, write

if t.TYPE_CHECKING:
    from flask_accrue.state import AccrueState
    from tests.ledger.conftest import Book

MORNING = datetime.datetime(2026, 3, 29, 1, 30, 0, 1, tzinfo=datetime.UTC)


def entries(session: t.Any) -> list[models.LedgerEntry]:
    session.expire_all()
    return list(session.scalars(sa.select(models.LedgerEntry).order_by(models.LedgerEntry.id)))


def test_an_entry_continues_its_chain_and_moves_the_head(book: Book, session: t.Any) -> None:
    customer = book.customer(entries=3)

    first, second, third = entries(session)
    head = session.get_one(models.LedgerChain, customer.chain)
    assert [first.sequence, second.sequence, third.sequence] == [1, 2, 3]
    assert (first.previous_hash, second.previous_hash) == ("", first.hash)
    assert (head.sequence, head.hash) == (3, third.hash)


def test_an_append_is_two_statements(app: flask.Flask, book: Book, state: AccrueState) -> None:
    customer_id = book.customer().id
    state.db.session.remove()
    statements: list[str] = []

    @sa.event.listens_for(state.db.engine, "before_cursor_execute")
    def note(connection: t.Any, cursor: t.Any, statement: str, *rest: t.Any) -> None:
        statements.append(statement.split(maxsplit=1)[0])

    def work(uow: UnitOfWork) -> None:
        # SQLite's lock is an UPDATE, which can't bring the customer along.
        customer = uow.lock_customer(customer_id)
        statements[:] = statements[:1]
        book.append_to(uow, customer, data={"a": 1}, state={"b": 2})

    write(work, origin=book.origin)

    assert len(statements) == 2
    assert statements[1] == "INSERT"


def test_the_entry_and_the_change_go_together(book: Book, session: t.Any) -> None:
    customer = book.customer()
    customer_id, before = customer.id, len(entries(session))

    def work(uow: UnitOfWork) -> None:
        row = uow.lock_customer(customer_id)
        row.name = "Changed"
        book.append_to(uow, row)
        uow.session.flush()
        raise RuntimeError("after both")

    with pytest.raises(RuntimeError, match="after both"):
        write(work, origin=book.origin)

    assert len(entries(session)) == before
    assert session.get_one(models.Customer, customer_id).name is None
    assert session.get_one(models.LedgerChain, customer.chain).sequence == 1
    assert verify().is_intact


def test_several_entries_of_one_transaction_keep_their_order(book: Book, session: t.Any) -> None:
    customer_id = book.customer().id

    def work(uow: UnitOfWork) -> None:
        customer = uow.lock_customer(customer_id)
        uow.lock_system("prod_1")
        for number in range(2, 42):
            book.append_to(uow, customer, f"step.{number}")

    write(work, origin=book.origin)

    written = entries(session)
    assert [entry.type for entry in written[1:]] == [f"step.{number}" for number in range(2, 42)]
    assert [entry.sequence for entry in written] == list(range(1, 42))
    assert verify().is_intact


def test_a_chain_that_was_not_locked_takes_no_entry(book: Book, session: t.Any) -> None:
    customer, other = book.customer(), book.customer()
    other_id = other.id

    def work(uow: UnitOfWork) -> None:
        uow.lock_customer(other_id)
        book.append_to(uow, customer)

    with pytest.raises(InvalidState, match="wasn't locked"):
        write(work, origin=book.origin)


def test_what_belongs_to_no_customer_goes_to_a_chain_of_the_systems(
    book: Book, session: t.Any
) -> None:
    for number in range(40):
        book.record_system(f"prod_{number}")

    written = entries(session)
    assert {entry.chain for entry in written} == {system_chain(f"prod_{n}") for n in range(40)}
    assert len({entry.chain for entry in written}) > 8
    assert all(entry.customer_id is None for entry in written)
    assert verify().is_intact


def test_an_entry_says_who_why_and_when(book: Book, session: t.Any) -> None:
    customer = book.customer()
    webhook, cause = uuid.uuid4(), entries(session)[0].id
    book.origin = Origin(
        Actor("webhook", "evt_1"),
        operation_id="op-9",
        trace_id="trace",
        cause_entry_id=cause,
        cause_webhook_id=webhook,
        occurred_at=MORNING,
    )
    book.record(customer, data={"x": 1})

    entry = entries(session)[-1]
    assert (entry.actor_type, entry.actor_id) == ("webhook", "evt_1")
    assert (entry.operation_id, entry.trace_id) == ("op-9", "trace")
    assert (entry.cause_entry_id, entry.cause_webhook_id) == (cause, webhook)
    assert entry.customer_id == customer.id
    assert entry.schema_version == 1
    assert entry.occurred_at == MORNING
    # The clock stands at a fraction of a second, and microseconds survive.
    assert entry.recorded_at == book.clock.now()
    assert entry.recorded_at.microsecond == 123456
    assert verify().is_intact


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"b": 1, "a": {"d": 2, "c": 3}},
        {"": "empty key", "ä": "ü", "emoji": "🧾", "rtl": "שלום", "line": "a\u2028b\n\t\\\"'/"},
        {"big": 2**63, "bigger": 10**40, "negative": -(2**70), "zero": 0},
        {"null": None, "list": [], "nested": [[None], [{}], {"x": [1, "1", True]}]},
        {"true": True, "one": 1, "false": False, "naught": 0, "text": "1"},
        {"composed": "\u00e9", "decomposed": "e\u0301", "key\u00e9": 1, "keye\u0301": 2},
        {"quoted": '{"a": 1.5}', "percent": "%s %(x)s :name", "number": "1.50"},
    ],
)
def test_documents_come_back_as_they_were_signed(
    book: Book, session: t.Any, value: dict[str, t.Any]
) -> None:
    customer = book.customer()
    book.record(customer, data=value, state=value)

    entry = entries(session)[-1]
    assert (entry.data, entry.state) == (value, value)
    assert chain.entry_hash(entry, book.state.ledger_keys[0]) == entry.hash
    assert verify().is_intact


def test_a_state_of_none_is_not_an_empty_one(book: Book, session: t.Any) -> None:
    customer = book.customer()
    book.record(customer, state=None)
    book.record(customer, state={})

    assert [entry.state for entry in entries(session)[1:]] == [None, {}]
    assert verify().is_intact
    rows = book.sql("SELECT count(*) FROM accrue_events WHERE state IS NULL")
    assert rows[0][0] == 1


def test_an_absent_key_is_not_a_null_one(book: Book, session: t.Any) -> None:
    absent: dict[str, t.Any] = {"chain": "c", "data": {}}

    assert chain.canonical(absent) != chain.canonical({"chain": "c", "data": {"x": None}})


def test_the_order_of_keys_does_not_count(book: Book) -> None:
    assert chain.canonical({"b": 1, "a": [{"d": 1, "c": 2}]}) == b'{"a":[{"c":2,"d":1}],"b":1}'


def test_times_and_ids_become_text(book: Book, session: t.Any) -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    there = datetime.datetime(2026, 3, 29, 3, 30, 0, 1, tzinfo=zone)
    customer = book.customer()
    book.record(customer, data={"at": there, "id": customer.id, "several": (there,)})

    assert entries(session)[-1].data == {
        "at": "2026-03-29T01:30:00.000001+00:00",
        "id": str(customer.id),
        "several": ["2026-03-29T01:30:00.000001+00:00"],
    }
    assert verify().is_intact


@pytest.mark.parametrize("value", [1.5, float("nan"), [{"deep": 0.1}]])
def test_floats_are_refused_and_named(book: Book, session: t.Any, value: t.Any) -> None:
    customer = book.customer()

    with pytest.raises(TypeError, match=r"can't hold a float, and state\.tax\S* is one") as caught:
        book.record(customer, state={"name": "Acme", "tax": value})

    assert "0.1" not in str(caught.value)
    assert len(entries(session)) == 1
    assert verify().is_intact


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object()])
def test_what_json_does_not_know_is_refused_unseen(
    book: Book, session: t.Any, value: t.Any
) -> None:
    customer = book.customer()

    with pytest.raises(TypeError, match=f"can't hold a {type(value).__name__}") as caught:
        book.record(customer, data={"value": value})

    assert "1.5" not in str(caught.value)
    assert len(entries(session)) == 1


def test_a_time_without_a_zone_is_refused(book: Book) -> None:
    customer = book.customer()

    with pytest.raises(ValueError, match="without a zone"):
        book.record(customer, data={"at": datetime.datetime(2026, 1, 1)})  # noqa: DTZ001


def test_characters_that_a_database_refuses_keep_no_entry_out(book: Book, session: t.Any) -> None:
    customer = book.customer()
    book.record(customer, data={"na\x00me": "Ac\x00me \ud800"})

    assert entries(session)[-1].data == {"na\ufffdme": "Ac\ufffdme \ufffd"}
    assert verify().is_intact


def test_each_column_but_the_row_number_is_signed() -> None:
    columns = {column.key for column in models.LedgerEntry.__mapper__.column_attrs}

    assert set(chain.SIGNED[1]) == columns - chain.UNSIGNED
