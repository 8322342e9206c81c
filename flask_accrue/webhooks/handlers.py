"""The host's handlers: each one's run for an event is a row of its own, so that a retry repeats only
those that failed."""

from __future__ import annotations

import dataclasses
import logging
import typing as t
import uuid

import sqlalchemy as sa
from flask import current_app

from .. import billable, models, operations
from ..clock import real_now
from ..origins import Actor, acting_as
from ..processors import ProcessorEvent
from ..retry import loggable, told
from ..state import Handler, current_state
from ..telemetry import reached
from .claims import Lease

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Event:
    """What a handler is told.

    :ivar type: in the processor's words.
    :ivar object: the typed object, or ``None`` where it's a kind that isn't mirrored.
    :ivar raw: the body as parsed JSON.
    """

    type: str
    object: t.Any
    raw: t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Context:
    """Whom an event is about, and which try this is.

    :ivar customer: the mirrored customer, or ``None``.
    :ivar owner: the host's billable, or ``None``.
    :ivar attempt: 1 for the first run of this handler.
    :ivar operation_id: the same for each run of this handler for this event.
    """

    customer: models.Customer | None
    owner: t.Any
    attempt: int
    operation_id: str


def matching(type: str) -> dict[str, Handler]:
    """Return the handlers of an event type by dotted name, in the order of registration."""
    return {
        dotted_name(handler): handler
        for pattern, handler in current_state().handlers
        if pattern in ("*", type)
    }


def dotted_name(handler: Handler) -> str:
    """Return what a handler's runs are filed under."""
    return f"{handler.__module__}.{handler.__qualname__}"[:255]


def run_all(
    row_id: uuid.UUID, event: ProcessorEvent, customer_id: uuid.UUID | None, lease: Lease
) -> list[str]:
    """Run the handlers of an event that haven't succeeded yet; return what failed, a line each.

    Each runs in an app context of its own, and the billing operations it calls have ids that its
    retry has again.

    :raises LeaseLost: when another worker has taken the event, because these took too long.
    """
    state = current_state()
    runs = state.db.session.execute(
        sa.select(models.HandlerRun.id, models.HandlerRun.handler, models.HandlerRun.attempts)
        .where(
            models.HandlerRun.webhook_event_id == row_id,
            sa.not_(models.HandlerRun.is_succeeded),
        )
        .order_by(models.HandlerRun.id)
    ).all()
    state.db.session.rollback()
    handlers = matching(event.type)
    failed: list[str] = []
    for run_id, name, attempts in runs:
        lease.keep()
        handler = handlers.get(name)
        if handler is None:
            error: str | None = "no handler of that name is registered any more"
        else:
            error = _run(handler, row_id, event, customer_id, attempts + 1)
        _note(run_id, error)
        if error is not None:
            failed.append(f"{name}: {error}")
    return failed


def _run(
    handler: Handler,
    row_id: uuid.UUID,
    event: ProcessorEvent,
    customer_id: uuid.UUID | None,
    attempt: int,
) -> str | None:
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    scope = operations.shortened(f"webhook:{row_id}:{dotted_name(handler)}")
    actor = Actor("webhook", event.processor_id)
    with app.app_context(), acting_as(actor, cause_webhook_id=row_id):
        try:
            with operations.operation(scope):
                customer = None
                if customer_id is not None:
                    customer = current_state().db.session.get(models.Customer, customer_id)
                owner = None
                if customer is not None:
                    owner = billable.load_owner(customer.owner_type, customer.owner_id)
                reached("webhook.handler")
                handler(
                    Event(event.type, event.object, event.raw),
                    Context(customer, owner, attempt, scope),
                )
        except Exception as error:
            logger.exception("accrue: a handler of %s failed", event.type, exc_info=loggable(error))
            return told(error, 500)
    return None


def _note(run_id: uuid.UUID, error: str | None) -> None:
    session = current_state().db.session
    runs = models.HandlerRun
    session.execute(
        sa.update(runs)
        # One that took long may have been run by another worker too, and have succeeded there.
        .where(runs.id == run_id, sa.not_(runs.is_succeeded))
        .values(
            state="succeeded" if error is None else "failed",
            attempts=runs.attempts + 1,
            last_error=error,
            finished_at=None if error is not None else real_now(),
        )
        .execution_options(synchronize_session=False)
    )
    session.commit()
