"""Money that moves: payment intents, charges and refunds."""

from __future__ import annotations

import datetime
import typing as t
import uuid

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.hybrid import hybrid_property

from ..money import Money
from .base import Mirrored, mirrored_constraints, soft_reference
from .customers import Customer, PaymentMethod


class PaymentIntent(Mirrored):
    """An attempt to collect an amount. Its client secret is never stored."""

    __tablename__ = "accrue_payment_intents"

    customer_id: orm.Mapped[uuid.UUID] = orm.mapped_column(
        sa.ForeignKey("accrue_customers.id"), index=True
    )
    status: orm.Mapped[str] = orm.mapped_column(sa.String(50))
    amount: orm.Mapped[int]
    amount_received: orm.Mapped[int] = orm.mapped_column(default=0)
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    capture_method: orm.Mapped[str] = orm.mapped_column(sa.String(50), default="automatic")
    payment_method_processor_id: orm.Mapped[str | None]
    latest_charge_processor_id: orm.Mapped[str | None]
    invoice_processor_id: orm.Mapped[str | None] = orm.mapped_column(index=True)
    error_code: orm.Mapped[str | None]
    error_decline_code: orm.Mapped[str | None]
    canceled_at: orm.Mapped[datetime.datetime | None]

    customer: orm.Mapped[Customer] = orm.relationship(viewonly=True)

    @hybrid_property
    def is_succeeded(self) -> bool:
        """The money is collected."""
        return self.status == "succeeded"

    @hybrid_property
    def is_canceled(self) -> bool:
        """Given up; it can't be paid any more."""
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
        """The card was refused; another one may be tried."""
        return self.status == "requires_payment_method"


class Charge(Mirrored):
    """Money that moved, or was refused. Amounts are minor units of ``currency``.

    :ivar fee: what the processor kept, ``None`` until it said so; ``net`` is the rest.
    """

    __tablename__ = "accrue_charges"

    customer_id: orm.Mapped[uuid.UUID] = orm.mapped_column(sa.ForeignKey("accrue_customers.id"))
    status: orm.Mapped[str] = orm.mapped_column(sa.String(50))
    amount: orm.Mapped[int]
    amount_captured: orm.Mapped[int] = orm.mapped_column(default=0)
    amount_refunded: orm.Mapped[int] = orm.mapped_column(default=0)
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    captured: orm.Mapped[bool] = orm.mapped_column(default=True)
    disputed: orm.Mapped[bool] = orm.mapped_column(default=False)
    payment_intent_processor_id: orm.Mapped[str | None] = orm.mapped_column(index=True)
    payment_method_processor_id: orm.Mapped[str | None]
    invoice_processor_id: orm.Mapped[str | None] = orm.mapped_column(index=True)
    failure_code: orm.Mapped[str | None]
    decline_code: orm.Mapped[str | None]
    receipt_url: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    fee: orm.Mapped[int | None]
    net: orm.Mapped[int | None]

    customer: orm.Mapped[Customer] = orm.relationship(viewonly=True)
    payment_method: orm.Mapped[PaymentMethod | None] = orm.relationship(
        primaryjoin=soft_reference("PaymentMethod", "payment_method_processor_id").format(
            self="Charge"
        ),
        viewonly=True,
    )
    refunds: orm.Mapped[list[Refund]] = orm.relationship(
        primaryjoin="and_(remote(Refund.charge_processor_id) == foreign(Charge.processor_id), "
        "remote(Refund.processor) == foreign(Charge.processor))",
        order_by="Refund.created",
        uselist=True,
        viewonly=True,
    )

    @orm.declared_attr.directive
    def __table_args__(cls) -> tuple[t.Any, ...]:  # noqa: N805 - a directive's first argument is the class
        return (
            *mirrored_constraints("accrue_charges"),
            sa.Index("ix_accrue_charges_customer", "customer_id", "created", "id"),
        )

    @property
    def money(self) -> Money:
        """The whole amount."""
        return Money(self.amount, self.currency)

    @hybrid_property
    def is_succeeded(self) -> bool:
        """The money moved."""
        return self.status == "succeeded"

    @hybrid_property
    def is_failed(self) -> bool:
        """The bank refused."""
        return self.status == "failed"

    @hybrid_property
    def amount_refundable(self) -> int:
        """What is left to refund, in minor units."""
        return self.amount_captured - self.amount_refunded

    @hybrid_property
    def is_fully_refunded(self) -> bool:
        """All of it was given back."""
        return self.amount_refunded > 0 and self.amount_refunded == self.amount_captured

    @is_fully_refunded.inplace.expression
    @classmethod
    def _is_fully_refunded(cls) -> sa.ColumnElement[bool]:
        return sa.and_(cls.amount_refunded > 0, cls.amount_refunded == cls.amount_captured)

    @hybrid_property
    def is_partially_refunded(self) -> bool:
        """Some of it was given back, and some not."""
        return 0 < self.amount_refunded < self.amount_captured

    @is_partially_refunded.inplace.expression
    @classmethod
    def _is_partially_refunded(cls) -> sa.ColumnElement[bool]:
        return sa.and_(cls.amount_refunded > 0, cls.amount_refunded < cls.amount_captured)


class Refund(Mirrored):
    """Money given back."""

    __tablename__ = "accrue_refunds"

    customer_id: orm.Mapped[uuid.UUID] = orm.mapped_column(
        sa.ForeignKey("accrue_customers.id"), index=True
    )
    charge_processor_id: orm.Mapped[str | None] = orm.mapped_column(index=True)
    payment_intent_processor_id: orm.Mapped[str | None]
    status: orm.Mapped[str] = orm.mapped_column(sa.String(50))
    amount: orm.Mapped[int]
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    reason: orm.Mapped[str | None]
    failure_reason: orm.Mapped[str | None]

    @hybrid_property
    def is_succeeded(self) -> bool:
        """The money went back."""
        return self.status == "succeeded"

    @hybrid_property
    def is_failed(self) -> bool:
        """The money couldn't go back, or the refund was withdrawn."""
        return self.status in ("failed", "canceled")

    @is_failed.inplace.expression
    @classmethod
    def _is_failed(cls) -> sa.ColumnElement[bool]:
        return cls.status.in_(("failed", "canceled"))


class Dispute(Mirrored):
    """A charge that the customer's bank takes back, for now or for good.

    :ivar evidence_due_by: until when the merchant may answer.
    """

    __tablename__ = "accrue_disputes"

    customer_id: orm.Mapped[uuid.UUID] = orm.mapped_column(
        sa.ForeignKey("accrue_customers.id"), index=True
    )
    charge_processor_id: orm.Mapped[str] = orm.mapped_column(index=True)
    payment_intent_processor_id: orm.Mapped[str | None]
    status: orm.Mapped[str] = orm.mapped_column(sa.String(50))
    amount: orm.Mapped[int]
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    reason: orm.Mapped[str]
    is_charge_refundable: orm.Mapped[bool] = orm.mapped_column(default=False)
    evidence_due_by: orm.Mapped[datetime.datetime | None]

    customer: orm.Mapped[Customer] = orm.relationship(viewonly=True)
    charge: orm.Mapped[Charge | None] = orm.relationship(
        primaryjoin=soft_reference("Charge", "charge_processor_id").format(self="Dispute"),
        viewonly=True,
    )

    @property
    def money(self) -> Money:
        """What the bank takes back."""
        return Money(self.amount, self.currency)

    @hybrid_property
    def is_closed(self) -> bool:
        """Whether it's decided."""
        return self.status in _DECIDED

    @is_closed.inplace.expression
    @classmethod
    def _is_closed(cls) -> sa.ColumnElement[bool]:
        return cls.status.in_(_DECIDED)

    @hybrid_property
    def is_lost(self) -> bool:
        """Whether the money is gone."""
        return self.status == "lost"

    @hybrid_property
    def needs_response(self) -> bool:
        """Whether the merchant can still answer."""
        return self.status in _UNANSWERED

    @needs_response.inplace.expression
    @classmethod
    def _needs_response(cls) -> sa.ColumnElement[bool]:
        return cls.status.in_(_UNANSWERED)


_DECIDED: t.Final = ("won", "lost", "warning_closed", "prevented")
_UNANSWERED: t.Final = ("needs_response", "warning_needs_response", "appeal_needs_response")
