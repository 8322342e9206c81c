"""Usage that the processor took and, as it says later, can't count."""

from __future__ import annotations

import collections.abc as c
import typing as t
import uuid

import sqlalchemy as sa

from .. import models
from ..ledger.append import append
from ..processors import RefusedUsage
from ..unit_of_work import UnitOfWork

_events = models.MeterEvent
_LONGEST_ERROR: t.Final = 500


def sent_as(identifier: str, refusals: int) -> str:
    """Return the identifier and key that usage is sent with.

    After each refusal it's another one: the processor would only repeat what it said of the last, or take
    it for counted.
    """
    return f"{identifier}:{refusals}" if refusals else identifier


def mark_refused(
    uow: UnitOfWork, processor: str, refused: c.Sequence[RefusedUsage]
) -> list[uuid.UUID]:
    """Mark usage as failed that was taken for reported, and note it in the ledger.

    What was sent again since, under another identifier, is left alone.

    :returns: the ids of the rows that are failed now and weren't before.
    """
    reasons = {each.identifier: each.reason for each in refused}
    bases = {*reasons, *(name.rpartition(":")[0] for name in reasons)}
    uow.lock_system(processor)
    rows = uow.scalars(
        sa.select(_events)
        .where(_events.processor == processor, _events.identifier.in_(bases), _events.is_reported)
        .order_by(_events.id)
        .with_for_update()
    )
    marked = [row for row in rows if sent_as(row.identifier, row.refusals) in reasons]
    for row in marked:
        row.last_error = reasons[sent_as(row.identifier, row.refusals)][:_LONGEST_ERROR]
        row.state, row.sent_at, row.reported_at = "failed", None, None
        row.refusals += 1
    if marked:
        append(
            uow,
            "usage.refused",
            subject_type="meter_event",
            subject_id=str(marked[0].id),
            customer=None,
            chain_of=processor,
            data={"identifiers": [row.identifier for row in marked]},
        )
    return [row.id for row in marked]
