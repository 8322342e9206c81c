"""What is sold: products and prices."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.hybrid import hybrid_property

from ..money import Money
from .base import CatalogRow, catalog_reference


class Product(CatalogRow):
    """Something that is sold."""

    __tablename__ = "accrue_products"

    name: orm.Mapped[str]
    description: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    active: orm.Mapped[bool] = orm.mapped_column(default=True)


class Price(CatalogRow):
    """What a product costs.

    :ivar unit_amount: minor units of ``currency``; ``None`` for tiers and parts of a minor unit.
    :ivar interval: ``day``, ``week``, ``month`` or ``year``; ``None``: paid once.
    :ivar tax_behavior: ``inclusive``: the amount holds its tax; ``exclusive``: it comes on top; or
        ``unspecified``.
    """

    __tablename__ = "accrue_prices"

    product_processor_id: orm.Mapped[str] = orm.mapped_column(index=True)
    nickname: orm.Mapped[str | None]
    lookup_key: orm.Mapped[str | None] = orm.mapped_column(index=True)
    active: orm.Mapped[bool] = orm.mapped_column(default=True)
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    unit_amount: orm.Mapped[int | None]
    interval: orm.Mapped[str | None] = orm.mapped_column(sa.String(10))
    interval_count: orm.Mapped[int] = orm.mapped_column(sa.Integer, default=1)
    usage_type: orm.Mapped[str] = orm.mapped_column(sa.String(20), default="licensed")
    tax_behavior: orm.Mapped[str] = orm.mapped_column(sa.String(20), default="unspecified")

    product: orm.Mapped[Product | None] = orm.relationship(
        primaryjoin=catalog_reference("Product", "product_processor_id").format(self="Price"),
        viewonly=True,
    )

    @property
    def money(self) -> Money | None:
        """The price of one, or ``None`` where that isn't a whole number of minor units."""
        return None if self.unit_amount is None else Money(self.unit_amount, self.currency)

    @hybrid_property
    def is_metered(self) -> bool:
        """Whether it's billed by reported usage, so that an item of it has no quantity."""
        return self.usage_type == "metered"
