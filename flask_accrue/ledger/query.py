"""Reading the ledger: what happened to something, and how it stood at some time.

Functions here neither commit nor flush. ``when`` is recording time: what had been written here by
then, whatever the processor knew.
"""

from __future__ import annotations

import datetime
import typing as t
import uuid

import sqlalchemy as sa
from sqlalchemy import orm

from .. import models
from ..state import current_state

Json: t.TypeAlias = dict[str, t.Any]


def timeline_for(
    type: str, id: str | uuid.UUID, *, after: int | None = None, limit: int | None = None
) -> list[models.LedgerEntry]:
    """Return the entries about a subject, oldest first.

    ::

        timeline_for("subscription", subscription.id)

    :param type: the kind of the subject, such as ``subscription``.
    :param id: the id of its row here.
    :param after: begin after the entry with this id: for the next page.
    :param limit: how many entries at most.
    """
    entries = models.LedgerEntry
    return _page(entries.subject_type == type, entries.subject_id == str(id), after, limit)


def timeline_of_customer(
    id: str | uuid.UUID, *, after: int | None = None, limit: int | None = None
) -> list[models.LedgerEntry]:
    """Return the entries about a customer and all that is the customer's, oldest first.

    Takes the parameters of :func:`timeline_for`.
    """
    customer_id = _uuid(id)
    if customer_id is None:
        return []
    return _page(models.LedgerEntry.customer_id == customer_id, sa.true(), after, limit)


def _page(
    which: sa.ColumnElement[bool],
    also: sa.ColumnElement[bool],
    after: int | None,
    limit: int | None,
) -> list[models.LedgerEntry]:
    entries = models.LedgerEntry
    statement = sa.select(entries).where(which, also).order_by(entries.id).limit(limit)
    if after is not None:
        statement = statement.where(entries.id > after)
    session = _session()
    with session.no_autoflush:
        return list(session.scalars(statement))


def state_as_of(type: str, id: str | uuid.UUID, when: datetime.datetime) -> Json | None:
    """Return the state of a subject as it had been recorded by a time, or ``None`` before it existed.

    Times in a state are ISO 8601 in UTC, amounts are minor units. A customer's is composed of all
    that says how the customer stood::

        {
            "customer": {…},
            "subscriptions": [{…, "items": [{…}]}],     # ended ones too, the oldest first
            "default_payment_method": {…} or None,
            "unpaid_invoices": [{…}],                   # open or written off, the oldest first
        }

    Each state has its row's ``id`` besides what the entry holds.

    :param when: an aware time; entries recorded at this very time count.
    :raises ValueError: for a time without a zone.
    """
    if when.tzinfo is None:
        raise ValueError(f"A time without a zone says nothing: {when!r}. Use UTC.")
    if type == "customer":
        return _customer_as_of(id, when)
    entries = models.LedgerEntry
    this = sa.and_(entries.subject_type == type, entries.subject_id == str(id))
    return _latest(this, when).get((type, str(id)))


def _customer_as_of(id: str | uuid.UUID, when: datetime.datetime) -> Json | None:
    customer_id = _uuid(id)
    if customer_id is None:
        return None
    states = _latest(models.LedgerEntry.customer_id == customer_id, when)
    customer = states.get(("customer", str(customer_id)))
    if customer is None:
        return None
    default = customer.get("default_payment_method_id")
    return {
        "customer": customer,
        "subscriptions": _of_kind(states, "subscription"),
        "default_payment_method": states.get(("payment_method", str(default))),
        "unpaid_invoices": [
            invoice for invoice in _of_kind(states, "invoice") if _is_unpaid(invoice)
        ],
    }


def _of_kind(states: dict[tuple[str, str], Json], kind: str) -> list[Json]:
    return [state for (subject_type, _), state in states.items() if subject_type == kind]


def _is_unpaid(invoice: Json) -> bool:
    # A row that was never stored, so that the model alone says what a status means.
    as_it_was = models.Invoice(status=invoice.get("status"))
    return as_it_was.is_open or as_it_was.is_uncollectible


def _latest(which: sa.ColumnElement[bool], when: datetime.datetime) -> dict[tuple[str, str], Json]:
    """Return the last state of each subject that had one by then, in order of first mention."""
    entries = models.LedgerEntry
    told = (
        sa.select(
            sa.func.min(entries.id).label("first"),
            sa.func.max(entries.id).filter(entries.state.is_not(None)).label("last"),
        )
        .where(which, entries.recorded_at <= when)
        .group_by(entries.subject_type, entries.subject_id)
        .subquery()
    )
    statement = (
        sa.select(entries.subject_type, entries.subject_id, entries.state)
        .join(told, told.c.last == entries.id)
        .order_by(told.c.first)
    )
    session = _session()
    with session.no_autoflush:
        rows = session.execute(
            statement, bind_arguments={"mapper": models.LedgerEntry.__mapper__}
        ).all()
    return {(row[0], row[1]): {"id": row[1], **(row[2] or {})} for row in rows}


def _session() -> orm.Session:
    return t.cast(orm.Session, current_state().db.session())


def _uuid(id: str | uuid.UUID) -> uuid.UUID | None:
    try:
        return id if isinstance(id, uuid.UUID) else uuid.UUID(id)
    except ValueError:
        return None
