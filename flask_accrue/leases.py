"""Claiming due rows: a lease in a short transaction of its own, and the work through what is due.

A worker that dies leaves a lease behind; when it runs out the row is claimed again, alone, so that a row
that kills workers can't use up its neighbors' attempts.
"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import functools
import logging
import time
import typing as t
import uuid

import blinker
import sqlalchemy as sa
from flask import current_app

from . import account_scope, clock, models
from .clock import real_now
from .state import current_state
from .telemetry import reached

logger = logging.getLogger(__name__)

LEASE: t.Final = datetime.timedelta(minutes=5)
#: How much of a lease may be used up before it's renewed, in seconds.
RENEW_AFTER: t.Final = 60.0
BATCH: t.Final = 20

M = t.TypeVar("M", bound=models.Due)


class LeaseLost(Exception):
    """Another worker has the row by now; nothing of this one may be written."""


@dataclasses.dataclass
class Lease(t.Generic[M]):
    """A worker's hold on rows.

    :ivar model: what they are.
    :ivar token: what marks the rows as this worker's.
    :ivar rows: those that are still to be done; the first is the one at hand.
    :ivar more: whether there may be further ones that are due.
    """

    model: type[M]
    token: uuid.UUID
    rows: list[M]
    more: bool
    _renewed: float = dataclasses.field(default_factory=time.monotonic)

    def keep(self) -> None:
        """Prolong the lease once a minute of it is used up.

        :raises LeaseLost: when the row at hand has gone to another worker.
        """
        if time.monotonic() - self._renewed < RENEW_AFTER:
            return
        model, at_hand = self.model, self.rows[0]
        session = current_state().db.session
        ours = sa.and_(model.id.in_([row.id for row in self.rows]), model.claim_token == self.token)
        session.execute(
            sa.update(model)
            .where(ours)
            .values(claimed_until=real_now() + LEASE)
            .execution_options(synchronize_session=False)
        )
        left = set(session.scalars(sa.select(model.id).where(ours)))
        session.commit()
        self._renewed = time.monotonic()
        self.rows = [row for row in self.rows if row.id in left]
        if at_hand.id not in left:
            raise LeaseLost

    def release(self) -> None:
        """Put back what wasn't begun, as if it had never been claimed."""
        model, session = self.model, current_state().db.session
        session.execute(
            sa.update(model)
            .where(model.id.in_([row.id for row in self.rows]), model.claim_token == self.token)
            .values(claim_token=None, claimed_until=None, attempts=model.attempts - 1)
            .execution_options(synchronize_session=False)
        )
        session.commit()
        self.rows = []


def claim(model: type[M], limit: int, *, moment: str) -> Lease[M]:
    """Lease due rows for this worker, oldest first: one whose lease ran out, else fresh ones.

    :param moment: what :func:`.telemetry.reached` is told when some were found.
    :returns: the lease; its ``rows`` are empty when nothing is due.
    """
    token = uuid.uuid4()
    rows, more = _take(model, token, 1, abandoned=True), True
    if not rows:
        rows = _take(model, token, limit, abandoned=False)
        more = len(rows) == limit
    if rows:
        reached(moment)
    return Lease(model, token, rows, more)


def work_through(
    queue: str,
    claim: c.Callable[[], Lease[M]],
    work: c.Callable[[Lease[M], float], int],
    *,
    seconds: float,
) -> int:
    """Work on due rows until none is left, or the time is up, in an app context of its own.

    :param claim: leases some of them.
    :param work: works on a lease's rows until a moment of :func:`time.monotonic`, takes those that it has
        begun off the lease, and returns how many it finished.
    :param seconds: real time; the row at hand is finished, the others are put back.
    :returns: how many rows were worked on.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    ends, done = time.monotonic() + seconds, 0
    # The caller's session may hold anything, and what is done here mustn't touch it.
    # Rows say themselves in which account they are: whoever does the work may act for another one.
    with app.app_context(), account_scope.nobodys():
        more = True
        while more and time.monotonic() < ends:
            # Whoever stores a row from now on wakes somebody for it.
            lease = claim()
            more = lease.more
            if more and lease.rows:
                # There's work for another worker too, if there is one.
                current_state().queue.wake(queue)
            done += work(lease, ends)
            if lease.rows:
                lease.release()
    return done


def tell(signal: blinker.NamedSignal, model: type[models.Due], row_id: uuid.UUID) -> None:
    """Tell the host of a row, if it listens; what it makes of that is no business of the row's."""
    if not signal.receivers:
        return
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    with app.app_context():
        try:
            row = current_state().db.session.get(model, row_id)
            signal.send(current_state(), event=row)
        except Exception:
            logger.exception("accrue: a receiver of %s failed", signal.name)


def _take(model: type[M], token: uuid.UUID, limit: int, *, abandoned: bool) -> list[M]:
    session, now = current_state().db.session(), real_now()
    dialect = session.get_bind(mapper=model.__mapper__).dialect.name
    taken = session.execute(
        _taking(model, dialect, abandoned),
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
        rows = list(session.scalars(sa.select(model).where(model.claim_token == token)))
    # The rows are read; what they say is needed after the commit, which would expire them.
    session.expunge_all()
    session.commit()
    return sorted(rows, key=lambda row: (row.next_attempt_at, row.id))


_RETURNING: t.Final = frozenset({"postgresql", "sqlite"})


@functools.cache
def _taking(model: type[models.Due], dialect: str, abandoned: bool) -> t.Any:
    """Return the statement that leases rows; it runs often, and building it costs as much as running it."""
    moment = model.claimed_until.type
    now = sa.bindparam("_now", type_=moment)
    which = model.claimed_until < now if abandoned else model.claimed_until.is_(None)
    due = (
        sa.select(model.id)
        .where(model.is_waiting, model.next_attempt_at <= sa.bindparam("_due"), which)
        .order_by(model.next_attempt_at, model.id)
        .limit(sa.bindparam("_limit"))
    )
    if dialect != "sqlite":
        due = due.with_for_update(skip_locked=True)
    # A subquery may be run again for each row, and would then find further ones; this is run once.
    chosen = due.cte("due")
    taking = (
        sa.update(model)
        .where(model.id.in_(sa.select(chosen.c.id)), which)
        .values(
            claim_token=sa.bindparam("_token"),
            claimed_until=sa.bindparam("_until", type_=moment),
            attempts=model.attempts + 1,
        )
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return taking.returning(model) if dialect in _RETURNING else taking
