"""Usage that was reported, and what became of it."""

from __future__ import annotations

import datetime
import uuid

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.hybrid import hybrid_property

from .base import Due, exact
from .customers import Customer


class MeterEvent(Due):
    """So much of something that a customer used. The row is the truth; the queue only makes it prompt.

    :ivar event_name: which meter counts it.
    :ivar identifier: unique at a processor: the same one is never counted twice.
    :ivar occurred_at: when it was used, in billing time.
    :ivar state: ``pending``, ``reported``, or ``failed``, which only a retry brings back.
    :ivar sent_at: since when the processor may have it, in real time; ``None`` while it can't have.
    :ivar refusals: how often the processor refused it for good; each further request has a key of its own.
    :ivar reported_at: when the processor took it, in real time.
    """

    __tablename__ = "accrue_meter_events"

    customer_id: orm.Mapped[uuid.UUID] = orm.mapped_column(sa.ForeignKey("accrue_customers.id"))
    processor: orm.Mapped[str] = orm.mapped_column(exact(32))
    event_name: orm.Mapped[str] = orm.mapped_column(exact(100))
    identifier: orm.Mapped[str] = orm.mapped_column(exact(100))
    value: orm.Mapped[int]
    occurred_at: orm.Mapped[datetime.datetime]
    sent_at: orm.Mapped[datetime.datetime | None]
    refusals: orm.Mapped[int] = orm.mapped_column(sa.Integer, default=0)
    reported_at: orm.Mapped[datetime.datetime | None]

    customer: orm.Mapped[Customer] = orm.relationship(viewonly=True)

    __table_args__ = (
        sa.UniqueConstraint("processor", "identifier"),
        sa.Index("ix_accrue_meter_events_due", "state", "next_attempt_at"),
        sa.Index("ix_accrue_meter_events_list", "created_at", "id"),
        sa.Index("ix_accrue_meter_events_usage", "customer_id", "event_name", "occurred_at"),
    )

    @hybrid_property
    def is_reported(self) -> bool:
        """The processor has it."""
        return self.state == "reported"

    @hybrid_property
    def is_failed(self) -> bool:
        """Given up: it isn't billed until somebody retries it."""
        return self.state == "failed"
