"""The example under test: in-process, and with RQ workers in a process of their own."""

from __future__ import annotations

import contextlib
import contextvars
import datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import example
from example import plans
from example.database import db
from example.models import Organization
from flask_accrue import billing, models
from flask_accrue.cli import db as migrations
from tests.example.conftest import Visitor
from tests.faults import victim

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask import Flask
    from werkzeug.test import TestResponse

NOON = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)


class Apart(Visitor):
    """A visitor whose requests see nothing of the test's own app context, as in a server."""

    def get(self, path: str) -> TestResponse:
        return contextvars.Context().run(super().get, path)

    def post(self, path: str, **fields: Any) -> TestResponse:
        return contextvars.Context().run(lambda: super(Apart, self).post(path, **fields))


class World:
    """The example with its Fake: where webhooks go, and who works on them.

    With a Redis the web process only stores events; :meth:`settle` starts a real worker in a process of its
    own, which works on them until nothing is left.
    """

    def __init__(self, app: Flask, *, has_redis: bool) -> None:
        self.app = app
        self.has_redis = has_redis
        self.fake: Any = app.extensions["accrue"].processors["fake"]
        self.visitor = Apart(app.test_client())

    def settle(self) -> None:
        """Deliver what waits at the Fake, and let it be worked on."""
        assert set(self.fake.deliver(self.app)) <= {200}
        if self.has_redis:
            assert victim.run_worker(self.app, db, None) == 0
        # Ends the transaction too: in one that is open SQLite goes on showing the old rows.
        db.session.rollback()

    def opens(self, path: str) -> bool:
        """Tell whether a gated page shows itself, or the way to the plans."""
        answer = self.visitor.get(path)
        is_open = answer.request.path == path
        assert answer.status_code == (200 if is_open else 403)
        return is_open

    def subscription(self) -> models.Subscription:
        """Return the newest subscription of the organization that signed up."""
        db.session.rollback()
        found = billing.subscription(db.session.scalars(sa.select(Organization)).one())
        assert found is not None
        return found

    def advance(self, to: datetime.datetime | datetime.timedelta) -> None:
        """Move billing time, and settle."""
        self.fake.advance(to)
        self.settle()


@contextlib.contextmanager
def raised(
    url: str,
    folder: Path,
    redis_url: str | None = None,
    *,
    now: datetime.datetime = NOON,
    **config: Any,
) -> Iterator[World]:
    """Set the example up on a database, its clock standing at a moment.

    :param redis_url: with it, only workers in processes of their own do the work.
    """
    config = {
        "SQLALCHEMY_DATABASE_URI": url,
        "SECRET_KEY": "a secret of the tests",
        "ACCRUE_FAKE_STORE": str(folder / "fake.sqlite"),
        **config,
    }
    if redis_url is not None:
        config["ACCRUE_REDIS_URL"] = redis_url
    app = example.create_app({"INSTANCE_PATH": str(folder), **config, "DEBUG": True})
    migrations.upgrade(app)
    with app.app_context():
        db.create_all()
        made = World(app, has_redis=redis_url is not None)
        made.fake.freeze(now)
        yield made
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(params=["in-process", "rq"])
def world(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[World]:
    """Give the example on a database of this test's own, its clock standing at :data:`NOON`."""
    redis_url = request.getfixturevalue("redis_url") if request.param == "rq" else None
    with raised(database_url, tmp_path, redis_url) as made:
        plans.put_into(made.fake)
        made.settle()
        yield made
