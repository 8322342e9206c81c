"""The one kind of write transaction: lock the chain, collect changes, let reactions add theirs, commit.

A chain row of the ledger is the only lock. It's taken before anything is read, so two writers of
one customer stand in line, nothing is lost, and no order of locks can deadlock.
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import logging
import random
import time
import typing as t
import uuid
import zlib

import sqlalchemy as sa
from flask import current_app
from sqlalchemy import orm
from sqlalchemy.orm.exc import StaleDataError

from . import locked_reads, models, signals
from .errors import InvalidState
from .inserts import Inserts
from .isolation import begin_at_read_committed, dialect_of
from .lost_races import tries_after
from .origins import Origin, completed
from .state import current_state
from .telemetry import reached

logger = logging.getLogger(__name__)

SYSTEM_CHAINS: t.Final = tuple(f"system:{number:02d}" for number in range(16))

T = t.TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Change:
    """A row that was written.

    :ivar kind: such as ``subscription``.
    :ivar verb: what happened to it, such as ``canceled``; with the kind the ledger entry's type.
    :ivar before: the tracked columns that changed, as they were; empty for a new row.
    :ivar after: the same columns, as they are.
    :ivar created: whether the row is new.
    """

    kind: str
    verb: str
    row: t.Any
    before: t.Mapping[str, t.Any]
    after: t.Mapping[str, t.Any]
    created: bool


class UnitOfWork:
    """An open write transaction, handed to the function that :func:`write` runs."""

    def __init__(self, session: orm.Session, origin: Origin) -> None:
        self.session = session
        self.origin = origin
        self.state = current_state()
        self.changes: list[tuple[Change, Origin]] = []
        self._reacted_to = 0
        #: What a writer has read under the lock and doesn't read again, by a key of its own.
        self.kept: dict[t.Any, t.Any] = {}
        self._heads: dict[str, tuple[int, str]] = {}
        self._customers: dict[tuple[str, str], models.Customer] = {}
        self._found: dict[tuple[t.Any, str, str, str], models.Mirrored | None] = {}
        self._inserts: Inserts | None = None

    @contextlib.contextmanager
    def because_of(self, origin: Origin) -> c.Iterator[None]:
        """Write what is inside for a reason of its own, in a transaction that has several."""
        whole = self.origin
        self.origin = dataclasses.replace(origin, trace_id=origin.trace_id or whole.trace_id)
        try:
            yield
        finally:
            self.origin = whole

    # -- locks ---------------------------------------------------------------------------------

    def lock_customer(self, customer_id: uuid.UUID) -> models.Customer:
        """Lock a customer's chain and return the customer as it is now."""
        customer = self._lock(id=customer_id)
        if customer is None:
            raise InvalidState(f"There is no customer {customer_id}.", code="customer_missing")
        return customer

    def lock_processor_customer(self, processor: str, processor_id: str) -> models.Customer | None:
        """Lock the chain of the customer with the processor's id; ``None`` when we have none."""
        customer = self._customers.get((processor, processor_id))
        return customer or self._lock(processor=processor, processor_id=processor_id)

    def lock_processor_customers(
        self, processor: str, processor_ids: c.Collection[str], *, whose: bool = False
    ) -> dict[str, models.Customer]:
        """Lock the chains of several customers, in the chains' order; return those that we have, by the
        processor's ids. To be called before anything else is locked.

        :param whose: they're only asked for as those whose other rows are; more is read when it's used.
        """
        self._lock(whose, processor=processor, processor_id=sorted(processor_ids))
        return {id: customer for (_, id), customer in self._customers.items()}

    def lock_system(self, subject: str) -> str:
        """Lock the chain for a subject that belongs to no customer, and return its name."""
        chain = system_chain(subject)
        self.lock_systems([chain])
        return chain

    def lock_systems(self, chains: c.Collection[str]) -> None:
        """Lock several of the system's chains, in their order."""
        statement = locked_reads.systems(self.dialect)
        for head in self.execute(statement, {"chains": sorted(chains)}):
            self._heads[head.chain] = (head.sequence, head.hash)

    def _lock(self, whose: bool = False, /, **which: t.Any) -> models.Customer | None:
        """Lock the customers that have these values, one or several of each; return the last one."""
        parameters = {f"_{name}": value for name, value in which.items()}
        several = frozenset(name for name, value in which.items() if isinstance(value, list))
        statement = locked_reads.customers(tuple(which), several, self.dialect, whose)
        heads = self.execute(statement, parameters).all()
        customer = None
        for customer, locked in locked_reads.with_customers(self.execute, heads, self.dialect):
            self._heads[locked.chain] = (locked.sequence, locked.hash)
            self._customers[customer.processor, customer.processor_id] = customer
        if customer is not None:
            reached("write.locked")
        return customer

    def open_chain(self, customer: models.Customer) -> None:
        """Make the chain of a customer that is being created in this transaction."""
        values = {"customer_id": customer.id, "sequence": 0, "hash": "", "checkpointed": 0}
        self.add_values(models.LedgerChain, {"chain": customer.chain, **values})
        # The entry's trigger moves this row, so it has to be there first.
        self.flush()
        self._heads[customer.chain] = (0, "")

    def head(self, chain: str) -> tuple[int, str]:
        """Return the sequence and hash of a chain that this transaction has locked."""
        try:
            return self._heads[chain]
        except KeyError:
            raise InvalidState(
                f"The chain {chain} wasn't locked by this transaction.", code="chain_unlocked"
            ) from None

    def move_head(self, chain: str, sequence: int, digest: str) -> None:
        """Note that an entry was appended; the database's trigger moves the row itself."""
        self._heads[chain] = (sequence, digest)

    @property
    def locked_chains(self) -> tuple[str, ...]:
        """The chains that this transaction holds."""
        return tuple(self._heads)

    # -- reading and writing -------------------------------------------------------------------

    @property
    def dialect(self) -> str:
        """The name of the dialect of the database that holds Accrue's tables."""
        return dialect_of(self.session)

    def execute(self, statement: t.Any, parameters: t.Any = None) -> sa.Result[t.Any]:
        """Run a statement on the database of Accrue's tables."""
        return self.session.execute(
            statement, parameters, bind_arguments={"mapper": models.LedgerChain.__mapper__}
        )

    def scalars(self, statement: t.Any) -> sa.ScalarResult[t.Any]:
        """Run a select and give rows as they are in the database now, not as the session has them."""
        return self.execute(statement.execution_options(populate_existing=True)).scalars()

    def find(
        self, model: type[_M], processor: str, processor_id: str, account: str | None = None
    ) -> _M | None:
        """Return the mirrored row with the processor's id, or ``None``.

        The lock keeps others away, so a row is read once a transaction.

        :param account: the connected account that has it, where ids are an account's own.
        """
        name = (model, processor, processor_id, account_key(model, account))
        row = self._found.get(name)
        if name not in self._found:
            wanted = {"processor": processor, "processor_id": processor_id, "account_key": name[3]}
            row = self.execute(locked_reads.mirrored(model), wanted).scalar_one_or_none()
            if row is not None:
                self._found[name] = row
        return t.cast("_M | None", row)

    def find_all(
        self,
        model: type[_M],
        processor: str,
        processor_ids: c.Collection[str],
        account: str | None = None,
        *,
        whole: bool = False,
    ) -> list[_M]:
        """Read several mirrored rows at once, so that :meth:`find` has them, and knows which aren't there.

        :param whole: with the objects as they came.
        """
        key = account_key(model, account)
        wanted = {
            "processor": processor,
            "processor_id": sorted(processor_ids),
            "account_key": key,
        }
        statement = locked_reads.mirrored(model, several=self.dialect, whole=whole)
        rows = list(self.execute(statement, wanted).scalars())
        for processor_id in processor_ids:
            self._found[model, processor, processor_id, key] = None
        for row in rows:
            self._found[model, processor, row.processor_id, key] = row
        return rows

    def add(self, row: models.Base) -> None:
        """Add a new row: to the session, or while rows are gathered to what is inserted with others."""
        if isinstance(row, models.Mirrored):
            key = account_key(type(row), getattr(row, "account", None))
            self._found[type(row), row.processor, row.processor_id, key] = row
        if self._inserts is None:
            self.session.add(row)
        else:
            self._inserts.add(row)

    def add_values(
        self, model: type[models.Base], values: dict[str, t.Any], text: str | None = None
    ) -> None:
        """Add a new row of which nobody needs more than that it's there; :meth:`.Inserts.add_values`."""
        if self._inserts is None:
            self.session.add(model(**values))
        else:
            self._inserts.add_values(model, values, text)

    def flush(self) -> None:
        """Have what was added be in the database, unless rows are gathered."""
        if self._inserts is None:
            self.session.flush()

    @property
    def gathers(self) -> bool:
        """Whether new rows are gathered, so that a statement doesn't find them."""
        return self._inserts is not None

    @contextlib.contextmanager
    def gathering(self) -> c.Iterator[None]:
        """Gather the rows that are added inside, and insert those of a table by one statement at the end.

        Inside :meth:`find` knows them, and no statement does.
        """
        assert self._inserts is None, "rows are gathered already"
        self._inserts = inserts = Inserts()
        try:
            yield
        finally:
            self._inserts = None
        inserts.write(self.execute, self.dialect)
        if current_state().reactions:
            # Whoever reacts may ask for what is related to a row.
            inserts.hand_over(self.session)

    def changed(self, change: Change) -> None:
        """Add a change, for the reactions that run before the commit."""
        self.changes.append((change, self.origin))

    def react(self) -> None:
        """Let reactions see the changes that they haven't seen, while the rows are as those left them."""
        while self._reacted_to < len(self.changes):
            change, cause = self.changes[self._reacted_to]
            self._reacted_to += 1
            with self.because_of(cause):
                for reaction in current_state().reactions:
                    reaction(self, change)


_M = t.TypeVar("_M", bound=models.Mirrored)


def account_key(model: type[models.Mirrored], account: str | None) -> str:
    """Return what names a row besides the processor's id: its account, where ids are an account's own."""
    return (account or "") if issubclass(model, models.CatalogRow) else ""


def system_chain(subject: str) -> str:
    """Return which of the sixteen chains holds the entries of a subject without a customer."""
    return SYSTEM_CHAINS[zlib.crc32(subject.encode()) % len(SYSTEM_CHAINS)]


def settle_session() -> None:
    """Commit the host's pending work, so that nothing of it depends on what comes.

    :raises InvalidState: inside ``begin_nested()``, whose outer transaction can't be committed here.
    """
    session = current_state().db.session()
    if session.in_nested_transaction():
        raise InvalidState(
            "A billing operation commits db.session, which it can't do inside begin_nested(). "
            "Call it after the block.",
            code="nested_transaction",
        )
    if session.in_transaction() or session.new or session.dirty or session.deleted:
        session.commit()


def write(work: c.Callable[[UnitOfWork], T], *, origin: Origin) -> T:
    """Run ``work`` in one transaction of its own and commit it.

    What the session holds is committed first: a try that is rolled back mustn't take the host's work with it.
    Reactions see each change before the commit. A race that was lost (a serialization failure, a
    deadlock, a locked SQLite file, a row that the host edited meanwhile) is run again from the start, so
    ``work`` must not act outside the database.

    :raises InvalidState: inside ``begin_nested()``.
    :raises Exception: whatever ``work`` raises, after a rollback.
    """
    settle_session()
    state = current_state()
    session = state.db.session()
    origin = completed(origin)
    autoflush = session.autoflush
    attempt = 0
    while True:
        attempt += 1
        uow = UnitOfWork(session, origin)
        try:
            begin_at_read_committed(session)
            # Rows are read again and again here, and what was set on them mustn't be lost by that.
            session.autoflush = True
            result = work(uow)
            uow.react()
            reached("write.before_commit")
            session.commit()
            reached("write.committed")
            _tell(uow)
        except (sa.exc.DBAPIError, StaleDataError) as error:
            session.rollback()
            if attempt >= tries_after(error):
                raise
            # Whoever lost together would lose together again.
            time.sleep(random.uniform(0, 0.01 * attempt))  # noqa: S311 - spreads, guards nothing
        except BaseException:
            session.rollback()
            raise
        else:
            return result
        finally:
            session.autoflush = autoflush
            # After a rollback too: a gate that was asked inside has read what isn't so.
            state.last_write.note()


def _tell(uow: UnitOfWork) -> None:
    """Tell the host of changes that are worth waking someone for, if it listens."""
    for change, _ in uow.changes:
        signal = signals.OF_CHANGES.get((change.kind, change.verb))
        if signal is None or not signal.receivers:
            continue
        [id] = sa.inspect(change.row).identity
        app = current_app._get_current_object()  # type: ignore[attr-defined]
        # What a receiver makes of it is no business of whoever wrote the row.
        with app.app_context():
            try:
                row = current_state().db.session.get(type(change.row), id)
                signal.send(current_state(), row=row, change=change)
            except Exception:
                logger.exception("accrue: a receiver of %s failed", signal.name)
