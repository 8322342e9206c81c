"""Usage that the processor took and, as it says later, can't count."""

from __future__ import annotations

import collections.abc as c
import typing as t
import uuid

import sqlalchemy as sa

from .. import models
from ..ledger.append import append
from ..processors import RefusedUsage
from ..state import current_state
from ..unit_of_work import UnitOfWork

_events = models.MeterEvent
_LONGEST_ERROR: t.Final = 500
_KEY: t.Final = "usage:"
#: What a processor takes: https://docs.stripe.com/api/billing/meter-event/create
_LONGEST_IDENTIFIER: t.Final = 100


def request_key(id: uuid.UUID, refusals: int) -> str:
    """Return the key of the request that reports a row's usage, from which the row can be found again.

    After each refusal it's another one: the processor would only repeat what it said of the last.
    """
    return f"{_KEY}{id}:{refusals}"


def sent_as(row: models.MeterEvent) -> str:
    """Return the identifier that a row's usage is sent with.

    It's the host's own, for which they look at the processor, until that is refused: the processor may take
    it for counted then. The next ones are of a form and length of ours, which no host has a reason to give.

    The processor has each identifier once in an account, so it begins with the installation's name, if there
    is one: another one's usage of the same name isn't this one's.
    """
    sent = f"{_of_installation()}{row.identifier}"
    if row.refusals or len(sent) > _LONGEST_IDENTIFIER:
        return request_key(row.id, row.refusals)
    return sent


def _of_installation() -> str:
    name = current_state().settings.installation
    return f"{name}:" if name else ""


def mark_refused(
    uow: UnitOfWork, processor: str, account: str | None, refused: c.Sequence[RefusedUsage]
) -> list[uuid.UUID]:
    """Mark usage as failed that was taken for reported, and note it in the ledger.

    It's named by its request's key or by its identifier. What was sent again since, under others, is left
    alone, and so is what was reported in another account.

    :param account: the connected account whose processor says so, or ``None``: the platform's.
    :returns: the ids of the rows that are failed now and weren't before.
    """
    reasons = {each.identifier: each.reason for each in refused}
    ids = {id for name in reasons if (id := _row_named(name)) is not None}
    uow.lock_system(processor)
    customers = models.Customer
    identifiers = {name.removeprefix(_of_installation()) for name in reasons}
    named = sa.or_(_events.id.in_(ids), _events.identifier.in_(identifiers))
    rows = uow.scalars(
        sa.select(_events)
        .join(customers, customers.id == _events.customer_id)
        .where(_events.processor == processor, customers.account == account)
        .where(named, _events.is_reported)
        .order_by(_events.id)
        .with_for_update(of=_events)
    )
    marked = []
    for row in rows:
        names = (request_key(row.id, row.refusals), sent_as(row))
        reason = next((reasons[name] for name in names if name in reasons), None)
        if reason is not None:
            row.last_error = reason[:_LONGEST_ERROR]
            row.state, row.sent_at, row.reported_at = "failed", None, None
            row.refusals += 1
            marked.append(row)
    if marked:
        append(
            uow,
            "usage.refused",
            subject_type="meter_event",
            subject_id=str(marked[0].id),
            customer=None,
            chain_of=processor,
            data={"identifiers": [row.identifier for row in marked]},
        )
    return [row.id for row in marked]


def _row_named(key: str) -> uuid.UUID | None:
    """Return the id of the row that a request's key is about; ``None``, if it's no key of ours."""
    try:
        return uuid.UUID(key.removeprefix(_KEY).partition(":")[0])
    except ValueError:
        return None
