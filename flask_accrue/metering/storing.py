"""Storing usage before anybody is called: one row an identifier."""

from __future__ import annotations

import collections.abc as c
import functools
import itertools
import typing as t
import uuid

import sqlalchemy as sa

from .. import clock, models
from ..clock import real_now
from ..ids import new_id
from ..isolation import dialect_of
from ..leases import LEASE, Lease
from ..origins import Origin, current_actor
from ..state import current_state
from ..telemetry import reached
from ..unit_of_work import UnitOfWork, write
from .accepting import Accepted

#: How many rows one INSERT takes, so that no database has too many parameters in it.
BATCH: t.Final = 500

_events = models.MeterEvent


def store(usage: Accepted) -> tuple[models.MeterEvent, Lease[models.MeterEvent] | None]:
    """Insert a row that this process is about to report, and commit it.

    :returns: the row, and the hold on it; ``None`` when it was there already.
    :raises IdempotencyConflict: when the identifier was used for other usage.
    """
    now, token = real_now(), uuid.uuid4()
    held = {
        "attempts": 1,
        "claim_token": token,
        "claimed_until": now + LEASE,
        "sent_at": now,
    }
    values = {**_values(usage), **held}
    write(lambda uow: _insert(uow, [values]), origin=Origin(current_actor()))
    reached("usage.stored")
    row = (
        current_state()
        .db.session.scalars(
            sa.select(_events)
            .where(_events.processor == usage.processor, _events.identifier == usage.identifier)
            .execution_options(populate_existing=True)
        )
        .one()
    )
    if row.claim_token == token:
        return row, Lease(_events, token, [row], False)
    usage.check_same(row)
    return row, None


def store_all(usages: c.Iterable[Accepted]) -> int:
    """Insert the rows of usage that is to be reported in the background: all of them, or none.

    :returns: how many are new.
    :raises IdempotencyConflict: when an identifier was used for other usage, also among these.
    """
    # In one order, so that two that store the same at once don't wait for one another.
    wanted = sorted(usages, key=lambda each: (each.processor, each.identifier))

    def work(uow: UnitOfWork) -> int:
        stored = 0
        for processor, of_processor in itertools.groupby(wanted, key=lambda each: each.processor):
            while batch := list(itertools.islice(of_processor, BATCH)):
                stored += _store_batch(uow, processor, batch)
        return stored

    stored = write(work, origin=Origin(current_actor()))
    if stored:
        current_state().queue.wake("usage")
    return stored


def _store_batch(uow: UnitOfWork, processor: str, batch: list[Accepted]) -> int:
    values = [_values(each) for each in batch]
    _insert(uow, values)
    names = [each.identifier for each in batch]
    there = {
        row.identifier: row
        for row in uow.scalars(
            sa.select(_events).where(
                _events.processor == processor, _events.identifier.in_(set(names))
            )
        )
    }
    for each in batch:
        each.check_same(there[each.identifier])
    return len({each["id"] for each in values} & {row.id for row in there.values()})


def _values(usage: Accepted) -> dict[str, t.Any]:
    now = real_now()
    return {
        "id": new_id(),
        "created_at": now,
        "updated_at": now,
        "customer_id": usage.customer_id,
        "processor": usage.processor,
        "event_name": usage.event_name,
        "identifier": usage.identifier,
        "value": usage.value,
        "occurred_at": usage.occurred_at,
        "state": "pending",
        "attempts": 0,
        "refusals": 0,
        "next_attempt_at": clock.now(),
    }


def _insert(uow: UnitOfWork, rows: list[dict[str, t.Any]]) -> None:
    dialect = dialect_of(uow.session)
    connection = uow.session.connection(bind_arguments={"mapper": _events.__mapper__})
    if len(rows) == 1:
        connection.execute(_statement(dialect), rows[0])
    else:
        connection.execute(_statement(dialect).values(rows))


@functools.cache
def _statement(dialect: str) -> t.Any:
    return models.insert_unless_there(_events, dialect)
