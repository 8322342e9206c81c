"""The database: SQLite in the instance folder unless ``SQLALCHEMY_DATABASE_URI`` says otherwise."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event, orm


class Base(orm.DeclarativeBase):
    """What the example's own tables derive from."""


db = SQLAlchemy(model_class=Base)

BUSY_MILLISECONDS = 10_000


def prepare_sqlite(engine: sa.Engine) -> None:
    """Make SQLite fit for a web server and a worker at once; leave other databases alone.

    Python's driver would begin a transaction late and end it early. The two events are those of
    SQLAlchemy's page on it ("Serializable isolation / Savepoints / Transactional DDL" of the SQLite
    dialect): the driver keeps its hands off, and every transaction begins where SQLAlchemy says.
    Write-ahead logging lets readers go on while one writes, and the busy timeout makes a second
    writer wait instead of failing.
    """
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")
