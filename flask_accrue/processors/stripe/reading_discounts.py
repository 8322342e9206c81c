"""Coupons and promotion codes.

Since 2025-09-30 a promotion code names its coupon in ``promotion``; before, it held the coupon.
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
    )


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
