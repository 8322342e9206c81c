"""Schedules, by which subscriptions change."""

from __future__ import annotations

import datetime
import typing as t
import uuid

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.hybrid import hybrid_property

from .base import JsonList, Mirrored, mirrored_constraints, soft_reference
from .customers import Customer
from .subscriptions import Subscription


class SubscriptionSchedule(Mirrored):
    """How a subscription is to change.

    :ivar subscription_processor_id: the subscription that it makes, or has let go of; ``None`` before.
    :ivar default_payment_method_processor_id: the card of its phases; ``None``: the customer's default.
    :ivar phases: ``[{"start", "end", "trial_end", "items": [{"price", "quantity", "terms"}], "discounts":
        [{"coupon", "promotion_code", "discount"}], "automatic_tax", "metadata", "terms", "proration",
        "beginning"}]``, times as ISO 8601. Terms are what else is said, in the processor's words, and the
        last two what is said of its beginning alone. Those that were written by earlier versions may have
        none of what follows the items.
    """

    __tablename__ = "accrue_subscription_schedules"

    customer_id: orm.Mapped[uuid.UUID] = orm.mapped_column(sa.ForeignKey("accrue_customers.id"))
    subscription_processor_id: orm.Mapped[str | None] = orm.mapped_column(index=True)
    default_payment_method_processor_id: orm.Mapped[str | None]
    status: orm.Mapped[str] = orm.mapped_column(sa.String(50))
    end_behavior: orm.Mapped[str] = orm.mapped_column(sa.String(50))
    phases: orm.Mapped[JsonList]
    current_phase_start: orm.Mapped[datetime.datetime | None]
    current_phase_end: orm.Mapped[datetime.datetime | None]
    canceled_at: orm.Mapped[datetime.datetime | None]
    completed_at: orm.Mapped[datetime.datetime | None]
    released_at: orm.Mapped[datetime.datetime | None]

    customer: orm.Mapped[Customer] = orm.relationship(viewonly=True)
    subscription: orm.Mapped[Subscription | None] = orm.relationship(
        primaryjoin=soft_reference("Subscription", "subscription_processor_id").format(
            self="SubscriptionSchedule"
        ),
        viewonly=True,
    )

    @orm.declared_attr.directive
    def __table_args__(cls) -> tuple[t.Any, ...]:  # noqa: N805 - a directive's first argument is the class
        table = "accrue_subscription_schedules"
        return (
            *mirrored_constraints(table),
            sa.Index(f"ix_{table}_customer", "customer_id", "created", "id"),
        )

    @property
    def name(self) -> str:
        """The name of the subscription that it makes."""
        name: str = self.meta.get("accrue_name", "default")
        return name

    @hybrid_property
    def is_waiting(self) -> bool:
        """Whether its subscription is still to begin."""
        return self.status == "not_started"

    @hybrid_property
    def is_open(self) -> bool:
        """Whether it still has something to do."""
        return self.status in ("not_started", "active")

    @is_open.inplace.expression
    @classmethod
    def _is_open(cls) -> sa.ColumnElement[bool]:
        return cls.status.in_(("not_started", "active"))
