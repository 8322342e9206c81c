"""Writing a page of objects in one transaction, and taking it back where a run only looks."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

import sqlalchemy as sa

from .. import mirror, models
from ..mirror import Source, Watermark
from ..origins import Actor, Origin
from ..processors import Processor, objects
from ..state import current_state
from ..unit_of_work import SYSTEM_CHAINS, UnitOfWork, write
from .linking import Owner
from .report import Difference, Report, Unlinked

_ORIGIN: t.Final = Origin(Actor("system", "sync"))

Name: t.TypeAlias = tuple[str, str]

#: What says whose another object is.
PARENTS: t.Final = ("customer", "charge", "payment_intent")
#: What a run which only looks remembers that it would have made: that, and whom transfers go to.
AWAITED: t.Final = (*PARENTS, "connect_account")


@dataclasses.dataclass
class Tally:
    """What became of some objects, in one try of one transaction.

    :ivar unclear: rows that were written so lately that the answer may be older, as they are now.
    """

    report: Report = dataclasses.field(default_factory=Report)
    differences: list[Difference] = dataclasses.field(default_factory=list)
    unlinked: list[Unlinked] = dataclasses.field(default_factory=list)
    unclear: dict[Name, Watermark] = dataclasses.field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Add what became of others; what was unclear isn't taken along."""
        self.report = self.report.plus(other.report)
        self.differences += other.differences
        self.unlinked += other.unlinked

    def note(self, uow: UnitOfWork, since: int) -> bool:
        """Note the changes of a transaction since there were so many; tell whether there are any."""
        for change, _ in uow.changes[since:]:
            self.report.count(change.kind, "created" if change.created else "updated")
            self.differences.append(Difference.of(change))
        return len(uow.changes) > since


@dataclasses.dataclass(frozen=True)
class Batch:
    """Objects that came together, and what has to be known to write them.

    :ivar payers: whose each is, by its id, as far as that's known.
    :ivar owners: of customers that aren't here: whose they are, or why nobody's.
    :ivar seen: watermarks of rows before the call.
    :ivar awaited: what of :data:`AWAITED` a run which only looks would have made by now.
    """

    gateway: Processor
    objects: c.Sequence[objects.ProcessorObject]
    source: Source
    payers: c.Mapping[str, str | None]
    owners: c.Mapping[str, Owner | Unlinked] = dataclasses.field(default_factory=dict)
    seen: c.Mapping[Name, Watermark] = dataclasses.field(default_factory=dict)
    awaited: c.Set[Name] = frozenset()


class _TakenBack(Exception):
    """Carries what a transaction would have done out of it."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self.tally = tally


def transact(work: c.Callable[[UnitOfWork], Tally], *, take_back: bool) -> Tally:
    """Run a transaction, or see what it would do: it's done, and rolled back."""
    if not take_back:
        return write(work, origin=_ORIGIN)

    def look(uow: UnitOfWork) -> t.NoReturn:
        raise _TakenBack(work(uow))

    try:
        write(look, origin=_ORIGIN)
    except _TakenBack as done:
        return done.tally
    raise AssertionError("a look ends by being taken back")


def write_batch(uow: UnitOfWork, batch: Batch, tally: Tally) -> None:
    """Write those objects of a batch that may be written."""
    name = batch.gateway.name
    here: dict[str, models.Customer] = {}
    if any(obj.kind in objects.NOBODYS for obj in batch.objects):
        uow.lock_systems(SYSTEM_CHAINS)
    else:
        payers = {payer for payer in batch.payers.values() if payer is not None}
        # Customers are read as a whole below, if it's them that are written.
        found = uow.lock_processor_customers(name, payers, whose=True)
        here = {id: each for id, each in found.items() if each.account == batch.gateway.account}
    mirror.read_ahead(uow, name, batch.objects, batch.gateway.account, whole=True)
    owners = [owner for owner in batch.owners.values() if isinstance(owner, tuple)]
    mirror.read_owners_ahead(uow, name, owners)
    with mirror.gathered(uow):
        _write_objects(uow, batch, here, tally)
        since = len(uow.changes)
    tally.note(uow, since)


def _write_objects(
    uow: UnitOfWork, batch: Batch, here: c.Mapping[str, models.Customer], tally: Tally
) -> None:
    name, account = batch.gateway.name, batch.gateway.account
    ready: list[tuple[objects.ProcessorObject, models.Customer | None]] = []
    connected = _connected(uow, batch)
    # All are judged before any is written: writing an invoice also touches its subscription.
    for obj in batch.objects:
        tally.report.count(obj.kind, "seen")
        customer = here.get(batch.payers.get(obj.processor_id) or "")
        if customer is None and obj.kind not in objects.NOBODYS:
            _write_of_unknown(uow, batch, obj, tally)
            continue
        row: models.Mirrored | None = customer
        if obj.kind != "customer":
            row = uow.find(models.MIRRORED[obj.kind], name, obj.processor_id, account)
        known = (obj.kind, obj.processor_id)
        if row is None and isinstance(obj, objects.Transfer) and obj.destination not in connected:
            _write_of_unknown(uow, batch, obj, tally)
        elif row is not None and mirror.is_gone(row) and mirror.is_gone_for_good(row):
            tally.report.count(obj.kind, "newer")
        elif mirror.may_write(row, batch.seen.get(known, mirror.UNSEEN), batch.source):
            ready.append((obj, customer))
        else:
            tally.unclear[known] = mirror.watermark(row)
    for obj, customer in ready:
        since = len(uow.changes)
        if customer is None:
            mirror.write_catalog(uow, name, obj, batch.source, account)
        else:
            mirror.write(uow, customer, obj, batch.source, looked_up=True)
        if not tally.note(uow, since):
            tally.report.count(obj.kind, "unchanged")


def _connected(uow: UnitOfWork, batch: Batch) -> set[str]:
    """Return which of the accounts that transfers went to are here."""
    accounts = models.ConnectAccount
    told = {each.destination for each in batch.objects if isinstance(each, objects.Transfer)}
    if not told:
        return set()
    which = (accounts.processor == batch.gateway.name, accounts.processor_id.in_(told - {None}))
    return set(uow.execute(sa.select(accounts.processor_id).where(*which)).scalars())


def _write_of_unknown(
    uow: UnitOfWork, batch: Batch, obj: objects.ProcessorObject, tally: Tally
) -> None:
    """Adopt a customer that isn't here, if it's somebody's; of any other object there is nothing to do."""
    owner = batch.owners.get(obj.processor_id)
    if isinstance(obj, objects.Customer) and isinstance(owner, tuple):
        since = len(uow.changes)
        made = mirror.adopt_customer(uow, batch.gateway.name, obj, batch.source, *owner)
        if made is not None:
            tally.note(uow, since)
            return
        other = mirror.living_customer(uow, batch.gateway.name, owner)
        reason = f"its owner, {mirror.owner_key(*owner)}, has another customer here, {other}"
        owner = Unlinked(obj.processor_id, obj.email, reason)
    parents = {(kind, getattr(obj, kind, None)) for kind in PARENTS}
    parents.add(("connect_account", getattr(obj, "destination", None)))
    if parents & batch.awaited:
        tally.report.count(obj.kind, "created")
        tally.differences.append(Difference(obj.kind, obj.processor_id, "created", {}))
        return
    tally.report.count(obj.kind, "unlinked")
    if isinstance(owner, Unlinked):
        tally.unlinked.append(owner)


def payers_of(
    gateway: Processor, found: c.Sequence[objects.ProcessorObject]
) -> dict[str, str | None]:
    """Return the processor's ids of the customers that some objects of one kind belong to.

    A refund or a dispute is its charge's customer's.
    """
    payers: dict[str, str | None] = {}
    for obj in found:
        own = obj.processor_id if isinstance(obj, objects.Customer) else None
        payers[obj.processor_id] = own or getattr(obj, "customer", None)
    through = [obj for obj in found if isinstance(obj, objects.Refund | objects.Dispute)]
    if through:
        by_charge = _customers_of(gateway, models.Charge, [obj.charge for obj in through])
        intents = [obj.payment_intent for obj in through]
        by_intent = _customers_of(gateway, models.PaymentIntent, intents)
        for obj in through:
            payer = by_charge.get(obj.charge) or by_intent.get(obj.payment_intent)
            payers[obj.processor_id] = payer
    return payers


def _customers_of(
    gateway: Processor, model: type[models.Charge | models.PaymentIntent], ids: list[str | None]
) -> dict[str | None, str]:
    session = current_state().db.session
    customers = models.Customer
    rows = session.execute(
        sa.select(model.processor_id, customers.processor_id)
        .join(customers, customers.id == model.customer_id)
        .where(
            model.processor == gateway.name,
            model.processor_id.in_({id for id in ids if id is not None}),
        )
    ).all()
    session.rollback()
    return {row[0]: row[1] for row in rows}
