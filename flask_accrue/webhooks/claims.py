"""Claiming due events: a lease in a short transaction of its own.

A worker that dies leaves a lease behind; when it runs out the row is claimed again, alone, so that an event
that kills workers can't use up its neighbours' attempts.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import time
import typing as t
import uuid

import sqlalchemy as sa

from .. import clock, models
from ..clock import real_now
from ..state import current_state
from ..telemetry import reached

LEASE: t.Final = datetime.timedelta(minutes=5)
#: How much of a lease may be used up before it's renewed, in seconds.
RENEW_AFTER: t.Final = 60.0
BATCH: t.Final = 20

_events = models.WebhookEvent


class LeaseLost(Exception):
    """Another worker has the event by now; nothing of this one may be written."""


@dataclasses.dataclass
class Lease:
    """A worker's hold on events.

    :ivar token: what marks their rows as this worker's.
    :ivar rows: those that are still to be done; the first is the one at hand.
    :ivar more: whether there may be further ones that are due.
    """

    token: uuid.UUID
    rows: list[models.WebhookEvent]
    more: bool
    _renewed: float = dataclasses.field(default_factory=time.monotonic)

    def keep(self) -> None:
        """Prolong the lease once a minute of it is used up.

        :raises LeaseLost: when the event at hand has gone to another worker.
        """
        if time.monotonic() - self._renewed < RENEW_AFTER:
            return
        at_hand = self.rows[0]
        session = current_state().db.session
        ours = sa.and_(
            _events.id.in_([row.id for row in self.rows]), _events.claim_token == self.token
        )
        session.execute(
            sa.update(_events)
            .where(ours)
            .values(claimed_until=real_now() + LEASE)
            .execution_options(synchronize_session=False)
        )
        left = set(session.scalars(sa.select(_events.id).where(ours)))
        session.commit()
        self._renewed = time.monotonic()
        self.rows = [row for row in self.rows if row.id in left]
        if at_hand.id not in left:
            raise LeaseLost

    def release(self) -> None:
        """Put back what wasn't begun, as if it had never been claimed."""
        session = current_state().db.session
        session.execute(
            sa.update(_events)
            .where(_events.id.in_([row.id for row in self.rows]), _events.claim_token == self.token)
            .values(claim_token=None, claimed_until=None, attempts=_events.attempts - 1)
            .execution_options(synchronize_session=False)
        )
        session.commit()
        self.rows = []


def claim(limit: int = BATCH) -> Lease:
    """Lease due events for this worker, oldest first: one whose lease ran out, else fresh ones.

    :returns: the lease; its ``rows`` are empty when nothing is due.
    """
    token = uuid.uuid4()
    rows, more = _take(token, 1, abandoned=True), True
    if not rows:
        rows = _take(token, limit, abandoned=False)
        more = len(rows) == limit
    if rows:
        reached("webhook.claimed")
    return Lease(token, rows, more)


def _take(token: uuid.UUID, limit: int, *, abandoned: bool) -> list[models.WebhookEvent]:
    session, now = current_state().db.session(), real_now()
    dialect = session.get_bind(mapper=_events.__mapper__).dialect.name
    taken = session.execute(
        _taking(dialect, abandoned),
        {
            "_token": token,
            "_limit": limit,
            "_due": clock.now(),
            "_now": now,
            "_until": now + LEASE,
        },
    )
    if dialect in _RETURNING:
        rows = list(taken.scalars())
    else:
        rows = list(session.scalars(sa.select(_events).where(_events.claim_token == token)))
    # The rows are read; what they say is needed after the commit, which would expire them.
    session.expunge_all()
    session.commit()
    return sorted(rows, key=lambda row: (row.next_attempt_at, row.id))


_RETURNING: t.Final = frozenset({"postgresql", "sqlite"})


@functools.cache
def _taking(dialect: str, abandoned: bool) -> t.Any:
    """Return the statement that leases rows; it runs often, and building it costs as much as running it."""
    moment = _events.claimed_until.type
    now = sa.bindparam("_now", type_=moment)
    which = _events.claimed_until < now if abandoned else _events.claimed_until.is_(None)
    due = (
        sa.select(_events.id)
        .where(_events.is_waiting, _events.next_attempt_at <= sa.bindparam("_due"), which)
        .order_by(_events.next_attempt_at, _events.id)
        .limit(sa.bindparam("_limit"))
    )
    if dialect != "sqlite":
        due = due.with_for_update(skip_locked=True)
    # A subquery may be run again for each row, and would then find further ones; this is run once.
    chosen = due.cte("due")
    taking = (
        sa.update(_events)
        .where(_events.id.in_(sa.select(chosen.c.id)), which)
        .values(
            claim_token=sa.bindparam("_token"),
            claimed_until=sa.bindparam("_until", type_=moment),
            attempts=_events.attempts + 1,
        )
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return taking.returning(_events) if dialect in _RETURNING else taking
