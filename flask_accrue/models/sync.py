"""Runs of ``flask accrue sync``, so that one that was interrupted goes on where it was."""

from __future__ import annotations

import datetime
import uuid

import sqlalchemy as sa
from sqlalchemy import orm

from .base import JsonDict, Row, exact


class SyncRun(Row):
    """One comparison of a processor's whole account with what is here. All its times are real time.

    :ivar asked: what the run was asked for; only a run that is asked for the same goes on with it.
    :ivar state: ``running``, also where it was interrupted, ``finished``, or ``abandoned`` for another.
    :ivar progress: the kind it's at, the page of that to go on ``after``, and the kinds that are ``done``.
    :ivar counts: by kind, how many objects it has come upon, and what became of them.
    :ivar token: of the process that carries it on; another that takes over changes it.
    """

    __tablename__ = "accrue_sync_runs"

    processor: orm.Mapped[str] = orm.mapped_column(exact(32))
    asked: orm.Mapped[JsonDict] = orm.mapped_column(default=dict)
    state: orm.Mapped[str] = orm.mapped_column(sa.String(20), default="running")
    progress: orm.Mapped[JsonDict] = orm.mapped_column(default=dict)
    counts: orm.Mapped[JsonDict] = orm.mapped_column(default=dict)
    token: orm.Mapped[uuid.UUID]
    finished_at: orm.Mapped[datetime.datetime | None]

    __table_args__ = (sa.Index("ix_accrue_sync_runs_open", "processor", "state", "created_at"),)
