"""What discounts take off an invoice, exactly: parts in integers that add up to the whole.

Discounts are taken off one after another, each from what the ones before have left, and what one takes is
divided among the lines in proportion to what is left of them. Time that is given back was billed with its
discount, so a line below 0 gives back what was paid, and no discount is taken off it.
"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from ...money import Money
from .. import objects
from .transaction import Transaction

#: Percents have at most four decimals, so that this many parts are the whole.
_WHOLE: t.Final = 1_000_000

Lines: t.TypeAlias = tuple[objects.InvoiceLine, ...]


def in_force(tx: Transaction, holder: objects.ProcessorObject) -> tuple[objects.Discount, ...]:
    """Return the discounts of a subscription or customer that aren't over at this moment."""
    discounts = getattr(holder, "discounts", objects.UNSAID)
    if discounts is objects.UNSAID:
        return ()
    return tuple(each for each in discounts if each.end is None or each.end > tx.now)


def applicable(
    tx: Transaction, customer: str, subscription: str | None
) -> tuple[objects.Discount, ...]:
    """Return what is taken off an invoice: a subscription's own discounts, else its customer's."""
    own: tuple[objects.Discount, ...] = ()
    if subscription is not None:
        own = in_force(tx, tx.get(objects.Subscription, subscription))
    return own or in_force(tx, tx.get(objects.Customer, customer))


def taken_off(
    tx: Transaction,
    discounts: c.Iterable[objects.Discount],
    lines: c.Sequence[objects.InvoiceLine],
    currency: str,
) -> tuple[Lines, tuple[objects.DiscountAmount, ...]]:
    """Return the lines with what is taken off each, and what each discount took off in all."""
    left = _payable(tx, lines)
    before = list(left)
    amounts = []
    for discount in discounts:
        coupon = tx.get(objects.Coupon, discount.coupon)
        chosen = [at for at, line in enumerate(lines) if left[at] and _covers(tx, coupon, line)]
        whole = sum(left[at] for at in chosen)
        off = amount_off(coupon, Money(whole, currency))
        if not off.amount_minor:
            continue
        for at, part in zip(
            chosen, off.split([left[at] for at in chosen], payable=True), strict=True
        ):
            left[at] -= part.amount_minor
        amounts.append(
            objects.DiscountAmount(discount=discount.processor_id, amount=off.amount_minor)
        )
    discounted = (
        dataclasses.replace(line, discount=before[at] - left[at]) for at, line in enumerate(lines)
    )
    return tuple(discounted), tuple(amounts)


def amount_off(coupon: objects.Coupon, whole: Money) -> Money:
    """Return what a coupon takes off an amount, at most all of it; nothing in a currency that it hasn't."""
    if coupon.percent_off is not None:
        share = whole.share(int(coupon.percent_off * 10_000), _WHOLE, payable=True)
        return Money(min(share.amount_minor, whole.amount_minor), whole.currency)
    off = amounts_off(coupon).get(whole.currency, 0)
    return Money(min(off, whole.amount_minor), whole.currency)


def amounts_off(coupon: objects.Coupon) -> dict[str, int]:
    """Return the amounts of a coupon by currency; none for one of percents."""
    if coupon.amount_off is None or coupon.currency is None:
        return {}
    options = {} if coupon.currency_options is objects.UNSAID else coupon.currency_options
    return {**options, coupon.currency: coupon.amount_off}


def _covers(tx: Transaction, coupon: objects.Coupon, line: objects.InvoiceLine) -> bool:
    if coupon.products is objects.UNSAID or not coupon.products:
        return True
    price = None if line.price is None else tx.peek(objects.Price, line.price)
    return price is not None and price.product in coupon.products


def _payable(tx: Transaction, lines: c.Sequence[objects.InvoiceLine]) -> list[int]:
    """Return what is left to pay of each line when what is given back of it, on this invoice, is gone."""
    at = {line.processor_id: number for number, line in enumerate(lines)}
    payable = [max(0, line.amount) for line in lines]
    for line in lines:
        if line.amount < 0 and line.subscription is not None:
            billed = tx.aside(line.subscription).get("given_back", {}).get(line.processor_id)
            if billed in at:
                payable[at[billed]] = max(0, payable[at[billed]] + line.amount)
    return payable


def remember(tx: Transaction, before: c.Sequence[objects.InvoiceLine], after: Lines) -> None:
    """Note what was taken off, so that no more is given back of a line than was paid for it."""
    for was, line in zip(before, after, strict=True):
        if line.discount != was.discount and line.subscription is not None:
            billed = tx.aside(line.subscription).get("billed", {}).get(line.subscription_item)
            if billed is not None and billed[5] == line.processor_id:
                billed[0] -= line.discount - was.discount
