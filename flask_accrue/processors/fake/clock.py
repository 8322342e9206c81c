"""The Fake's clock, which is billing time for everyone who shares its store."""

from __future__ import annotations

import datetime
import sqlite3
import typing as t

from ...clock import UTC, real_now
from .store import Store

_EPOCH: t.Final = datetime.datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: t.Final = datetime.timedelta(microseconds=1)


class FakeClock:
    """Real time plus an offset, or an instant at which it stands; kept in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def now(self) -> datetime.datetime:
        """Return the Fake's time, in UTC. One indexed read."""
        with self._store.connection() as connection:
            return read(connection)


def read(connection: sqlite3.Connection) -> datetime.datetime:
    """Return the Fake's time."""
    row: tuple[int | None, int] = connection.execute("SELECT frozen, ahead FROM clock").fetchone()
    frozen, ahead = row
    if frozen is not None:
        return _EPOCH + frozen * _MICROSECOND
    return real_now() + ahead * _MICROSECOND


def move(connection: sqlite3.Connection, moment: datetime.datetime) -> None:
    """Let the clock show that moment, and stand or go on from there as it did."""
    connection.execute(
        "UPDATE clock SET frozen = CASE WHEN frozen IS NULL THEN NULL ELSE ? END, ahead = ?",
        ((moment - _EPOCH) // _MICROSECOND, (moment - real_now()) // _MICROSECOND),
    )


def freeze(connection: sqlite3.Connection, moment: datetime.datetime) -> None:
    """Let the clock stand at that moment."""
    connection.execute("UPDATE clock SET frozen = ?", ((moment - _EPOCH) // _MICROSECOND,))


def thaw(connection: sqlite3.Connection) -> None:
    """Let the clock go on from where it stands."""
    ahead = (read(connection) - real_now()) // _MICROSECOND
    connection.execute("UPDATE clock SET frozen = NULL, ahead = ?", (ahead,))
