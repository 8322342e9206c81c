"""The ledger: what happened, who did it, why, and how things stood afterwards."""

from __future__ import annotations

import typing as t
import uuid

import sqlalchemy as sa
from sqlalchemy import orm

from ... import models
from ..cells import Code, Link, Noted, Value
from ..filters import Choice, Condition, Exactly, period
from ..resource import Column, Detail, FixedTab, RelatedTab, Resource, Scope, Table, TextTab
from ..wording import change_text, customer_text, entry_text, entry_title, laid_out, said_actor

_entries = models.LedgerEntry

#: The resource that has a page for a kind of subject.
_PAGES: t.Final = {
    "customer": "customers",
    "subscription": "subscriptions",
    "webhook_event": "webhooks",
}


def _subject(row: models.LedgerEntry) -> Value:
    kind = row.subject_type.replace("_", " ").capitalize()
    if row.subject_type in _PAGES:
        return Link(kind, _PAGES[row.subject_type], row.subject_id)
    return kind


def _customer(row: models.LedgerEntry) -> Value:
    if row.customer is None:
        return None
    return Link(customer_text(row.customer) or "", "customers", row.customer_id)


def _about(text: str) -> Condition:
    """Match a subject, written as ``subscription:0192…``, or a customer's id."""
    kind, colon, id = text.partition(":")
    if colon:
        return sa.and_(_entries.subject_type == kind, _entries.subject_id == id)
    try:
        return _entries.customer_id == uuid.UUID(text)
    except ValueError:
        return _entries.subject_id == text


def _facts(row: models.LedgerEntry) -> list[tuple[str, Value]]:
    return [
        ("Subject", Noted(_subject(row), row.subject_id)),
        ("Customer", _customer(row)),
        ("Who", Noted(row.actor_type, row.actor_id)),
        ("Cause", _cause(row)),
        ("Recorded", row.recorded_at),
        ("Happened", row.occurred_at),
        (
            "Operation",
            row.operation_id
            and Link("Show the operation", "events", filters={"operation": row.operation_id}),
        ),
        (
            "Everything about it",
            Link(
                "Show its timeline",
                "events",
                filters={"subject": f"{row.subject_type}:{row.subject_id}"},
            ),
        ),
        ("Trace", row.trace_id and Code(row.trace_id)),
        ("Place in its chain", Noted(row.sequence, row.chain)),
        ("Hash", Code(row.hash)),
        ("Key", row.key_id),
    ]


def _cause(row: models.LedgerEntry) -> Value:
    if row.cause_entry_id is not None:
        return Link(f"Event {row.cause_entry_id}", "events", row.cause_entry_id)
    if row.cause_webhook_id is not None:
        return Link("A webhook", "webhooks", row.cause_webhook_id)
    return None


def _changes(row: models.LedgerEntry) -> list[tuple[Value, ...]]:
    changes = row.data.get("changes")
    if not isinstance(changes, dict):
        return []
    return [
        (
            name.replace("_", " ").capitalize(),
            change_text(row, name, before),
            change_text(row, name, after),
        )
        for name, (before, after) in sorted(changes.items())
    ]


def _texts(row: models.LedgerEntry) -> list[tuple[str, str]]:
    state = "No state is kept with this event." if row.state is None else laid_out(row.state)
    return [("How it stood afterwards", state), ("What was recorded", laid_out(row.data))]


_COLUMNS: t.Final[tuple[Column[models.LedgerEntry], ...]] = (
    Column(
        label="What",
        cell=lambda row: Noted(Link(entry_title(row), "events", row.id), entry_text(row)),
    ),
    Column(label="Subject", cell=_subject),
    Column(label="Customer", cell=_customer),
    Column(label="Who", cell=said_actor),
    Column(label="Recorded", kind="time", cell=lambda row: row.recorded_at),
)

_OPTIONS: t.Final = (orm.joinedload(_entries.customer),)

_TOGETHER: t.Final[Table[models.LedgerEntry]] = Table(
    title="Events of the same operation",
    model=_entries,
    scope=Scope.BY_CUSTOMER,
    moment=None,
    columns=_COLUMNS,
    options=_OPTIONS,
    empty=("No operation.", "This event doesn't belong to an operation."),
)

EVENTS: t.Final[Resource[models.LedgerEntry]] = Resource(
    name="events",
    title="Events",
    singular="event",
    group="Operations",
    icon="events",
    note="The ledger: it can only be appended to.",
    model=_entries,
    scope=Scope.BY_CUSTOMER,
    # Entries are recorded in the order of their ids.
    moment=None,
    columns=_COLUMNS,
    options=_OPTIONS,
    filters=(
        Exactly(name="type", label="Type", column=_entries.type),
        Exactly(name="subject", label="Subject id", where=_about),
        Exactly(name="operation", label="Operation id", column=_entries.operation_id),
        Choice(
            name="who",
            label="Who",
            options={
                name: (name.capitalize(), lambda name=name: _entries.actor_type == name)  # type: ignore[misc]
                for name in ("user", "admin", "webhook", "job", "system")
            },
        ),
        *period(_entries.recorded_at),
    ),
    detail=Detail(
        title=entry_title,
        note=entry_text,
        facts=_facts,
        options=_OPTIONS,
        tabs=(
            FixedTab(
                name="changes",
                label="Changes",
                columns=(("What", "text"), ("Before", "text"), ("After", "text")),
                rows=_changes,
                empty=("Nothing to compare.", "It's the first of its subject, or no change of it."),
            ),
            TextTab(name="state", label="State", texts=_texts),
            RelatedTab(
                name="together",
                label="Same operation",
                table=_TOGETHER,
                where=lambda row: (
                    sa.false()
                    if row.operation_id is None
                    else _entries.operation_id == row.operation_id
                ),
            ),
        ),
    ),
    empty=("Nothing has happened yet.", None),
)
