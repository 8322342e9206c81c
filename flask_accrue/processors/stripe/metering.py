"""Usage for Stripe's meters."""

from __future__ import annotations

import datetime
import typing as t

from ...clock import UTC
from ...errors import InvalidRequest
from .. import objects
from ..answers import Answer, RefusedUsage
from ..contract import UsageCalls
from . import fields
from .api import interval, segment
from .bodies import Raw
from .calls import StripeCalls

_EVENTS: t.Final = "/v1/billing/meter_events"
#: What Stripe says of an identifier that it has; the answer holds no code.
_THERE_ALREADY: t.Final = "An event already exists with identifier"


class StripeUsage(StripeCalls, UsageCalls):
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
        """Report usage to the meter of that name.

        The payload's keys are a meter's defaults. An identifier that Stripe has already was counted, under
        this key or another, so that is no refusal.
        """
        api = self._changing
        given = {
            "event_name": event_name,
            "payload": {"stripe_customer_id": customer, "value": str(value)},
            "identifier": identifier,
            "timestamp": timestamp,
        }
        try:
            reply = api.post(_EVENTS, given, key=key)
        except InvalidRequest as error:
            if not error.message.startswith(_THERE_ALREADY):
                raise
            raw, (fresh_from, fresh_to) = {}, interval(None, 0.0)
        else:
            raw, fresh_from, fresh_to = reply.body, reply.fresh_from, reply.fresh_to
        taken = objects.MeterEvent(
            processor_id=identifier,
            customer=customer,
            event_name=event_name,
            value=value,
            occurred_at=datetime.datetime.fromtimestamp(timestamp, UTC),
            raw=raw,
        )
        return Answer(objects=(taken,), fresh_from=fresh_from, fresh_to=fresh_to)

    def list_refused_usage(
        self, event_id: str, *, account: str | None = None
    ) -> tuple[RefusedUsage, ...]:
        """Return the samples of an error report, which its event doesn't carry itself.

        A sample names its request by its idempotency key.
        """
        path = f"/v2/core/events/{segment(event_id)}"
        return read_error_report(self._api.get(path, {}, account=account).body)


def read_error_report(report: Raw) -> tuple[RefusedUsage, ...]:
    """Return the samples of an error report as the API's second version tells it."""
    reason = fields.part(fields.part(report, "data"), "reason")
    return tuple(
        RefusedUsage(identifier, fields.text(sample, "error_message") or "refused")
        for kind in fields.rows(reason, "error_types") or []
        for sample in fields.rows(kind, "sample_errors") or []
        if (identifier := fields.text(fields.part(sample, "request"), "identifier"))
    )
