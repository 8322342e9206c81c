"""Accrue's own migrations: run with Alembic's commands and a configuration made in code."""

from __future__ import annotations

import collections.abc as c
import contextlib

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask

from .. import models
from ..resources import folder
from ..state import current_state

VERSION_TABLE = "accrue_alembic_version"


def upgrade(app: Flask, revision: str = "head") -> None:
    """Bring Accrue's tables up to a revision. The host's own migrations aren't touched."""
    with _connection(app) as connection:
        command.upgrade(_config(connection), revision)


def downgrade(app: Flask, revision: str) -> None:
    """Take Accrue's tables back to a revision; ``base`` removes them with all they hold."""
    with _connection(app) as connection:
        command.downgrade(_config(connection), revision)


def current_revision(app: Flask) -> str | None:
    """Return the revision that the database is at, or ``None`` before the first."""
    with _connection(app) as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        return context.get_current_revision()


def head_revision() -> str:
    """Return the newest revision that this version of the package knows."""
    head = ScriptDirectory(str(folder("migrations"))).get_current_head()
    if head is None:
        raise FileNotFoundError("The package has no migrations; install it again.")
    return head


@contextlib.contextmanager
def _connection(app: Flask) -> c.Iterator[sa.Connection]:
    with app.app_context():
        db = current_state().db
        # An open transaction of ours would wait for itself once a table is to be altered.
        db.session.remove()
        engine = db.session.get_bind(mapper=models.LedgerChain.__mapper__)
        assert isinstance(engine, sa.Engine)
        with engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("SET lock_timeout = '10s'"))
                connection.commit()
            yield connection
            connection.commit()


def _config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
