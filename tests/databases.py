"""A database of its own for each test, migrated once a run and then only copied.

A test that asks for ``database_url`` runs twice: on SQLite and on PostgreSQL. Where it can only
mean one of them it says so: ``@pytest.mark.only("postgresql")``.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from typing import TYPE_CHECKING, Any

import flask
import flask_sqlalchemy
import psycopg
import pytest
import sqlalchemy as sa

from tests.postgres_databases import PostgresDatabases
from tests.services import libpq, made_this_run, once_per_run, owns_run, run_folder, run_owner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATABASES = ("sqlite", "postgresql")
FIXTURES = ("database_url", "empty_database_url")


def pytest_configure(config: pytest.Config) -> None:
    """Announce the mark that keeps a test on one database, and spare tests waiting for the disk."""
    config.addinivalue_line(
        "markers", f"only(database): run on one database, {' or '.join(DATABASES)}, not on both"
    )
    # No power cut has to be outlived here. Measurements want the real thing, and set PGOPTIONS to nothing.
    os.environ.setdefault("PGOPTIONS", "-c synchronous_commit=off")
    sa.event.listen(sa.Engine, "connect", _dont_wait_for_the_disk)


def _dont_wait_for_the_disk(connection: Any, _: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Drop what tests of this run left on a PostgreSQL that goes on without us."""
    if config.stash.get(owns_run, False):
        server = made_this_run("postgresql")
        if "url" in server and "pid" not in server:
            url = sa.make_url(server["url"])
            with psycopg.connect(libpq(url), autocommit=True) as connection:
                databases = PostgresDatabases(url, connection, migrate)
                databases.drop_all(lambda pid: pid == run_owner())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that uses a database once per database."""
    for fixture in FIXTURES:
        if fixture in metafunc.fixturenames:
            mark = metafunc.definition.get_closest_marker("only")
            chosen = mark.args if mark else DATABASES
            if not set(chosen) <= set(DATABASES):
                raise pytest.UsageError(f"only{chosen}: there are {DATABASES}")
            metafunc.parametrize(fixture, chosen, indirect=True)


def migrate(url: str) -> None:
    """Bring a database to the newest revision, as ``flask accrue db upgrade`` does."""
    from flask_accrue import Accrue
    from flask_accrue.cli.db import upgrade

    app = flask.Flask("migrations")
    app.config.update(SECRET_KEY="tests", SQLALCHEMY_DATABASE_URI=url, TESTING=True)
    db = flask_sqlalchemy.SQLAlchemy(app)
    Accrue(app)
    with app.app_context():
        upgrade(app)
        db.session.remove()
        # PostgreSQL copies no database that somebody is connected to.
        db.engine.dispose()


_compiled: dict[str, sa.Engine] = {}


def compile_once(engine: sa.Engine) -> None:
    """Let an engine use what statements were compiled to for an earlier one of the same database.

    A host's process has one engine for its whole life, a test has one of its own.
    """
    known = _compiled.setdefault(engine.dialect.name, engine)
    # What a dialect knows of its database it learns with the first connection.
    if known.dialect.server_version_info is None:
        _compiled[engine.dialect.name] = engine
    elif known is not engine:
        engine.dialect = engine.pool._dialect = known.dialect
        engine._compiled_cache = known._compiled_cache


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the URL of a migrated database of this test's own."""
    yield from _database(request, migrated=True)


@pytest.fixture
def empty_database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the URL of a database without a table, for tests of the migrations themselves."""
    yield from _database(request, migrated=False)


def _database(request: pytest.FixtureRequest, *, migrated: bool) -> Iterator[str]:
    if request.param == "sqlite":
        file: Path = request.getfixturevalue("tmp_path") / "accrue.sqlite"
        if migrated:
            shutil.copyfile(once_per_run("sqlite template", _sqlite_template)["file"], file)
        yield f"sqlite:///{file}"
        return
    databases: PostgresDatabases = request.getfixturevalue("postgres_databases")
    if migrated:
        name = databases.take()
        yield databases.url(name)
        databases.give_back(name)
    else:
        name = databases.create()
        yield databases.url(name)
        databases.drop(name)


def _sqlite_template() -> dict[str, Any]:
    file = run_folder() / "template.sqlite"
    migrate(f"sqlite:///{file}")
    return {"file": str(file)}


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: sa.URL) -> Iterator[PostgresDatabases]:
    """Give what hands databases out and takes them back."""
    with psycopg.connect(libpq(postgres_server), autocommit=True) as connection:
        yield PostgresDatabases(postgres_server, connection, migrate)
