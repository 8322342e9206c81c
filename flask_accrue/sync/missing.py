"""What is here and isn't listed any more: asked for by itself, since a list doesn't say that it's gone."""

from __future__ import annotations

import datetime
import functools
import typing as t
import uuid

import sqlalchemy as sa
from sqlalchemy import orm

from .. import mirror, models
from ..billing.current import ChangedMeanwhile, fetch_now, payer_id, write_now
from ..isolation import dialect_of
from ..locked_reads import one_of
from ..mirror import Watermark
from ..processors import Answer, Page, Processor
from ..state import current_state
from ..unit_of_work import UnitOfWork
from .writing import Tally, transact

if t.TYPE_CHECKING:
    from .account import Run

#: How many rows are looked at together.
_ROWS: t.Final = 200


class Window:
    """The time that a page of a list, the newest first, tells of.

    :ivar high: when the last object of the page before was made; ``None``: this is the first page.
    :ivar low: when its own last one was made; ``None``: it's the last page.
    """

    def __init__(self, until: datetime.datetime | None) -> None:
        self.high: datetime.datetime | None = None
        self.low = until
        self.listed: set[str] = set()
        self._page: set[str] = set()

    def move(self, page: Page) -> None:
        """Go on to a page. What was made in one second may be on two."""
        found = page.answer.objects
        before, self._page = self._page, {obj.processor_id for obj in found}
        self.listed = before | self._page
        made = [obj.created for obj in found if obj.created is not None]
        self.high, self.low = self.low, min(made, default=self.low)
        if page.after is None:
            self.low = None


class _Row(t.NamedTuple):
    processor_id: str
    customer_id: uuid.UUID | None
    seen: Watermark


def sync_missing(run: Run, kind: str, window: Window) -> None:
    """Look after each row of a window that wasn't listed, and tell those that are gone."""
    _look_after_all(run, kind, window)
    if kind == "customer" and window.low is None:
        # All others were told by now.
        _look_after_all(run, kind, window, untold=True)


def _look_after_all(run: Run, kind: str, window: Window, *, untold: bool = False) -> None:
    last: uuid.UUID | None = None
    while True:
        rows = _not_listed(run.gateway, kind, window, last, untold=untold)
        for row in rows:
            last = row.id
        for each in [_Row(row.processor_id, payer_id(row), mirror.watermark(row)) for row in rows]:
            if each.processor_id in run.told:
                continue
            current_state().db.session.rollback()
            _look_after(run, kind, each)
        current_state().db.session.rollback()
        if len(rows) < _ROWS:
            return


def _look_after(run: Run, kind: str, row: _Row) -> None:
    answer: Answer | None = run.ask(lambda: fetch_now(run.gateway, kind, row.processor_id))
    if answer is not None and not answer.main.deleted:
        return

    def work(uow: UnitOfWork) -> Tally:
        tally = Tally()
        write_now(uow, run.gateway, kind, row.processor_id, row.customer_id, answer, row.seen)
        tally.note(uow, 0)
        # What follows from it, as the end of a customer's subscriptions, is told and not counted.
        tally.report.counts.clear()
        tally.report.count(kind, "gone")
        return tally

    try:
        run.take(transact(work, take_back=not run.repair))
    except ChangedMeanwhile:
        return


def _not_listed(
    gateway: Processor, kind: str, window: Window, last: uuid.UUID | None, *, untold: bool
) -> list[models.Mirrored]:
    given = {
        "processor": gateway.name,
        "account": gateway.account,
        "listed": sorted(window.listed),
        "high": None if untold else window.high,
        "low": None if untold else window.low,
        "last": last,
    }
    known = {name: value for name, value in given.items() if value is not None}
    session = current_state().db.session()
    mapper = models.LedgerChain.__mapper__
    statement = _unlisted(kind, frozenset(known), dialect_of(session), untold)
    return list(session.scalars(statement, known, bind_arguments={"mapper": mapper}))


@functools.cache
def _unlisted(kind: str, known: frozenset[str], dialect: str, untold: bool) -> sa.Select[t.Any]:
    """Return the select of rows of a window that weren't listed; of its ends, those that are known.

    :param untold: of rows of which nothing has been told yet instead, not even when they were made: somebody
        has said whose customers those are.
    """
    model: t.Any = models.MIRRORED[kind]
    which = [
        model.processor == sa.bindparam("processor"),
        model.deleted_at.is_(None),
        model.created.is_(None) if untold else model.created.is_not(None),
        sa.not_(one_of(model.processor_id, "listed", dialect)),
    ]
    # What is in a connected account is on its own lists, and on none of the platform's.
    customers = models.Customer
    account: t.Any = sa.bindparam("account") if "account" in known else None
    if model is models.Customer:
        which.append(model.account == account)
    elif issubclass(model, models.CatalogRow):
        which.append(model.account_key == ("" if account is None else account))
    elif hasattr(model, "customer_id"):
        which.append(
            sa.exists().where(customers.id == model.customer_id, customers.account == account)
        )
    if "high" in known:
        which.append(model.created <= sa.bindparam("high"))
    if "low" in known:
        which.append(model.created >= sa.bindparam("low"))
    if "last" in known:
        which.append(model.id > sa.bindparam("last"))
    return (
        sa.select(model)
        .where(*which)
        .order_by(model.id)
        .limit(_ROWS)
        .options(orm.defer(model.raw))
        .execution_options(populate_existing=True)
    )
