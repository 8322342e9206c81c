"""What is sold: products and prices."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.hybrid import hybrid_property

from ..money import Money
from .base import CatalogRow, catalog_reference

#: The key of a price's raw object with its amounts in several currencies.
CURRENCY_OPTIONS: t.Final = "currency_options"


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

    @property
    def currencies(self) -> frozenset[str]:
        """All currencies in which it's sold: its own, and those of which the processor has an amount."""
        return frozenset({self.currency, *self._options})

    def money_in(self, currency: str | None) -> Money | None:
        """Return the price of one in a currency, ``None``: its own.

        It's ``None`` where it isn't sold in that, or isn't a whole number of minor units.
        """
        if currency in (None, self.currency):
            return self.money
        amount = (self._options.get(currency) or {}).get("unit_amount")
        return Money(amount, currency) if isinstance(amount, int) and currency is not None else None

    @property
    def _options(self) -> t.Mapping[t.Any, t.Any]:
        found = self.raw.get(CURRENCY_OPTIONS)
        return found if isinstance(found, dict) else {}

    @hybrid_property
    def is_metered(self) -> bool:
        """Whether it's billed by reported usage, so that an item of it has no quantity."""
        return self.usage_type == "metered"
