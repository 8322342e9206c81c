"""A small host application, for tests of what a host sees."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from flask_accrue import Accrue, Billable
from flask_accrue.testing import Kit
from tests.beginnings import begin
from tests.databases import compile_once

if TYPE_CHECKING:
    from collections.abc import Iterator


class Base(DeclarativeBase):
    """The base of the host's models."""


class Organization(Billable, Base):
    """Who pays."""

    __tablename__ = "organizations"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str | None]


def create_host(url: str, **config: Any) -> tuple[Flask, SQLAlchemy, Accrue]:
    """Build the host on a migrated database; ``config`` adds to and overrides its settings."""
    app = Flask("host")
    app.config.update(
        SECRET_KEY="a secret of the tests",
        SQLALCHEMY_DATABASE_URI=url,
        TESTING=True,
    )
    app.config.update(config)
    db = SQLAlchemy(app, model_class=Base)
    accrue = Accrue(app)
    with app.app_context():
        compile_once(db.engine)
        Base.metadata.create_all(db.engine)
    return app, db, accrue


@contextlib.contextmanager
def running_host(url: str, **config: Any) -> Iterator[tuple[Flask, SQLAlchemy, Accrue]]:
    """Build the host as :func:`create_host` does, and let go of its database in the end."""
    app, db, accrue = create_host(url, **config)
    yield app, db, accrue
    with app.app_context():
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()


@pytest.fixture
def app(database_url: str) -> Iterator[Flask]:
    """Give the host with the Fake, on a database of this test's own."""
    with running_host(database_url) as (app, _, _):
        yield app


@pytest.fixture
def kit(accrue_kit: Kit) -> Kit:
    """Give the testing kit with the prices that the tests use."""

    def reach() -> None:
        accrue_kit.price("price_pro", 1900)
        accrue_kit.price("price_team", 4900)
        accrue_kit.price("price_yearly", 19000, interval="year")
        accrue_kit.price("price_metered", 5, usage_type="metered")

    begin(accrue_kit, "prices", reach)
    return accrue_kit


@pytest.fixture
def org(kit: Kit) -> Organization:
    """Give a saved organization without a customer."""
    organization = Organization(name="Acme", email="billing@acme.example")
    kit.state.db.session.add(organization)
    kit.state.db.session.commit()
    return organization
