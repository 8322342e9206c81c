"""Counting what is acknowledged and not stored, so that an operator sees that it comes."""

from __future__ import annotations

import datetime
import logging
import typing as t

import sqlalchemy as sa

from .. import models
from ..clock import real_now
from ..ids import new_id
from ..retry import loggable
from ..state import AccrueState, current_state

logger = logging.getLogger(__name__)

#: Events of test mode where there is a live key, or of live mode where there is a test key.
OTHER_MODE: t.Final = "other_mode"

_tallies = models.WebhookTally


def count(state: AccrueState, processor: str, endpoint: str, reason: str) -> None:
    """Count an event of today's, in a transaction of its own. Any number may be counted at once.

    Where that can't be written it's logged and no more: nobody sends an event again to be counted.
    """
    try:
        _count(state, processor, endpoint, reason)
    except sa.exc.SQLAlchemyError as error:
        logger.exception(
            "accrue: an event of %s wasn't counted (%s)",
            processor,
            reason,
            exc_info=loggable(error),
        )


def _count(state: AccrueState, processor: str, endpoint: str, reason: str) -> None:
    engine, now = state.db.engines[state.settings.bind_key], real_now()
    of = {"processor": processor, "endpoint": endpoint, "reason": reason, "day": now.date()}
    one_more = sa.update(_tallies).filter_by(**of).values(count=_tallies.count + 1, updated_at=now)
    with engine.begin() as connection:
        if connection.execute(one_more).rowcount:
            return
        first = {"id": new_id(), "created_at": now, "updated_at": now, "count": 0, **of}
        connection.execute(models.insert_unless_there(_tallies, engine.dialect.name), first)
        connection.execute(one_more)


def unstored(reason: str, days: int = 7) -> dict[str, int]:
    """Return for each processor how many events of the last days weren't stored for a reason."""
    since = real_now().date() - datetime.timedelta(days=days)
    session = current_state().db.session
    rows = session.execute(
        sa.select(_tallies.processor, sa.func.sum(_tallies.count))
        .where(_tallies.reason == reason, _tallies.day > since)
        .group_by(_tallies.processor)
        .order_by(_tallies.processor)
        .execution_options(autoflush=False)
    ).all()
    return {processor: int(total) for processor, total in rows}


def prune(keep: datetime.timedelta) -> None:
    """Forget days that are longer ago, in the session's transaction."""
    before = real_now().date() - keep
    current_state().db.session.execute(sa.delete(_tallies).where(_tallies.day < before))
