"""Noting what became of an event, in the transaction that applies it, as long as it is still ours."""

from __future__ import annotations

import collections.abc as c
import typing as t
import uuid

import sqlalchemy as sa

from .. import models
from ..clock import real_now
from ..processors import ProcessorEvent
from ..unit_of_work import UnitOfWork
from . import handlers
from .claims import LeaseLost

#: What the row of an event has that nothing is left to do about, besides ``finished_at``.
CLOSED: t.Final[t.Mapping[str, t.Any]] = {
    "state": "succeeded",
    "claim_token": None,
    "claimed_until": None,
    "last_error": None,
}

_table = models.WebhookEvent.__table__
_UPDATE: t.Final = sa.update(_table).where(  # type: ignore[arg-type]
    _table.c.id == sa.bindparam("_id"), _table.c.claim_token == sa.bindparam("_token")
)


class Closing:
    """What became of one event: closed with the transaction that applies it, or left to its handlers.

    :ivar customer_id: whom it turned out to be about.
    :ivar is_closed: nothing is left to do; else the host's handlers are.
    """

    def __init__(self, row: models.WebhookEvent, token: uuid.UUID, event: ProcessorEvent) -> None:
        self.row = row
        self.token = token
        self.event = event
        self.is_closed = False
        self.customer_id: uuid.UUID | None = None

    def __call__(
        self, uow: UnitOfWork, outcome: str, reason: str | None, customer: models.Customer | None
    ) -> None:
        """Note the outcome, at once.

        :raises LeaseLost: when the row isn't ours any more, so that all is rolled back.
        """
        values = self.values(uow, outcome, reason, customer)
        uow.session.flush()
        update(uow.execute, self.row.id, self.token, values)

    def values(
        self, uow: UnitOfWork, outcome: str, reason: str | None, customer: models.Customer | None
    ) -> dict[str, t.Any]:
        """Return what the row gets, and add the runs of the host's handlers."""
        wanted = [] if outcome == "ignored" else list(handlers.matching(self.event.type))
        self.customer_id = None if customer is None else customer.id
        self.is_closed = not wanted
        now = real_now()
        values: dict[str, t.Any] = {
            "outcome": outcome,
            "reason": reason,
            "customer_id": self.customer_id,
            "applied_at": now,
        }
        if self.is_closed:
            values |= {**CLOSED, "finished_at": now}
        else:
            # A replayed event has runs already; only those that failed are repeated.
            runs = models.HandlerRun
            there = set(
                uow.execute(
                    sa.select(runs.handler).where(runs.webhook_event_id == self.row.id)
                ).scalars()
            )
            uow.session.add_all(
                runs(webhook_event_id=self.row.id, handler=name)
                for name in wanted
                if name not in there
            )
        return values


def update(
    execute: t.Callable[..., t.Any],
    row_id: uuid.UUID,
    token: uuid.UUID,
    values: c.Mapping[str, t.Any],
) -> None:
    """Set columns of an event that is ours.

    :raises LeaseLost: when it isn't any more.
    """
    update_all(execute, token, {row_id: values})


def update_all(
    execute: t.Callable[..., t.Any],
    token: uuid.UUID,
    values: c.Mapping[uuid.UUID, c.Mapping[str, t.Any]],
) -> None:
    """Set columns, the same ones, of several events that are ours.

    :raises LeaseLost: when one of them isn't any more.
    """
    rows = [{**each, "_id": row_id, "_token": token} for row_id, each in values.items()]
    result = execute(_UPDATE, rows if len(rows) > 1 else rows[0])
    if result.rowcount != len(rows):
        raise LeaseLost
