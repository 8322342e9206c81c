"""A copied state is as good as the one that was reached."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from flask_accrue import billing, models
from flask_accrue.ledger import verify
from flask_accrue.testing import Kit
from tests import beginnings
from tests.beginnings import begin
from tests.host import Organization, running_host

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def urls(
    request: pytest.FixtureRequest, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """Give two migrated databases, in a process that has reached nothing yet."""
    monkeypatch.setattr(beginnings, "_reached", {})
    if database_url.startswith("sqlite"):
        file = Path(sa.make_url(database_url).database or "")
        shutil.copyfile(file, file.with_name("second.sqlite"))
        yield [database_url, f"sqlite:///{file.with_name('second.sqlite')}"]
    else:
        databases = request.getfixturevalue("postgres_databases")
        name = databases.take()
        yield [database_url, databases.url(name)]
        databases.give_back(name)


def reach(kit: Kit) -> None:
    """Have a customer with a card and a price."""
    kit.price("price_pro", 1900)
    organization = Organization(id=1, name="Acme", email=None)
    kit.state.db.session.add(organization)
    kit.state.db.session.commit()
    billing.add_payment_method(organization, "pm_card_visa")
    kit.deliver()


def look(kit: Kit) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows, and the Fake's events."""
    with kit.state.db.engine.connect() as connection:
        metadata = sa.MetaData()
        metadata.reflect(connection)
        rows = {
            table.name: sorted(map(tuple, connection.execute(sa.select(table))), key=str)
            for table in metadata.tables.values()
        }
    return rows | {"the Fake's events": [(each,) for each in kit.fake.events()]}


def test_what_was_reached_once_is_there_again_and_goes_on(urls: list[str]) -> None:
    seen, reached = [], []

    def reach_and_tell(kit: Kit) -> None:
        reach(kit)
        reached.append(kit.state.db.engine.url.database)

    for url in urls:
        with running_host(url) as (app, _, _), app.app_context():
            kit = Kit(app)
            begin(kit, "a payer", functools.partial(reach_and_tell, kit))
            seen.append(look(kit))
            organization = kit.state.db.session.get_one(Organization, 1)
            assert billing.subscribe(organization, "price_pro").is_active
            kit.price("price_team", 4900)
            kit.assert_settled()
            assert verify().findings == []
    assert reached == [sa.make_url(urls[0]).database]
    assert seen[0] == seen[1]
    assert seen[0]["accrue_payment_methods"]


def test_what_was_there_before_is_not_lost_to_a_copy(urls: list[str]) -> None:
    for url, others in zip(urls, (0, 1), strict=True):
        with running_host(url) as (app, db, _), app.app_context():
            kit = Kit(app)
            for number in range(others):
                db.session.add(Organization(id=100 + number, name="Other", email=None))
            db.session.commit()
            begin(kit, "a payer", functools.partial(reach, kit))
            assert db.session.query(Organization).count() == 1 + others
            assert db.session.query(models.PaymentMethod).count() == 1
