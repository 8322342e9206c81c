"""That tests don't see each other's databases, and see the tables that a host has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from flask_accrue.resources import folder

if TYPE_CHECKING:
    from collections.abc import Iterator

TURNS = pytest.mark.parametrize("turn", ["first", "second"])
REVISION = sa.text("SELECT version_num FROM accrue_alembic_version")


def newest_revision() -> str | None:
    return ScriptDirectory(str(folder("migrations"))).get_current_head()


@pytest.fixture(scope="module")
def forgotten() -> Iterator[list[sa.Connection]]:
    """Give a place where connections stay open beyond a test."""
    connections: list[sa.Connection] = []
    yield connections
    for connection in connections:
        connection.invalidate()
        connection.close()


@TURNS
def test_a_row_that_one_test_writes_is_gone_for_the_next(database_url: str, turn: str) -> None:
    engine = sa.create_engine(database_url)
    with engine.begin() as connection:
        assert connection.scalar(REVISION) == newest_revision()
        connection.execute(sa.text("UPDATE accrue_alembic_version SET version_num = 'mine'"))
        connection.execute(sa.text("INSERT INTO accrue_alembic_version VALUES ('another')"))
    engine.dispose()


@TURNS
def test_a_table_that_one_test_makes_is_gone_for_the_next(database_url: str, turn: str) -> None:
    engine = sa.create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE mark (turn TEXT)"))
    engine.dispose()


@TURNS
@pytest.mark.only("postgresql")
def test_a_trigger_that_one_test_disables_works_for_the_next(database_url: str, turn: str) -> None:
    engine = sa.create_engine(database_url)
    with engine.begin() as connection:
        states = sa.text("SELECT DISTINCT tgenabled FROM pg_trigger WHERE NOT tgisinternal")
        assert connection.execute(states).scalars().all() == ["O"]
        connection.execute(sa.text("ALTER TABLE accrue_events DISABLE TRIGGER ALL"))
    engine.dispose()


@TURNS
@pytest.mark.only("postgresql")
def test_a_right_that_one_test_takes_is_back_for_the_next(database_url: str, turn: str) -> None:
    engine = sa.create_engine(database_url)
    with engine.begin() as connection:
        right = sa.text("SELECT has_table_privilege('pg_monitor', 'accrue_events', 'SELECT')")
        assert connection.scalar(right) is False
        connection.execute(sa.text("GRANT SELECT ON accrue_events TO pg_monitor"))
    engine.dispose()


@TURNS
@pytest.mark.only("postgresql")
def test_a_forgotten_connection_does_not_hold_up_the_next_test(
    database_url: str, forgotten: list[sa.Connection], turn: str
) -> None:
    connection = sa.create_engine(database_url, poolclass=sa.NullPool).connect()
    connection.execute(sa.text("LOCK TABLE accrue_events"))
    forgotten.append(connection)


def test_a_database_is_at_the_newest_revision(database_url: str) -> None:
    engine = sa.create_engine(database_url)
    with engine.connect() as connection:
        revision = connection.scalar(REVISION)
    engine.dispose()

    assert revision == newest_revision()


def test_an_empty_database_has_no_table(empty_database_url: str) -> None:
    engine = sa.create_engine(empty_database_url)
    tables = sa.inspect(engine).get_table_names()
    engine.dispose()

    assert tables == []


@pytest.mark.only("sqlite")
def test_a_mark_keeps_a_test_on_one_database(database_url: str) -> None:
    assert database_url.startswith("sqlite:")


@TURNS
def test_each_test_finds_redis_empty(redis_url: str, turn: str) -> None:
    with redis.Redis.from_url(redis_url) as connection:
        assert connection.dbsize() == 0
        connection.set("turn", turn)
