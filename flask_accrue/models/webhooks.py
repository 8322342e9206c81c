"""Webhook events as they came, and the runs of the host's handlers."""

from __future__ import annotations

import datetime
import uuid

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.hybrid import hybrid_property

from ..clock import real_now
from .base import Due, Row, beginnings_index, exact, postgresql_index
from .customers import Customer


class WebhookEvent(Due):
    """An event that a processor sent. The row is the truth; the queue only makes it prompt.

    :ivar endpoint: ``""`` or the name of a further endpoint, such as ``connect``.
    :ivar occurred_at: when it happened, in the processor's time.
    :ivar payload: the body as it came.
    :ivar state: ``pending``, ``failed`` (will be tried again), ``succeeded`` or ``dead``.
    :ivar outcome: what became of it: ``applied``, ``fetched``, ``stale``, ``ignored``,
        ``skipped`` or ``unhandled``; ``None`` until then. ``reason`` says why, where that matters.
    :ivar applied_at: when its object was written; from then on only handlers are left to run.
    """

    __tablename__ = "accrue_webhook_events"
    WAITING = ("pending", "failed")

    processor: orm.Mapped[str] = orm.mapped_column(exact(32))
    endpoint: orm.Mapped[str] = orm.mapped_column(exact(64), default="")
    processor_id: orm.Mapped[str]
    type: orm.Mapped[str] = orm.mapped_column(sa.String(100))
    account: orm.Mapped[str | None]
    livemode: orm.Mapped[bool]
    api_version: orm.Mapped[str | None] = orm.mapped_column(sa.String(64))
    occurred_at: orm.Mapped[datetime.datetime]
    received_at: orm.Mapped[datetime.datetime] = orm.mapped_column(default=real_now)
    payload: orm.Mapped[str] = orm.mapped_column(sa.Text().with_variant(sa.Text(2**24), "mysql"))
    outcome: orm.Mapped[str | None] = orm.mapped_column(sa.String(20))
    reason: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    customer_id: orm.Mapped[uuid.UUID | None] = orm.mapped_column(
        sa.ForeignKey("accrue_customers.id", ondelete="SET NULL")
    )
    applied_at: orm.Mapped[datetime.datetime | None]
    finished_at: orm.Mapped[datetime.datetime | None]

    customer: orm.Mapped[Customer | None] = orm.relationship(viewonly=True)
    handler_runs: orm.Mapped[list[HandlerRun]] = orm.relationship(
        order_by="HandlerRun.id", viewonly=True
    )

    __table_args__ = (
        sa.UniqueConstraint("processor", "endpoint", "processor_id"),
        sa.Index("ix_accrue_webhook_events_due", "state", "next_attempt_at"),
        sa.Index("ix_accrue_webhook_events_list", "received_at", "id"),
        # Each event that comes is written into all of these, so there are no more than searches need: by
        # state the due ones are found, and by processor those of the unique ids.
        sa.Index("ix_accrue_webhook_events_type", "type", "received_at", "id"),
        beginnings_index("ix_accrue_webhook_events_processor_id_begins", "processor_id"),
        sa.Index("ix_accrue_webhook_events_customer", "customer_id", "received_at", "id"),
        postgresql_index(
            "ix_accrue_webhook_events_ignored",
            "received_at",
            "id",
            postgresql_where=sa.text("outcome = 'ignored'"),
        ),
    )

    @hybrid_property
    def is_dead(self) -> bool:
        """Given up after the last try; only a replay brings it back."""
        return self.state == "dead"

    @hybrid_property
    def is_succeeded(self) -> bool:
        """Done, handlers included."""
        return self.state == "succeeded"

    @hybrid_property
    def is_ignored(self) -> bool:
        """Nothing was written for it: it's about nobody, or no account, of ours."""
        return self.outcome == "ignored"

    @is_ignored.inplace.expression
    @classmethod
    def _is_ignored(cls) -> sa.ColumnElement[bool]:
        # Of one that isn't finished it's false, and not unknown.
        return sa.and_(cls.outcome.is_not(None), cls.outcome == "ignored")


class WebhookTally(Row):
    """How many events of a day were acknowledged and not stored.

    :ivar reason: why not: ``other_mode``.
    :ivar day: in UTC.
    """

    __tablename__ = "accrue_webhook_tallies"

    processor: orm.Mapped[str] = orm.mapped_column(exact(32))
    endpoint: orm.Mapped[str] = orm.mapped_column(exact(64), default="")
    reason: orm.Mapped[str] = orm.mapped_column(sa.String(20))
    day: orm.Mapped[datetime.date] = orm.mapped_column(sa.Date)
    count: orm.Mapped[int] = orm.mapped_column(default=0)

    __table_args__ = (sa.UniqueConstraint("processor", "endpoint", "reason", "day"),)


class HandlerRun(Row):
    """One host handler's run for one event.

    :ivar handler: the handler's dotted name.
    :ivar state: ``pending``, ``failed`` or ``succeeded``.
    """

    __tablename__ = "accrue_handler_runs"

    webhook_event_id: orm.Mapped[uuid.UUID] = orm.mapped_column(
        sa.ForeignKey("accrue_webhook_events.id", ondelete="CASCADE")
    )
    handler: orm.Mapped[str]
    state: orm.Mapped[str] = orm.mapped_column(sa.String(20), default="pending")
    attempts: orm.Mapped[int] = orm.mapped_column(sa.Integer, default=0)
    last_error: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    finished_at: orm.Mapped[datetime.datetime | None]

    __table_args__ = (sa.UniqueConstraint("webhook_event_id", "handler"),)

    @hybrid_property
    def is_succeeded(self) -> bool:
        """It returned without an error."""
        return self.state == "succeeded"
