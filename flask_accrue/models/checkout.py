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
        )

    @property
    def is_kept_here(self) -> bool:
        """Whether it's of a mounted page, and a processor with pages of its own knows nothing of it."""
        return self.processor_id.startswith(MOUNTED_PREFIX)

    @property
    def waits(self) -> bool:
        """Whether something came of it already: while it's open, that waits for its payment to be
        confirmed."""
        return (self.subscription_processor_id or self.payment_intent_processor_id) is not None

    @hybrid_property
    def is_open(self) -> bool:
        """Whether the customer can still pay on it."""
        return self.status == "open"

    @hybrid_property
    def is_complete(self) -> bool:
        """Whether the customer came to its end; a payment may still be on its way."""
        return self.status == "complete"
