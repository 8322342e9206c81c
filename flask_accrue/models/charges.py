"""Money that moved, is held or was refused, and money that was given back."""

from __future__ import annotations

import datetime
import typing as t
import uuid

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.hybrid import hybrid_property

from ..money import Money
from .base import Mirrored, mirrored_constraints, postgresql_index, soft_reference
from .connect import Transfer
from .customers import Customer, PaymentMethod


class Charge(Mirrored):
    """Money that moved, is held, or was refused. Amounts are minor units of ``currency``.

    What was held and not taken counts as refunded, as it does at Stripe: of 1000 held and 700 captured
    ``amount_refunded`` is 300, and 700 can be given back.

    :ivar fee: what the processor kept, ``None`` until it said so. Refunds don't change it.
    :ivar net: ``amount_captured - fee``, as the processor said it.
    :ivar capture_before: until when money that is held can be taken.
    :ivar transfer_processor_id: the transfer that a destination charge made; ``None`` of any other.
    :ivar application_fee: what the platform keeps of a charge for a connected account, ``None`` where nothing
        was agreed. Giving it back doesn't change it.
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
    capture_before: orm.Mapped[datetime.datetime | None]
    transfer_processor_id: orm.Mapped[str | None]
    application_fee: orm.Mapped[int | None]
    fee: orm.Mapped[int | None]
    net: orm.Mapped[int | None]

    customer: orm.Mapped[Customer] = orm.relationship(viewonly=True)
    payment_method: orm.Mapped[PaymentMethod | None] = orm.relationship(
        primaryjoin=soft_reference("PaymentMethod", "payment_method_processor_id").format(
            self="Charge"
        ),
        viewonly=True,
    )
    transfer: orm.Mapped[Transfer | None] = orm.relationship(
        primaryjoin=soft_reference("Transfer", "transfer_processor_id").format(self="Charge"),
        viewonly=True,
    )
    refunds: orm.Mapped[list[Refund]] = orm.relationship(
        primaryjoin="and_(remote(Refund.charge_processor_id) == foreign(Charge.processor_id), "
        "remote(Refund.processor) == foreign(Charge.processor))",
        order_by="Refund.created, Refund.processor_id",
        uselist=True,
        viewonly=True,
    )

    @orm.declared_attr.directive
    def __table_args__(cls) -> tuple[t.Any, ...]:  # noqa: N805 - a directive's first argument is the class
        return (
            *mirrored_constraints("accrue_charges"),
            sa.Index("ix_accrue_charges_customer", "customer_id", "created", "id"),
            postgresql_index(
                "ix_accrue_charges_without_fee",
                "created",
                "id",
                postgresql_where=sa.text("fee IS NULL"),
            ),
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
        """What is left to refund, in minor units: of what was captured, what wasn't given back."""
        return min(self.amount_captured, self.amount - self.amount_refunded)

    @amount_refundable.inplace.expression
    @classmethod
    def _amount_refundable(cls) -> sa.ColumnElement[int]:
        kept = cls.amount - cls.amount_refunded
        return sa.case((cls.amount_captured < kept, cls.amount_captured), else_=kept)

    @hybrid_property
    def amount_given_back(self) -> int:
        """What was taken and given back again, in minor units."""
        return self.amount_captured - self.amount_refundable

    @hybrid_property
    def is_fully_refunded(self) -> bool:
        """All that was taken was given back."""
        return self.amount_captured > 0 and self.amount_refundable == 0

    @is_fully_refunded.inplace.expression
    @classmethod
    def _is_fully_refunded(cls) -> sa.ColumnElement[bool]:
        return sa.and_(cls.amount_captured > 0, cls.amount_refundable == 0)

    @hybrid_property
    def is_partially_refunded(self) -> bool:
        """Some of what was taken was given back, and some not."""
        return 0 < self.amount_refundable < self.amount_captured

    @is_partially_refunded.inplace.expression
    @classmethod
    def _is_partially_refunded(cls) -> sa.ColumnElement[bool]:
        return sa.and_(cls.amount_refundable > 0, cls.amount_refundable < cls.amount_captured)

    @property
    def amount_kept(self) -> int | None:
        """What the merchant is left with: ``net`` and the ``net`` of all refunds that weren't undone.

        It's below 0 when fees weren't given back. ``None`` until the processor said all of these.
        """
        nets = [self.net, *(refund.net for refund in self.refunds if not refund.is_failed)]
        return None if None in nets else sum(t.cast("list[int]", nets))

    @property
    def merchant_loss(self) -> int | None:
        """What giving back has cost: the fees of money that the merchant doesn't have any more.

        That is ``fee * amount_given_back / amount_captured``, rounded half to even, and the ``fee`` of its
        refunds. ``None`` until the processor said all of these.
        """
        fees = [refund.fee for refund in self.refunds if not refund.is_failed]
        if self.fee is None or None in fees:
            return None
        return self.fee_share(self.amount_given_back) + sum(t.cast("list[int]", fees))

    def fee_share(self, amount: int) -> int:
        """Return how much of the fee an amount of what was captured stands for, rounded half to even."""
        if self.fee is None or self.amount_captured == 0:
            return 0
        return Money(self.fee, self.currency).share(amount, self.amount_captured).amount_minor


class Refund(Mirrored):
    """Money given back, or on its way. Amounts are minor units of ``currency``.

    :ivar fee: what the processor took for it; negative where it gave a part of the charge's fee back.
        ``None`` until it said so.
    :ivar net: ``-amount - fee``, as the processor said it.
    """

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
    fee: orm.Mapped[int | None]
    net: orm.Mapped[int | None]

    charge: orm.Mapped[Charge | None] = orm.relationship(
        primaryjoin=soft_reference("Charge", "charge_processor_id").format(self="Refund"),
        viewonly=True,
    )

    @property
    def money(self) -> Money:
        """The amount given back."""
        return Money(self.amount, self.currency)

    @property
    def merchant_loss(self) -> int | None:
        """What this refund has cost: its part of the charge's fee, and its own ``fee``; 0 if it was undone.

        The parts of a charge's refunds add up to the charge's, however they are rounded: each is what the
        refunds up to it cost less what those before it did. ``None`` until the processor said the fees.
        """
        if self.is_failed:
            return 0
        charge = self.charge
        if charge is None or charge.fee is None or self.fee is None:
            return None
        before = 0
        for each in charge.refunds:
            if each.id == self.id:
                break
            before += 0 if each.is_failed else each.amount
        part = charge.fee_share(before + self.amount) - charge.fee_share(before)
        return part + self.fee

    @hybrid_property
    def is_pending(self) -> bool:
        """It isn't known yet whether the money goes back."""
        return self.status in ("pending", "requires_action")

    @is_pending.inplace.expression
    @classmethod
    def _is_pending(cls) -> sa.ColumnElement[bool]:
        return cls.status.in_(("pending", "requires_action"))

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
