"""A run through a whole account: kind by kind, page by page, each page a transaction."""

from __future__ import annotations

import collections
import collections.abc as c
import contextlib
import dataclasses
import gc
import logging
import threading
import time
import typing as t

import sqlalchemy as sa

from .. import account_scope, models
from ..errors import (
    AuthenticationError,
    InvalidRequest,
    InvalidState,
    NotFound,
    UnsupportedByProcessor,
)
from ..gateways import connected_account
from ..mirror import Source
from ..processors import Page, Processor, objects
from ..state import current_state
from ..telemetry import reached
from ..unit_of_work import UnitOfWork, settle_session
from . import progress as keeping
from .ahead import Ahead
from .belongings import BY_CUSTOMER, sync_belongings
from .growth import Growth
from .kinds import OF_PLATFORMS, VANISHING, object_kinds
from .linking import Owner, owner_of
from .missing import Window, sync_missing
from .patience import patiently
from .progress import Progress
from .report import Listener, Report, Unlinked
from .writing import AWAITED, Batch, Name, Tally, payers_of, transact, write_batch

logger = logging.getLogger(__name__)

_TRIES: t.Final = 3
_SAMPLE: t.Final = 5
#: How many objects are made before Python looks for garbage.
_OBJECTS: t.Final = 50_000
_under_way: t.Final = threading.Lock()
#: For each run of this process, what its threshold was when the run began.
_found: t.Final[list[tuple[int, ...]]] = []

T = t.TypeVar("T")


def sync_account(
    kinds: c.Collection[str] = (),
    *,
    processor: str | None = None,
    account: str | None = None,
    dry_run: bool = False,
    repair: bool = False,
    link_by_email: bool = False,
    anew: bool = False,
    listener: Listener | None = None,
    wait: c.Callable[[float], None] = time.sleep,
) -> Report:
    """Compare all objects of a processor's account with what is here, and write what is missing or differs.

    What is here and no longer at the processor is told, and only with ``repair`` written too. A run that
    was interrupted is gone on with, if it was asked for the same.

    :param kinds: names of :data:`~flask_accrue.sync.KINDS`; none: everything that the processor has.
    :param account: go through a connected account instead of the platform's; inside ``connect.account(id)``
        that one. A customer that was made in it by somebody else stays nobody's.
    :param dry_run: write nothing, and tell what would be.
    :param link_by_email: a customer that nobody here has is linked to the one billable with its e-mail.
    :param anew: begin at the beginning, whatever was interrupted.
    :param listener: is told each difference, each customer that is nobody's, and how far the run is.
    :param wait: waits for some seconds when the processor has had too many calls.
    :raises UnsupportedByProcessor: for a kind that was named and that it doesn't have.
    :raises InvalidRequest: for an account that isn't here, or a kind that it has none of.
    :raises InvalidState: when none of our customers is known to the processor: it's another account; with the
        code ``account_disconnected`` for a connected account that has let go of the platform.
    :raises ProcessorError: when the processor can't be asked; the next run goes on from there.
    """
    if dry_run and repair:
        raise InvalidRequest("A run either repairs or only looks, not both.", param="repair")
    if account is None:
        account = account_scope.current_account()
    else:
        account_scope.check(account)
    wanted = object_kinds(kinds, account)
    named = kinds and "everything" not in kinds
    settle_session()
    gateway = current_state().processor(processor)
    if account is not None:
        gateway = _of_account(gateway, account)
    _check_account(gateway, wait)
    if dry_run:
        progress = Progress(Report())
    else:
        asked: dict[str, t.Any] = {
            "kinds": wanted,
            "repair": repair,
            "link_by_email": link_by_email,
        }
        if account is not None:
            asked["account"] = account
        progress = keeping.begin(gateway.name, asked, anew=anew)
    with rarely_collected(), Ahead() as ahead:
        run = Run(
            gateway, progress, listener or Listener(), wait, dry_run, repair, link_by_email, ahead
        )
        for kind in wanted:
            if kind not in progress.done:
                progress.begin(kind)
                with contextlib.nullcontext() if named else _where_supported(kind):
                    run.go_through(kind)
                progress.finish_kind()
    progress.finish()
    return progress.report


@contextlib.contextmanager
def _where_supported(kind: str) -> c.Iterator[None]:
    """Let everything be all that a processor has: of what it doesn't know, or has for platforms alone, there
    is nothing."""
    try:
        yield
    except UnsupportedByProcessor as error:
        logger.info("accrue: left out of the sync: %s", error)
    except (AuthenticationError, InvalidRequest) as error:
        if kind not in OF_PLATFORMS:
            raise
        logger.warning("accrue: left out of the sync, every %s: %s", kind, error)


@contextlib.contextmanager
def rarely_collected() -> c.Iterator[None]:
    """Have Python look for cycles of garbage once in a while, and not ten times a page.

    A page is tens of thousands of objects that live as long as it does and then go by themselves. Looking
    through them again and again was a sixth of a run.
    """
    with _under_way:
        _found.append(gc.get_threshold())
        first, *further = _found[0]
        if 0 < first < _OBJECTS:
            gc.set_threshold(_OBJECTS, *further)
    try:
        yield
    finally:
        with _under_way:
            # The thresholds are the process's: of runs side by side the last one puts back what was found.
            found = _found.pop()
            if not _found:
                gc.set_threshold(*found)


@dataclasses.dataclass
class Run:
    """What the parts of a run share."""

    gateway: Processor
    progress: Progress
    listener: Listener
    wait: c.Callable[[float], None]
    dry_run: bool
    repair: bool
    link_by_email: bool
    ahead: Ahead
    #: What others belong to and would be here by now, if this run did more than look.
    awaited: set[Name] = dataclasses.field(default_factory=set)
    #: Customers of whom only the owner is known here, and of whom a run that only looks was told.
    told: set[str] = dataclasses.field(default_factory=set)
    growth: Growth = dataclasses.field(default_factory=Growth)
    #: Where the object to go on after was gone.
    begun_anew_at: set[Name] = dataclasses.field(default_factory=set)

    @property
    def report(self) -> Report:
        return self.progress.report

    def ask(self, call: c.Callable[[], T]) -> T:
        """Ask the processor, patiently."""
        return patiently(call, self.wait)

    def go_through(self, kind: str) -> None:
        """Go through all objects of a kind."""
        if kind in BY_CUSTOMER:
            sync_belongings(self, kind)
            return
        window = Window(self.progress.until)
        while True:
            page = self._page(kind)
            if kind in VANISHING:
                window.move(page)
                sync_missing(self, kind, window)
            if page.after is not None:
                self.ahead.ask(self.gateway, kind, page.after)
            self._write(kind, page, window)
            if page.after is None:
                return
            self.progress.after, self.progress.until = page.after, window.low

    def settle(
        self,
        batch: Batch,
        again: c.Callable[[set[Name]], Batch],
        after: str | None,
        window: Window | None = None,
    ) -> None:
        """Write a batch, and ask again for what was written meanwhile, some times; then move on.

        :param again: asks for these rows once more.
        """
        whole = Tally()
        for attempt in range(1, _TRIES + 1):
            last = attempt == _TRIES

            def work(uow: UnitOfWork, batch: Batch = batch, last: bool = last) -> Tally:
                tally = Tally()
                write_batch(uow, batch, tally)
                if last:
                    for kind, _ in tally.unclear:
                        tally.report.count(kind, "newer")
                if last or not tally.unclear:
                    sums = self.report.plus(whole.report, tally.report)
                    self.progress.keep(uow, sums, after, None if window is None else window.low)
                return tally

            tally = transact(work, take_back=self.dry_run)
            whole.add(tally)
            if not tally.unclear or last:
                break
            # Those are counted when they are told again.
            for kind, _ in tally.unclear:
                whole.report.count(kind, "seen", -1)
            batch = dataclasses.replace(again(set(tally.unclear)), seen=tally.unclear)
        self.take(whole)
        if not self.dry_run:
            for kind, count in collections.Counter(each.kind for each in batch.objects).items():
                self.growth.note(kind, count)
        reached("sync.page")

    def take(self, tally: Tally) -> None:
        """Add to the sums, and tell what there is to tell."""
        self.progress.report = self.report.plus(tally.report)
        for difference in tally.differences:
            if self.dry_run and difference.kind in AWAITED and not difference.fields:
                self.awaited.add((difference.kind, difference.processor_id))
            if self.dry_run and difference.kind == "customer" and "created" in difference.fields:
                self.told.add(difference.processor_id)
            self.listener.difference(difference)
        for each in tally.unlinked:
            self.listener.unlinked(each)
        for kind, counts in tally.report.counts.items():
            if counts.get("seen"):
                self.listener.moved(kind, counts["seen"])

    def _page(self, kind: str) -> Page:
        """Ask for the next page; from the beginning where the object to go on after is gone."""
        after = self.progress.after
        try:
            return self.ask(self.ahead.page(self.gateway, kind, after))
        except InvalidRequest as error:
            is_gone = isinstance(error, NotFound) or error.param == "starting_after"
            # Once: of whatever else is wrong with this page, the run would only come upon it again.
            if after is None or not is_gone or (kind, after) in self.begun_anew_at:
                raise
            self.begun_anew_at.add((kind, after))
            self.progress.after = self.progress.until = None
            return self.ask(lambda: self.gateway.page(kind))

    def _write(self, kind: str, page: Page, window: Window) -> None:
        owners = self._owners(page.answer.objects) if kind == "customer" else {}

        def batch(page: Page, wanted: set[Name] | None) -> Batch:
            found = [
                obj
                for obj in page.answer.objects
                if wanted is None or (obj.kind, obj.processor_id) in wanted
            ]
            payers = payers_of(self.gateway, found)
            source = Source.of_answer(page.answer)
            return Batch(self.gateway, found, source, payers, owners, awaited=self.awaited)

        self.settle(
            batch(page, None), lambda wanted: batch(self._page(kind), wanted), page.after, window
        )

    def _owners(self, found: c.Sequence[objects.ProcessorObject]) -> dict[str, Owner | Unlinked]:
        """Return whose those customers are that aren't here."""
        session = current_state().db.session
        customers = models.Customer
        ids = [obj.processor_id for obj in found]
        here = set(
            session.scalars(
                sa.select(customers.processor_id).where(
                    customers.processor == self.gateway.name, customers.processor_id.in_(ids)
                )
            )
        )
        owners: dict[str, Owner | Unlinked] = {}
        for obj in found:
            if obj.processor_id in here or not isinstance(obj, objects.Customer):
                continue
            if self.gateway.account is not None:
                # Whoever has the account decides what its customers are called, and mustn't name ours.
                reason = "it wasn't made here, and is a connected account's"
                owners[obj.processor_id] = Unlinked(obj.processor_id, obj.email, reason)
            else:
                owners[obj.processor_id] = self.ask(
                    lambda obj=obj: owner_of(self.gateway, obj, by_email=self.link_by_email)  # type: ignore[misc]
                )
        session.rollback()
        return owners


def _of_account(gateway: Processor, account: str) -> Processor:
    """Return the processor for a connected account, if that is here and the platform may act for it."""
    try:
        connected_account(gateway.name, account)
    finally:
        current_state().db.session.rollback()
    return gateway.of_account(account)


def _check_account(gateway: Processor, wait: c.Callable[[float], None]) -> None:
    """Refuse an account that knows none of our customers: it would end all that is here.

    A processor still tells of a customer that was deleted there, as a deleted one.
    """
    session = current_state().db.session
    customers = models.Customer
    known = session.scalars(
        sa.select(customers.processor_id)
        .where(
            customers.processor == gateway.name,
            customers.account.is_not_distinct_from(gateway.account),
            customers.deleted_at.is_(None),
        )
        # Of those that were only claimed to be at the processor, nothing may have been told yet.
        .order_by(customers.created.is_(None), customers.created.desc(), customers.id.desc())
        .limit(_SAMPLE)
    ).all()
    session.rollback()
    for processor_id in known:
        try:
            patiently(lambda id=processor_id: gateway.fetch("customer", id), wait)  # type: ignore[misc]
        except NotFound:
            continue
        return
    if known:
        newest = f"the {len(known)} newest customers" if len(known) > 1 else "the newest customer"
        raise InvalidState(
            f"{gateway.name} has never known {newest} here: the key is of another account, or of the "
            "other mode. Nothing was done. If it has lost them indeed, billing.sync(row) ends one.",
            code="sync_other_account",
        )
