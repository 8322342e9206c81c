"""Customers, and what is theirs: payment methods and tax ids."""

from __future__ import annotations

import dataclasses
import typing as t

from .base import UNSAID, ProcessorObject, Unsaid
from .discounts import Discount


@dataclasses.dataclass(frozen=True, kw_only=True)
class Customer(ProcessorObject):
    """Who pays. ``balance`` below 0 is credit; ``discounts`` hold for subscriptions without any.
    ``address`` is what tax goes by; only ``raw`` keeps it. ``tax_exempt`` is ``none``, ``exempt``, or
    ``reverse`` for one who pays the tax office itself."""

    kind = "customer"

    name: str | None = None
    email: str | None = None
    preferred_locale: str | None = None
    default_payment_method: str | None = None
    currency: str | None = None
    balance: int = 0
    discounts: tuple[Discount, ...] | Unsaid = UNSAID
    address: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    tax_exempt: str = "none"

    @property
    def country(self) -> str | None:
        """The country of the address, where that is two letters."""
        country = self.address.get("country") or ""
        return country if len(country) == 2 else None


@dataclasses.dataclass(frozen=True, kw_only=True)
class PaymentMethod(ProcessorObject):
    """A stored card or account; ``customer`` is ``None`` once it's detached."""

    kind = "payment_method"

    customer: str | None
    type: str = "card"
    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    fingerprint: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaxId(ProcessorObject):
    """A customer's number at a tax office. ``verification_status`` is ``None`` where none is verified."""

    kind = "tax_id"

    customer: str | None
    type: str
    value: str
    country: str | None = None
    verification_status: str | None = None
