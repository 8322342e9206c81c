"""What is taken off: coupons, the codes by which customers have them, and the discounts that they give."""

from __future__ import annotations

import dataclasses
import decimal
import typing as t

from .base import UNSAID, ProcessorObject, Unsaid, When


@dataclasses.dataclass(frozen=True, kw_only=True)
class Coupon(ProcessorObject):
    """So much off: an amount in a currency, or percents with at most four decimals.

    ``duration`` is ``once``, ``repeating`` (for ``duration_in_months``) or ``forever``. ``is_valid`` is
    whether the processor would still take it. ``currency_options`` are the amounts off in other currencies.
    """

    kind = "coupon"

    name: str | None = None
    amount_off: int | None = None
    currency: str | None = None
    percent_off: decimal.Decimal | None = None
    duration: str = "once"
    duration_in_months: int | None = None
    max_redemptions: int | None = None
    times_redeemed: int = 0
    redeem_by: When | None = None
    is_valid: bool = True
    products: tuple[str, ...] | Unsaid = UNSAID
    currency_options: t.Mapping[str, int] | Unsaid = UNSAID


@dataclasses.dataclass(frozen=True, kw_only=True)
class PromotionCode(ProcessorObject):
    """A word that customers type to have a coupon; with ``only_for`` one customer's alone.

    ``currency_options`` are the least amounts in other currencies.
    """

    kind = "promotion_code"

    code: str
    coupon: str
    is_active: bool = True
    only_for: str | None = None
    expires_at: When | None = None
    max_redemptions: int | None = None
    times_redeemed: int = 0
    first_time_transaction: bool = False
    minimum_amount: int | None = None
    minimum_amount_currency: str | None = None
    currency_options: t.Mapping[str, int] | Unsaid = UNSAID


@dataclasses.dataclass(frozen=True, kw_only=True)
class Discount(ProcessorObject):
    """A coupon that is in force for a subscription, or for all of a customer's.

    It's told within these and can't be fetched. ``coupon`` is ``None`` where a body only names the discount;
    ``end`` is when one for some months is over.
    """

    kind = "discount"

    coupon: str | None = None
    promotion_code: str | None = None
    customer: str | None = None
    subscription: str | None = None
    start: When | None = None
    end: When | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class DiscountAmount:
    """What one discount took off an invoice, in minor units; ``discount`` is its id."""

    discount: str
    amount: int
