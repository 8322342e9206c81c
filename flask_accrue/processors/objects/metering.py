"""Usage as a processor has taken it."""

from __future__ import annotations

import dataclasses

from .base import ProcessorObject, When


@dataclasses.dataclass(frozen=True, kw_only=True)
class MeterEvent(ProcessorObject):
    """So much of something that a customer used. It isn't mirrored: our row was there first.

    ``processor_id`` is the identifier that it was reported with.
    """

    kind = "meter_event"

    customer: str
    event_name: str
    value: int
    occurred_at: When
