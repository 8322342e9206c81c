"""How the simulation runs: calls, one after another, and time, step by step.

Before a call acts, everything that fell due until then happens, each at its own moment. So it makes no
difference whether time passed by itself, in one leap or in many.
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import copy
import datetime
import os
import sqlite3
import typing as t

from ...clock import UTC, to_unix
from ...errors import AuthenticationError, ProcessorError
from .. import objects
from ..answers import Answer
from . import clock, documents, faults, happening, idempotency, payments
from .charging import Declined
from .store import Store
from .transaction import Transaction

Result: t.TypeAlias = c.Iterable[objects.ProcessorObject | None]
Act: t.TypeAlias = c.Callable[[Transaction], Result]
_T = t.TypeVar("_T")


class Engine:
    """One store and what happens in it.

    :param path: of the store's file, or ``None`` for memory.
    :param seed: of a new store's ids.
    """

    def __init__(self, path: str | os.PathLike[str] | None, seed: int | str | None) -> None:
        self.store = Store(path, seed)
        self.clock = clock.FakeClock(self.store)
        self.account: str | None = None

    def of_account(self, account: str | None) -> Engine:
        """Return the same engine, in which everything happens in a connected account; ``None``: on the
        platform."""
        other = copy.copy(self)
        other.account = account
        return other

    def call(self, method: str, key: str, arguments: c.Mapping[str, t.Any], act: Act) -> Answer:
        """Carry out a call that changes something, once for its idempotency key.

        :raises ProcessorError: what the call, or a fault, makes of it.
        :raises IdempotencyConflict: when the key was used for another request.
        """
        request = idempotency.fingerprint(method, arguments)
        idempotency.check(key)
        if self.account is not None:
            # Each account has keys of its own.
            key = f"{self.account}:{key}"
        with self._up_to_date() as connection:
            fault = faults.take(connection, method)
            self._check_account(connection)
            result = None
            if fault is None or fault.moment == "after":
                result = idempotency.recall(connection, key, request)
                if result is None:
                    result = self._carry_out(connection, method, act)
                    idempotency.keep(connection, key, request, result)
        if fault is not None:
            raise fault.error()
        if isinstance(result, ProcessorError):
            raise result
        assert result is not None
        return result

    def look(self, method: str, act: Act) -> Answer:
        """Answer a question.

        :raises ProcessorError: when there's nothing to answer, or a fault strikes.
        """
        self.catch_up()
        with self.store.connection() as connection:
            struck = faults.any_left(connection)
        if struck:
            with self.store.writing() as connection:
                fault = faults.take(connection, method)
            if fault is not None:
                raise fault.error()
        with self._reading() as connection:
            self._check_account(connection)
            tx = Transaction(connection, clock.read(connection), self.account)
            return _answer(connection, tx, act(tx))

    def imagine(self, method: str, act: Act) -> Answer:
        """Answer what would be: let it happen, and undo it.

        :raises ProcessorError: what the act, or a fault, makes of it.
        """
        with self._up_to_date() as connection:
            fault = faults.take(connection, method)
            self._check_account(connection)
            tx = Transaction(connection, clock.read(connection), self.account)
            connection.execute("SAVEPOINT imagined")
            result: Answer | ProcessorError
            try:
                result = _answer(connection, tx, act(tx))
            except ProcessorError as error:
                result = error
            finally:
                connection.execute("ROLLBACK TO imagined")
        if fault is not None:
            raise fault.error()
        if isinstance(result, ProcessorError):
            raise result
        return result

    def change(self, act: c.Callable[[Transaction], _T]) -> _T:
        """Let something happen that nobody asked the processor for by a call."""
        with self._up_to_date() as connection:
            tx = Transaction(connection, clock.read(connection), self.account)
            made = act(tx)
            tx.flush()
            return made

    def see(self, act: c.Callable[[Transaction], _T]) -> _T:
        """Look at the store without being a call."""
        with self._reading() as connection:
            return act(Transaction(connection, clock.read(connection), self.account))

    def _check_account(self, connection: sqlite3.Connection) -> None:
        """Refuse to act for an account that isn't there, or isn't connected any more.

        :raises AuthenticationError: as Stripe does.
        """
        if self.account is None:
            return
        found = Transaction(connection, clock.read(connection)).peek(
            objects.ConnectAccount, self.account
        )
        if found is None or found.deleted:
            raise AuthenticationError(
                "This key has no access to that account, or the account doesn't exist.",
                code="account_invalid",
                http_status=403,
            )

    def _carry_out(
        self, connection: sqlite3.Connection, method: str, act: Act
    ) -> Answer | ProcessorError:
        """Act; an error undoes it, except a decline, whose attempt stands."""
        tx = Transaction(connection, clock.read(connection), self.account)
        refusal = faults.waiting_decline(connection, method)
        tx.forced_decline = None if refusal is None else refusal.declines
        connection.execute("SAVEPOINT call")
        result: Answer | ProcessorError
        try:
            result = _answer(connection, tx, act(tx))
            tx.flush()
        except Declined as declined:
            result = declined.error
            result.answer = _answer(connection, tx, declined.objects)
            tx.flush()
        except ProcessorError as error:
            result = error
            connection.execute("ROLLBACK TO call")
        if refusal is not None and tx.forced_decline is None:
            faults.spend(connection, refusal)
        return result

    # -- time ----------------------------------------------------------------------------------

    def catch_up(self) -> int:
        """Let everything happen that fell due until now; return how many things did."""
        with self.store.connection() as connection:
            now = clock.read(connection)
            behind = _is_behind(connection)
        return self._run(now, move=False) if behind else 0

    def advance_to(self, moment: datetime.datetime) -> int:
        """Move the clock forward through everything that falls due; return how many things did."""
        if moment.tzinfo is None:
            raise ValueError(f"A moment on the Fake's clock is aware, not {moment!r}.")
        now = self.clock.now()
        if moment < now:
            raise ValueError(f"The Fake's clock shows {now}; it can't go back to {moment}.")
        happened = self._run(moment, move=True)
        with self.store.writing() as connection:
            if clock.read(connection) < moment:
                clock.move(connection, moment)
        return happened

    def _run(self, until: datetime.datetime, *, move: bool) -> int:
        happened = 0
        while self._step(to_unix(until), move=move):
            happened += 1
        return happened

    def _step(self, until: int, *, move: bool) -> bool:
        """Let the next thing happen that is due by then, with the clock standing at its moment."""
        with self.store.writing() as connection:
            row = connection.execute(
                "SELECT position, subject, what, due FROM agenda WHERE due <= ? "
                "ORDER BY due, rank, position LIMIT 1",
                (until,),
            ).fetchone()
            if row is None:
                return False
            position, subject, what, due = row
            moment = datetime.datetime.fromtimestamp(due, UTC)
            if move and clock.read(connection) < moment:
                clock.move(connection, moment)
            connection.execute("DELETE FROM agenda WHERE position = ?", (position,))
            tx = Transaction(connection, moment, _account_of(connection, subject))
            happening.happen(tx, subject, what)
            tx.flush()
        return True

    def freeze(self, moment: datetime.datetime) -> None:
        """Let the clock stand at a moment; one that lies ahead is reached as by :meth:`advance_to`.

        Back it goes only as long as there are no customers; what there is of a catalog is dated back.
        """
        if moment.tzinfo is None:
            raise ValueError(f"A moment on the Fake's clock is aware, not {moment!r}.")
        if moment >= self.clock.now():
            self.advance_to(moment)
        with self.store.writing() as connection:
            if moment < clock.read(connection):
                _date_back(connection, moment)
            clock.freeze(connection, moment)

    def thaw(self) -> None:
        """Let a frozen clock go on from where it stands."""
        with self.store.writing() as connection:
            clock.thaw(connection)

    @contextlib.contextmanager
    def _up_to_date(self) -> c.Iterator[sqlite3.Connection]:
        """Lend a connection within a write transaction, when everything due has happened."""
        while True:
            self.catch_up()
            with self.store.writing() as connection:
                # Something may have fallen due while another process held the lock.
                if not _is_behind(connection):
                    yield connection
                    return

    @contextlib.contextmanager
    def _reading(self) -> c.Iterator[sqlite3.Connection]:
        """Lend a connection that sees one state of the store throughout."""
        with self.store.connection() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")


def _account_of(connection: sqlite3.Connection, subject: str) -> str | None:
    """Return the connected account in which something is that falls due."""
    row = connection.execute("SELECT account FROM objects WHERE id = ?", (subject,)).fetchone()
    return (row[0] or None) if row is not None else None


def _is_behind(connection: sqlite3.Connection) -> bool:
    """Tell whether something fell due that hasn't happened."""
    (due,) = connection.execute("SELECT min(due) FROM agenda").fetchone()
    return due is not None and due <= to_unix(clock.read(connection))


def _answer(connection: sqlite3.Connection, tx: Transaction, result: Result) -> Answer:
    every = [each for each in result if each is not None]
    intents = (objects.PaymentIntent, objects.SetupIntent)
    intent = next((each for each in every if isinstance(each, intents)), None)
    return Answer(
        # Written and read, so that what is told is what a later fetch would tell, raw form included.
        objects=tuple(documents.read(type(each), documents.write(each)) for each in every),
        fresh_from=tx.now,
        fresh_to=max(tx.now, clock.read(connection)),
        client_secret=payments.client_secret(tx, intent),
    )


def _date_back(connection: sqlite3.Connection, moment: datetime.datetime) -> None:
    (customers,) = connection.execute(
        "SELECT count(*) FROM objects WHERE kind = ?", (objects.Customer.kind,)
    ).fetchone()
    if customers:
        raise ValueError(
            f"The Fake's clock shows {clock.read(connection)} and can't go back to {moment}: "
            "there are customers already. Freeze it before you make any."
        )
    when = to_unix(moment)
    connection.execute(
        "UPDATE objects SET document = json_set(document, '$.created', ?) "
        "WHERE json_extract(document, '$.created') > ?",
        (when, when),
    )
    connection.execute(
        "UPDATE outbox SET created = ?, "
        "body = json_set(body, '$.created', ?, '$.object.created', ?) WHERE created > ?",
        (when, when, when, when),
    )
