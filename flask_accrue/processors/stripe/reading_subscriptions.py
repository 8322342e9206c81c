"""Subscriptions with their items.

Since 2025-03-31 the period stands on the items; before, on the subscription.
"""

from __future__ import annotations

import datetime
import typing as t

from .. import objects
from . import fields
from .bodies import Raw, invalid
from .reading_discounts import read_discounts

Period: t.TypeAlias = tuple[datetime.datetime | None, datetime.datetime | None]


def read_subscription(raw: Raw) -> objects.Subscription:
    """Read a subscription."""
    found = fields.rows(raw, "items")
    if found is None:
        raise invalid("A subscription should hold its `items`.", "items")
    own = _period(raw)
    items = tuple(_read_item(row, own) for row in found)
    start, end = own if own[1] is not None else _next_to_end(items)
    pause = fields.part(raw, "pause_collection")
    return objects.Subscription(
        **fields.common(raw),
        customer=fields.required_reference(raw, "customer"),
        status=fields.required_text(raw, "status"),
        items=items,
        currency=fields.currency(raw) or _currency_of(found),
        collection_method=fields.text(raw, "collection_method") or "charge_automatically",
        start_date=fields.moment(raw, "start_date"),
        billing_cycle_anchor=fields.moment(raw, "billing_cycle_anchor"),
        current_period_start=start,
        current_period_end=end,
        trial_start=fields.moment(raw, "trial_start"),
        trial_end=fields.moment(raw, "trial_end"),
        cancel_at_period_end=fields.flag(raw, "cancel_at_period_end"),
        cancel_at=fields.moment(raw, "cancel_at"),
        canceled_at=fields.moment(raw, "canceled_at"),
        ended_at=fields.moment(raw, "ended_at"),
        pause_behavior=fields.text(pause, "behavior"),
        pause_resumes_at=fields.moment(pause, "resumes_at"),
        default_payment_method=fields.reference(raw, "default_payment_method")
        or fields.reference(raw, "default_source"),
        latest_invoice=fields.reference(raw, "latest_invoice"),
        discounts=read_discounts(raw),
        automatic_tax=objects.UNSAID
        if raw.get("automatic_tax") is None
        else fields.flag(fields.part(raw, "automatic_tax"), "enabled"),
    )


def _read_item(raw: Raw, period: Period) -> objects.SubscriptionItem:
    start, end = _period(raw)
    name = "price" if raw.get("price") is not None else "plan"
    price = raw.get(name)
    return objects.SubscriptionItem(
        processor_id=fields.identifier(raw),
        price=fields.required_reference(raw, name),
        product=fields.reference(price, "product") if isinstance(price, dict) else None,
        quantity=fields.integer(raw, "quantity"),
        current_period_start=start or period[0],
        current_period_end=end or period[1],
        raw=raw,
    )


def _period(raw: Raw) -> Period:
    return fields.moment(raw, "current_period_start"), fields.moment(raw, "current_period_end")


def _next_to_end(items: t.Iterable[objects.SubscriptionItem]) -> Period:
    """Return the period that ends first: items of different intervals have periods of their own."""
    periods = [(item.current_period_start, item.current_period_end) for item in items]
    known = [period for period in periods if period[1] is not None]
    return min(known, key=lambda period: t.cast(datetime.datetime, period[1]), default=(None, None))


def _currency_of(items: t.Iterable[Raw]) -> str | None:
    """Return the currency of the first price: old subscriptions don't say it themselves."""
    for item in items:
        for name in ("price", "plan"):
            price = item.get(name)
            if isinstance(price, dict) and price.get("currency") is not None:
                return fields.currency(price)
    return None
