"""What can be reported: names, values and times, checked before anything is stored.

The bounds are Stripe's (https://docs.stripe.com/api/billing/meter-event/create), and hold for all processors.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import typing as t
import uuid

from .. import clock, models
from ..errors import IdempotencyConflict, InvalidRequest
from ..operations import operation_id

OLDEST: t.Final = datetime.timedelta(days=35)
FARTHEST_AHEAD: t.Final = datetime.timedelta(minutes=5)
#: A value has fifteen digits at most.
LARGEST: t.Final = 10**15 - 1
_LONGEST: t.Final = 100


@dataclasses.dataclass(frozen=True, kw_only=True)
class Accepted:
    """Usage that can be stored.

    :ivar timed: whether the caller said when; else a repeat may come at another time.
    """

    customer_id: uuid.UUID
    processor: str
    event_name: str
    value: int
    identifier: str
    occurred_at: datetime.datetime
    timed: bool

    def check_same(self, row: models.MeterEvent) -> None:
        """Check that a row of this identifier is about the same usage.

        :raises IdempotencyConflict: otherwise.
        """
        same = (row.customer_id, row.event_name, row.value) == (
            self.customer_id,
            self.event_name,
            self.value,
        )
        if not same or (self.timed and row.occurred_at != self.occurred_at):
            raise IdempotencyConflict(
                f"The identifier {self.identifier!r} was used before, for other usage. Give each piece of "
                "usage an identifier of its own."
            )


def accept(
    customer: models.Customer,
    event_name: t.Any,
    value: t.Any,
    identifier: t.Any,
    timestamp: t.Any,
) -> Accepted:
    """Check what is to be reported.

    :raises InvalidRequest: naming the argument that is wrong.
    """
    name = _text(event_name, "event_name")
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > LARGEST:
        raise _wrong(
            "value", "an integer of at most fifteen digits; a negative one corrects", value
        )
    return Accepted(
        customer_id=customer.id,
        processor=customer.processor,
        event_name=name,
        value=value,
        identifier=_new_identifier(customer, name)
        if identifier is None
        else _text(identifier, "identifier"),
        occurred_at=_time(timestamp),
        timed=timestamp is not None,
    )


def _new_identifier(customer: models.Customer, event_name: str) -> str:
    """Return an identifier that a retry of the same request, job or operation has again."""
    id = operation_id(None, "report_usage", f"{customer.id}:{event_name}")
    return id if len(id) <= _LONGEST else "usage_" + hashlib.sha256(id.encode()).hexdigest()


def _time(timestamp: t.Any) -> datetime.datetime:
    now = clock.now()
    if timestamp is None:
        return now
    if not isinstance(timestamp, datetime.datetime) or timestamp.tzinfo is None:
        raise _wrong("timestamp", "a datetime with a time zone", timestamp)
    # Processors take whole seconds.
    moment = timestamp.astimezone(datetime.UTC).replace(microsecond=0)
    if not now - OLDEST <= timestamp <= now + FARTHEST_AHEAD:
        raise _wrong("timestamp", "from 35 days ago to 5 minutes ahead", timestamp.isoformat())
    return moment


def _text(value: t.Any, param: str) -> str:
    fits = isinstance(value, str) and 0 < len(value) <= _LONGEST and value.isprintable()
    if not fits or value != value.strip():
        raise _wrong(param, f"a string of 1 to {_LONGEST} printable characters", value)
    return t.cast(str, value)


def _wrong(param: str, wanted: str, found: object) -> InvalidRequest:
    return InvalidRequest(
        f"{param} must be {wanted}, not {found!r:.120}.", code="parameter_invalid", param=param
    )
