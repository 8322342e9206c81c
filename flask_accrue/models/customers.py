"""Who pays, and with what."""

from __future__ import annotations

import datetime
import typing as t
import uuid

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.hybrid import hybrid_property

from .. import clock
from .base import (
    JsonList,
    Mirrored,
    beginnings_index,
    exact,
    lower_beginnings_index,
    mirrored_constraints,
    postgresql_index,
)
from .beginnings import begins_like, begins_with

if t.TYPE_CHECKING:
    from .entitlements import EntitlementSummary


class Customer(Mirrored):
    """A host's billable at one processor.

    :ivar owner_type: the billable's type name; with ``owner_id`` the only link to the host's model.
    :ivar account: the connected account whose customer it is, ``None``: the platform's. All that hangs on
        the customer is in that account.
    :ivar owner_key: ``type:id``, with the account if there is one, while the customer lives, then ``None``;
        unique for a processor, so that an owner has one living customer there and in each account.
    :ivar generation: counts the owner's customers at this processor; part of the idempotency key.
    :ivar balance: minor units of ``currency``; below 0 is credit.
    :ivar discounts: the one that holds for subscriptions without any, as these have theirs.
    :ivar country: two letters; of the rest of the address only ``raw`` tells.
    :ivar tax_exempt: ``none``, ``exempt`` (pays no tax) or ``reverse`` (pays the tax office itself).
    :ivar default_payment_method_id: the only mark of the default card.
    """

    __tablename__ = "accrue_customers"

    owner_type: orm.Mapped[str] = orm.mapped_column(sa.String(100))
    owner_id: orm.Mapped[str]
    account: orm.Mapped[str | None] = orm.mapped_column(exact(64))
    owner_key: orm.Mapped[str | None] = orm.mapped_column(sa.String(440))
    generation: orm.Mapped[int] = orm.mapped_column(sa.Integer, default=1)
    name: orm.Mapped[str | None] = orm.mapped_column(exact(512))
    email: orm.Mapped[str | None] = orm.mapped_column(exact(512))
    preferred_locale: orm.Mapped[str | None] = orm.mapped_column(sa.String(35))
    preferred_timezone: orm.Mapped[str | None] = orm.mapped_column(sa.String(64))
    currency: orm.Mapped[str | None] = orm.mapped_column(sa.String(3))
    balance: orm.Mapped[int] = orm.mapped_column(default=0)
    discounts: orm.Mapped[JsonList | None]
    country: orm.Mapped[str | None] = orm.mapped_column(sa.String(2))
    tax_exempt: orm.Mapped[str] = orm.mapped_column(
        sa.String(20), default="none", server_default="none"
    )
    default_payment_method_id: orm.Mapped[uuid.UUID | None] = orm.mapped_column(
        sa.ForeignKey("accrue_payment_methods.id", ondelete="SET NULL", use_alter=True)
    )

    payment_methods: orm.Mapped[list[PaymentMethod]] = orm.relationship(
        back_populates="customer",
        foreign_keys="PaymentMethod.customer_id",
        order_by="PaymentMethod.created",
        viewonly=True,
    )
    default_payment_method: orm.Mapped[PaymentMethod | None] = orm.relationship(
        foreign_keys=[default_payment_method_id], viewonly=True
    )
    entitlement_summary: orm.Mapped[EntitlementSummary | None] = orm.relationship(
        back_populates="customer", uselist=False, viewonly=True
    )

    @orm.declared_attr.directive
    def __table_args__(cls) -> tuple[t.Any, ...]:  # noqa: N805 - a directive's first argument is the class
        return (
            *mirrored_constraints("accrue_customers"),
            sa.UniqueConstraint("processor", "owner_key"),
            sa.Index("ix_accrue_customers_owner", "owner_type", "owner_id"),
            sa.Index("ix_accrue_customers_processor", "processor", "created", "id"),
            postgresql_index(
                "ix_accrue_customers_deleted",
                "created",
                "id",
                postgresql_where=sa.text("deleted_at IS NOT NULL"),
            ),
            # What the back office finds customers by.
            lower_beginnings_index("ix_accrue_customers_name_begins", "name"),
            lower_beginnings_index("ix_accrue_customers_email_begins", "email"),
            beginnings_index("ix_accrue_customers_owner_id_begins", "owner_id"),
            beginnings_index("ix_accrue_customers_processor_id_begins", "processor_id"),
        )

    @hybrid_property
    def is_deleted(self) -> bool:
        """Whether the customer is gone at the processor."""
        return self.deleted_at is not None

    @is_deleted.inplace.expression
    @classmethod
    def _is_deleted(cls) -> sa.ColumnElement[bool]:
        return cls.deleted_at.is_not(None)

    @classmethod
    def begins(cls, text: str) -> sa.ColumnElement[bool]:
        """Match those whose name, e-mail address, owner or id at the processor begins with a text."""
        return sa.or_(
            begins_like(cls.name, text),
            begins_like(cls.email, text),
            begins_with(cls.owner_id, text),
            begins_with(cls.processor_id, text),
        )

    @property
    def chain(self) -> str:
        """The name of this customer's chain in the ledger."""
        return f"customer:{self.id}"


class PaymentMethod(Mirrored):
    """A stored card or account. Once detached it stays, so that old charges still name it."""

    __tablename__ = "accrue_payment_methods"

    customer_id: orm.Mapped[uuid.UUID] = orm.mapped_column(
        sa.ForeignKey("accrue_customers.id"), index=True
    )
    type: orm.Mapped[str] = orm.mapped_column(sa.String(50), default="card")
    brand: orm.Mapped[str | None] = orm.mapped_column(sa.String(50))
    last4: orm.Mapped[str | None] = orm.mapped_column(sa.String(4))
    exp_month: orm.Mapped[int | None] = orm.mapped_column(sa.Integer)
    exp_year: orm.Mapped[int | None] = orm.mapped_column(sa.Integer)
    fingerprint: orm.Mapped[str | None]
    detached_at: orm.Mapped[datetime.datetime | None]

    customer: orm.Mapped[Customer] = orm.relationship(
        back_populates="payment_methods", foreign_keys=[customer_id], viewonly=True
    )

    @hybrid_property
    def is_attached(self) -> bool:
        """Whether the customer can still pay with it."""
        return self.detached_at is None and self.deleted_at is None

    @is_attached.inplace.expression
    @classmethod
    def _is_attached(cls) -> sa.ColumnElement[bool]:
        return sa.and_(cls.detached_at.is_(None), cls.deleted_at.is_(None))

    @property
    def is_listed(self) -> bool:
        """Whether the processor is sure to list it with its customer's: Stripe's bank accounts from before
        payment methods have a list of their own (https://docs.stripe.com/api/customer_bank_accounts/list)."""
        return self.type != "bank_account"

    @hybrid_property
    def is_expired(self) -> bool:
        """Whether the card's last month has passed, by billing time in UTC."""
        if self.exp_year is None or self.exp_month is None:
            return False
        now = clock.now()
        return (self.exp_year, self.exp_month) < (now.year, now.month)

    @is_expired.inplace.expression
    @classmethod
    def _is_expired(cls) -> sa.ColumnElement[bool]:
        now = clock.now()
        this_year = sa.and_(cls.exp_year == now.year, cls.exp_month < now.month)
        past = sa.and_(cls.exp_month.is_not(None), sa.or_(cls.exp_year < now.year, this_year))
        return sa.func.coalesce(past, sa.false())


class TaxId(Mirrored):
    """A customer's number at a tax office.

    :ivar type: such as ``eu_vat``.
    :ivar verification_status: ``pending``, ``verified``, ``unverified``, ``unavailable``; ``None`` where that
        type isn't verified.
    """

    __tablename__ = "accrue_tax_ids"

    customer_id: orm.Mapped[uuid.UUID] = orm.mapped_column(
        sa.ForeignKey("accrue_customers.id"), index=True
    )
    type: orm.Mapped[str] = orm.mapped_column(sa.String(50))
    value: orm.Mapped[str]
    country: orm.Mapped[str | None] = orm.mapped_column(sa.String(2))
    verification_status: orm.Mapped[str | None] = orm.mapped_column(sa.String(50))
