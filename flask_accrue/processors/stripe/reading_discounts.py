"""Coupons, promotion codes, and the discounts that they give.

Since 2025-09-30 a promotion code names its coupon in ``promotion`` and a discount in ``source``; before, both
held the coupon.
"""

from __future__ import annotations

import decimal

from .. import objects
from . import fields
from .bodies import Raw, invalid

_ALL: decimal.Decimal = decimal.Decimal(100)


def read_coupon(raw: Raw) -> objects.Coupon:
    """Read a coupon. Which products it's for is only said where that was asked for."""
    products: tuple[str, ...] | objects.Unsaid = objects.UNSAID
    if raw.get("applies_to") is not None:
        named = fields.part(raw, "applies_to").get("products")
        if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
            raise fields.wrong("applies_to", "an object with a list of products", named)
        products = tuple(named)
    return objects.Coupon(
        **fields.common(raw),
        name=fields.text(raw, "name"),
        amount_off=fields.integer(raw, "amount_off"),
        currency=fields.currency(raw),
        percent_off=_percent(raw),
        duration=fields.text(raw, "duration") or "once",
        duration_in_months=fields.integer(raw, "duration_in_months"),
        max_redemptions=fields.integer(raw, "max_redemptions"),
        times_redeemed=fields.integer(raw, "times_redeemed") or 0,
        redeem_by=fields.moment(raw, "redeem_by"),
        is_valid=fields.flag(raw, "valid"),
        products=products,
        currency_options=_options(raw, "amount_off"),
    )


def read_promotion_code(raw: Raw) -> objects.PromotionCode:
    """Read a promotion code."""
    promotion = raw if raw.get("promotion") is None else fields.part(raw, "promotion")
    restrictions = fields.part(raw, "restrictions")
    return objects.PromotionCode(
        **fields.common(raw),
        code=fields.required_text(raw, "code"),
        coupon=fields.required_reference(promotion, "coupon"),
        is_active=fields.flag(raw, "active"),
        only_for=fields.reference(raw, "customer"),
        expires_at=fields.moment(raw, "expires_at"),
        max_redemptions=fields.integer(raw, "max_redemptions"),
        times_redeemed=fields.integer(raw, "times_redeemed") or 0,
        first_time_transaction=fields.flag(restrictions, "first_time_transaction"),
        minimum_amount=fields.integer(restrictions, "minimum_amount"),
        minimum_amount_currency=fields.currency(restrictions, "minimum_amount_currency"),
        currency_options=_options(restrictions, "minimum_amount"),
    )


def read_discounts(raw: Raw) -> tuple[objects.Discount, ...] | objects.Unsaid:
    """Read the discounts of a subscription or customer, as far as the body tells of them.

    ``discounts`` holds ids unless it was expanded, and those name no coupon. Versions before
    2025-03-31 have ``discount`` beside it, with the one that counts; a customer still has that alone.
    """
    several = raw.get("discounts") or []
    if not isinstance(several, list):
        raise fields.wrong("discounts", "a list", several)
    one = fields.part(raw, "discount")
    if one and len(several) <= 1:
        several = [one]
    if not ("discounts" in raw or "discount" in raw):
        return objects.UNSAID
    return tuple(read_discount(each) for each in several)


def read_discount(raw: Raw | str) -> objects.Discount:
    """Read a discount, or what is known of one that is only named."""
    if not isinstance(raw, dict):
        return objects.Discount(processor_id=fields.identifier({"id": raw}))
    source = fields.part(raw, "source") or raw
    return objects.Discount(
        processor_id=fields.identifier(raw),
        deleted=fields.flag(raw, "deleted"),
        coupon=fields.reference(source, "coupon"),
        promotion_code=fields.reference(raw, "promotion_code"),
        customer=fields.reference(raw, "customer"),
        subscription=fields.reference(raw, "subscription"),
        start=fields.moment(raw, "start"),
        end=fields.moment(raw, "end"),
        raw=raw,
    )


def _options(raw: Raw, name: str) -> dict[str, int] | objects.Unsaid:
    """Return the amounts in other currencies, which are only told where that was asked for.

    Stripe lists the coupon's own currency among them.
    """
    if raw.get("currency_options") is None:
        return objects.UNSAID
    options = fields.part(raw, "currency_options")
    return {
        currency.lower(): fields.required_integer(fields.part(options, currency), name)
        for currency in options
    }


def _percent(raw: Raw) -> decimal.Decimal | None:
    """Return ``percent_off`` without a float: JSON wrote it in decimals."""
    value = raw.get("percent_off")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise fields.wrong("percent_off", "a number", value)
    percent = decimal.Decimal(repr(value))
    if not 0 < percent <= _ALL:
        raise invalid("`percent_off` is no part of a whole.", "percent_off")
    return percent.quantize(decimal.Decimal("0.0001"), decimal.ROUND_HALF_EVEN).normalize()
