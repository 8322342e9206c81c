"""Calls that report usage."""

from __future__ import annotations

from ..answers import Answer, RefusedUsage
from ..capabilities import Capability
from .base import Calls


class UsageCalls(Calls):
    """Calls that report usage."""

    def create_meter_event(
        self,
        customer: str,
        *,
        event_name: str,
        value: int,
        identifier: str,
        timestamp: int,
        key: str,
    ) -> Answer:
        """Report usage to a meter, once for each identifier; the answer holds the meter event."""
        self._unsupported(Capability.METERING)

    def list_refused_usage(
        self, event_id: str, *, account: str | None = None
    ) -> tuple[RefusedUsage, ...]:
        """Return the usage that an event refuses, or the samples of it that the processor names."""
        self._unsupported(Capability.METERING)
