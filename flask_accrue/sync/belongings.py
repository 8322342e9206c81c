"""What is listed a customer at a time: payment methods, and numbers at tax offices."""

from __future__ import annotations

import collections.abc as c
import functools
import typing as t
import uuid

import sqlalchemy as sa

from .. import clock, mirror, models
from ..errors import NotFound
from ..mirror import Source, Watermark
from ..processors import Answer, Processor
from ..state import current_state
from ..unit_of_work import UnitOfWork
from .report import Difference
from .writing import Batch, Name, Tally, transact

if t.TYPE_CHECKING:
    from .account import Run

#: How many customers are asked for, and written, together.
_CUSTOMERS: t.Final = 20


class _Kind(t.NamedTuple):
    """How a kind is listed, when a row of it is still there, and what its first entry is called."""

    list: c.Callable[[Processor, str], Answer]
    model: type[models.PaymentMethod] | type[models.TaxId]
    is_here: sa.ColumnElement[bool]
    verb: str


BY_CUSTOMER: t.Final[t.Mapping[str, _Kind]] = {
    "payment_method": _Kind(
        lambda gateway, customer: gateway.list_payment_methods(customer),
        models.PaymentMethod,
        models.PaymentMethod.detached_at.is_(None),
        "attached",
    ),
    "tax_id": _Kind(
        lambda gateway, customer: gateway.list_tax_ids(customer),
        models.TaxId,
        models.TaxId.deleted_at.is_(None),
        "created",
    ),
}


class _Wallet(t.NamedTuple):
    """What a customer has as it's listed, and the watermarks of what was here before."""

    kind: str

    customer_id: uuid.UUID
    customer: str
    answer: Answer
    seen: dict[Name, Watermark]


def sync_belongings(run: Run, kind: str) -> None:
    """Go through what all living customers that are here have of a kind."""
    while True:
        ids = _customers_after(run)
        if not ids:
            break
        wallets = [wallet for id, customer in ids if (wallet := _listed(run, kind, id, customer))]
        for wallet in wallets:
            _note_gone(run, wallet)
        after = str(ids[-1][0])
        if wallets:
            again = functools.partial(_again, run, wallets)
            run.settle(_batch(run, wallets, None), again, after)
        run.progress.after = after
    for customer in sorted(id for kind, id in run.awaited if kind == "customer"):
        _look_at_new(run, kind, customer)


def _look_at_new(run: Run, kind: str, customer: str) -> None:
    """Tell what a customer has that would be here by now."""
    tally = Tally()
    for obj in run.ask(lambda: BY_CUSTOMER[kind].list(run.gateway, customer)).objects:
        tally.report.count(obj.kind, "seen")
        tally.report.count(obj.kind, "created")
        tally.differences.append(Difference(kind, obj.processor_id, BY_CUSTOMER[kind].verb, {}))
    run.take(tally)


def _customers_after(run: Run) -> list[tuple[uuid.UUID, str]]:
    customers = models.Customer
    which = [
        customers.processor == run.gateway.name,
        # Each account lists its own, and the platform those that are in none.
        customers.account.is_not_distinct_from(run.gateway.account),
        customers.deleted_at.is_(None),
    ]
    if run.progress.after is not None:
        which.append(customers.id > uuid.UUID(run.progress.after))
    session = current_state().db.session
    statement = sa.select(customers.id, customers.processor_id).where(*which)
    rows = session.execute(statement.order_by(customers.id).limit(_CUSTOMERS)).all()
    session.rollback()
    return [(id, processor_id) for id, processor_id in rows]


def _listed(run: Run, kind: str, id: uuid.UUID, customer: str) -> _Wallet | None:
    of, session = BY_CUSTOMER[kind], current_state().db.session
    rows = session.scalars(
        sa.select(of.model)
        .where(of.model.customer_id == id, of.is_here)
        .execution_options(populate_existing=True)
    )
    seen = {(kind, row.processor_id): mirror.watermark(row) for row in rows}
    session.rollback()
    try:
        answer = run.ask(lambda: of.list(run.gateway, customer))
    except NotFound:
        # That it's gone is the customer's own matter.
        return None
    return _Wallet(kind, id, customer, answer, seen)


def _note_gone(run: Run, wallet: _Wallet) -> None:
    """Tell what was here before and isn't listed, and what nobody has written since."""
    listed = {obj.processor_id for obj in wallet.answer.objects}
    missing = {name: seen for name, seen in wallet.seen.items() if name[1] not in listed}
    if not missing:
        return

    def work(uow: UnitOfWork) -> Tally:
        tally = Tally()
        customer = uow.lock_customer(wallet.customer_id)
        for (kind, processor_id), seen in missing.items():
            row = uow.find(models.MIRRORED[kind], customer.processor, processor_id)
            if isinstance(row, models.PaymentMethod) and not row.is_listed:
                continue
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
    told = [_listed(run, wallet.kind, wallet.customer_id, wallet.customer) for wallet in held]
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
