"""Invoices, their lines and the payments laid against them."""

from __future__ import annotations

import datetime
import typing as t
import uuid

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.hybrid import hybrid_property

from ..money import Money
from .base import JsonDict, JsonList, Mirrored, Row, mirrored_constraints, soft_reference
from .customers import Customer
from .subscriptions import Subscription


class Invoice(Mirrored):
    """A bill. All amounts are minor units of ``currency``.

    :ivar discount_amounts: what each discount took off: ``discount`` (its id) and ``amount``.
    :ivar tax: all of it; ``inclusive_tax`` is what of that the prices hold already, so that
        ``total`` = ``subtotal`` - ``discount`` + ``tax`` - ``inclusive_tax``.
    :ivar total_taxes: its parts, each with ``amount``, ``inclusive``, ``taxable_amount`` and ``reason``.
    :ivar automatic_tax_status: ``None`` where tax isn't reckoned automatically.
    :ivar auto_advance: the processor finalizes and collects it by itself.
    :ivar first_failed_at: the earliest failure to collect it, in the processor's time. Where no event has
        told it, that of its failed charges, or else since when it's owed.
    """

    __tablename__ = "accrue_invoices"

    customer_id: orm.Mapped[uuid.UUID] = orm.mapped_column(sa.ForeignKey("accrue_customers.id"))
    subscription_processor_id: orm.Mapped[str | None]
    status: orm.Mapped[str] = orm.mapped_column(sa.String(50))
    number: orm.Mapped[str | None] = orm.mapped_column(sa.String(64), index=True)
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    subtotal: orm.Mapped[int]
    discount: orm.Mapped[int] = orm.mapped_column(default=0)
    discount_amounts: orm.Mapped[JsonList] = orm.mapped_column(default=list)
    tax: orm.Mapped[int] = orm.mapped_column(default=0)
    inclusive_tax: orm.Mapped[int] = orm.mapped_column(default=0)
    total: orm.Mapped[int]
    total_taxes: orm.Mapped[JsonList] = orm.mapped_column(default=list)
    automatic_tax_status: orm.Mapped[str | None] = orm.mapped_column(sa.String(50))
    starting_balance: orm.Mapped[int] = orm.mapped_column(default=0)
    ending_balance: orm.Mapped[int | None]
    amount_due: orm.Mapped[int]
    amount_paid: orm.Mapped[int]
    amount_remaining: orm.Mapped[int]
    billing_reason: orm.Mapped[str | None] = orm.mapped_column(sa.String(50))
    collection_method: orm.Mapped[str] = orm.mapped_column(
        sa.String(50), default="charge_automatically"
    )
    auto_advance: orm.Mapped[bool] = orm.mapped_column(default=False)
    description: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    attempt_count: orm.Mapped[int] = orm.mapped_column(sa.Integer, default=0)
    next_payment_attempt: orm.Mapped[datetime.datetime | None]
    due_date: orm.Mapped[datetime.datetime | None]
    period_start: orm.Mapped[datetime.datetime | None]
    period_end: orm.Mapped[datetime.datetime | None]
    finalized_at: orm.Mapped[datetime.datetime | None]
    paid_at: orm.Mapped[datetime.datetime | None]
    voided_at: orm.Mapped[datetime.datetime | None]
    first_failed_at: orm.Mapped[datetime.datetime | None]
    hosted_url: orm.Mapped[str | None] = orm.mapped_column(sa.Text)

    customer: orm.Mapped[Customer] = orm.relationship(viewonly=True)
    subscription: orm.Mapped[Subscription | None] = orm.relationship(
        primaryjoin=soft_reference("Subscription", "subscription_processor_id").format(
            self="Invoice"
        ),
        viewonly=True,
    )
    items: orm.Mapped[list[InvoiceItem]] = orm.relationship(
        order_by="InvoiceItem.position", viewonly=True
    )
    payments: orm.Mapped[list[InvoicePayment]] = orm.relationship(
        primaryjoin="and_(remote(InvoicePayment.invoice_processor_id) == "
        "foreign(Invoice.processor_id), "
        "remote(InvoicePayment.processor) == foreign(Invoice.processor))",
        order_by="InvoicePayment.created",
        uselist=True,
        viewonly=True,
    )

    @orm.declared_attr.directive
    def __table_args__(cls) -> tuple[t.Any, ...]:  # noqa: N805 - a directive's first argument is the class
        return (
            *mirrored_constraints("accrue_invoices"),
            sa.Index("ix_accrue_invoices_customer", "customer_id", "created", "id"),
            sa.Index("ix_accrue_invoices_subscription", "processor", "subscription_processor_id"),
            sa.Index("ix_accrue_invoices_status_list", "status", "created", "id"),
        )

    @hybrid_property
    def is_draft(self) -> bool:
        """Still being written; nobody owes anything yet. One that was deleted isn't any more."""
        return self.status == "draft" and self.deleted_at is None

    @is_draft.inplace.expression
    @classmethod
    def _is_draft(cls) -> sa.ColumnElement[bool]:
        return sa.and_(cls.status == "draft", cls.deleted_at.is_(None))

    @hybrid_property
    def is_open(self) -> bool:
        """Finalized and waiting for payment."""
        return self.status == "open"

    @hybrid_property
    def is_paid(self) -> bool:
        """Settled."""
        return self.status == "paid"

    @hybrid_property
    def is_void(self) -> bool:
        """Withdrawn: voided, or deleted while it was a draft."""
        return self.status == "void" or (self.status == "draft" and self.deleted_at is not None)

    @is_void.inplace.expression
    @classmethod
    def _is_void(cls) -> sa.ColumnElement[bool]:
        deleted = sa.and_(cls.status == "draft", cls.deleted_at.is_not(None))
        return sa.or_(cls.status == "void", deleted)

    @hybrid_property
    def is_uncollectible(self) -> bool:
        """Written off; it may still be paid or voided."""
        return self.status == "uncollectible"

    @property
    def total_money(self) -> Money:
        """The total, after discounts and with tax."""
        return Money(self.total, self.currency)


class InvoiceItem(Row):
    """A line of an invoice, in the processor's order.

    :ivar processor_id: ``None`` where the processor gives a line no id; then the position tells.
    :ivar invoice_item_processor_id: what it was added as, if it was added by itself; then it can be removed.
    :ivar tax: what comes on top of the amount; ``inclusive_tax`` is what the amount holds.
    """

    __tablename__ = "accrue_invoice_items"

    invoice_id: orm.Mapped[uuid.UUID] = orm.mapped_column(
        sa.ForeignKey("accrue_invoices.id", ondelete="CASCADE")
    )
    position: orm.Mapped[int] = orm.mapped_column(sa.Integer)
    processor_id: orm.Mapped[str | None]
    invoice_item_processor_id: orm.Mapped[str | None]
    description: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    amount: orm.Mapped[int]
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    discount: orm.Mapped[int] = orm.mapped_column(default=0)
    tax: orm.Mapped[int] = orm.mapped_column(default=0)
    inclusive_tax: orm.Mapped[int] = orm.mapped_column(default=0)
    quantity: orm.Mapped[int | None]
    price_processor_id: orm.Mapped[str | None]
    subscription_processor_id: orm.Mapped[str | None]
    subscription_item_processor_id: orm.Mapped[str | None]
    period_start: orm.Mapped[datetime.datetime | None]
    period_end: orm.Mapped[datetime.datetime | None]
    proration: orm.Mapped[bool] = orm.mapped_column(default=False)
    raw: orm.Mapped[JsonDict] = orm.mapped_column(default=dict)

    __table_args__ = (sa.UniqueConstraint("invoice_id", "position"),)


class InvoicePayment(Mirrored):
    """A payment laid against an invoice: ``open``, ``paid`` or ``canceled``."""

    __tablename__ = "accrue_invoice_payments"

    customer_id: orm.Mapped[uuid.UUID] = orm.mapped_column(sa.ForeignKey("accrue_customers.id"))
    invoice_processor_id: orm.Mapped[str]
    status: orm.Mapped[str] = orm.mapped_column(sa.String(50))
    amount_requested: orm.Mapped[int | None]
    amount_paid: orm.Mapped[int | None]
    currency: orm.Mapped[str | None] = orm.mapped_column(sa.String(3))
    payment_intent_processor_id: orm.Mapped[str | None] = orm.mapped_column(index=True)
    charge_processor_id: orm.Mapped[str | None] = orm.mapped_column(index=True)
    is_default: orm.Mapped[bool] = orm.mapped_column(default=True)
    paid_at: orm.Mapped[datetime.datetime | None]

    @orm.declared_attr.directive
    def __table_args__(cls) -> tuple[t.Any, ...]:  # noqa: N805 - a directive's first argument is the class
        return (
            *mirrored_constraints("accrue_invoice_payments"),
            sa.Index("ix_accrue_invoice_payments_invoice", "processor", "invoice_processor_id"),
        )


class CreditNote(Mirrored):
    """What an invoice was lowered by after it was finalized. Amounts are minor units of ``currency``.

    :ivar total: what it lowers the invoice by.
    :ivar pre_payment_amount: what of that was left to pay; ``post_payment_amount`` was given back.
    :ivar out_of_band_amount: what of that was given back elsewhere.
    :ivar refund_processor_ids: the refunds that gave it back.
    """

    __tablename__ = "accrue_credit_notes"

    customer_id: orm.Mapped[uuid.UUID] = orm.mapped_column(
        sa.ForeignKey("accrue_customers.id"), index=True
    )
    invoice_processor_id: orm.Mapped[str] = orm.mapped_column(index=True)
    number: orm.Mapped[str | None] = orm.mapped_column(sa.String(64))
    status: orm.Mapped[str] = orm.mapped_column(sa.String(50))
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    subtotal: orm.Mapped[int]
    total: orm.Mapped[int]
    pre_payment_amount: orm.Mapped[int] = orm.mapped_column(default=0)
    post_payment_amount: orm.Mapped[int] = orm.mapped_column(default=0)
    out_of_band_amount: orm.Mapped[int] = orm.mapped_column(default=0)
    reason: orm.Mapped[str | None] = orm.mapped_column(sa.String(50))
    memo: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    voided_at: orm.Mapped[datetime.datetime | None]
    refund_processor_ids: orm.Mapped[JsonList]

    customer: orm.Mapped[Customer] = orm.relationship(viewonly=True)
    invoice: orm.Mapped[Invoice | None] = orm.relationship(
        primaryjoin=soft_reference("Invoice", "invoice_processor_id").format(self="CreditNote"),
        viewonly=True,
    )

    @property
    def money(self) -> Money:
        """What it lowers the invoice by."""
        return Money(self.total, self.currency)

    @hybrid_property
    def is_void(self) -> bool:
        """Whether it was withdrawn."""
        return self.status == "void"
