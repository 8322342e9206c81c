"""What is sold, and what is taken off it."""

from __future__ import annotations

import dataclasses
import decimal

from .base import UNSAID, ProcessorObject, Unsaid, When


@dataclasses.dataclass(frozen=True, kw_only=True)
class Product(ProcessorObject):
    """Something that is sold."""

    kind = "product"

    name: str
    description: str | None = None
    active: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class Price(ProcessorObject):
    """What a product costs. ``unit_amount`` is ``None`` for tiers and for parts of a minor unit.

    ``interval`` is ``day``, ``week``, ``month`` or ``year``, and ``None`` for a one-time price;
    ``usage_type`` is ``licensed`` or ``metered``; ``tax_behavior`` is ``inclusive``, ``exclusive`` or
    ``unspecified``.
    """

    kind = "price"

    product: str
    currency: str
    unit_amount: int | None
    active: bool = True
    nickname: str | None = None
    lookup_key: str | None = None
    interval: str | None = None
    interval_count: int = 1
    usage_type: str = "licensed"
    tax_behavior: str = "unspecified"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Coupon(ProcessorObject):
    """So much off: an amount in a currency, or percents with at most four decimals.

    ``duration`` is ``once``, ``repeating`` (for ``duration_in_months``) or ``forever``. ``is_valid`` is
    whether the processor would still take it.
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class PromotionCode(ProcessorObject):
    """A word that customers type to have a coupon; with ``only_for`` one customer's alone."""

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
