"""States that many tests begin in: each is reached once in a process, and then copied.

Half of the time of a test went into the events of prices and cards that it only begins with. A copy
brings the rows of the database and all that the Fake has, ids and time included, and nothing else.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from tests.postgres_databases import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    import sqlalchemy as sa
    from flask import Flask

    from flask_accrue.testing import Kit

_reached: dict[Hashable, Reached] = {}


class Reached:
    """What there was in a state: here, and at the Fake."""

    def __init__(self, kit: Kit) -> None:
        self._here = _read(kit.state.db.engine)
        self._fake = sqlite3.connect(":memory:", check_same_thread=False)
        with kit.fake._engine.store.connection() as connection:
            connection.backup(self._fake)

    def come_back(self, kit: Kit) -> None:
        """Bring all of it back."""
        _write(kit.state.db.engine, self._here)
        with kit.fake._engine.store.connection() as connection:
            self._fake.backup(connection)


def begin(kit: Kit, name: str, reach: Callable[[], Any]) -> None:
    """Bring a host into a state: by ``reach``, or by a copy of what that has made of the same host.

    A host is the same when its settings are, and when there was as much of everything before.

    :param name: of the state.
    """
    kit.state.db.session.rollback()
    key = (name, _settings(kit.app), _extent(kit))
    if key in _reached:
        _reached[key].come_back(kit)
    else:
        reach()
        kit.state.db.session.rollback()
        _reached[key] = Reached(kit)


def _settings(app: Flask) -> str:
    names = sorted(name for name in app.config if name.startswith("ACCRUE_"))
    return repr([app.config["SECRET_KEY"], *((name, app.config[name]) for name in names)])


def _extent(kit: Kit) -> Hashable:
    """Return how many rows each table has, and the values that the Fake has only one of."""
    with kit.state.db.engine.connect() as connection:
        of = _raw(connection)
        list_tables = (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            if isinstance(of, sqlite3.Connection)
            else "SELECT relname FROM pg_class WHERE relkind = 'r' AND oid >= 16384"
        )
        here = (connection.dialect.name, *_counts(of, list_tables))
    with kit.fake._engine.store.connection() as store:
        single = store.execute("SELECT name, value FROM state WHERE name IN ('rules', 'ids')")
        clock = store.execute("SELECT frozen, ahead FROM clock")
        tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        return here, *single.fetchall(), *clock.fetchall(), *_counts(store, tables)


def _counts(connection: Any, list_tables: str) -> list[tuple[str, int]]:
    tables = sorted(name for (name,) in connection.execute(list_tables).fetchall())
    each = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in tables)
    # Where tables were large once, PostgreSQL counts several at a time.
    found: list[tuple[str, int]] = sorted(connection.execute(each).fetchall())
    return found


def _read(engine: sa.Engine) -> sqlite3.Connection | Rows:
    with engine.connect() as connection:
        raw = _raw(connection)
        if not isinstance(raw, sqlite3.Connection):
            return Rows.of(raw)
        copy = sqlite3.connect(":memory:", check_same_thread=False)
        raw.backup(copy)
        return copy


def _write(engine: sa.Engine, content: sqlite3.Connection | Rows) -> None:
    with engine.connect() as connection:
        raw = _raw(connection)
        if isinstance(content, Rows):
            content.restore(raw)
        else:
            content.backup(raw)


def _raw(connection: sa.Connection) -> Any:
    return connection.connection.driver_connection
