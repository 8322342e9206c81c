"""Meters: what they count, and what a period's usage comes to.

A meter is there as soon as something is reported to it. A metered price names the one that it's billed by.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ...clock import UTC
from .. import objects
from . import customers
from .refusals import check_integer, refused
from .transaction import Transaction

_OLDEST: t.Final = datetime.timedelta(days=35)
_FARTHEST_AHEAD: t.Final = datetime.timedelta(minutes=5)

Period: t.TypeAlias = tuple[datetime.datetime, datetime.datetime]


def count(
    tx: Transaction,
    *,
    customer: str,
    event_name: str,
    value: t.Any,
    identifier: str,
    timestamp: t.Any,
) -> objects.MeterEvent:
    """Count usage; what has an identifier that was counted before isn't counted again.

    :raises InvalidRequest: for a time out of bounds.
    """
    payer = customers.living(tx, customer)
    counted = check_integer(value, "payload[value]")
    moment = datetime.datetime.fromtimestamp(check_integer(timestamp, "timestamp"), UTC)
    # A second more at each end: whole seconds were asked for, and time goes on.
    leeway = datetime.timedelta(seconds=1)
    if not tx.now - _OLDEST - leeway <= moment <= tx.now + _FARTHEST_AHEAD + leeway:
        raise refused(
            "Usage is from the past 35 days, or up to 5 minutes ahead.",
            "timestamp",
            "timestamp_too_far_in_past" if moment < tx.now else "timestamp_in_future",
        )
    tx.add_usage(identifier, payer.processor_id, event_name, counted, moment)
    return objects.MeterEvent(
        processor_id=identifier,
        created=tx.now,
        customer=payer.processor_id,
        event_name=event_name,
        value=counted,
        occurred_at=moment,
    )


def used(tx: Transaction, customer: str, price: objects.Price, period: Period) -> int:
    """Return what a period's usage of a metered price sums up to; a sum below 0 is 0."""
    meter = tx.aside(price.processor_id).get("meter")
    return 0 if meter is None else max(0, tx.sum_of_usage(customer, meter, period))


def with_late_usage(tx: Transaction, invoice: objects.Invoice) -> tuple[objects.InvoiceLine, ...]:
    """Return a draft's lines with what was reported of metered items since it was made."""
    assert not isinstance(invoice.lines, objects.Unsaid)
    return tuple(_up_to_date(tx, invoice, line) for line in invoice.lines)


def _up_to_date(
    tx: Transaction, invoice: objects.Invoice, line: objects.InvoiceLine
) -> objects.InvoiceLine:
    price = None if line.price is None else tx.peek(objects.Price, line.price)
    start, end = line.period_start, line.period_end
    if price is None or price.usage_type != "metered" or start is None or end is None:
        return line
    if line.proration or invoice.created is None or end > invoice.created:
        return line
    now_used = used(tx, invoice.customer, price, (start, end))
    return dataclasses.replace(line, quantity=now_used, amount=(price.unit_amount or 0) * now_used)
