"""What a subscription consists of, and what a period of it costs."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import typing as t

from ...clock import from_unix
from ...money import Money
from .. import objects
from . import calendar, catalog, metering, proration
from .refusals import check_integer, refused
from .transaction import Transaction

_TIMES: t.Final = "\N{MULTIPLICATION SIGN}"

Period: t.TypeAlias = tuple[datetime.datetime, datetime.datetime]


def sellable(tx: Transaction, price_id: t.Any, param: str = "items[price]") -> objects.Price:
    """Return a price that can be subscribed to.

    :raises NotFound: when there is none.
    :raises InvalidRequest: when it's retired, or a one-time price.
    """
    price = tx.get(objects.Price, price_id, param)
    if not price.active or not tx.get(objects.Product, price.product).active:
        raise refused(
            f"The price {price_id!r} is inactive; it can't be subscribed to any more.",
            param,
            "price_inactive",
        )
    if price.interval is None:
        raise refused(
            f"The price {price_id!r} is a one-time price; a subscription needs a recurring one.",
            param,
            "price_not_recurring",
        )
    return price


def new_item(tx: Transaction, price: objects.Price, quantity: t.Any) -> objects.SubscriptionItem:
    """Return an item of that price that has no period yet."""
    return objects.SubscriptionItem(
        processor_id=tx.new_id("si"),
        price=price.processor_id,
        product=price.product,
        quantity=counted(
            price, 1 if quantity is None and price.usage_type == "licensed" else quantity
        ),
    )


def counted(price: objects.Price, quantity: t.Any) -> int | None:
    """Return a quantity that fits the price.

    :raises InvalidRequest: for one below 0, or one of a metered price.
    """
    param = "items[quantity]"
    if price.usage_type == "metered":
        if quantity is not None:
            raise refused(
                f"The price {price.processor_id!r} is metered; it has no quantity.", param
            )
        return None
    number = check_integer(quantity, param)
    if number < 0:
        raise refused(
            f"A quantity is an integer from 0 on, not {number}.",
            param,
            "parameter_invalid_integer",
        )
    return number


def check_currency(sold: str, wanted: str | None, param: str) -> None:
    """Refuse another currency than the one in which prices are sold: the simulator's have no other.

    :raises InvalidRequest: for another one.
    """
    if wanted not in (None, sold):
        raise refused(
            f"The prices are in {sold.upper()}, not in {str(wanted).upper()}.",
            param,
            "currency_mismatch",
        )


def check_together(tx: Transaction, items: c.Sequence[objects.SubscriptionItem]) -> objects.Price:
    """Check that items can be on one subscription; return the price that sets its rhythm.

    :raises InvalidRequest: for none, the same price twice, several currencies or several intervals.
    """
    if not items:
        raise refused("A subscription has at least one item.", "items")
    prices = [tx.get(objects.Price, item.price) for item in items]
    if len({price.processor_id for price in prices}) < len(prices):
        raise refused("The same price can't be on a subscription twice.", "items")
    if len({price.currency for price in prices}) > 1:
        raise refused(
            "All prices of a subscription are in one currency.", "items", "currency_mismatch"
        )
    if len({(price.interval, price.interval_count) for price in prices}) > 1:
        raise refused("All prices of a subscription recur after the same interval.", "items")
    return prices[0]


def period_at(
    tx: Transaction, price: objects.Price, anchor: datetime.datetime, moment: datetime.datetime
) -> Period:
    """Return the period of that price that a moment lies in."""
    assert price.interval is not None
    return calendar.period_at(
        anchor, price.interval, price.interval_count, moment, tx.rules.calendar_zone
    )


def amount(tx: Transaction, item: objects.SubscriptionItem) -> Money:
    """Return what a whole period of an item costs; metered ones cost nothing in advance."""
    price = tx.get(objects.Price, item.price)
    return Money((price.unit_amount or 0) * (item.quantity or 0), price.currency)


def is_free(tx: Transaction, items: c.Iterable[objects.SubscriptionItem]) -> bool:
    """Tell whether the prices are free, whatever the quantity."""
    return not any(tx.get(objects.Price, item.price).unit_amount for item in items)


def bill(
    tx: Transaction,
    subscription: str,
    item: objects.SubscriptionItem,
    period: Period,
    *,
    whole: Period | None = None,
    proration_line: bool = False,
) -> objects.InvoiceLine:
    """Return the line for an item and a period, and remember it as what was billed last.

    :param whole: the period that the full price is for, where ``period`` is only a part of it.
    """
    start, end = period
    due = amount(tx, item)
    if whole is not None:
        due = proration.unused(due, *whole, start) - proration.unused(due, *whole, end)
    price = tx.get(objects.Price, item.price)
    name = catalog.product_name(tx, price)
    line = _line(
        tx,
        due.amount_minor,
        price,
        subscription,
        item,
        period,
        f"Remaining time on {name} after {start:%d %b %Y}"
        if proration_line
        else f"{item.quantity or 0} {_TIMES} {name} (at {_each(price)})",
        proration=proration_line,
        quantity=item.quantity,
    )
    billed = tx.aside(subscription).setdefault("billed", {})
    billed[item.processor_id] = [
        due.amount_minor,
        int(start.timestamp()),
        int(end.timestamp()),
        price.processor_id,
        item.quantity,
        line.processor_id,
    ]
    return line


def plain_line(
    tx: Transaction, subscription: str, item: objects.SubscriptionItem
) -> objects.InvoiceLine:
    """Return what a whole period of an item costs, as a line of an invoice that doesn't exist yet."""
    due = amount(tx, item)
    return objects.InvoiceLine(
        processor_id=None,
        amount=due.amount_minor,
        currency=due.currency,
        quantity=item.quantity,
        price=item.price,
        subscription=subscription,
        subscription_item=item.processor_id,
    )


def usage_lines(tx: Transaction, subscription: objects.Subscription) -> list[objects.InvoiceLine]:
    """Return the lines for what was used of metered items since the period began; a trial's is free."""
    if subscription.status == "trialing" or subscription.current_period_start is None:
        return []
    period = (subscription.current_period_start, tx.now)
    return [
        _line(
            tx,
            (price.unit_amount or 0) * used,
            price,
            subscription.processor_id,
            item,
            period,
            used_description(tx, price, used),
            proration=False,
            quantity=used,
        )
        for item in subscription.items
        if (price := tx.get(objects.Price, item.price)).usage_type == "metered"
        for used in [metering.used(tx, subscription.customer, price, period)]
    ]


def used_description(tx: Transaction, price: objects.Price, used: int) -> str:
    """Return what a line for usage is called."""
    return f"{used} {_TIMES} {catalog.product_name(tx, price)} (at {_each(price)})"


def is_metered(tx: Transaction, item: objects.SubscriptionItem) -> bool:
    """Tell whether an item is billed by usage, after its period."""
    return tx.get(objects.Price, item.price).usage_type == "metered"


def credit(
    tx: Transaction, subscription: str, item_id: str, moment: datetime.datetime
) -> objects.InvoiceLine | None:
    """Return the line that gives back what was billed for the time after ``moment``, if anything.

    What was billed is what counts, not today's price: so no more is ever given back than was taken.
    """
    billed = tx.aside(subscription).get("billed", {}).pop(item_id, None)
    if billed is None:
        return None
    taken, start, end, price_id, quantity, billed_line, *cut = billed
    price = tx.get(objects.Price, price_id)
    started, ends = (datetime.datetime.fromtimestamp(each, datetime.UTC) for each in (start, end))
    # However often an end was moved, the parts are those of what was billed at first.
    whole, *_, last = cut[0] if cut else (taken, start, end)
    last = datetime.datetime.fromtimestamp(last, datetime.UTC)
    unused = proration.unused(Money(whole, price.currency), started, last, moment).amount_minor
    back = taken - (whole - unused)
    if back <= 0:
        return None
    name = catalog.product_name(tx, price)
    item = objects.SubscriptionItem(processor_id=item_id, price=price_id, product=price.product)
    line = _line(
        tx,
        -back,
        price,
        subscription,
        item,
        (max(moment, started), ends),
        f"Unused time on {name} after {moment:%d %b %Y}",
        proration=True,
        quantity=quantity,
    )
    tx.aside(subscription).setdefault("given_back", {})[line.processor_id] = billed_line
    return line


def trial_line(
    tx: Transaction, subscription: str, item: objects.SubscriptionItem, period: Period
) -> objects.InvoiceLine:
    """Return the line of nothing that a trial begins with."""
    price = tx.get(objects.Price, item.price)
    name = catalog.product_name(tx, price)
    return _line(
        tx, 0, price, subscription, item, period, f"Trial period for {name}",
        proration=False, quantity=item.quantity,
    )  # fmt: skip


def with_period(
    items: c.Iterable[objects.SubscriptionItem], period: Period
) -> tuple[objects.SubscriptionItem, ...]:
    """Return the items with that period."""
    return tuple(
        dataclasses.replace(item, current_period_start=period[0], current_period_end=period[1])
        for item in items
    )


def _each(price: objects.Price) -> str:
    every = (
        price.interval if price.interval_count == 1 else f"{price.interval_count} {price.interval}s"
    )
    return f"{Money(price.unit_amount or 0, price.currency).format()} / {every}"


def _line(
    tx: Transaction,
    cost: int,
    price: objects.Price,
    subscription: str,
    item: objects.SubscriptionItem,
    period: Period,
    description: str,
    *,
    proration: bool,
    quantity: int | None,
) -> objects.InvoiceLine:
    return objects.InvoiceLine(
        processor_id=tx.new_id("il"),
        amount=cost,
        currency=price.currency,
        description=description,
        quantity=quantity,
        price=price.processor_id,
        subscription=subscription,
        subscription_item=item.processor_id,
        period_start=period[0],
        period_end=period[1],
        proration=proration,
    )


def moment(value: t.Any, param: str) -> datetime.datetime | None:
    """Return a moment given in Unix seconds; ``None`` stays.

    :raises InvalidRequest: for anything else.
    """
    if value is None:
        return None
    if not 0 <= check_integer(value, param) < 2**33:
        raise refused(f"{param} is a time in Unix seconds, not {value!r}.", param)
    return from_unix(value)
