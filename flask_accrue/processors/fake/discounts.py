"""Discounts: given to subscriptions and customers, spent, over."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import typing as t

from ...errors import ProcessorError
from ...money import Money
from .. import objects
from . import calendar, coupons, customers, discounting, items
from .refusals import refused
from .transaction import Transaction, missing

_KINDS: t.Final = ("coupon", "promotion_code", "discount")


def give(
    tx: Transaction, subscription: objects.Subscription, wanted: t.Any
) -> objects.Subscription:
    """Return a subscription with just the discounts that are wanted; see the contract.

    :raises NotFound: for a coupon or code that isn't there.
    :raises InvalidRequest: for one that can't be redeemed, or not for this subscription.
    """
    before = {each.processor_id: each for each in discounting.in_force(tx, subscription)}
    inherited = discounting.in_force(tx, tx.get(objects.Customer, subscription.customer))
    after: list[objects.Discount] = []
    for number, each in enumerate(wanted):
        kind, name = named(each, number)
        if kind == "discount":
            kept = before.get(name)
            kept = kept or next((one for one in inherited if one.processor_id == name), None)
            if kept is None:
                raise missing(objects.Discount, name, f"discounts[{number}][discount]")
            after.append(kept)
        else:
            after.append(_redeem(tx, subscription, kind, name, f"discounts[{number}][{kind}]"))
    names = [(each.coupon, each.promotion_code) for each in after]
    if len({coupon for coupon, _ in names}) < len(names):
        raise refused("The same coupon can't be applied twice.", "discounts")
    for each in after:
        if each.processor_id not in before and each not in inherited:
            tx.emit("customer.discount.created", each)
    kept_ids = {each.processor_id for each in after}
    _tell_removed(tx, (each for each in before.values() if each.processor_id not in kept_ids))
    return dataclasses.replace(subscription, discounts=tuple(after))


def those_left(
    tx: Transaction, subscription: objects.Subscription, wanted: c.Iterable[c.Mapping[str, str]]
) -> list[c.Mapping[str, str]]:
    """Return those discounts that can still be given: nobody is there to be told of the others.

    Of several with the same coupon, such as two codes of it, the first is given.
    """
    held = (
        *discounting.in_force(tx, subscription),
        *discounting.in_force(tx, tx.get(objects.Customer, subscription.customer)),
    )
    coupons_held = {each.processor_id: each.coupon for each in held}
    left: dict[str | None, c.Mapping[str, str]] = {}
    for number, each in enumerate(wanted):
        kind, name = named(each, number)
        if kind == "discount":
            if name in coupons_held:
                left.setdefault(coupons_held[name], each)
            continue
        try:
            coupon, _ = _redeemable(tx, subscription, kind, name, kind)
        except ProcessorError:
            continue
        left.setdefault(coupon.processor_id, each)
    return list(left.values())


def give_customer(tx: Transaction, customer_id: str, coupon_id: str) -> objects.Customer:
    """Give a coupon to a whole customer, as can be done in the dashboard."""
    customer = customers.living(tx, customer_id)
    coupon = coupons.usable(tx, coupon_id, customer.currency, "coupon")
    discount = _started(tx, coupon, None, customer=customer_id, subscription=None)
    coupons.count(tx, coupon, None)
    _tell_removed(tx, discounting.in_force(tx, customer))
    customer = dataclasses.replace(customer, discounts=(discount,))
    tx.plan(customer_id, "discount_ends", discount.end)
    tx.emit("customer.discount.created", discount)
    return tx.save(customer, "customer.updated")


def take_from_customer(tx: Transaction, customer_id: str) -> objects.Customer:
    """Take a customer's discount away.

    :raises NotFound: when there is none.
    """
    customer = customers.living(tx, customer_id)
    if not discounting.in_force(tx, customer):
        raise missing(objects.Discount, customer_id, "customer")
    return _without(tx, customer, discounting.in_force(tx, customer))


def billed(
    tx: Transaction, subscription: objects.Subscription, invoice: objects.Invoice
) -> objects.Subscription:
    """Return a subscription after an invoice was drafted for it: what holds once has been spent.

    An invoice that it took nothing off, such as a trial's, leaves it for the next one.
    """
    changed = dataclasses.replace(subscription, latest_invoice=invoice.processor_id)
    spent = {each.discount for each in invoice.discount_amounts}
    return _without(tx, changed, _once(tx, changed, spent), save=False)


def spend(
    tx: Transaction, holder: objects.Subscription | objects.Customer, invoice: objects.Invoice
) -> None:
    """Let what holds once be spent by an invoice."""
    _without(tx, holder, _once(tx, holder, {each.discount for each in invoice.discount_amounts}))


def end(tx: Transaction, holder: objects.Subscription | objects.Customer) -> None:
    """Let discounts be over whose months have passed."""
    discounts = () if holder.discounts is objects.UNSAID else holder.discounts
    over = [each for each in discounts if each.end is not None and each.end <= tx.now]
    left = _without(tx, holder, over)
    tx.plan(holder.processor_id, "discount_ends", next_end(left))


def next_end(holder: objects.Subscription | objects.Customer) -> datetime.datetime | None:
    """Return when the first discount is over; ``None``: none ends by itself."""
    discounts = () if holder.discounts is objects.UNSAID else holder.discounts
    return min((each.end for each in discounts if each.end is not None), default=None)


_Holder = t.TypeVar("_Holder", bound=objects.Subscription | objects.Customer)


def _without(
    tx: Transaction, holder: _Holder, gone: c.Iterable[objects.Discount], *, save: bool = True
) -> _Holder:
    gone = tuple(gone)
    if not gone:
        return holder
    discounts = () if holder.discounts is objects.UNSAID else holder.discounts
    left = tuple(each for each in discounts if each not in gone)
    holder = dataclasses.replace(holder, discounts=left)
    if save:
        is_customer = isinstance(holder, objects.Customer)
        tx.save(holder, "customer.updated" if is_customer else "customer.subscription.updated")
    _tell_removed(tx, gone)
    return holder


def _tell_removed(tx: Transaction, gone: c.Iterable[objects.Discount]) -> None:
    for each in gone:
        tx.emit("customer.discount.deleted", dataclasses.replace(each, deleted=True))


def _once(
    tx: Transaction, holder: objects.ProcessorObject, spent: c.Set[str]
) -> list[objects.Discount]:
    return [
        each
        for each in discounting.in_force(tx, holder)
        if each.processor_id in spent and tx.get(objects.Coupon, each.coupon).duration == "once"
    ]


def _redeem(
    tx: Transaction, subscription: objects.Subscription, kind: str, name: str, param: str
) -> objects.Discount:
    coupon, code = _redeemable(tx, subscription, kind, name, param)
    coupons.count(tx, coupon, code)
    return _started(
        tx,
        coupon,
        code,
        customer=subscription.customer,
        subscription=subscription.processor_id,
    )


def _redeemable(
    tx: Transaction, subscription: objects.Subscription, kind: str, name: str, param: str
) -> tuple[objects.Coupon, objects.PromotionCode | None]:
    code = None
    if kind == "promotion_code":
        bought = Money(
            sum(items.amount(tx, each).amount_minor for each in subscription.items),
            t.cast(str, subscription.currency),
        )
        code = coupons.accepted(tx, name, subscription.customer, bought, param)
        name = code.coupon
    return coupons.usable(tx, name, subscription.currency, param), code


def _started(
    tx: Transaction,
    coupon: objects.Coupon,
    code: objects.PromotionCode | None,
    *,
    customer: str,
    subscription: str | None,
) -> objects.Discount:
    end = None
    if coupon.duration_in_months is not None:
        months = coupon.duration_in_months
        end = calendar.boundary(tx.now, "month", months, 1, tx.rules.calendar_zone)
    return objects.Discount(
        processor_id=tx.new_id("di"),
        coupon=coupon.processor_id,
        promotion_code=None if code is None else code.processor_id,
        customer=customer,
        subscription=subscription,
        start=tx.now,
        end=end,
    )


def named(given: t.Any, number: int) -> tuple[str, str]:
    """Return by what a discount is named, and its name."""
    if isinstance(given, c.Mapping) and len(given) == 1:
        [(kind, name)] = given.items()
        if kind in _KINDS and isinstance(name, str):
            return kind, name
    raise refused(f"A discount is named by one of {', '.join(_KINDS)}.", f"discounts[{number}]")
