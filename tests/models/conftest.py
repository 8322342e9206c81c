"""An app on the test's own database, a clock that stands still, and a customer."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from flask_accrue import models
from flask_accrue.ids import new_id
from tests.ledger.conftest import SetClock, make_app

if t.TYPE_CHECKING:
    import collections.abc as c

    from sqlalchemy import orm

NOW = datetime.datetime(2026, 5, 31, 23, 59, 59, 999_999, tzinfo=datetime.UTC)


@pytest.fixture
def session(database_url: str) -> c.Iterator[orm.Session]:
    """Give a session within an app whose clock says NOW."""
    app = make_app(database_url)
    with app.app_context():
        clock = SetClock()
        clock.moment = NOW
        app.extensions["accrue"].clock = clock
        db = app.extensions["sqlalchemy"]
        yield db.session()
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def clock(session: orm.Session) -> SetClock:
    """Give the clock that the predicates read."""
    from flask_accrue.state import current_state

    return t.cast("SetClock", current_state().clock)


@pytest.fixture
def customer(session: orm.Session) -> models.Customer:
    """Give a customer that is stored."""
    customer = models.Customer(
        id=new_id(), processor="fake", processor_id="cus_1", owner_type="Organization", owner_id="1"
    )
    session.add(customer)
    session.commit()
    return customer
