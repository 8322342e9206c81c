from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests import host
from tests.host import kit, org
from tests.visitors import HostAuth, Visitor, give_log_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask

    from flask_accrue import Accrue
    from flask_accrue.testing import Kit
    from tests.host import Organization

__all__ = ["kit", "org"]


@pytest.fixture
def make_host(database_url: str) -> Iterator[Callable[..., tuple[Flask, Accrue]]]:
    """Give what makes a host, without a log-in, with settings of a test's own."""
    made = []

    def make(**config: Any) -> tuple[Flask, Accrue]:
        app, db, accrue = host.create_host(database_url, **config)
        made.append((app, db))
        return app, accrue

    yield make
    for app, db in made:
        with app.app_context():
            db.session.remove()
            for engine in db.engines.values():
                engine.dispose()


@pytest.fixture
def app(make_host: Callable[..., tuple[Flask, Accrue]]) -> Flask:
    """Give a host with a log-in."""
    app, _ = make_host()
    give_log_in(app)
    return app


@pytest.fixture
def auth(app: Flask) -> HostAuth:
    """Give what the host says about its operators."""
    found = app.extensions["accrue"].auth
    assert isinstance(found, HostAuth)
    return found


@pytest.fixture
def operator(app: Flask) -> Visitor:
    """Give an operator who has just logged in, and may see every owner."""
    return Visitor(app, "operator-1")


@pytest.fixture
def other(kit: Kit) -> Organization:
    """Give a second organization."""
    organization = host.Organization(name="Zenith", email="money@zenith.example")
    kit.state.db.session.add(organization)
    kit.state.db.session.commit()
    return organization
