"""PostgreSQL databases for tests, used again as long as only their rows have changed.

A copy of a template costs a tenth of a second, and 9 MB of the server's log; emptying one that has
served before costs a tenth of that. It gets another name each time, so that whatever a test left
running can't reach the next one's database, and it is thrown away as soon as anything but rows
differs: a table, a trigger, a right.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import socket
import time
import zlib
from typing import TYPE_CHECKING, Any

import psycopg
import sqlalchemy as sa
from psycopg import sql

from tests.services import is_alive, libpq, once_per_run, run_owner

if TYPE_CHECKING:
    from collections.abc import Callable

    Connection = psycopg.Connection[tuple[Any, ...]]

# Databases are named after the machine and the process of their run, so that what a killed run
# left behind can be told from what another one is using.
MACHINE = f"accrue_test_{zlib.crc32(socket.gethostname().encode()):08x}"

# Everything that isn't a row: each catalog's entries of ours, with the transaction that wrote them.
DEFINITIONS = " UNION ALL ".join(
    f"SELECT '{catalog} ' || {key} || ' ' || xmin AS entry FROM {catalog} WHERE {own} >= 16384"
    for catalog, key, own in (
        ("pg_attrdef", "oid", "oid"),
        ("pg_attribute", "attrelid || ' ' || attnum", "attrelid"),
        ("pg_class", "oid", "oid"),
        ("pg_constraint", "oid", "oid"),
        ("pg_default_acl", "oid", "oid"),
        ("pg_extension", "oid", "oid"),
        ("pg_namespace", "oid", "16384"),
        ("pg_policy", "oid", "oid"),
        ("pg_proc", "oid", "oid"),
        ("pg_rewrite", "oid", "oid"),
        ("pg_trigger", "oid", "oid"),
        ("pg_type", "oid", "oid"),
    )
)
TABLES = """
    SELECT oid::regclass::text FROM pg_class
    WHERE relkind = 'r' AND oid >= 16384 AND relnamespace <> 'pg_toast'::regnamespace
"""
SEQUENCES = "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'S' AND oid >= 16384"


@dataclasses.dataclass(frozen=True)
class Rows:
    """All rows of a database, and how far its sequences are."""

    of_tables: dict[str, bytes | None]
    sequences: list[tuple[str, int, bool]]

    @classmethod
    def of(cls, connection: Connection) -> Rows:
        """Read them."""
        tables = [name for (name,) in connection.execute(TABLES)]
        rows: dict[str, bytes | None] = dict.fromkeys(tables)
        for table in _with_rows(connection, tables):
            with connection.cursor().copy(f"COPY {table} TO STDOUT") as copy:
                rows[table] = b"".join(bytes(part) for part in copy)
        sequences = [
            (name, last, called)
            for (name,) in connection.execute(SEQUENCES).fetchall()
            for last, called in connection.execute(f"SELECT last_value, is_called FROM {name}")
        ]
        return cls(rows, sequences)

    def restore(self, connection: Connection) -> None:
        """Let a database with the same tables have these rows and no others, at once or not at all."""
        # Neither the ledger's triggers nor foreign keys look at what happens now.
        connection.execute("SET LOCAL session_replication_role = replica")
        for table in _with_rows(connection, list(self.of_tables)):
            connection.execute(f"DELETE FROM {table}")
        for table, content in self.of_tables.items():
            if content is not None:
                with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
                    copy.write(content)
        set_all = ", ".join(["setval(%s, %s, %s)"] * len(self.sequences))
        connection.execute(f"SELECT {set_all}", [each for one in self.sequences for each in one])
        connection.commit()


@dataclasses.dataclass(frozen=True)
class Original:
    """What a database was like when it had just been copied."""

    definitions: str
    rows: Rows

    @classmethod
    def of(cls, connection: Connection) -> Original:
        """Read it from a database that no test has touched."""
        return cls(_definitions(connection), Rows.of(connection))

    def restore(self, connection: Connection) -> bool:
        """Take away a host's own tables and bring all rows back; say False where that isn't enough."""
        for (table,) in connection.execute(TABLES).fetchall():
            if table not in self.rows.of_tables:
                connection.execute(f"DROP TABLE {table} CASCADE")
        if _definitions(connection) != self.definitions:
            return False
        self.rows.restore(connection)
        return True


class PostgresDatabases:
    """Hands out databases and takes them back, over one connection a worker."""

    def __init__(
        self, server: sa.URL, connection: Connection, migrate: Callable[[str], None]
    ) -> None:
        self._server = server
        self._connection = connection
        self._migrate = migrate
        worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
        self._names = (f"{MACHINE}_{run_owner()}_{worker}_{n}" for n in itertools.count())
        self._original: Original | None = None
        self._free: list[str] = []

    def url(self, name: str) -> str:
        """Return the URL of a database for SQLAlchemy."""
        return self._server.set(database=name).render_as_string(hide_password=False)

    def take(self) -> str:
        """Return the name of a database with all tables, as the migrations leave them."""
        name = next(self._names)
        if self._free and self._use_again(self._free.pop(), name):
            return name
        template = once_per_run("postgresql template", self._make_template)["name"]
        self.create(name, template)
        if self._original is None:
            with self._connect(name) as connection:
                self._original = Original.of(connection)
        return name

    def give_back(self, name: str) -> None:
        """Keep a database for another test."""
        self._free.append(name)

    def create(self, name: str | None = None, template: str = "template1") -> str:
        """Create a database, by default one without a table, and return its name."""
        name = name or next(self._names)
        self._do("CREATE DATABASE {} TEMPLATE {}", name, template)
        return name

    def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected to it."""
        self._do("DROP DATABASE {} WITH (FORCE)", name)

    def drop_all(self, of_run: Callable[[int], bool]) -> None:
        """Drop what tests of certain runs, told by their process, have left."""
        query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
        for (name,) in self._connection.execute(query, [f"{MACHINE}_"]).fetchall():
            if of_run(int(name.removeprefix(f"{MACHINE}_").partition("_")[0])):
                self._do("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _use_again(self, old: str, new: str) -> bool:
        assert self._original is not None
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        # Renaming looks for sessions only ten times a second, so it isn't left to wait for them.
        for _ in range(1000):
            if not self._connection.execute(end, [old]).fetchall():
                break
            time.sleep(0.002)
        self._do("ALTER DATABASE {} RENAME TO {}", old, new)
        with self._connect(new) as connection:
            restored = self._original.restore(connection)
        if not restored:
            self.drop(new)
        return restored

    def _make_template(self) -> dict[str, Any]:
        self.drop_all(lambda pid: not is_alive(pid))
        name = self.create(f"{MACHINE}_{run_owner()}_template")
        self._migrate(self.url(name))
        return {"name": name}

    def _connect(self, name: str) -> Connection:
        return psycopg.connect(libpq(self._server.set(database=name)))

    def _do(self, statement: str, *names: str) -> None:
        self._connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _definitions(connection: Connection) -> str:
    query = f"SELECT md5(string_agg(entry, ',' ORDER BY entry)) FROM ({DEFINITIONS}) AS entries"
    row = connection.execute(query).fetchone()
    assert row is not None
    return str(row[0])


def _with_rows(connection: Connection, tables: list[str]) -> list[str]:
    query = " UNION ALL ".join(f"SELECT '{t}' WHERE EXISTS (SELECT 1 FROM {t})" for t in tables)
    return [name for (name,) in connection.execute(query)]
