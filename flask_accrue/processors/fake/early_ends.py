"""An end within a period that was billed: what is given back for the time after it, and billed again.

https://docs.stripe.com/api/subscriptions/update#update_subscription-cancel_at
"""

from __future__ import annotations

import collections.abc as c
import datetime
import typing as t

from ...clock import to_unix
from .. import objects
from . import items
from .transaction import Transaction

#: The changes that set, move or take back an end.
ENDS: t.Final = frozenset({"cancel_at", "cancel_at_period_end"})

# How long a record is of what was billed, unless it was cut: then it also holds what that was at first.
_PLAIN: t.Final = 6


def billed_until(
    tx: Transaction,
    subscription: objects.Subscription,
    changes: c.Mapping[str, t.Any],
    moment: datetime.datetime,
) -> datetime.datetime:
    """Return until when the running period is to be billed: to its end, or as far as it was until now.

    An end that is set with a proration shortens that; one that is set without leaves it.
    """
    whole = t.cast(datetime.datetime, subscription.current_period_end)
    if ENDS & changes.keys() and changes.get("proration") != "none":
        return whole if subscription.cancel_at is None else min(whole, subscription.cancel_at)
    until = (_end(each) for each in _billed(tx, subscription.processor_id).values())
    return max((end for end in until if end > moment), default=whole)


def settled(
    tx: Transaction,
    subscription: objects.Subscription,
    kept: c.Iterable[objects.SubscriptionItem],
    until: datetime.datetime,
) -> list[objects.InvoiceLine]:
    """Return what is given back of items that stay, or billed again, so that they're billed until then."""
    lines = []
    for item in kept:
        record = _billed(tx, subscription.processor_id).get(item.processor_id)
        if record is None:
            continue
        end = _end(record)
        if until < end:
            lines.append(_cut(tx, subscription.processor_id, item, record, until))
        elif until > end > tx.now:
            lines.append(_prolonged(tx, subscription, item, record, (end, until)))
    return [line for line in lines if line is not None and line.amount]


def _cut(
    tx: Transaction,
    subscription: str,
    item: objects.SubscriptionItem,
    record: list[t.Any],
    until: datetime.datetime,
) -> objects.InvoiceLine | None:
    line = items.credit(tx, subscription, item.processor_id, until)
    taken, start, _, *told, first = record if len(record) > _PLAIN else [*record, record[:3]]
    if start < to_unix(until):
        left = taken + (0 if line is None else line.amount)
        kept = [left, start, to_unix(until), *told, first]
        _billed(tx, subscription)[item.processor_id] = kept
    return line


def _prolonged(
    tx: Transaction,
    subscription: objects.Subscription,
    item: objects.SubscriptionItem,
    record: list[t.Any],
    more: items.Period,
) -> objects.InvoiceLine:
    price = tx.get(objects.Price, item.price)
    anchor = t.cast(datetime.datetime, subscription.billing_cycle_anchor)
    whole = items.period_at(tx, price, anchor, tx.now)
    line = items.bill(tx, subscription.processor_id, item, more, whole=whole, proration_line=True)
    billed = _billed(tx, subscription.processor_id)[item.processor_id]
    billed += record[_PLAIN:]
    billed[:2] = [record[0] + line.amount, record[1]]
    return line


def _end(record: list[t.Any]) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(record[2], datetime.UTC)


def _billed(tx: Transaction, subscription: str) -> dict[str, list[t.Any]]:
    found: dict[str, list[t.Any]] = tx.aside(subscription).setdefault("billed", {})
    return found
