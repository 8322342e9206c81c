"""What is newer: watermarks by the processor's own clock.

A row tells how its object stood at some moment between ``fresh_from`` and ``fresh_to``. An event is a
moment; an answer is an interval, because its time says when it left and not when it was read.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import typing as t

from .. import models
from ..processors import Answer, ProcessorEvent, objects

#: How fresh a row is, and how often it was written: two answers of one second are told apart by that.
Watermark: t.TypeAlias = tuple[
    datetime.datetime | None, datetime.datetime | None, str | None, int | None
]
#: The watermark of a row that isn't there.
UNSEEN: t.Final[Watermark] = (None, None, None, None)


@dataclasses.dataclass(frozen=True)
class Source:
    """Where an object comes from, and how fresh it is.

    :ivar event: the processor's id of the event whose body it is; ``None`` for an answer.
    """

    fresh_from: datetime.datetime
    fresh_to: datetime.datetime
    event: str | None = None

    @classmethod
    def of_answer(cls, answer: Answer) -> Source:
        """Return the source of what an answer holds."""
        return cls(answer.fresh_from, answer.fresh_to)

    @classmethod
    def of_event(cls, event: ProcessorEvent) -> Source:
        """Return the source of an event's body."""
        return cls(event.created, event.created, event.processor_id)


class Verdict(enum.Enum):
    """What to do with an event's body."""

    APPLY = "apply"
    STALE = "stale"
    FETCH = "fetch"


def watermark(row: models.Mirrored | None) -> Watermark:
    """Return what tells whether a row was written since: :data:`UNSEEN` where there is no row."""
    if row is None:
        return UNSEEN
    return (row.fresh_from, row.fresh_to, row.fresh_event, row.lock_version)


def judge(row: models.Mirrored | None, event: ProcessorEvent) -> Verdict:
    """Say whether an event's body is newer than the row, older, or can't be told apart."""
    if row is None:
        unsafe = event.fetchable and not (event.usable or is_final(event.object))
        return Verdict.FETCH if unsafe else Verdict.APPLY
    gone, moment = gone_since(row), event.created
    if is_final(event.object):
        known = gone is not None and gone <= moment and not _comes_after(event, row)
        return Verdict.STALE if known else Verdict.APPLY
    if event.simulated and event.fetchable and gone is None:
        return Verdict.FETCH
    if row.fresh_from is not None and moment < row.fresh_from:
        return Verdict.STALE
    if gone is not None and moment >= gone and is_gone_for_good(row):
        return Verdict.STALE
    newer = row.fresh_to is None or moment > row.fresh_to
    if newer and event.usable:
        return Verdict.APPLY
    if event.fetchable and (gone is None or event.object is None):
        return Verdict.FETCH
    # Nobody can be asked any more, so what is as new as the row is put in an order of its own.
    readable = event.usable or not event.fetchable
    return Verdict.APPLY if readable and _comes_after(event, row) else Verdict.STALE


def _comes_after(event: ProcessorEvent, row: models.Mirrored) -> bool:
    """Tell whether an event comes after what a row was written from; ids decide within a second."""
    if row.fresh_to is None or row.fresh_event is None:
        return True
    return (event.created, event.processor_id) > (row.fresh_to, row.fresh_event)


def may_write(row: models.Mirrored | None, seen: Watermark, answer: Source) -> bool:
    """Say whether an answer may be written: the row is as it was before the call, or clearly older.

    Otherwise an event came in between and may be newer than the answer, which can't be told.
    """
    if row is None or watermark(row) == seen:
        return True
    if row.fresh_to is None:
        # Nothing is known of it but that it's there, and nothing was before the call.
        return seen[1] is None
    return row.fresh_to < answer.fresh_from


def is_final(obj: objects.ProcessorObject | None) -> bool:
    """Tell whether nothing can come after this: a deleted object, a detached payment method."""
    if obj is None:
        return False
    return obj.deleted or (isinstance(obj, objects.PaymentMethod) and obj.customer is None)


def is_gone(row: models.Mirrored) -> bool:
    """Tell whether the processor no longer has it."""
    return gone_since(row) is not None


def gone_since(row: models.Mirrored) -> datetime.datetime | None:
    """Return since when the processor no longer has it, or was first found to have it no longer."""
    if isinstance(row, models.PaymentMethod) and row.detached_at is not None:
        return row.detached_at
    return row.deleted_at


def is_gone_for_good(row: models.Mirrored) -> bool:
    """Tell whether what is gone can't be there again.

    Anything else that a fetch didn't find, and that newer news tell of, is there after all: the fetch was
    made with the key of another account.
    """
    return isinstance(row, models.Customer | models.PaymentMethod)
