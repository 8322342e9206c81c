"""Calls that report usage."""

from __future__ import annotations

from ...answers import Answer, Json
from ...contract import UsageCalls
from .. import metering
from .base import FakeCalls


class FakeUsage(FakeCalls, UsageCalls):
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
        """Let a meter count usage; metered prices are billed from it when their period ends."""
        given: dict[str, Json] = {
            "customer": customer,
            "event_name": event_name,
            "value": value,
            "identifier": identifier,
            "timestamp": timestamp,
        }
        return self._engine.call(
            "create_meter_event", key, given, lambda tx: [metering.count(tx, **given)]
        )
