"""Money that moves: payment and setup intents, charges, refunds and disputes."""

from __future__ import annotations

import datetime
import typing as t
import uuid

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.hybrid import hybrid_property

from ..money import Money
from .base import Mirrored, mirrored_constraints, soft_reference
from .connect import Transfer
from .customers import Customer, PaymentMethod


class LentSecret:
    """A row that may know its client secret for as long as it is in memory."""

    @property
    def client_secret(self) -> str | None:
        """What the customer's browser needs to go on; ``None`` unless a call has brought it just now."""
        return t.cast("str | None", self.__dict__.get(_LENT))

    def lend_secret(self, secret: str | None) -> None:
        """Note the secret that an answer brought, in memory alone."""
        self.__dict__[_LENT] = secret


#: No name of a column's, so that no session ever looks at it.
_LENT: t.Final = " client secret"


class PaymentIntent(LentSecret, Mirrored):
    """An attempt to collect an amount.

    :ivar amount_capturable: what the bank holds, in minor units, while it waits to be captured.
    :ivar client_secret: for the customer's browser, where it came with a call just now. It's never stored:
        :func:`flask_accrue.billing.client_secret` asks for it anew.
    """

    __tablename__ = "accrue_payment_intents"

    customer_id: orm.Mapped[uuid.UUID] = orm.mapped_column(
        sa.ForeignKey("accrue_customers.id"), index=True
    )
    status: orm.Mapped[str] = orm.mapped_column(sa.String(50))
    amount: orm.Mapped[int]
    amount_received: orm.Mapped[int] = orm.mapped_column(default=0)
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    capture_method: orm.Mapped[str] = orm.mapped_column(sa.String(50), default="automatic")
    amount_capturable: orm.Mapped[int] = orm.mapped_column(default=0)
    payment_method_processor_id: orm.Mapped[str | None]
    latest_charge_processor_id: orm.Mapped[str | None]
    invoice_processor_id: orm.Mapped[str | None] = orm.mapped_column(index=True)
    error_code: orm.Mapped[str | None]
    error_decline_code: orm.Mapped[str | None]
    canceled_at: orm.Mapped[datetime.datetime | None]
    cancellation_reason: orm.Mapped[str | None]

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
        """No card is on it, or the card was refused; another one may be tried."""
        return self.status == "requires_payment_method"

    @hybrid_property
    def requires_confirmation(self) -> bool:
        """A card is on it, and the bank wasn't asked yet."""
        return self.status == "requires_confirmation"

    @hybrid_property
    def requires_capture(self) -> bool:
        """The bank holds the money, and it waits to be taken."""
        return self.status == "requires_capture"


class SetupIntent(LentSecret, Mirrored):
    """A card being set up for later, without a charge.

    :ivar client_secret: as of a payment intent.
    """

    __tablename__ = "accrue_setup_intents"

    customer_id: orm.Mapped[uuid.UUID] = orm.mapped_column(
        sa.ForeignKey("accrue_customers.id"), index=True
    )
    status: orm.Mapped[str] = orm.mapped_column(sa.String(50))
    usage: orm.Mapped[str] = orm.mapped_column(sa.String(50))
    payment_method_processor_id: orm.Mapped[str | None]
    error_code: orm.Mapped[str | None]
    error_decline_code: orm.Mapped[str | None]
    cancellation_reason: orm.Mapped[str | None]

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
