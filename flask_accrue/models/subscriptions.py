"""Subscriptions, their items, and the predicates that say what a status means.

Nothing outside this module compares a raw status. Each predicate has a SQL twin, so that a list filtered
in the database shows what the detail page says.
"""

from __future__ import annotations

import datetime
import typing as t
import uuid

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.hybrid import hybrid_method, hybrid_property

from .. import clock
from ..plans import EntitlementPolicy
from .base import (
    JsonDict,
    JsonList,
    Mirrored,
    Row,
    beginnings_index,
    exact,
    mirrored_constraints,
    postgresql_index,
    soft_reference,
)
from .customers import Customer, PaymentMethod
from .discounts import COMP_COUPON

if t.TYPE_CHECKING:
    from .catalog import Price

#: All words that a processor may use; any other is stored as it came and counts as incomplete.
STATUSES: t.Final = (
    "trialing",
    "active",
    "past_due",
    "canceled",
    "unpaid",
    "incomplete",
    "incomplete_expired",
    "paused",
)


class Subscription(Mirrored):
    """An agreement to pay again and again, as the processor holds it.

    :ivar name: tells several subscriptions of one owner apart; ``default`` unless the host says.
    :ivar pause_behavior: set while collection is paused; the status doesn't tell.
    :ivar past_due_since: since when one of its invoices is unpaid: since charging it first failed or, if it's
        sent, since it was due; ``None`` unless past due.
    :ivar paid_until: the latest end of a period among the lines of its paid invoices.
    :ivar discounts: those in force, in the order in which they are taken off, each with ``id``, ``coupon``,
        ``promotion_code``, ``start`` and ``end``; ``None``: not known.
    :ivar automatic_tax: whether the processor reckons the tax of its invoices; ``None``: not known.
    """

    __tablename__ = "accrue_subscriptions"

    customer_id: orm.Mapped[uuid.UUID] = orm.mapped_column(sa.ForeignKey("accrue_customers.id"))
    name: orm.Mapped[str] = orm.mapped_column(sa.String(100), default="default")
    status: orm.Mapped[str] = orm.mapped_column(sa.String(50))
    currency: orm.Mapped[str | None] = orm.mapped_column(sa.String(3))
    collection_method: orm.Mapped[str] = orm.mapped_column(
        sa.String(50), default="charge_automatically"
    )
    start_date: orm.Mapped[datetime.datetime | None]
    billing_cycle_anchor: orm.Mapped[datetime.datetime | None]
    current_period_start: orm.Mapped[datetime.datetime | None]
    current_period_end: orm.Mapped[datetime.datetime | None]
    trial_start: orm.Mapped[datetime.datetime | None]
    trial_end: orm.Mapped[datetime.datetime | None]
    cancel_at_period_end: orm.Mapped[bool] = orm.mapped_column(default=False)
    cancel_at: orm.Mapped[datetime.datetime | None]
    canceled_at: orm.Mapped[datetime.datetime | None]
    ended_at: orm.Mapped[datetime.datetime | None]
    pause_behavior: orm.Mapped[str | None] = orm.mapped_column(sa.String(50))
    pause_resumes_at: orm.Mapped[datetime.datetime | None]
    past_due_since: orm.Mapped[datetime.datetime | None]
    paid_until: orm.Mapped[datetime.datetime | None]
    default_payment_method_processor_id: orm.Mapped[str | None]
    latest_invoice_processor_id: orm.Mapped[str | None]
    discounts: orm.Mapped[JsonList | None]
    automatic_tax: orm.Mapped[bool | None]

    customer: orm.Mapped[Customer] = orm.relationship(viewonly=True)
    items: orm.Mapped[list[SubscriptionItem]] = orm.relationship(
        primaryjoin="and_(SubscriptionItem.subscription_id == Subscription.id, "
        "SubscriptionItem.removed_at.is_(None))",
        order_by="SubscriptionItem.position",
        viewonly=True,
    )
    default_payment_method: orm.Mapped[PaymentMethod | None] = orm.relationship(
        primaryjoin=soft_reference("PaymentMethod", "default_payment_method_processor_id").format(
            self="Subscription"
        ),
        viewonly=True,
    )

    @orm.declared_attr.directive
    def __table_args__(cls) -> tuple[t.Any, ...]:  # noqa: N805 - a directive's first argument is the class
        return (
            *mirrored_constraints("accrue_subscriptions"),
            sa.Index("ix_accrue_subscriptions_customer", "customer_id", "created", "id"),
            sa.Index("ix_accrue_subscriptions_status_list", "status", "created", "id"),
            sa.Index("ix_accrue_subscriptions_processor", "processor", "created", "id"),
            beginnings_index("ix_accrue_subscriptions_processor_id_begins", "processor_id"),
            # States that few are in, and that no one word tells.
            *(
                postgresql_index(
                    f"ix_accrue_subscriptions_{state}",
                    "created",
                    "id",
                    postgresql_where=sa.text(where),
                )
                for state, where in (
                    ("canceling", "cancel_at IS NOT NULL OR cancel_at_period_end"),
                    ("paused", "status = 'paused' OR pause_behavior IS NOT NULL"),
                    ("incomplete", f"status = 'incomplete' OR status NOT IN {STATUSES}"),
                )
            ),
        )

    @property
    def is_complimentary(self) -> bool:
        """Whether it's free of charge by :func:`flask_accrue.billing.comp_subscription`, by billing time."""
        return any(
            (each["coupon"] or "").startswith(COMP_COUPON)
            and (each["end"] is None or datetime.datetime.fromisoformat(each["end"]) > clock.now())
            for each in self.discounts or []
        )

    # -- the end -------------------------------------------------------------------------------

    @hybrid_property
    def ends_at(self) -> datetime.datetime | None:
        """When it ended or will end; ``None`` while no end is known."""
        if self.ended_at is not None:
            return self.ended_at
        if self.cancel_at is not None:
            return self.cancel_at
        return self.current_period_end if self.cancel_at_period_end else None

    @ends_at.inplace.expression
    @classmethod
    def _ends_at(cls) -> sa.ColumnElement[datetime.datetime | None]:
        at_period_end = sa.case((cls.cancel_at_period_end, cls.current_period_end))
        return sa.func.coalesce(cls.ended_at, cls.cancel_at, at_period_end)

    @hybrid_property
    def is_ended(self) -> bool:
        """Over: whatever the status says, an end that has passed is an end."""
        ends_at = self.ends_at
        return (
            self.status in ("canceled", "incomplete_expired")
            or self.ended_at is not None
            or (ends_at is not None and ends_at <= clock.now())
        )

    @is_ended.inplace.expression
    @classmethod
    def _is_ended(cls) -> sa.ColumnElement[bool]:
        return sa.or_(
            cls.status.in_(("canceled", "incomplete_expired")),
            cls.ended_at.is_not(None),
            sa.func.coalesce(cls.ends_at <= _now(), sa.false()),
        )

    # -- the states ----------------------------------------------------------------------------

    @hybrid_property
    def is_active(self) -> bool:
        """Running, on trial or paid, with no end behind it."""
        return self.status in ("active", "trialing") and not self.is_ended

    @is_active.inplace.expression
    @classmethod
    def _is_active(cls) -> sa.ColumnElement[bool]:
        return sa.and_(cls.status.in_(("active", "trialing")), sa.not_(cls.is_ended))

    @hybrid_property
    def is_trialing(self) -> bool:
        """On trial now. A trial that lapsed is active until the processor speaks."""
        return (
            self.status == "trialing"
            and not self.is_ended
            and (self.trial_end is None or self.trial_end > clock.now())
        )

    @is_trialing.inplace.expression
    @classmethod
    def _is_trialing(cls) -> sa.ColumnElement[bool]:
        ahead = sa.or_(cls.trial_end.is_(None), cls.trial_end > _now())
        return sa.and_(cls.status == "trialing", sa.not_(cls.is_ended), ahead)

    @hybrid_property
    def is_canceling(self) -> bool:
        """Active with an end ahead."""
        return self.is_active and self.ends_at is not None

    @is_canceling.inplace.expression
    @classmethod
    def _is_canceling(cls) -> sa.ColumnElement[bool]:
        return sa.and_(cls.is_active, cls.ends_at.is_not(None))

    @hybrid_property
    def is_paused(self) -> bool:
        """Collection is paused, or the processor paused it after a trial without a card."""
        return self.status == "paused" or self.pause_behavior is not None

    @is_paused.inplace.expression
    @classmethod
    def _is_paused(cls) -> sa.ColumnElement[bool]:
        return sa.or_(cls.status == "paused", cls.pause_behavior.is_not(None))

    @hybrid_property
    def is_past_due(self) -> bool:
        """A renewal wasn't paid."""
        return self.status in ("past_due", "unpaid")

    @is_past_due.inplace.expression
    @classmethod
    def _is_past_due(cls) -> sa.ColumnElement[bool]:
        return cls.status.in_(("past_due", "unpaid"))

    @hybrid_property
    def is_incomplete(self) -> bool:
        """The first payment wasn't made yet, or the processor used a word that we don't know."""
        return self.status == "incomplete" or self.status not in STATUSES

    @is_incomplete.inplace.expression
    @classmethod
    def _is_incomplete(cls) -> sa.ColumnElement[bool]:
        return sa.or_(cls.status == "incomplete", cls.status.not_in(STATUSES))

    @hybrid_property
    def is_expired(self) -> bool:
        """The first payment didn't come in time; it never began."""
        return self.status == "incomplete_expired"

    @hybrid_property
    def has_incomplete_payment(self) -> bool:
        """The latest payment needs the customer: incomplete or past due."""
        return self.is_incomplete or self.status == "past_due"

    @has_incomplete_payment.inplace.expression
    @classmethod
    def _has_incomplete_payment(cls) -> sa.ColumnElement[bool]:
        return sa.or_(cls.is_incomplete, cls.status == "past_due")

    @hybrid_property
    def is_dunning(self) -> bool:
        """Payment is being chased: past due, with a first failure on record."""
        return self.status == "past_due" and self.past_due_since is not None

    @is_dunning.inplace.expression
    @classmethod
    def _is_dunning(cls) -> sa.ColumnElement[bool]:
        return sa.and_(cls.status == "past_due", cls.past_due_since.is_not(None))

    @hybrid_property
    def is_recurring(self) -> bool:
        """Will renew by itself: active, not on trial, no end ahead."""
        return self.is_active and not self.is_trialing and not self.is_canceling

    @is_recurring.inplace.expression
    @classmethod
    def _is_recurring(cls) -> sa.ColumnElement[bool]:
        return sa.and_(cls.is_active, sa.not_(cls.is_trialing), sa.not_(cls.is_canceling))

    # -- access --------------------------------------------------------------------------------

    @hybrid_method
    def is_entitling(self, policy: EntitlementPolicy) -> bool:
        """Whether it grants what its prices stand for, under the host's policy.

        Active or trialing grants; past due only within ``policy.grace`` of the first failure; paused
        only by behavior, where the host chose that; everything else, and every doubt, denies. So does what
        the processor doesn't have any more, whatever it said of it last.
        """
        if self.is_ended or self.deleted_at is not None:
            return False
        if self.status == "past_due":
            granted = (
                policy.grace is not None
                and self.past_due_since is not None
                and self.past_due_since > clock.now() - policy.grace
            )
        else:
            granted = self.is_active
        if not granted or not self.is_paused:
            return granted
        if not policy.paused_by_behavior or self.pause_behavior is None:
            return False
        if self.pause_behavior == "void":
            return self.paid_until is not None and self.paid_until > clock.now()
        return self.pause_behavior in ("keep_as_draft", "mark_uncollectible")

    @is_entitling.inplace.expression  # type: ignore[attr-defined, untyped-decorator]
    @classmethod
    def _is_entitling(cls, policy: EntitlementPolicy) -> sa.ColumnElement[bool]:
        granted: t.Any = cls.is_active
        if policy.grace is not None:
            failed = sa.literal(clock.now() - policy.grace, type_=cls.past_due_since.type)
            in_grace = sa.and_(
                cls.status == "past_due", sa.not_(cls.is_ended), cls.past_due_since > failed
            )
            granted = sa.or_(granted, sa.func.coalesce(in_grace, sa.false()))
        running = sa.not_(cls.is_paused)
        if policy.paused_by_behavior:
            paid = sa.and_(cls.pause_behavior == "void", cls.paid_until > _now())
            kept = cls.pause_behavior.in_(("keep_as_draft", "mark_uncollectible"))
            by_behavior = sa.and_(cls.status != "paused", sa.or_(paid, kept))
            running = sa.or_(running, sa.func.coalesce(by_behavior, sa.false()))
        return sa.and_(granted, running, cls.deleted_at.is_(None))


class SubscriptionItem(Row):
    """A price within a subscription. One that the processor dropped keeps its row, removed.

    :ivar quantity: ``None`` for a metered price; 0 entitles to nothing.
    :ivar account: the connected account in which its subscription is, and its price; ``None``: the platform.
    """

    __tablename__ = "accrue_subscription_items"

    subscription_id: orm.Mapped[uuid.UUID] = orm.mapped_column(
        sa.ForeignKey("accrue_subscriptions.id", ondelete="CASCADE"), index=True
    )
    processor: orm.Mapped[str] = orm.mapped_column(sa.String(32))
    processor_id: orm.Mapped[str]
    position: orm.Mapped[int] = orm.mapped_column(sa.Integer, default=0)
    price_processor_id: orm.Mapped[str] = orm.mapped_column(index=True)
    product_processor_id: orm.Mapped[str | None]
    account: orm.Mapped[str | None] = orm.mapped_column(exact(64))
    quantity: orm.Mapped[int | None]
    current_period_start: orm.Mapped[datetime.datetime | None]
    current_period_end: orm.Mapped[datetime.datetime | None]
    removed_at: orm.Mapped[datetime.datetime | None]
    raw: orm.Mapped[JsonDict] = orm.mapped_column(default=dict)

    subscription: orm.Mapped[Subscription] = orm.relationship(viewonly=True)
    price: orm.Mapped[Price | None] = orm.relationship(
        primaryjoin=(
            f"and_({soft_reference('Price', 'price_processor_id').format(self='SubscriptionItem')}, "
            "func.coalesce(SubscriptionItem.account, '') == Price.account_key)"
        ),
        viewonly=True,
    )

    __table_args__ = (sa.UniqueConstraint("processor", "processor_id"),)

    @hybrid_property
    def is_live(self) -> bool:
        """Whether the processor still has it and it isn't down to 0."""
        return self.removed_at is None and self.quantity != 0

    @is_live.inplace.expression
    @classmethod
    def _is_live(cls) -> sa.ColumnElement[bool]:
        return sa.and_(cls.removed_at.is_(None), sa.or_(cls.quantity.is_(None), cls.quantity != 0))


def _now() -> sa.BindParameter[datetime.datetime]:
    return sa.literal(clock.now(), type_=Subscription.ended_at.type)
