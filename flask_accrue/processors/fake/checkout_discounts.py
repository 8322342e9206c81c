"""What is taken off at a checkout: by a coupon or code that it was made with, or a code that was typed."""

from __future__ import annotations

import collections.abc as c
import typing as t

from ...money import Money
from .. import objects
from . import coupons
from .refusals import refused
from .transaction import Transaction

Lines: t.TypeAlias = tuple[objects.InvoiceLine, ...]


def asked(mode: str, options: c.Mapping[str, t.Any]) -> list[dict[str, str]]:
    """Return the discounts that a session is made with, at most one.

    :raises InvalidRequest: for what doesn't go together.
    """
    given = [{name: options[name]} for name in ("coupon", "promotion_code") if options.get(name)]
    if len(given) > 1:
        raise refused("A discount is named by a coupon or a promotion code.", "discounts[0]")
    if given and options.get("allow_promotion_codes"):
        raise refused(
            "You may only specify one of these parameters: allow_promotion_codes, discounts.",
            "discounts",
        )
    if mode == "setup" and (given or options.get("allow_promotion_codes")):
        raise refused("Nothing is paid with mode=setup, so nothing is taken off.", "discounts")
    return given


def check(
    tx: Transaction, session: objects.CheckoutSession, lines: Lines, wanted: list[dict[str, str]]
) -> None:
    """Refuse discounts that can't be redeemed for what is bought.

    :raises NotFound: for a coupon or code that isn't there.
    :raises InvalidRequest: for any other reason.
    """
    customer, currency = t.cast(str, session.customer), t.cast(str, session.currency)
    _redeemable(tx, customer, lines, currency, wanted)


def redeem(
    tx: Transaction, session: objects.CheckoutSession, lines: Lines, wanted: list[dict[str, str]]
) -> list[objects.Discount]:
    """Return the discounts of a single payment, and count them; a subscription redeems its own.

    :raises InvalidRequest: for what can't be redeemed any more.
    """
    customer, currency = t.cast(str, session.customer), t.cast(str, session.currency)
    made = []
    for coupon, code in _redeemable(tx, customer, lines, currency, wanted):
        coupons.count(tx, coupon, code)
        made.append(
            objects.Discount(
                processor_id=tx.new_id("di"),
                coupon=coupon.processor_id,
                promotion_code=None if code is None else code.processor_id,
                customer=customer,
                start=tx.now,
            )
        )
    return made


def lines_of(tx: Transaction, chosen: c.Sequence[c.Mapping[str, t.Any]]) -> Lines:
    """Return what is bought as an invoice would have it."""
    lines = []
    for number, each in enumerate(chosen):
        price = tx.get(objects.Price, each.get("price"), "line_items[price]")
        licensed = 1 if price.usage_type == "licensed" else 0
        amount = (price.unit_amount or 0) * each.get("quantity", licensed)
        lines.append(
            objects.InvoiceLine(
                processor_id=f"{number}",
                amount=amount,
                currency=price.currency,
                price=price.processor_id,
            )
        )
    return tuple(lines)


def type_code(tx: Transaction, session: objects.CheckoutSession, code_id: str | None) -> None:
    """Let a code count that the customer has typed, instead of any before; ``None``: none any more.

    :raises InvalidRequest: where no code may be typed, or this one can't be redeemed.
    """
    aside = tx.aside(session.processor_id)
    if not aside["takes_codes"]:
        raise refused("This checkout session takes no promotion codes.", "promotion_code")
    wanted = [] if code_id is None else [{"promotion_code": code_id}]
    check(tx, session, lines_of(tx, aside["items"]), wanted)
    aside["discounts"] = wanted


def _redeemable(
    tx: Transaction, customer: str, lines: Lines, currency: str, wanted: list[dict[str, str]]
) -> list[tuple[objects.Coupon, objects.PromotionCode | None]]:
    bought = Money(sum(each.amount for each in lines), currency)
    found: list[tuple[objects.Coupon, objects.PromotionCode | None]] = []
    for each in wanted:
        code = None
        [(kind, name)] = each.items()
        param = f"discounts[0][{kind}]"
        if kind == "promotion_code":
            code = coupons.accepted(tx, name, customer, bought, param)
            name = code.coupon
        found.append((coupons.usable(tx, name, currency, param), code))
    return found
