"""Connected accounts, and what was transferred to them."""

from __future__ import annotations

import datetime
import typing as t

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.hybrid import hybrid_property

from ..money import Money
from .base import JsonDict, JsonList, Mirrored, mirrored_constraints, soft_reference


class ConnectAccount(Mirrored):
    """Somebody else's account, connected to the platform's.

    :ivar owner_type: the billable's type name, with ``owner_id`` whose it is; ``None``: nobody was named.
    :ivar capabilities: by name ``active``, ``inactive`` or ``pending``.
    :ivar currently_due: the names of what the processor waits for; ``past_due``: for too long.
    :ivar due_by: until when it waits.
    :ivar disabled_reason: why the account can't do what it was made for, or ``None``.
    """

    __tablename__ = "accrue_connect_accounts"

    owner_type: orm.Mapped[str | None] = orm.mapped_column(sa.String(100))
    owner_id: orm.Mapped[str | None]
    type: orm.Mapped[str | None] = orm.mapped_column(sa.String(20))
    dashboard: orm.Mapped[str | None] = orm.mapped_column(sa.String(20))
    country: orm.Mapped[str | None] = orm.mapped_column(sa.String(2))
    email: orm.Mapped[str | None]
    business_type: orm.Mapped[str | None] = orm.mapped_column(sa.String(50))
    business_name: orm.Mapped[str | None]
    default_currency: orm.Mapped[str | None] = orm.mapped_column(sa.String(3))
    charges_enabled: orm.Mapped[bool] = orm.mapped_column(default=False)
    payouts_enabled: orm.Mapped[bool] = orm.mapped_column(default=False)
    details_submitted: orm.Mapped[bool] = orm.mapped_column(default=False)
    capabilities: orm.Mapped[JsonDict] = orm.mapped_column(default=dict)
    currently_due: orm.Mapped[JsonList] = orm.mapped_column(default=list)
    past_due: orm.Mapped[JsonList] = orm.mapped_column(default=list)
    disabled_reason: orm.Mapped[str | None]
    due_by: orm.Mapped[datetime.datetime | None]

    @orm.declared_attr.directive
    def __table_args__(cls) -> tuple[t.Any, ...]:  # noqa: N805 - a directive's first argument is the class
        table = "accrue_connect_accounts"
        return (
            *mirrored_constraints(table),
            sa.Index(f"ix_{table}_owner", "owner_type", "owner_id"),
        )

    @hybrid_property
    def is_connected(self) -> bool:
        """Whether the platform may still act for it."""
        return self.deleted_at is None

    @is_connected.inplace.expression
    @classmethod
    def _is_connected(cls) -> sa.ColumnElement[bool]:
        return cls.deleted_at.is_(None)

    @hybrid_property
    def is_ready(self) -> bool:
        """Whether it can charge and is paid out."""
        return self.deleted_at is None and self.charges_enabled and self.payouts_enabled

    @is_ready.inplace.expression
    @classmethod
    def _is_ready(cls) -> sa.ColumnElement[bool]:
        return sa.and_(cls.deleted_at.is_(None), cls.charges_enabled, cls.payouts_enabled)

    def has(self, capability: str) -> bool:
        """Tell whether it has a capability now, such as ``transfers``."""
        return self.is_connected and self.capabilities.get(capability) == "active"


class Transfer(Mirrored):
    """Money that went from the platform to a connected account. Amounts are minor units of ``currency``.

    :ivar destination_processor_id: the account's id; ``None`` once the processor has forgotten it.
    :ivar source_charge_processor_id: the charge that it's a part of, or ``None``.
    """

    __tablename__ = "accrue_transfers"

    destination_processor_id: orm.Mapped[str | None]
    amount: orm.Mapped[int]
    amount_reversed: orm.Mapped[int] = orm.mapped_column(default=0)
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    source_charge_processor_id: orm.Mapped[str | None] = orm.mapped_column(index=True)
    transfer_group: orm.Mapped[str | None] = orm.mapped_column(index=True)
    description: orm.Mapped[str | None] = orm.mapped_column(sa.Text)

    destination: orm.Mapped[ConnectAccount | None] = orm.relationship(
        primaryjoin=soft_reference("ConnectAccount", "destination_processor_id").format(
            self="Transfer"
        ),
        viewonly=True,
    )

    @orm.declared_attr.directive
    def __table_args__(cls) -> tuple[t.Any, ...]:  # noqa: N805 - a directive's first argument is the class
        table = "accrue_transfers"
        return (
            *mirrored_constraints(table),
            sa.Index(f"ix_{table}_destination", "destination_processor_id", "created", "id"),
        )

    @property
    def money(self) -> Money:
        """The whole amount."""
        return Money(self.amount, self.currency)

    @hybrid_property
    def amount_left(self) -> int:
        """What wasn't taken back, in minor units."""
        return self.amount - self.amount_reversed

    @hybrid_property
    def is_reversed(self) -> bool:
        """All of it was taken back."""
        return self.amount_reversed > 0 and self.amount_reversed == self.amount

    @is_reversed.inplace.expression
    @classmethod
    def _is_reversed(cls) -> sa.ColumnElement[bool]:
        return sa.and_(cls.amount_reversed > 0, cls.amount_reversed == cls.amount)
