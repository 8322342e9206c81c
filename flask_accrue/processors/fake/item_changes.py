"""Another price, quantity, item or trial end: the items as they will be, and what is billed for it."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import typing as t

from .. import objects
from . import agenda, collection, discounts, early_ends, invoices, items
from .refusals import refused
from .transaction import Transaction


def apply(
    tx: Transaction,
    before: objects.Subscription,
    changed: objects.Subscription,
    changes: c.Mapping[str, t.Any],
) -> tuple[objects.Subscription, collection.Collected | None]:
    """Change items, trial and end, and bill the difference as ``proration`` says.

    The period begins anew, and the new one is billed at once, when the interval changes, when something free
    becomes something that costs, and when a trial ends early; else the dates stay
    (https://docs.stripe.com/billing/subscriptions/prorations).
    """
    mode = changes.get("proration", "create_prorations")
    wanted = _items(tx, changed, changes.get("items", ()))
    price = items.check_together(tx, wanted)
    trial_end = _trial_end(changes, tx.now)
    moment = _moment(before, changes, tx.now)
    changed = dataclasses.replace(changed, items=wanted)
    if isinstance(trial_end, datetime.datetime):
        lines = [] if mode == "none" else _credits(tx, before, before.items, moment)
        changed = _on_trial(changed, trial_end, tx.now)
    elif _starts_anew(tx, before, changed, trial_end):
        lines = [] if mode == "none" else _credits(tx, before, before.items, moment)
        _forget_billed(tx, before)
        changed = _anew(tx, changed, price)
        lines += _new_period(tx, changed, mode, proration=trial_end is None)
        mode = "always_invoice"
    else:
        period = (changed.current_period_start, changed.current_period_end)
        changed = dataclasses.replace(
            changed, items=items.with_period(wanted, t.cast(items.Period, period))
        )
        until = early_ends.billed_until(tx, changed, changes, moment)
        lines = [] if mode == "none" or before.status == "trialing" else _difference(
            tx, before, changed, moment, until
        )  # fmt: skip
    return _bill(tx, before, changed, lines, at_once=mode == "always_invoice")


def _bill(
    tx: Transaction,
    before: objects.Subscription,
    changed: objects.Subscription,
    lines: c.Sequence[objects.InvoiceLine],
    *,
    at_once: bool,
) -> tuple[objects.Subscription, collection.Collected | None]:
    subscription_id = changed.processor_id
    if not at_once or not (lines or invoices.has_pending(tx, subscription_id)):
        invoices.add_pending(tx, subscription_id, lines)
        tx.save(changed, "customer.subscription.updated")
        _plan(tx, before, changed)
        return changed, None
    # The discounts that it's to have are taken off already.
    tx.save(changed)
    invoice = invoices.draft(
        tx,
        tx.get(objects.Customer, changed.customer),
        currency=t.cast(str, changed.currency),
        reason="subscription_update",
        lines=lines,
        period=(before.current_period_start or tx.now, tx.now),
        subscription=subscription_id,
        collection_method=changed.collection_method,
    )
    changed = discounts.billed(tx, changed, invoice)
    tx.save(changed, "customer.subscription.updated")
    _plan(tx, before, changed)
    if changed.pause_behavior is None:
        collected = collection.issue(tx, invoice)
    else:
        collected = collection.Collected(collection.hold_or_plan(tx, changed, invoice))
    return tx.get(objects.Subscription, subscription_id), collected


def _plan(tx: Transaction, before: objects.Subscription, changed: objects.Subscription) -> None:
    agenda.plan(tx, changed)
    ended_now = before.status == "trialing" and changed.status != "trialing"
    if ended_now:
        # Stripe sends it for a trial that is ended at once, too.
        tx.emit("customer.subscription.trial_will_end", changed)
    elif changed.status == "trialing" and changed.trial_end != before.trial_end:
        agenda.announce_trial_end(tx, changed)


# -- the items as they will be --------------------------------------------------------------------


def _items(
    tx: Transaction,
    subscription: objects.Subscription,
    changes: c.Sequence[c.Mapping[str, t.Any]],
) -> tuple[objects.SubscriptionItem, ...]:
    wanted = {item.processor_id: item for item in subscription.items}
    for change in changes:
        item_id = change.get("id")
        if item_id is None:
            added = items.new_item(
                tx, _price(tx, subscription, change.get("price")), change.get("quantity")
            )
            wanted[added.processor_id] = added
        elif item_id not in wanted:
            raise refused(
                f"The subscription {subscription.processor_id!r} has no item {str(item_id)[:80]!r}.",
                "items[id]",
                "resource_missing",
            )
        elif change.get("deleted"):
            del wanted[item_id]
        else:
            wanted[item_id] = _changed(tx, subscription, wanted[item_id], change)
    if not wanted:
        raise refused("The last item of a subscription can't be removed.", "items[deleted]")
    return tuple(wanted.values())


def _changed(
    tx: Transaction,
    subscription: objects.Subscription,
    item: objects.SubscriptionItem,
    change: c.Mapping[str, t.Any],
) -> objects.SubscriptionItem:
    price = tx.get(objects.Price, item.price)
    quantity = item.quantity
    if change.get("price", item.price) != item.price:
        price = _price(tx, subscription, change["price"])
        quantity = None if price.usage_type == "metered" else 1 if quantity is None else quantity
    if change.get("quantity") is not None:
        quantity = change["quantity"]
    return dataclasses.replace(
        item,
        price=price.processor_id,
        product=price.product,
        quantity=items.counted(price, quantity),
    )


def _price(tx: Transaction, subscription: objects.Subscription, price_id: t.Any) -> objects.Price:
    price = items.sellable(tx, price_id)
    if price.currency != subscription.currency:
        raise refused(
            f"The subscription is billed in {str(subscription.currency).upper()}, the price "
            f"{price.processor_id!r} is in {price.currency.upper()}.",
            "items[price]",
            "currency_mismatch",
        )
    return price


# -- when, and from when on -----------------------------------------------------------------------


def _trial_end(
    changes: c.Mapping[str, t.Any], now: datetime.datetime
) -> datetime.datetime | t.Literal["now"] | None:
    wanted = changes.get("trial_end")
    if wanted is None or wanted == "now":
        return wanted
    moment = items.moment(wanted, "trial_end")
    if moment is None or moment <= now:
        raise refused("trial_end must be in the future, or 'now'.", "trial_end")
    return moment


def _moment(
    before: objects.Subscription, changes: c.Mapping[str, t.Any], now: datetime.datetime
) -> datetime.datetime:
    moment = items.moment(changes.get("proration_date"), "proration_date") or now
    start, end = before.current_period_start, before.current_period_end
    if start is not None and end is not None and not start <= moment <= end:
        raise refused(
            "proration_date must lie within the subscription's current period.", "proration_date"
        )
    return moment


def _starts_anew(
    tx: Transaction,
    before: objects.Subscription,
    changed: objects.Subscription,
    trial_end: object,
) -> bool:
    if before.status == "trialing":
        return trial_end == "now"
    old, new = (tx.get(objects.Price, each.items[0].price) for each in (before, changed))
    if (old.interval, old.interval_count) != (new.interval, new.interval_count):
        return True
    return items.is_free(tx, before.items) and not items.is_free(tx, changed.items)


def _on_trial(
    subscription: objects.Subscription, trial_end: datetime.datetime, now: datetime.datetime
) -> objects.Subscription:
    was = subscription.status == "trialing"
    start = subscription.current_period_start if was else now
    assert start is not None
    return dataclasses.replace(
        subscription,
        status="trialing",
        items=items.with_period(subscription.items, (start, trial_end)),
        current_period_start=start,
        current_period_end=trial_end,
        billing_cycle_anchor=trial_end,
        trial_start=subscription.trial_start if was else now,
        trial_end=trial_end,
        cancel_at=trial_end if subscription.cancel_at_period_end else subscription.cancel_at,
    )


def _anew(
    tx: Transaction, subscription: objects.Subscription, price: objects.Price
) -> objects.Subscription:
    period = items.period_at(tx, price, tx.now, tx.now)
    trialed = subscription.status == "trialing"
    return dataclasses.replace(
        subscription,
        status="active" if trialed else subscription.status,
        items=items.with_period(subscription.items, period),
        current_period_start=period[0],
        current_period_end=period[1],
        billing_cycle_anchor=tx.now,
        trial_end=tx.now if trialed else subscription.trial_end,
        cancel_at=period[1] if subscription.cancel_at_period_end else subscription.cancel_at,
    )


# -- lines ------------------------------------------------------------------------------------------


def _credits(
    tx: Transaction,
    subscription: objects.Subscription,
    old: c.Iterable[objects.SubscriptionItem],
    moment: datetime.datetime,
) -> list[objects.InvoiceLine]:
    lines = (items.credit(tx, subscription.processor_id, item.processor_id, moment) for item in old)
    return [line for line in lines if line is not None]


def _new_period(
    tx: Transaction, subscription: objects.Subscription, mode: str, *, proration: bool
) -> list[objects.InvoiceLine]:
    """Return what a period costs that begins now: as far as the subscription goes on, if that is prorated."""
    whole = t.cast(
        items.Period, (subscription.current_period_start, subscription.current_period_end)
    )
    leaves = None if mode == "none" else subscription.cancel_at
    period = (whole[0], whole[1] if leaves is None else min(whole[1], leaves))
    return [
        items.bill(
            tx,
            subscription.processor_id,
            item,
            period,
            whole=None if period == whole else whole,
            proration_line=proration,
        )
        for item in subscription.items
    ]


def _difference(
    tx: Transaction,
    before: objects.Subscription,
    after: objects.Subscription,
    moment: datetime.datetime,
    end: datetime.datetime,
) -> list[objects.InvoiceLine]:
    """Return credits for what is given up and debits for what takes its place, until ``end``."""
    old = {item.processor_id: (item.price, item.quantity) for item in before.items}
    new = {item.processor_id: (item.price, item.quantity) for item in after.items}
    gone = [item for item in before.items if new.get(item.processor_id) != old[item.processor_id]]
    come = [item for item in after.items if old.get(item.processor_id) != new[item.processor_id]]
    price = tx.get(objects.Price, after.items[0].price)
    anchor = t.cast(datetime.datetime, after.billing_cycle_anchor)
    whole = items.period_at(tx, price, anchor, moment)
    lines = _credits(tx, before, gone, moment)
    kept = [item for item in after.items if item not in come]
    lines += early_ends.settled(tx, after, kept, end)
    for item in come if moment < end else ():
        line = items.bill(
            tx,
            after.processor_id,
            item,
            (moment, end),
            whole=whole,
            proration_line=True,
        )
        if line.amount:
            lines.append(line)
    return lines


def _forget_billed(tx: Transaction, subscription: objects.Subscription) -> None:
    tx.aside(subscription.processor_id).pop("billed", None)
