"""What is sold."""

from __future__ import annotations

import dataclasses

from .base import ProcessorObject


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
    ``unspecified``. ``lacks_currencies`` says that it may be sold in others than ``currency``, of which only
    a fetch tells: ``raw["currency_options"]`` has the ``unit_amount`` by each.
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
    lacks_currencies: bool = dataclasses.field(default=False, compare=False)
