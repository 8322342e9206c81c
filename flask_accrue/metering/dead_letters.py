"""Usage that couldn't be reported, and retrying it."""

from __future__ import annotations

import collections.abc as c
import itertools
import typing as t
import uuid

import sqlalchemy as sa

from .. import clock, models
from ..clock import real_now
from ..ledger.append import append
from ..operations import RESEND_WITHIN
from ..origins import Actor, Origin
from ..state import current_state
from ..unit_of_work import UnitOfWork, write

_events = models.MeterEvent
_BATCH: t.Final = 500


def select_events(
    *,
    state: str | None = None,
    event_name: str | None = None,
    customer_id: uuid.UUID | None = None,
) -> t.Any:
    """Return a select of meter events by state, name and customer, oldest first."""
    statement = sa.select(_events)
    if state is not None:
        statement = statement.where(_events.state == state)
    if event_name is not None:
        statement = statement.where(_events.event_name == event_name)
    if customer_id is not None:
        statement = statement.where(_events.customer_id == customer_id)
    return statement.order_by(_events.created_at, _events.id)


def retry(ids: c.Iterable[uuid.UUID], actor: Actor, *, force: bool = False) -> int:
    """Make failed events due again; in batches, any number. Each batch leaves an entry in the ledger.

    One that may have been counted more than 23 hours ago is left alone unless ``force``: the processor no
    longer knows its identifier, and would count it twice.

    :returns: how many were made due.
    """
    waiting, done = iter(ids), 0
    while batch := list(itertools.islice(waiting, _BATCH)):
        done += write(lambda uow, batch=batch: _retry(uow, batch, force), origin=Origin(actor))  # type: ignore[misc]
    if done:
        current_state().queue.wake("usage")
    return done


def _retry(uow: UnitOfWork, ids: list[uuid.UUID], force: bool) -> int:
    subject = str(ids[0])
    uow.lock_system(subject)
    statement = sa.select(_events.id, _events.identifier).where(
        _events.id.in_(ids), _events.is_failed
    )
    if not force:
        statement = statement.where(
            sa.or_(_events.sent_at.is_(None), _events.sent_at > real_now() - RESEND_WITHIN)
        )
    rows = uow.execute(statement.order_by(_events.id).with_for_update()).all()
    if not rows:
        return 0
    again: dict[str, t.Any] = {"state": "pending", "attempts": 0, "next_attempt_at": clock.now()}
    if force:
        again["sent_at"] = None
    uow.execute(
        sa.update(_events)
        .where(_events.id.in_([row.id for row in rows]))
        .values(**again)
        .execution_options(synchronize_session=False)
    )
    append(
        uow,
        "usage.retried",
        subject_type="meter_event",
        subject_id=subject,
        customer=None,
        data={"identifiers": [row.identifier for row in rows], "force": force},
    )
    return len(rows)
