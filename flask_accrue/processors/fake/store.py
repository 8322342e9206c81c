"""Where the Fake keeps everything: a SQLite file that processes share, or memory.

A file is in WAL mode, and each write transaction begins ``IMMEDIATE``: web server, worker and command
line may use it at once, and wait for one another rather than fail. Nothing is opened before first use.
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import json
import os
import pathlib
import random
import secrets
import sqlite3
import threading
import time
import typing as t
import weakref

from ...errors import ConfigError
from . import schema

_BUSY_MS = 30_000

# Connections inherited through a fork may be neither used nor closed (https://sqlite.org/howtocorrupt.html),
# so the child keeps them here.
_inherited: list[sqlite3.Connection] = []


class _Pool:
    """Idle connections, and the process whose they are."""

    def __init__(self) -> None:
        self.idle: list[sqlite3.Connection] = []
        self.process: int | None = None

    def close(self) -> None:
        """Close them, unless a fork has inherited them."""
        if self.process != os.getpid():
            _inherited.extend(self.idle)
            self.idle.clear()
        while self.idle:
            self.idle.pop().close()
        self.process = None


class Store:
    """Connections to one store.

    :param path: of the SQLite file, made when it's first used, readable by its owner alone; ``None`` is
        memory, private to this instance.
    :param seed: of a new store's ids; random when ``None``. A store that exists keeps its own.
    """

    def __init__(self, path: str | os.PathLike[str] | None, seed: int | str | None = None) -> None:
        self.path = None if path is None else pathlib.Path(path)
        self._seed = seed
        self._lock = threading.RLock()
        self._pool = _Pool()
        # A store that nobody holds any more closes its connections.
        weakref.finalize(self, self._pool.close)

    @contextlib.contextmanager
    def connection(self) -> c.Iterator[sqlite3.Connection]:
        """Lend a connection in autocommit mode; in memory there is one, used by one thread at a time."""
        if self.path is None:
            with self._lock:
                yield self._take()
        else:
            connection = self._take()
            try:
                yield connection
            finally:
                # Appending is atomic; more connections than threads are never made.
                self._pool.idle.append(connection)

    @contextlib.contextmanager
    def writing(self) -> c.Iterator[sqlite3.Connection]:
        """Lend a connection within a write transaction; an exception undoes it."""
        with self.connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def read_state(self, name: str) -> t.Any:
        """Return a single value of the store."""
        with self.connection() as connection:
            row = connection.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return None if row is None else json.loads(row[0])

    def write_state(self, name: str, value: t.Any) -> None:
        """Set a single value of the store."""
        with self.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO state VALUES (?, ?)", (name, json.dumps(value))
            )

    def close(self) -> None:
        """Close idle connections; memory is forgotten."""
        with self._lock:
            self._pool.close()

    def _take(self) -> sqlite3.Connection:
        if self._pool.process != os.getpid():
            with self._lock:
                if self._pool.process != os.getpid():
                    self._start()
        if self.path is None:
            return self._pool.idle[0]
        try:
            return self._pool.idle.pop()
        except IndexError:
            return self._open()

    def _start(self) -> None:
        """Make the store ready for this process, which may be a fork of one that used it."""
        if self.path is None:
            if self._pool.process is not None:
                raise ConfigError(
                    "This Fake keeps its store in memory, which a forked process can't share. "
                    "Set ACCRUE_FAKE_STORE to the path of a file."
                )
            connection = self._open()
        else:
            self._pool.close()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # The file holds the webhook secret.
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            connection = self._open()
        self._prepare(connection)
        self._pool.idle.append(connection)
        self._pool.process = os.getpid()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            ":memory:" if self.path is None else self.path,
            timeout=_BUSY_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if self.path is not None:
            _use_wal(connection)
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in schema.TABLES:
                connection.execute(statement)
            seed = secrets.token_hex(8) if self._seed is None else str(self._seed)
            connection.executemany(
                "INSERT OR IGNORE INTO state VALUES (?, ?)",
                [
                    ("version", json.dumps(schema.VERSION)),
                    ("seed", json.dumps(seed)),
                    ("webhook_secret", json.dumps(f"whsec_{secrets.token_hex(24)}")),
                    ("connect_webhook_secret", json.dumps(f"whsec_{secrets.token_hex(24)}")),
                    ("ids", "0"),
                    ("rules", "{}"),
                ],
            )
            (found,) = connection.execute(
                "SELECT value FROM state WHERE name = 'version'"
            ).fetchone()
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        if json.loads(found) != schema.VERSION:
            raise ConfigError(
                f"The Fake's store {self.path} is of version {found}, this is version {schema.VERSION}. "
                "It's only a simulation: delete the file, or name another in ACCRUE_FAKE_STORE."
            )


def _use_wal(connection: sqlite3.Connection) -> None:
    # Changing the journal mode doesn't wait for the busy timeout when two processes start at once.
    for _ in range(200):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            time.sleep(random.uniform(0.005, 0.05))  # noqa: S311 - not for a secret
        else:
            return
    connection.execute("PRAGMA journal_mode = WAL")
