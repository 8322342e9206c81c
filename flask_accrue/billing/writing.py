"""Writing what a processor answered: rows, ledger and the end of the operation, in one transaction."""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import typing as t
import uuid

import sqlalchemy as sa

from .. import mirror, models, operations
from ..errors import ActionRequired, CardError, ProcessorError
from ..mirror import Watermark
from ..origins import Origin, current_actor
from ..processors import Answer, Processor
from ..state import current_state
from ..stored_errors import AccrueErrorJson, error_to_json
from ..unit_of_work import UnitOfWork, write

R = t.TypeVar("R", bound=models.Mirrored)

_FETCHES: t.Final = 3

Seen: t.TypeAlias = dict[tuple[str, str], Watermark]


@dataclasses.dataclass(kw_only=True)
class Plan(t.Generic[R]):
    """What a billing function is going to do.

    :ivar kind: the function's name.
    :ivar subject: what it acts on; with the kind part of the operation's id.
    :ivar arguments: the caller's, for the fingerprint.
    :ivar method: the processor's method.
    :ivar request: gives that method's arguments, as JSON, for an operation id, or refuses what isn't
        legal; frozen, so that a repeat depends on nothing that changed since. It's reckoned from rows alone,
        in the transaction that begins the operation.
    :ivar basis: gives what ``request`` was reckoned from, as JSON, to be kept beside it.
    :ivar settle: finds out what ``request`` needs besides rows: it may ask the processor, or carry out
        another operation. Called before the operation is begun, unless that was frozen before.
    :ivar result: the kind of object that is the result, such as ``subscription``.
    :ivar account: the connected account of what belongs to no customer; ``None``: it's the platform's.
    :ivar check: refuses what isn't legal now; runs once the guard is held.
    :ivar find: where to look for the object after a crash: the kind, and what it's within; ``None`` for a
        change, which is simply sent again.
    :ivar trace: for a change with a guard: shows that one whose answer was lost was made, given its
        arguments, or gives ``None`` when it wasn't.
    :ivar rivals: other operations that take the same guard, and for each what ``find`` is for this one.
    :ivar seen: the watermarks of rows before the call.
    :ivar create: writes the first row of a customer that we don't have yet.
    :ivar note: writes what else is to be known of it, such as an entry of its own in the ledger.
    :ivar outcome: what the answer means for the caller: an error to raise after the commit, or ``None``.
    """

    kind: str
    subject: str
    processor: Processor
    arguments: c.Mapping[str, t.Any]
    method: str
    request: c.Callable[[str], dict[str, t.Any]]
    result: str
    customer_id: uuid.UUID | None
    account: str | None = None
    basis: c.Callable[[], t.Any] | None = None
    settle: c.Callable[[], None] | None = None
    check: c.Callable[[], None] | None = None
    guard: str | None = None
    find: tuple[str, str | None] | None = None
    trace: c.Callable[[dict[str, t.Any]], Answer | None] | None = None
    rivals: c.Mapping[str, tuple[str, str | None]] = dataclasses.field(default_factory=dict)
    seen: Seen = dataclasses.field(default_factory=dict)
    create: c.Callable[[UnitOfWork, Answer], R] | None = None
    note: c.Callable[[UnitOfWork, R], None] | None = None
    outcome: c.Callable[[R, Answer], Exception | None] | None = None


class _Unclear(Exception):
    """An event came in while the processor was called; which is newer can't be told."""

    def __init__(self, names: list[tuple[str, str]]) -> None:
        super().__init__()
        self.names = names


@dataclasses.dataclass
class Writing(t.Generic[R]):
    """Writes an answer and closes its operation; what can't be told from newer news is fetched again."""

    plan: Plan[R]
    id: str
    token: uuid.UUID | None
    answer: Answer
    seen: Seen
    fetched: list[Answer] = dataclasses.field(default_factory=list)
    fetches: int = 0

    def run(self) -> R:
        """Write, commit, and raise what the answer means for the caller."""
        while True:
            try:
                result, error = write(
                    self.work, origin=Origin(current_actor(), operation_id=self.id)
                )
            except _Unclear as found:
                self.fetch_again(found.names)
                continue
            if error is not None:
                raise error
            return result

    def work(self, uow: UnitOfWork) -> tuple[R, Exception | None]:
        """Write everything in one transaction."""
        result = self.write_rows(uow)
        uow.session.flush()
        if self.plan.note is not None:
            self.plan.note(uow, result)
        outcome = self.plan.outcome
        error = outcome(result, self.everything()) if outcome is not None else None
        operations.finish(
            uow.session,
            self.id,
            self.token,
            state="done",
            result={"type": self.plan.result, "id": str(result.id)},
            error=_stored(error),
        )
        return result, error

    def write_rows(self, uow: UnitOfWork) -> R:
        """Write the answers' objects, and return the one that was asked for."""
        plan = self.plan
        if plan.create is not None:
            return plan.create(uow, self.answer)
        customer = None if plan.customer_id is None else uow.lock_customer(plan.customer_id)
        answers = (self.answer, *self.fetched)
        rows, unclear = mirror.write_answers(
            uow,
            customer,
            answers,
            self.seen,
            processor=plan.processor.name,
            account=plan.processor.account,
        )
        if unclear and self.fetches < _FETCHES:
            raise _Unclear(unclear)
        written_kind = (row for (kind, _), row in rows.items() if kind == plan.result)
        result = next(written_kind, None) or self.gone(uow)
        return t.cast(R, result)

    def everything(self) -> Answer:
        """Return the answer, with what was fetched again instead of parts of it."""
        fetched = tuple(obj for answer in self.fetched for obj in answer.objects)
        return dataclasses.replace(self.answer, objects=(*self.answer.objects, *fetched))

    def gone(self, uow: UnitOfWork) -> models.Mirrored:
        """Return the row of what the processor no longer had when it was asked again."""
        model = models.MIRRORED[self.plan.result]
        ids = (id for kind, id in self.seen if kind == self.plan.result)
        gateway = self.plan.processor
        row = uow.find(model, gateway.name, next(ids), gateway.account)
        assert row is not None
        return row

    def fetch_again(self, names: list[tuple[str, str]]) -> None:
        """Replace objects by what the processor says of them now."""
        self.fetches += 1
        gateway = self.plan.processor
        session = current_state().db.session()
        again: list[Answer] = []
        for kind, processor_id in names:
            self.seen[kind, processor_id] = mirror.watermark(_row(gateway, kind, processor_id))
            session.rollback()
            # What the processor did stands; whoever wrote the row meanwhile had news as good.
            with contextlib.suppress(ProcessorError):
                again.append(gateway.fetch(kind, processor_id))
        self.answer = _without(self.answer, names)
        self.fetched = [_without(each, names) for each in self.fetched] + again


def _without(answer: Answer, names: list[tuple[str, str]]) -> Answer:
    kept = tuple(each for each in answer.objects if (each.kind, each.processor_id) not in names)
    return dataclasses.replace(answer, objects=kept)


def _row(gateway: Processor, kind: str, processor_id: str) -> models.Mirrored | None:
    model = models.MIRRORED[kind]
    which = [model.processor == gateway.name, model.processor_id == processor_id]
    if issubclass(model, models.CatalogRow):
        which.append(model.account_key == (gateway.account or ""))
    statement = sa.select(model).where(*which).execution_options(populate_existing=True)
    return current_state().db.session.scalars(statement).one_or_none()


def write_refusal(plan: Plan[R], id: str, token: uuid.UUID | None, error: ProcessorError) -> None:
    """Write what the processor did although it refused (a failed intent), and the refusal."""
    failed: Answer | None = error.answer

    def work(uow: UnitOfWork) -> None:
        if failed is not None and plan.customer_id is not None:
            customer = uow.lock_customer(plan.customer_id)
            mirror.write_answers(uow, customer, [failed], plan.seen)
        operations.finish(uow.session, id, token, state="refused", error=error_to_json(error))

    write(work, origin=Origin(current_actor(), operation_id=id))


def _stored(error: Exception | None) -> AccrueErrorJson | None:
    if isinstance(error, ActionRequired | CardError):
        return error_to_json(error)
    return None


def seen(*rows: models.Mirrored | None) -> Seen:
    """Return the watermarks of rows, as they are before a call."""
    names = {model: kind for kind, model in models.MIRRORED.items()}
    return {
        (names[type(row)], row.processor_id): mirror.watermark(row)
        for row in rows
        if row is not None
    }
