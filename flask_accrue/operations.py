"""Operations: asking a processor twice does it once.

Each mutation has an id and a row. The row holds the request frozen as it was sent, so that after a crash
exactly that is sent again, with the same key, and the answer is the first one's.
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import contextvars
import dataclasses
import datetime
import enum
import hashlib
import json
import typing as t
import uuid

import sqlalchemy as sa
from sqlalchemy import orm

from . import models
from .clock import real_now
from .errors import IdempotencyConflict, InvalidRequest, OperationInProgress
from .isolation import begin_at_read_committed
from .metadata import can_be_stored
from .state import current_state
from .stored_errors import AccrueErrorJson
from .telemetry import reached

#: How long one process may work on an operation before another takes it over.
LEASE: t.Final = datetime.timedelta(minutes=2)
#: Processors forget keys after a day; sending again later could act twice.
RESEND_WITHIN: t.Final = datetime.timedelta(hours=23)


@dataclasses.dataclass
class Scope:
    """Gives operations their ids: its own id plus the ordinal of (kind, subject) within it."""

    id: str
    ordinals: dict[tuple[str, str], int] = dataclasses.field(default_factory=dict)

    def next_id(self, kind: str, subject: str) -> str:
        """Return the id of the next operation of this kind on this subject."""
        ordinal = self.ordinals[kind, subject] = self.ordinals.get((kind, subject), 0) + 1
        return shortened(f"{self.id}:{kind}:{subject}:{ordinal}")


_scope: contextvars.ContextVar[Scope | None] = contextvars.ContextVar(
    "accrue_operation_scope", default=None
)


@contextlib.contextmanager
def operation(id: str) -> c.Iterator[None]:
    """Give every operation inside an id that a retry of the same block has again.

    ::

        with accrue.operation(f"import:{line.number}"):
            billing.subscribe(org, "price_pro")
    """
    token = _scope.set(Scope(_checked(id, longest=200)))
    try:
        yield
    finally:
        _scope.reset(token)


def operation_id(given: str | None, kind: str, subject: str) -> str:
    """Return the id of an operation: as given, else of the scope, the request or job, else random."""
    if given is not None:
        return _checked(given, longest=255)
    scope = _scope.get()
    if scope is None:
        loader = current_state().scope_loader
        scope = loader() if loader is not None else None
    return scope.next_id(kind, subject) if scope is not None else uuid.uuid4().hex


def _checked(id: t.Any, *, longest: int) -> str:
    # PostgreSQL stores no NUL, and a processor takes its key in a header.
    if not isinstance(id, str) or not 0 < len(id) <= longest or not id.isprintable():
        raise InvalidRequest(
            f"An operation id is a string of 1 to {longest} printable characters, not {id!r}.",
            code="operation_id_invalid",
        )
    return id


def shortened(id: str) -> str:
    """Return an id that fits the column and a processor's key: hashed when it's long."""
    return id if len(id) <= 200 else "op_" + hashlib.sha256(id.encode()).hexdigest()


def fingerprint(kind: str, subject: str, arguments: c.Mapping[str, t.Any]) -> str:
    """Return a hash of what the caller asked for."""
    text = json.dumps([kind, subject, arguments], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def is_known(id: str) -> bool:
    """Tell whether what an operation of that id sends is settled, so that a repeat goes by it.

    One that another call has set aside settles nothing: it's reckoned anew.
    """
    row = current_state().db.session.get(models.Operation, id)
    return row is not None and bool(row.request)


def is_done(id: str) -> bool:
    """Tell whether an operation of that id was carried out."""
    row = current_state().db.session.get(models.Operation, id)
    return row is not None and row.state == "done"


class Begun(enum.Enum):
    """How an operation stands when it's begun."""

    NEW = "new"
    AGAIN = "again"
    FINISHED = "finished"
    #: The guard was held by an abandoned operation, which is now ours to bring to an end.
    ABANDONED = "abandoned"


def begin(
    id: str,
    kind: str,
    subject: str,
    *,
    processor: str,
    account: str | None,
    customer_id: uuid.UUID | None,
    print_: str,
    request: c.Callable[[], dict[str, t.Any]],
    guard: str | None,
) -> tuple[models.Operation, Begun]:
    """Write the operation's row with what it will send and commit it, or find out how it stands.

    :param request: gives what will be sent, or refuses. It's only called while nothing is settled, in the
        transaction that settles it: it reads, and neither commits nor calls a processor.
    :raises IdempotencyConflict: when the id was used with other arguments.
    :raises OperationInProgress: when another process works on it, or on one with the same guard.
    """
    session = current_state().db.session()
    while True:
        known = session.get(models.Operation, id, populate_existing=True)
        if known is not None:
            row, begun = _known(session, known, kind, subject, print_, guard)
            if begun is Begun.AGAIN and not row.request:
                _freeze_again(session, row, request)
            return row, begun
        # A transaction that has read may not write any more on SQLite, once another one wrote.
        session.commit()
        begin_at_read_committed(session)
        row = models.Operation(
            id=id,
            kind=kind,
            subject=subject,
            processor=processor,
            account=account,
            customer_id=customer_id,
            fingerprint=print_,
            request={},
            guard=guard,
            lease_token=uuid.uuid4(),
            leased_until=real_now() + LEASE,
            attempts=1,
        )
        session.add(row)
        try:
            session.flush()
        except sa.exc.IntegrityError:
            session.rollback()
        else:
            # Only now, with the guard held: what is asked may depend on what the one before left.
            _freeze(session, row, request)
            return row, Begun.NEW
        holder = None
        if guard is not None:
            holder = session.scalars(
                sa.select(models.Operation)
                .where(models.Operation.guard == guard, models.Operation.id != id)
                .execution_options(populate_existing=True)
            ).one_or_none()
        if holder is not None:
            _take_over(session, holder, guard)
            return holder, Begun.ABANDONED
        session.rollback()


def _freeze(
    session: orm.Session, row: models.Operation, request: c.Callable[[], dict[str, t.Any]]
) -> None:
    """Commit a new operation together with what will be sent; one whose request is refused never was."""
    reached("operation.begun")
    transaction = session.get_transaction()
    try:
        row.request = _kept(request())
    except BaseException:
        session.rollback()
        raise
    assert session.get_transaction() is transaction, "a request keeps to its transaction"
    session.commit()
    reached("operation.frozen")


def _freeze_again(
    session: orm.Session, row: models.Operation, request: c.Callable[[], dict[str, t.Any]]
) -> None:
    """Keep what will be sent by an operation that another call set aside."""
    id, token = row.id, row.lease_token
    try:
        frozen = _kept(request())
    except BaseException:
        abandon(id, token)
        raise
    session.commit()
    row.request = frozen
    session.commit()


def _kept(request: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return what will be sent, once it's clear that it can be kept until then.

    :raises InvalidRequest: for anything that isn't JSON, such as a date where text is wanted, and for text
        that no database takes.
    """
    try:
        text = json.dumps(request, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise InvalidRequest(
            f"Something among the arguments is of a kind that isn't taken there: {error}.",
            code="parameter_invalid",
        ) from None
    # What looks like a NUL may be a backslash and what follows it.
    if not can_be_stored(text) or "\\u0000" in text.replace("\\\\", ""):
        raise InvalidRequest(
            "Some text among the arguments holds a NUL, or half a surrogate pair.",
            code="parameter_invalid",
        )
    return request


def _known(
    session: orm.Session,
    row: models.Operation,
    kind: str,
    subject: str,
    print_: str,
    guard: str | None,
) -> tuple[models.Operation, Begun]:
    if (row.kind, row.subject, row.fingerprint) != (kind, subject, print_):
        session.rollback()
        raise IdempotencyConflict(
            f"The operation id {row.id!r} was used before, for {row.kind} with other arguments. "
            "Use another id for another request."
        )
    if row.state in ("done", "refused"):
        session.rollback()
        return row, Begun.FINISHED
    _take_over(session, row, guard)
    return row, Begun.AGAIN


def _take_over(session: orm.Session, row: models.Operation, guard: str | None) -> None:
    """Lease an operation that nobody works on, and hold its guard (again)."""
    now, id, kind, old = real_now(), row.id, row.kind, row.lease_token
    until = row.leased_until
    session.commit()
    if old is not None and until is not None and until > now:
        raise OperationInProgress(
            f"The operation {id!r} ({kind}) is being carried out at this moment. "
            "Try again in a moment."
        )
    ours = models.Operation.lease_token
    try:
        taken = _update(
            session,
            models.Operation.id == id,
            ours.is_(None) if old is None else ours == old,
            lease_token=uuid.uuid4(),
            leased_until=now + LEASE,
            attempts=models.Operation.attempts + 1,
            guard=guard,
        )
    except sa.exc.IntegrityError:
        session.rollback()
        raise OperationInProgress(
            f"Another operation than {id!r} does the same ({kind}) at this moment. "
            "Try again in a moment."
        ) from None
    if not taken:
        raise OperationInProgress(f"The operation {id!r} was just taken by another process.")
    session.refresh(row)


def _update(session: orm.Session, *which: sa.ColumnElement[bool], **values: t.Any) -> bool:
    """Change an operation's row in a transaction of its own, and say whether it was there."""
    changed = session.execute(
        sa.update(models.Operation)
        .where(*which)
        .values(**values)
        .execution_options(synchronize_session=False),
        bind_arguments={"mapper": models.Operation.__mapper__},
    )
    session.commit()
    return bool(changed.rowcount == 1)  # type: ignore[attr-defined]


def note_sent(row_id: str, token: uuid.UUID | None) -> None:
    """Note when the request is first sent, as the last thing before it is.

    A processor forgets its key a day later.

    :raises OperationInProgress: when the lease ran out and somebody else has the operation by now, or has
        set it aside to do something else.
    """
    session = current_state().db.session()
    session.rollback()
    operation = models.Operation
    ours = (operation.id == row_id, operation.lease_token == token)
    if not _update(session, *ours, sent_at=sa.func.coalesce(operation.sent_at, real_now())):
        raise OperationInProgress(
            f"The operation {row_id!r} stood still for so long that it was taken over; it sent nothing."
        )


def may_resend(sent_at: datetime.datetime) -> bool:
    """Tell whether the processor still knows the key of a request that was sent then."""
    return real_now() - sent_at < RESEND_WITHIN


def finish(
    session: orm.Session,
    row_id: str,
    token: uuid.UUID | None,
    *,
    state: str,
    result: t.Any = None,
    error: AccrueErrorJson | None = None,
) -> None:
    """Close an operation, in the transaction that writes what it did.

    :raises InvalidState: when another process took it over meanwhile; then nothing may be written.
    """
    closed = session.execute(
        sa.update(models.Operation)
        .where(models.Operation.id == row_id, models.Operation.lease_token == token)
        .values(
            state=state,
            result=result,
            error=error,
            guard=None,
            lease_token=None,
            leased_until=None,
            finished_at=real_now(),
        )
        .execution_options(synchronize_session=False),
        bind_arguments={"mapper": models.Operation.__mapper__},
    )
    if closed.rowcount != 1:  # type: ignore[attr-defined]
        raise OperationInProgress(f"The operation {row_id!r} was taken over by another process.")


def release(row_id: str, token: uuid.UUID | None, *, state: str, **values: t.Any) -> None:
    """Let an operation go without an end: ``started`` (nothing was done) or ``unknown``.

    :param values: further columns to set.
    """
    session = current_state().db.session()
    session.rollback()
    _update(
        session,
        models.Operation.id == row_id,
        models.Operation.lease_token == token,
        state=state,
        lease_token=None,
        leased_until=None,
        **values,
    )


def abandon(row_id: str, token: uuid.UUID | None) -> None:
    """Remove an operation that was refused before anything was sent."""
    session = current_state().db.session()
    session.rollback()
    session.execute(
        sa.delete(models.Operation)
        .where(models.Operation.id == row_id, models.Operation.lease_token == token)
        .execution_options(synchronize_session=False),
        bind_arguments={"mapper": models.Operation.__mapper__},
    )
    session.commit()
