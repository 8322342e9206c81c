"""Working on due events: claim, apply, run handlers, or try again later."""

from __future__ import annotations

import logging
import time
import typing as t
import uuid

from .. import clock, leases, models, signals
from ..clock import real_now
from ..retry import MOST_ATTEMPTS, loggable, told, wait_after
from ..state import current_state
from . import claims, handlers
from .apply import Asked, Deferred, apply
from .claims import Lease, LeaseLost
from .closing import CLOSED, Closing, update
from .together import apply_together

logger = logging.getLogger(__name__)

#: What the queue of due events is called.
QUEUE: t.Final = "webhooks"


def work_on_due(*, seconds: float = 60.0) -> int:
    """Work on due events until none is left, or the time is up, in an app context of its own.

    :param seconds: real time; the event at hand is finished, the others are put back.
    :returns: how many events were worked on.
    """
    return leases.work_through(QUEUE, claims.claim, _work_on_lease, seconds=seconds)


def _work_on_lease(lease: Lease, ends: float) -> int:
    done = _work_on_several(lease)
    # All of a lease's events had come in when it was claimed.
    asked: Asked = set()
    while lease.rows and time.monotonic() < ends:
        row = lease.rows[0]
        _work_on(row, lease, asked)
        done += 1
        lease.rows = [each for each in lease.rows if each is not row]
    return done


def _work_on_several(lease: Lease) -> int:
    """Apply what can be applied together; return how many events that was the whole work on."""
    done = apply_together(lease)
    for closing in done:
        closing.row.applied_at = real_now()
        closing.row.customer_id = closing.customer_id
    closed = [closing.row for closing in done if closing.is_closed]
    lease.rows = [row for row in lease.rows if row not in closed]
    for row in closed:
        _tell(row.id, dead=False)
    return len(closed)


def _work_on(row: models.WebhookEvent, lease: Lease, asked: Asked) -> None:
    """Work on one event. Never raises for what the event does."""
    session = current_state().db.session
    try:
        _finish(row, lease, asked)
    except LeaseLost:
        session.rollback()
        logger.warning("accrue: the lease of webhook event %s was lost", row.processor_id)
    except _HandlersFailed as error:
        _try_again(row, lease.token, error)
    except Exception as error:
        session.rollback()
        level = logging.INFO if isinstance(error, Deferred) else logging.WARNING
        logger.log(
            level, "accrue: webhook event %s failed", row.processor_id, exc_info=loggable(error)
        )
        _try_again(row, lease.token, error)
    else:
        _tell(row.id, dead=False)


def _finish(row: models.WebhookEvent, lease: Lease, asked: Asked) -> None:
    """Apply an event and run its handlers, or as much of that as is left to do."""
    state = current_state()
    lease.keep()
    if row.attempts > MOST_ATTEMPTS:
        raise _NeverEnded
    event = state.processor(row.processor).read_event(row.payload)
    customer_id = row.customer_id
    if row.applied_at is None:
        closing = Closing(row, lease.token, event)
        apply(row.id, state.processor(row.processor), event, closing, asked)
        if closing.is_closed:
            return
        customer_id = closing.customer_id
    failed = handlers.run_all(row.id, event, customer_id, lease)
    if failed:
        raise _HandlersFailed("; ".join(failed))
    done = {**CLOSED, "finished_at": real_now()}
    update(state.db.session.execute, row.id, lease.token, done)
    state.db.session.commit()


class _NeverEnded(Exception):
    """It was claimed again and again, and no worker came to its end: it may be what kills them."""

    def __str__(self) -> str:
        return f"none of {MOST_ATTEMPTS} workers came to its end; it may be what killed them"


class _HandlersFailed(Exception):
    """Handlers of the host raised."""

    def __str__(self) -> str:
        return str(self.args[0])


def _try_again(row: models.WebhookEvent, token: uuid.UUID, error: Exception) -> None:
    """Put the event back with a later time, or give it up."""
    session = current_state().db.session
    dead = row.attempts >= MOST_ATTEMPTS
    values = {
        "state": "dead" if dead else "failed",
        "last_error": str(error) if isinstance(error, _HandlersFailed) else told(error, 2000),
        "next_attempt_at": clock.now() + wait_after(error, row.attempts),
        "claim_token": None,
        "claimed_until": None,
        "finished_at": real_now() if dead else None,
    }
    try:
        update(session.execute, row.id, token, values)
    except LeaseLost:
        session.rollback()
        return
    session.commit()
    if dead:
        _tell(row.id, dead=True)


def _tell(row_id: uuid.UUID, *, dead: bool) -> None:
    signal = signals.webhook_dead if dead else signals.webhook_processed
    leases.tell(signal, models.WebhookEvent, row_id)
