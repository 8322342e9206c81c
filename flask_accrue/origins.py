"""Who writes, and why: kept with each entry of the ledger."""

from __future__ import annotations

import collections.abc as c
import contextlib
import contextvars
import dataclasses
import typing as t
import uuid

from .state import current_state
from .telemetry import current_trace_id


@dataclasses.dataclass(frozen=True)
class Actor:
    """Who did something: ``user``, ``admin``, ``webhook``, ``job`` or ``system``, and an id."""

    type: str
    id: str | None = None


@dataclasses.dataclass(frozen=True)
class Origin:
    """Why a transaction writes.

    :ivar cause_webhook_id: the webhook event that led to it.
    :ivar occurred_at: when it happened in the processor's time, where known.
    """

    actor: Actor
    operation_id: str | None = None
    trace_id: str | None = None
    cause_entry_id: int | None = None
    cause_webhook_id: uuid.UUID | None = None
    occurred_at: t.Any = None


_acting: contextvars.ContextVar[Origin | None] = contextvars.ContextVar(
    "accrue_acting", default=None
)


@contextlib.contextmanager
def acting_as(
    actor: Actor, *, cause_entry_id: int | None = None, cause_webhook_id: uuid.UUID | None = None
) -> c.Iterator[None]:
    """Name the actor, and the cause, of everything that's written inside and doesn't name its own."""
    origin = Origin(actor, cause_entry_id=cause_entry_id, cause_webhook_id=cause_webhook_id)
    token = _acting.set(origin)
    try:
        yield
    finally:
        _acting.reset(token)


def current_actor() -> Actor:
    """Return who acts: as said by :func:`acting_as`, else the request's user, else the system."""
    acting = _acting.get()
    if acting is not None:
        return acting.actor
    user_id = current_state().auth.current_user_id()
    return Actor("system") if user_id is None else Actor("user", user_id)


def completed(origin: Origin) -> Origin:
    """Return an origin with what is known without being said: the trace, and what is being acted on."""
    known: dict[str, t.Any] = {"trace_id": origin.trace_id or current_trace_id()}
    acting = _acting.get()
    if acting is not None and origin.cause_entry_id is None and origin.cause_webhook_id is None:
        known["cause_entry_id"] = acting.cause_entry_id
        known["cause_webhook_id"] = acting.cause_webhook_id
    return dataclasses.replace(origin, **known)
