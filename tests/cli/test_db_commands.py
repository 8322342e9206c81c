"""``flask accrue db``: the tables, and which revision they are at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue.cli.db import head_revision
from tests.host import Organization, create_host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result


@pytest.fixture
def host(empty_database_url: str) -> Iterator[Any]:
    """Give a host without Accrue's tables, and with its own."""
    app, db, _ = create_host(empty_database_url)
    yield app, db
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def run(host: Any, *arguments: str, exit_code: int = 0, **options: Any) -> Result:
    app, _ = host
    result: Result = app.test_cli_runner().invoke(args=["accrue", "db", *arguments], **options)
    assert result.exit_code == exit_code, result.output
    return result


def tables(host: Any) -> set[str]:
    app, db = host
    with app.app_context():
        return set(sa.inspect(db.engine).get_table_names())


def test_the_tables_are_made_once_and_removed(host: Any) -> None:
    theirs = tables(host)
    assert run(host, "current", exit_code=1).output.splitlines() == [
        "database: none",
        f"package:  {head_revision()}",
    ]
    assert run(host, "upgrade").stdout == f"Accrue's tables are at {head_revision()}.\n"
    assert "accrue_customers" in tables(host)
    assert run(host, "upgrade").stdout == f"Nothing to do: at {head_revision()}.\n"
    assert f"database: {head_revision()}" in run(host, "current").output
    assert run(host, "downgrade", "base", "--yes").stdout == (
        "Accrue's tables are at base: none is left.\n"
    )
    # The host's own aren't touched.
    assert tables(host) - {"accrue_alembic_version"} == theirs
    assert Organization.__tablename__ in theirs


def test_removing_tables_asks_first(host: Any) -> None:
    run(host, "upgrade")
    result = run(host, "downgrade", "base", input="n\n", exit_code=1)
    assert "This deletes what the newer tables hold, the ledger included. Go on?" in result.output
    assert "accrue_customers" in tables(host)
    run(host, "downgrade", "base", input="y\n")
    assert "accrue_customers" not in tables(host)
