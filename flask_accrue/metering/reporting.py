"""Reporting stored usage: at once, or by whoever finds it due.

A row is marked as sent, and that is committed, before the processor is called. A processor forgets an
identifier after a day, so what may have arrived is sent again within 23 hours only; later it needs a human.
"""

from __future__ import annotations

import logging
import time
import typing as t
import uuid

import sqlalchemy as sa

from .. import clock, leases, models, signals
from ..clock import real_now, to_unix
from ..errors import (
    AuthenticationError,
    ConfigError,
    IdempotencyConflict,
    OperationUnknown,
    ProcessorError,
    RateLimited,
    UnsupportedByProcessor,
)
from ..leases import BATCH, Lease, LeaseLost
from ..operations import RESEND_WITHIN
from ..origins import Origin, current_actor
from ..processors import Capability
from ..retry import MOST_ATTEMPTS, told, wait_after
from ..state import current_state
from ..telemetry import reached
from ..unit_of_work import UnitOfWork, write
from .refusals import request_key, sent_as

logger = logging.getLogger(__name__)

#: What the queue of due usage is called.
QUEUE: t.Final = "usage"

_LONGEST_ERROR: t.Final = 500
_events = models.MeterEvent
_Held: t.TypeAlias = Lease[models.MeterEvent]


def work_on_due(*, seconds: float = 60.0) -> int:
    """Report due usage until none is left, or the time is up, in an app context of its own.

    :param seconds: real time; the event at hand is finished, the others are put back.
    :returns: how many events were worked on.
    """
    return leases.work_through(QUEUE, _claim, _work_on_lease, seconds=seconds)


def report_now(lease: _Held) -> None:
    """Report the one event of a lease. Never raises for what the processor says: the row tells."""
    _work_on(lease.rows[0], lease)


def _claim() -> _Held:
    return leases.claim(_events, BATCH, moment="usage.claimed")


def _work_on_lease(lease: _Held, ends: float) -> int:
    done = 0
    while lease.rows and time.monotonic() < ends:
        row = lease.rows[0]
        _work_on(row, lease)
        done += 1
        lease.rows = [each for each in lease.rows if each is not row]
    return done


def _work_on(row: models.MeterEvent, lease: _Held) -> None:
    session = current_state().db.session
    # What is needed of the row after commits, which expire it where the caller's session holds it.
    id, attempts = row.id, row.attempts
    try:
        lease.keep()
        try:
            _report(row, lease.token)
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001 - the row keeps it, and is tried again
            session.rollback()
            values = _after(error, attempts)
            level = logging.WARNING if values["state"] == "failed" else logging.INFO
            logger.log(level, "accrue: usage %s wasn't reported: %s", id, values["last_error"])
        else:
            values = {"state": "reported", "reported_at": real_now(), "last_error": None}
        _update(id, lease.token, {**values, "claim_token": None, "claimed_until": None})
    except LeaseLost:
        session.rollback()
        logger.warning("accrue: the lease of usage %s was lost", id)
        return
    if values["state"] == "failed":
        leases.tell(signals.usage_report_failed, _events, id)


def _report(row: models.MeterEvent, token: uuid.UUID) -> None:
    state = current_state()
    session = state.db.session
    payer, account = _payer(row.customer_id)
    request: dict[str, t.Any] = {
        "customer": payer,
        "event_name": row.event_name,
        "value": row.value,
        "identifier": sent_as(row),
        "timestamp": to_unix(row.occurred_at),
        "key": request_key(row.id, row.refusals),
    }
    gateway = state.processor(row.processor).of_account(account)
    gateway.require(Capability.METERING)
    if row.sent_at is None:
        _update(row.id, token, {"sent_at": real_now()})
    elif row.attempts > 1 and real_now() - row.sent_at > RESEND_WITHIN:
        raise OperationUnknown(
            "Whether it was counted isn't known, and it's too late to ask again: the processor has "
            "forgotten the identifier. Look there first, then retry it by force."
        )
    # No transaction stays open during the call.
    session.rollback()
    reached("usage.before_call")
    gateway.create_meter_event(**request)
    reached("usage.after_call")


def _payer(customer_id: uuid.UUID) -> tuple[str, str | None]:
    """Return who used it, and in which connected account that is, if in one."""
    customers = models.Customer
    statement = sa.select(customers.processor_id, customers.account)
    found = current_state().db.session.execute(statement.where(customers.id == customer_id)).one()
    return found.processor_id, found.account


def _after(error: Exception, attempts: int) -> dict[str, t.Any]:
    """Return what the row gets when it wasn't reported: a later time, or the end."""
    values: dict[str, t.Any] = {"last_error": told(error, _LONGEST_ERROR)}
    if isinstance(error, RateLimited | AuthenticationError) and attempts == 1:
        # It was turned away, so it can't have been counted.
        values["sent_at"] = None
    refused = _is_refusal(error)
    if refused:
        # What was refused for good wasn't counted, and its key would only give the refusal again.
        values |= {"sent_at": None, "refusals": _events.refusals + 1}
    if refused or isinstance(error, OperationUnknown) or attempts >= MOST_ATTEMPTS:
        return {**values, "state": "failed"}
    return {
        **values,
        "state": "pending",
        "next_attempt_at": clock.now() + wait_after(error, attempts),
    }


def _is_refusal(error: Exception) -> bool:
    """Tell whether it's the event that is wrong: a key that is, or too many calls, can be put right."""
    if isinstance(error, RateLimited | AuthenticationError | ConfigError):
        return False
    if isinstance(error, ProcessorError):
        return error.definite
    return isinstance(error, IdempotencyConflict | UnsupportedByProcessor)


def _update(id: uuid.UUID, token: uuid.UUID, values: dict[str, t.Any]) -> None:
    """Set columns of an event that is ours, and commit.

    :raises LeaseLost: when it isn't any more.
    """
    statement = (
        sa.update(_events)
        .where(_events.id == id, _events.claim_token == token)
        .values(**values)
        .execution_options(synchronize_session=False)
    )

    def work(uow: UnitOfWork) -> None:
        if uow.execute(statement).rowcount != 1:  # type: ignore[attr-defined]
            raise LeaseLost

    write(work, origin=Origin(current_actor()))
