"""Attempts that the customer may have to confirm: at a payment, and at a card for later."""

from __future__ import annotations

import datetime
import typing as t
import uuid

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.hybrid import hybrid_property

from ..money import Money
from .base import Mirrored, soft_reference
from .customers import Customer, PaymentMethod


class Intent(Mirrored):
    """What the customer's browser may have to confirm.

    :ivar client_secret: for the customer's browser, where it came with a call just now. It's never stored:
        :func:`flask_accrue.billing.client_secret` asks for it anew.
    """

    __abstract__ = True

    status: orm.Mapped[str] = orm.mapped_column(sa.String(50))
    payment_method_processor_id: orm.Mapped[str | None]
    error_code: orm.Mapped[str | None]
    error_decline_code: orm.Mapped[str | None]
    cancellation_reason: orm.Mapped[str | None]

    @property
    def client_secret(self) -> str | None:
        """What the customer's browser needs to go on; ``None`` unless a call has brought it just now."""
        return t.cast("str | None", self.__dict__.get(_LENT))

    def lend_secret(self, secret: str | None) -> None:
        """Note the secret that an answer brought, in memory alone."""
        self.__dict__[_LENT] = secret

    @hybrid_property
    def is_canceled(self) -> bool:
        """Given up; it can't be confirmed any more."""
        return self.status == "canceled"

    @hybrid_property
    def requires_action(self) -> bool:
        """The customer has to confirm it at the bank."""
        return self.status in ("requires_action", "requires_confirmation")

    @requires_action.inplace.expression
    @classmethod
    def _requires_action(cls) -> sa.ColumnElement[bool]:
        return cls.status.in_(("requires_action", "requires_confirmation"))

    @hybrid_property
    def requires_payment_method(self) -> bool:
        """No card is on it, or the card was refused; another one may be tried."""
        return self.status == "requires_payment_method"


#: No name of a column's, so that no session ever looks at it.
_LENT: t.Final = " client secret"


class PaymentIntent(Intent):
    """An attempt to collect an amount.

    :ivar amount_capturable: what the bank holds, in minor units, while it waits to be captured.
    """

    __tablename__ = "accrue_payment_intents"

    customer_id: orm.Mapped[uuid.UUID] = orm.mapped_column(
        sa.ForeignKey("accrue_customers.id"), index=True
    )
    amount: orm.Mapped[int]
    amount_received: orm.Mapped[int] = orm.mapped_column(default=0)
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    capture_method: orm.Mapped[str] = orm.mapped_column(sa.String(50), default="automatic")
    amount_capturable: orm.Mapped[int] = orm.mapped_column(default=0)
    latest_charge_processor_id: orm.Mapped[str | None]
    invoice_processor_id: orm.Mapped[str | None] = orm.mapped_column(index=True)
    canceled_at: orm.Mapped[datetime.datetime | None]

    customer: orm.Mapped[Customer] = orm.relationship(viewonly=True)

    @property
    def money(self) -> Money:
        """The whole amount."""
        return Money(self.amount, self.currency)

    @hybrid_property
    def is_succeeded(self) -> bool:
        """The money is collected."""
        return self.status == "succeeded"

    @hybrid_property
    def requires_confirmation(self) -> bool:
        """A card is on it, and the bank wasn't asked yet."""
        return self.status == "requires_confirmation"

    @hybrid_property
    def requires_capture(self) -> bool:
        """The bank holds the money, and it waits to be taken."""
        return self.status == "requires_capture"


class SetupIntent(Intent):
    """A card being set up for later, without a charge."""

    __tablename__ = "accrue_setup_intents"

    customer_id: orm.Mapped[uuid.UUID] = orm.mapped_column(
        sa.ForeignKey("accrue_customers.id"), index=True
    )
    usage: orm.Mapped[str] = orm.mapped_column(sa.String(50))

    customer: orm.Mapped[Customer] = orm.relationship(viewonly=True)
    payment_method: orm.Mapped[PaymentMethod | None] = orm.relationship(
        primaryjoin=soft_reference("PaymentMethod", "payment_method_processor_id").format(
            self="SetupIntent"
        ),
        viewonly=True,
    )

    @hybrid_property
    def is_succeeded(self) -> bool:
        """The card is set up, and attached to the customer."""
        return self.status == "succeeded"
