"""What is taken off: coupons, and the codes by which customers have them."""

from __future__ import annotations

import datetime
import decimal

import sqlalchemy as sa
from sqlalchemy import orm

from ..money import Money
from .base import JsonList, Mirrored, exact, soft_reference


class Coupon(Mirrored):
    """So much off: ``amount_off`` in minor units of ``currency``, or ``percent_off``.

    :ivar is_valid: whether the processor would still take it, when it last said so.
    :ivar product_processor_ids: what alone it's for; ``None``: for everything, or not known.
    """

    __tablename__ = "accrue_coupons"

    name: orm.Mapped[str | None]
    amount_off: orm.Mapped[int | None]
    currency: orm.Mapped[str | None] = orm.mapped_column(sa.String(3))
    percent_off: orm.Mapped[decimal.Decimal | None]
    duration: orm.Mapped[str] = orm.mapped_column(sa.String(20))
    duration_in_months: orm.Mapped[int | None] = orm.mapped_column(sa.Integer)
    max_redemptions: orm.Mapped[int | None]
    times_redeemed: orm.Mapped[int] = orm.mapped_column(default=0)
    redeem_by: orm.Mapped[datetime.datetime | None]
    is_valid: orm.Mapped[bool] = orm.mapped_column(default=True)
    product_processor_ids: orm.Mapped[JsonList | None]

    @property
    def money_off(self) -> Money | None:
        """The amount off, or ``None`` for one of percents."""
        if self.amount_off is None or self.currency is None:
            return None
        return Money(self.amount_off, self.currency)


class PromotionCode(Mirrored):
    """A word that customers type to have a coupon.

    :ivar only_for_processor_id: the one customer who may use it, or ``None``.
    :ivar minimum_amount: what must be bought at least, in minor units of ``minimum_amount_currency``.
    """

    __tablename__ = "accrue_promotion_codes"

    code: orm.Mapped[str] = orm.mapped_column(exact(500), index=True)
    coupon_processor_id: orm.Mapped[str] = orm.mapped_column(index=True)
    is_active: orm.Mapped[bool] = orm.mapped_column(default=True)
    only_for_processor_id: orm.Mapped[str | None]
    expires_at: orm.Mapped[datetime.datetime | None]
    max_redemptions: orm.Mapped[int | None]
    times_redeemed: orm.Mapped[int] = orm.mapped_column(default=0)
    first_time_transaction: orm.Mapped[bool] = orm.mapped_column(default=False)
    minimum_amount: orm.Mapped[int | None]
    minimum_amount_currency: orm.Mapped[str | None] = orm.mapped_column(sa.String(3))

    coupon: orm.Mapped[Coupon | None] = orm.relationship(
        primaryjoin=soft_reference("Coupon", "coupon_processor_id").format(self="PromotionCode"),
        viewonly=True,
    )
