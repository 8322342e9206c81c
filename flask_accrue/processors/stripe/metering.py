"""Usage for Stripe's meters."""

from __future__ import annotations

import datetime
import typing as t

from ...clock import UTC
from ...errors import InvalidRequest
from .. import objects
from ..answers import Answer
from ..contract import UsageCalls
from .api import interval
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
