"""The audit ledger's tables. Triggers refuse every change but an append."""

from __future__ import annotations

import datetime
import uuid

import sqlalchemy as sa
from sqlalchemy import orm

from .base import Base, BigId, JsonDict, exact
from .customers import Customer


class LedgerChain(Base):
    """The head of a chain: how many entries it has and the last one's hash.

    Its row is the one lock of a write transaction; a trigger moves it after each append.

    :ivar chain: ``customer:<uuid>`` or ``system:00`` to ``system:15``.
    :ivar customer_id: whose chain it is; ``None`` for the sixteen that belong to nobody.
    :ivar checkpointed: the sequence that the latest checkpoint with this chain signed.
    """

    __tablename__ = "accrue_ledger_chains"

    chain: orm.Mapped[str] = orm.mapped_column(exact(64), primary_key=True)
    customer_id: orm.Mapped[uuid.UUID | None] = orm.mapped_column(unique=True)
    sequence: orm.Mapped[int] = orm.mapped_column(default=0)
    hash: orm.Mapped[str] = orm.mapped_column(exact(64), default="")
    checkpointed: orm.Mapped[int] = orm.mapped_column(default=0, server_default="0")


class LedgerEntry(Base):
    """One thing that happened. The ledger's table is named ``accrue_events``.

    :ivar type: such as ``subscription.canceled``.
    :ivar actor_type: ``user``, ``admin``, ``webhook``, ``job`` or ``system``.
    :ivar data: what changed: ``{"changes": {"status": ["active", "past_due"]}, …}``.
    :ivar state: the subject after the change, whole.
    :ivar cause_entry_id: another entry that led to this one; ``cause_webhook_id`` a webhook event.
    :ivar occurred_at: when it happened in the processor's time, where the processor said so.
    :ivar recorded_at: when it was written here, in billing time.
    """

    __tablename__ = "accrue_events"

    id: orm.Mapped[int] = orm.mapped_column(BigId, primary_key=True, autoincrement=True)
    chain: orm.Mapped[str] = orm.mapped_column(exact(64))
    sequence: orm.Mapped[int]
    type: orm.Mapped[str] = orm.mapped_column(sa.String(100))
    schema_version: orm.Mapped[int] = orm.mapped_column(sa.Integer)
    actor_type: orm.Mapped[str] = orm.mapped_column(sa.String(20))
    actor_id: orm.Mapped[str | None]
    subject_type: orm.Mapped[str] = orm.mapped_column(sa.String(50))
    subject_id: orm.Mapped[str]
    customer_id: orm.Mapped[uuid.UUID | None]
    data: orm.Mapped[JsonDict]
    state: orm.Mapped[JsonDict | None]
    operation_id: orm.Mapped[str | None]
    trace_id: orm.Mapped[str | None] = orm.mapped_column(sa.String(64))
    cause_entry_id: orm.Mapped[int | None]
    cause_webhook_id: orm.Mapped[uuid.UUID | None]
    occurred_at: orm.Mapped[datetime.datetime | None]
    recorded_at: orm.Mapped[datetime.datetime]
    key_id: orm.Mapped[str] = orm.mapped_column(exact(64))
    previous_hash: orm.Mapped[str] = orm.mapped_column(exact(64))
    hash: orm.Mapped[str] = orm.mapped_column(exact(64))

    # No foreign key: an entry outlives the customer it tells of.
    customer: orm.Mapped[Customer | None] = orm.relationship(
        primaryjoin="foreign(LedgerEntry.customer_id) == Customer.id", viewonly=True
    )

    __table_args__ = (
        sa.UniqueConstraint("chain", "sequence"),
        # The id alone finds a subject too.
        sa.Index("ix_accrue_events_subject", "subject_id", "subject_type", "id"),
        sa.Index("ix_accrue_events_customer", "customer_id", "id"),
        sa.Index("ix_accrue_events_type", "type", "id"),
        sa.Index("ix_accrue_events_operation", "operation_id"),
        sa.Index("ix_accrue_events_cause_webhook", "cause_webhook_id"),
        sa.Index("ix_accrue_events_actor", "actor_type", "id"),
        sa.Index("ix_accrue_events_recorded", "recorded_at", "id"),
    )


class LedgerCheckpoint(Base):
    """A signed note of the heads that changed since the checkpoint before.

    :ivar heads: ``{chain: [sequence, hash]}``.
    """

    __tablename__ = "accrue_ledger_checkpoints"

    id: orm.Mapped[int] = orm.mapped_column(BigId, primary_key=True, autoincrement=True)
    number: orm.Mapped[int] = orm.mapped_column(unique=True)
    recorded_at: orm.Mapped[datetime.datetime]
    heads: orm.Mapped[JsonDict]
    key_id: orm.Mapped[str] = orm.mapped_column(exact(64))
    previous_hash: orm.Mapped[str] = orm.mapped_column(exact(64))
    hash: orm.Mapped[str] = orm.mapped_column(exact(64))
