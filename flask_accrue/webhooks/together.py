"""Applying several events in one transaction, because most of what one costs is asking and committing.

Only bodies are applied so, of customers that are here. An event that has to be fetched, that failed before or
whose customer isn't known is left to be done alone; and all are, if anything at all goes wrong, since what
is written together stands or falls together.
"""

from __future__ import annotations

import collections.abc as c
import logging
import typing as t

from .. import mirror, models
from ..origins import Actor, Origin
from ..processors import Processor, objects
from ..retry import loggable
from ..state import current_state
from ..unit_of_work import UnitOfWork, write
from .apply import MustFetch, apply_body, origin_of
from .claims import Lease
from .closing import Closing, update_all
from .owners import is_mirrored, must_fetch, named_payer

logger = logging.getLogger(__name__)


def apply_together(lease: Lease) -> list[Closing]:
    """Apply those of a lease's events that can be, of one processor, in one transaction.

    :returns: what became of them. The others are untouched.
    """
    fresh = [row for row in lease.rows if row.attempts == 1 and row.applied_at is None]
    if len(fresh) < 2:
        return []
    name = fresh[0].processor
    try:
        gateway = current_state().processor(name)
        ready = [each for row in fresh if row.processor == name for each in _read(gateway, row)]
        if len(ready) < 2:
            return []
        origin = Origin(Actor("webhook"))
        return write(lambda uow: _apply_all(uow, gateway, ready, lease), origin=origin)
    except Exception as error:
        # Each is tried alone next, and whatever was wrong comes up again with the one it's wrong with.
        logger.info(
            "accrue: %d events can't be applied together", len(fresh), exc_info=loggable(error)
        )
        return []


class _Ready(t.NamedTuple):
    row: models.WebhookEvent
    event: t.Any
    object: objects.ProcessorObject
    payer: str


def _read(gateway: Processor, row: models.WebhookEvent) -> c.Iterator[_Ready]:
    """Give the event if its body may be written and says whose it is."""
    event = gateway.read_event(row.payload)
    found = event.object
    of = event.subject
    if found is None or of is None or event.account or not is_mirrored(of) or must_fetch(event):
        return
    payer = named_payer(event, found)
    if payer is not None and found.kind not in objects.NOBODYS:
        yield _Ready(row, event, found, payer)


def _apply_all(
    uow: UnitOfWork, gateway: Processor, ready: list[_Ready], lease: Lease
) -> list[Closing]:
    here = uow.lock_processor_customers(gateway.name, {each.payer for each in ready})
    # One of a connected account's is no customer of the platform's, from which these events are.
    ready = [each for each in ready if each.payer in here and here[each.payer].account is None]
    mirror.read_ahead(uow, gateway.name, [each.object for each in ready])
    done: list[Closing] = []
    closed: dict[t.Any, dict[str, t.Any]] = {}
    left: dict[t.Any, dict[str, t.Any]] = {}
    for row, event, _, payer in ready:
        closing = Closing(row, lease.token, event)

        def finish(
            uow: UnitOfWork,
            outcome: str,
            reason: str | None,
            customer: models.Customer | None,
            closing: Closing = closing,
        ) -> None:
            values = closing.values(uow, outcome, reason, customer)
            (closed if closing.is_closed else left)[closing.row.id] = values

        try:
            with uow.because_of(origin_of(row.id, event)):
                apply_body(uow, gateway, event, event.subject, payer, finish)
                uow.react()
        except MustFetch:
            # Nothing of it was written.
            continue
        done.append(closing)
    uow.session.flush()
    for values in (closed, left):
        if values:
            update_all(uow.execute, lease.token, values)
    return done
