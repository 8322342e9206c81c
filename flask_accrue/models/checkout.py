"""Pages on which customers pay."""

from __future__ import annotations

import datetime
import typing as t
import uuid

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.hybrid import hybrid_property

from .base import Mirrored, mirrored_constraints
from .customers import Customer

#: How the ids of sessions begin that only we know.
MOUNTED_PREFIX: t.Final = "cs_mounted_"


class CheckoutAmounts(t.NamedTuple):
    """What is due at once, in minor units: ``subtotal`` - ``discount`` + ``tax`` + ``balance``.

    :ivar tax: what comes on top of the prices.
    :ivar balance: what the customer owes from before; below 0: has as credit.
    """

    subtotal: int
    discount: int
    tax: int
    balance: int


class CheckoutSession(Mirrored):
    """A page on which a customer pays.

    :ivar amount_total: minor units of ``currency``; ``None`` where nothing is paid.
    :ivar url: opens it without a log-in, while it's open; no entry of the ledger tells it.
    """

    __tablename__ = "accrue_checkout_sessions"

    customer_id: orm.Mapped[uuid.UUID] = orm.mapped_column(sa.ForeignKey("accrue_customers.id"))
    mode: orm.Mapped[str] = orm.mapped_column(sa.String(50))
    status: orm.Mapped[str] = orm.mapped_column(sa.String(50))
    payment_status: orm.Mapped[str] = orm.mapped_column(sa.String(50))
    currency: orm.Mapped[str | None] = orm.mapped_column(sa.String(3))
    amount_total: orm.Mapped[int | None]
    subscription_processor_id: orm.Mapped[str | None] = orm.mapped_column(index=True)
    payment_intent_processor_id: orm.Mapped[str | None]
    setup_intent_processor_id: orm.Mapped[str | None]
    invoice_processor_id: orm.Mapped[str | None]
    client_reference_id: orm.Mapped[str | None]
    expires_at: orm.Mapped[datetime.datetime | None]
    url: orm.Mapped[str | None] = orm.mapped_column(sa.Text)

    customer: orm.Mapped[Customer] = orm.relationship(viewonly=True)

    @orm.declared_attr.directive
    def __table_args__(cls) -> tuple[t.Any, ...]:  # noqa: N805 - a directive's first argument is the class
        table = "accrue_checkout_sessions"
        return (
            *mirrored_constraints(table),
            sa.Index(f"ix_{table}_customer", "customer_id", "created", "id"),
            sa.Index(f"ix_{table}_expiry", "status", "expires_at"),
        )

    @property
    def amounts(self) -> CheckoutAmounts | None:
        """What is due at once, in parts; ``None`` where nothing is, and of a processor's own page."""
        whole = self.raw.get("amount_subtotal")
        if whole is None or "amount_balance" not in self.raw:
            return None
        names = ("amount_discount", "amount_tax", "amount_balance")
        return CheckoutAmounts(whole, *(self.raw.get(name) or 0 for name in names))

    @property
    def taken_off_by(self) -> dict[str, str | None]:
        """What a mounted page takes off, by the processor's ids: ``coupon`` or ``promotion_code``."""
        return {name: self.raw.get(name) for name in ("coupon", "promotion_code")}

    @property
    def needs_address(self) -> bool:
        """Whether a mounted page has to ask where its customer is, before it can say what is due."""
        return bool(self.raw.get("needs_address"))

    @property
    def is_kept_here(self) -> bool:
        """Whether it's of a mounted page, and a processor with pages of its own knows nothing of it."""
        return self.processor_id.startswith(MOUNTED_PREFIX)

    @property
    def waits(self) -> bool:
        """Whether something came of it already: while it's open, that waits for its payment to be
        confirmed."""
        made = (
            self.subscription_processor_id,
            self.payment_intent_processor_id,
            self.invoice_processor_id,
        )
        return any(each is not None for each in made)

    @hybrid_property
    def is_open(self) -> bool:
        """Whether the customer can still pay on it."""
        return self.status == "open"

    @hybrid_property
    def is_expired(self) -> bool:
        """Closed without having been completed."""
        return self.status == "expired"

    @hybrid_property
    def is_complete(self) -> bool:
        """Whether the customer came to its end; a payment may still be on its way."""
        return self.status == "complete"
