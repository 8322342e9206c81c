"""Payment methods, which are listed a customer at a time."""

from __future__ import annotations

import collections.abc as c
import functools
import typing as t
import uuid

import sqlalchemy as sa

from .. import clock, mirror, models
from ..errors import NotFound
from ..mirror import Source, Watermark
from ..processors import Answer
from ..state import current_state
from ..unit_of_work import UnitOfWork
from .report import Difference
from .writing import Batch, Name, Tally, transact

if t.TYPE_CHECKING:
    from .account import Run

#: How many customers are asked for, and written, together.
_CUSTOMERS: t.Final = 20


class _Wallet(t.NamedTuple):
    """A customer's cards as they are listed, and the watermarks of those that were here before."""

    customer_id: uuid.UUID
    customer: str
    answer: Answer
    seen: dict[Name, Watermark]


def sync_cards(run: Run) -> None:
    """Go through the cards of all living customers that are here."""
    while True:
        ids = _customers_after(run)
        if not ids:
            break
        wallets = [wallet for id, customer in ids if (wallet := _listed(run, id, customer))]
        for wallet in wallets:
            _note_gone(run, wallet)
        after = str(ids[-1][0])
        if wallets:
            again = functools.partial(_again, run, wallets)
            run.settle(_batch(run, wallets, None), again, after)
        run.progress.after = after
    for customer in sorted(id for kind, id in run.awaited if kind == "customer"):
        _look_at_new(run, customer)


def _look_at_new(run: Run, customer: str) -> None:
    """Tell the cards of a customer that would be here by now."""
    tally = Tally()
    for obj in run.ask(lambda: run.gateway.list_payment_methods(customer)).objects:
        tally.report.count(obj.kind, "seen")
        tally.report.count(obj.kind, "created")
        tally.differences.append(Difference(obj.kind, obj.processor_id, "attached", {}))
    run.take(tally)


def _customers_after(run: Run) -> list[tuple[uuid.UUID, str]]:
    customers = models.Customer
    which = [customers.processor == run.gateway.name, customers.deleted_at.is_(None)]
    if run.progress.after is not None:
        which.append(customers.id > uuid.UUID(run.progress.after))
    session = current_state().db.session
    statement = sa.select(customers.id, customers.processor_id).where(*which)
    rows = session.execute(statement.order_by(customers.id).limit(_CUSTOMERS)).all()
    session.rollback()
    return [(id, processor_id) for id, processor_id in rows]


def _listed(run: Run, id: uuid.UUID, customer: str) -> _Wallet | None:
    methods = models.PaymentMethod
    session = current_state().db.session
    attached = session.scalars(
        sa.select(methods)
        .where(methods.customer_id == id, methods.detached_at.is_(None))
        .execution_options(populate_existing=True)
    )
    seen = {("payment_method", row.processor_id): mirror.watermark(row) for row in attached}
    session.rollback()
    try:
        answer = run.ask(lambda: run.gateway.list_payment_methods(customer))
    except NotFound:
        # That it's gone is the customer's own matter.
        return None
    return _Wallet(id, customer, answer, seen)


def _note_gone(run: Run, wallet: _Wallet) -> None:
    """Tell the cards that were here before and aren't listed, and that nobody has written since."""
    listed = {obj.processor_id for obj in wallet.answer.objects}
    missing = {name: seen for name, seen in wallet.seen.items() if name[1] not in listed}
    if not missing:
        return

    def work(uow: UnitOfWork) -> Tally:
        tally = Tally()
        customer = uow.lock_customer(wallet.customer_id)
        for (kind, processor_id), seen in missing.items():
            row = uow.find(models.PaymentMethod, customer.processor, processor_id)
            if row is not None and mirror.watermark(row) == seen:
                mirror.mark_gone(uow, customer, row, Source.of_answer(wallet.answer))
                tally.report.count(kind, "gone")
        counts = tally.report.counts
        tally.note(uow, 0)
        tally.report.counts = {
            kind: {"gone": each["gone"]} for kind, each in counts.items() if "gone" in each
        }
        return tally

    run.take(transact(work, take_back=not run.repair))


def _again(run: Run, wallets: c.Sequence[_Wallet], wanted: set[Name]) -> Batch:
    ids = {id for _, id in wanted}
    held = [w for w in wallets if ids & {obj.processor_id for obj in w.answer.objects}]
    told = [_listed(run, wallet.customer_id, wallet.customer) for wallet in held]
    return _batch(run, [wallet for wallet in told if wallet], wanted)


def _batch(run: Run, wallets: c.Sequence[_Wallet], wanted: set[Name] | None) -> Batch:
    found = [
        (obj, wallet.customer)
        for wallet in wallets
        for obj in wallet.answer.objects
        if wanted is None or (obj.kind, obj.processor_id) in wanted
    ]
    seen = {name: mark for wallet in wallets for name, mark in wallet.seen.items()}
    # Told one after another: each was true from its own call on, so all were from the first one's on.
    times = [(wallet.answer.fresh_from, wallet.answer.fresh_to) for wallet in wallets]
    now = clock.now()
    source = Source(
        min((each[0] for each in times), default=now), max((each[1] for each in times), default=now)
    )
    payers: dict[str, str | None] = {obj.processor_id: customer for obj, customer in found}
    return Batch(run.gateway, [obj for obj, _ in found], source, payers, seen=seen)
