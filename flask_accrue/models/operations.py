"""Operations: what was asked of a processor, so that asking twice does it once."""

from __future__ import annotations

import datetime
import typing as t
import uuid

import sqlalchemy as sa
from sqlalchemy import orm

from ..clock import real_now
from .base import Base, Json, JsonDict, exact


class Operation(Base):
    """One mutation at a processor. All its times are real time.

    :ivar id: the operation id; repeating it returns what it did.
    :ivar kind: the billing function, such as ``subscribe``.
    :ivar subject: what it acts on, such as ``customer:<uuid>``.
    :ivar account: the connected account for which it's asked, ``None``: the platform itself.
    :ivar fingerprint: a hash of the caller's arguments.
    :ivar request: the call, frozen as sent: ``{"method": …, "arguments": {…}}``.
    :ivar state: ``started``, ``done``, ``refused`` or ``unknown``.
    :ivar guard: unique while the operation is open: two of one guard can't run at once.
    :ivar result: the row it led to: ``{"type": …, "id": …}``.
    :ivar error: the error it raises again: its class, message and attributes.
    :ivar sent_at: when it was first sent; a processor remembers keys for a day.
    """

    __tablename__ = "accrue_operations"

    id: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    kind: orm.Mapped[str] = orm.mapped_column(sa.String(64))
    subject: orm.Mapped[str]
    processor: orm.Mapped[str] = orm.mapped_column(exact(32))
    account: orm.Mapped[str | None] = orm.mapped_column(exact(64))
    customer_id: orm.Mapped[uuid.UUID | None] = orm.mapped_column(index=True)
    fingerprint: orm.Mapped[str] = orm.mapped_column(exact(64))
    request: orm.Mapped[JsonDict] = orm.mapped_column(default=dict)
    state: orm.Mapped[str] = orm.mapped_column(sa.String(20), default="started")
    guard: orm.Mapped[str | None] = orm.mapped_column(exact(255), unique=True)
    result: orm.Mapped[t.Any] = orm.mapped_column(Json, nullable=True)
    error: orm.Mapped[t.Any] = orm.mapped_column(Json, nullable=True)
    lease_token: orm.Mapped[uuid.UUID | None]
    leased_until: orm.Mapped[datetime.datetime | None]
    attempts: orm.Mapped[int] = orm.mapped_column(sa.Integer, default=0)
    started_at: orm.Mapped[datetime.datetime] = orm.mapped_column(default=real_now)
    sent_at: orm.Mapped[datetime.datetime | None]
    finished_at: orm.Mapped[datetime.datetime | None]

    __table_args__ = (sa.Index("ix_accrue_operations_open", "state", "started_at"),)
