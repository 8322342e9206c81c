"""What is taken off: coupons, the codes by which customers have them, and who did."""

from __future__ import annotations

import datetime
import decimal
import typing as t
import uuid

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.hybrid import hybrid_property

from .. import clock
from ..money import Money
from .base import CatalogRow, JsonDict, JsonList, Row, catalog_reference, exact
from .customers import Customer

#: How the ids of coupons begin that make a subscription free of charge.
COMP_COUPON: t.Final = "accrue-comp-"


class Redeemable(CatalogRow):
    """What so many may have.

    :ivar max_redemptions: how many; ``None``: any number.
    :ivar times_redeemed: how many had it, as the processor counts.
    """

    __abstract__ = True

    max_redemptions: orm.Mapped[int | None]
    times_redeemed: orm.Mapped[int] = orm.mapped_column(default=0)

    @hybrid_property
    def is_exhausted(self) -> bool:
        """Whether it was redeemed as often as it may be."""
        return self.max_redemptions is not None and self.times_redeemed >= self.max_redemptions

    @is_exhausted.inplace.expression
    @classmethod
    def _is_exhausted(cls) -> sa.ColumnElement[bool]:
        return sa.func.coalesce(cls.times_redeemed >= cls.max_redemptions, sa.false())


class Coupon(Redeemable):
    """So much off: ``amount_off`` in minor units of ``currency``, or ``percent_off``.

    :ivar is_valid: whether the processor would still take it, when it last said so.
    :ivar product_processor_ids: what alone it's for; ``None``: for everything, or not known.
    :ivar currency_options: the amounts off by currency; ``None``: not known.
    """

    __tablename__ = "accrue_coupons"

    name: orm.Mapped[str | None]
    amount_off: orm.Mapped[int | None]
    currency: orm.Mapped[str | None] = orm.mapped_column(sa.String(3))
    percent_off: orm.Mapped[decimal.Decimal | None]
    duration: orm.Mapped[str] = orm.mapped_column(sa.String(20))
    duration_in_months: orm.Mapped[int | None] = orm.mapped_column(sa.Integer)
    redeem_by: orm.Mapped[datetime.datetime | None]
    is_valid: orm.Mapped[bool] = orm.mapped_column(default=True)
    product_processor_ids: orm.Mapped[JsonList | None]
    currency_options: orm.Mapped[JsonDict | None]

    @property
    def money_off(self) -> Money | None:
        """The amount off, or ``None`` for one of percents."""
        if self.amount_off is None or self.currency is None:
            return None
        return Money(self.amount_off, self.currency)

    @hybrid_property
    def is_expired(self) -> bool:
        """Whether the time in which it could be redeemed is over."""
        return self.redeem_by is not None and self.redeem_by <= clock.now()

    @is_expired.inplace.expression
    @classmethod
    def _is_expired(cls) -> sa.ColumnElement[bool]:
        return _has_come(cls.redeem_by)

    @hybrid_property
    def is_redeemable(self) -> bool:
        """Whether it can still be redeemed, as far as is known."""
        is_over = self.is_expired or self.is_exhausted or self.deleted_at is not None
        return self.is_valid and not is_over

    @is_redeemable.inplace.expression
    @classmethod
    def _is_redeemable(cls) -> sa.ColumnElement[bool]:
        is_over = sa.or_(cls.is_expired, cls.is_exhausted, cls.deleted_at.is_not(None))
        return sa.and_(cls.is_valid, sa.not_(is_over))


class PromotionCode(Redeemable):
    """A word that customers type to have a coupon.

    :ivar only_for_processor_id: the one customer who may use it, or ``None``.
    :ivar minimum_amount: what must be bought at least, in minor units of ``minimum_amount_currency``.
    :ivar currency_options: the same by other currencies; ``None``: not known.
    """

    __tablename__ = "accrue_promotion_codes"

    code: orm.Mapped[str] = orm.mapped_column(exact(500), index=True)
    coupon_processor_id: orm.Mapped[str] = orm.mapped_column(index=True)
    is_active: orm.Mapped[bool] = orm.mapped_column(default=True)
    only_for_processor_id: orm.Mapped[str | None]
    expires_at: orm.Mapped[datetime.datetime | None]
    first_time_transaction: orm.Mapped[bool] = orm.mapped_column(default=False)
    minimum_amount: orm.Mapped[int | None]
    minimum_amount_currency: orm.Mapped[str | None] = orm.mapped_column(sa.String(3))
    currency_options: orm.Mapped[JsonDict | None]

    coupon: orm.Mapped[Coupon | None] = orm.relationship(
        primaryjoin=catalog_reference("Coupon", "coupon_processor_id").format(self="PromotionCode"),
        viewonly=True,
    )

    @hybrid_property
    def is_expired(self) -> bool:
        """Whether the time in which it could be redeemed is over."""
        return self.expires_at is not None and self.expires_at <= clock.now()

    @is_expired.inplace.expression
    @classmethod
    def _is_expired(cls) -> sa.ColumnElement[bool]:
        return _has_come(cls.expires_at)

    @hybrid_property
    def is_redeemable(self) -> bool:
        """Whether somebody can still redeem it, as far as is known."""
        is_over = self.is_expired or self.is_exhausted or self.deleted_at is not None
        return self.is_active and not is_over

    @is_redeemable.inplace.expression
    @classmethod
    def _is_redeemable(cls) -> sa.ColumnElement[bool]:
        is_over = sa.or_(cls.is_expired, cls.is_exhausted, cls.deleted_at.is_not(None))
        return sa.and_(cls.is_active, sa.not_(is_over))


class Redemption(Row):
    """Somebody had a coupon: what is known of a discount, also after it's over.

    :ivar discount_processor_id: the processor's id of the discount.
    :ivar subscription_processor_id: what it was for; ``None``: all subscriptions of the customer.
    :ivar promotion_code_processor_id: the code that was typed, or ``None``.
    :ivar ends_at: when a coupon for some months is over.
    """

    __tablename__ = "accrue_redemptions"
    __table_args__ = (
        sa.UniqueConstraint("processor", "discount_processor_id"),
        sa.Index("ix_accrue_redemptions_list", "redeemed_at", "id"),
        sa.Index("ix_accrue_redemptions_coupon", "processor", "coupon_processor_id"),
        sa.Index("ix_accrue_redemptions_code", "processor", "promotion_code_processor_id"),
    )

    processor: orm.Mapped[str] = orm.mapped_column(exact(32))
    discount_processor_id: orm.Mapped[str]
    customer_id: orm.Mapped[uuid.UUID] = orm.mapped_column(
        sa.ForeignKey("accrue_customers.id"), index=True
    )
    subscription_processor_id: orm.Mapped[str | None]
    coupon_processor_id: orm.Mapped[str]
    promotion_code_processor_id: orm.Mapped[str | None]
    redeemed_at: orm.Mapped[datetime.datetime]
    ends_at: orm.Mapped[datetime.datetime | None]

    customer: orm.Mapped[Customer] = orm.relationship(viewonly=True)


def _has_come(moment: t.Any) -> sa.ColumnElement[bool]:
    return sa.func.coalesce(moment <= clock.now(), sa.false())
