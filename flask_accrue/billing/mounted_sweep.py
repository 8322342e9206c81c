"""Closing mounted pages that nobody comes back to."""

from __future__ import annotations

import datetime
import logging
import typing as t
import uuid

import sqlalchemy as sa

from .. import clock, models
from ..errors import AccrueError, ProcessorError
from ..models.checkout import MOUNTED_PREFIX
from ..state import current_state
from . import mounted_checkout
from .mounted_endings import withdraw
from .mounted_sessions import again

logger = logging.getLogger(__name__)

#: For how long what was made while its session was closed is looked for.
LOOKED_FOR: t.Final = datetime.timedelta(days=7)


def expire_checkouts() -> int:
    """Close mounted pages whose time is over, and return how many are closed now.

    What waits there for its payment is withdrawn, but for subscriptions: the processor gives their first
    payment 23 hours. So is a bill that was made while its session was closed. What is refused is tried again
    the next time.
    """
    closed, gone = 0, set()
    for id, processor in _due():
        if processor in gone:
            continue
        try:
            session = again(id)
            if session.is_open:
                closed += not mounted_checkout.look(session).is_open
            else:
                withdraw(session)
                closed += 1
        except AccrueError as error:
            logger.warning("accrue: the checkout %s couldn't be closed: %s", id, error)
            if isinstance(error, ProcessorError) and not error.definite:
                gone.add(processor)
        finally:
            current_state().db.session.rollback()
    return closed


def _due() -> list[tuple[uuid.UUID, str]]:
    """Return the sessions to look at, each with its processor, those first whose time is over for longest."""
    sessions, invoices = models.CheckoutSession, models.Invoice
    now, session = clock.now(), current_state().db.session
    over = sa.and_(sessions.is_open, sessions.expires_at <= now)
    left_behind = sa.and_(
        sessions.is_expired,
        sessions.expires_at >= now - LOOKED_FOR,
        sa.exists().where(
            invoices.processor == sessions.processor,
            invoices.processor_id == sessions.invoice_processor_id,
            invoices.is_open,
        ),
    )
    found = session.execute(
        sa.select(sessions.id, sessions.processor)
        .where(sessions.processor_id.startswith(MOUNTED_PREFIX, autoescape=True))
        .where(sa.or_(over, left_behind))
        .order_by(sessions.expires_at, sessions.id)
    ).all()
    session.rollback()
    return [(id, processor) for id, processor in found if processor in current_state().processors]
