from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from example import seed
from example.database import db
from example.models import Organization, User
from example.standing import standing
from flask_accrue import billing, entitled, models
from flask_accrue.state import current_state

if TYPE_CHECKING:
    import flask

#: How the billing page must say that each organization stands, and whether reports are open.
STANDINGS = {
    "Saltmarsh Bakery": ("Team", "Active", True),
    "Northwind Observatory": ("Pro", "Active", True),
    "Kite & Keel": ("Pro", "Payment failed", True),
    "Fernhill Press": ("Free", "Ended", False),
    "Okami Ceramics": ("Pro", "Trial", True),
    "Lantern & Loom": ("Team", "Ending", True),
    "Bramble Bikes": ("Team", "Ending", True),
    "Harbour Lights Radio": ("Pro", "Waiting for payment", False),
    "Quarry Street Choir": ("Free", "Ended", False),
    "Meridian Maps": ("Pro", "Paused", False),
    "Tall Pine Nursery": ("Pro", "Payment failed", False),
    "Copper Kettle": ("Pro", "Active", True),
    "Cobalt Cycles": ("Pro", "Payment failed", True),
    "Foxglove Pharmacy": ("Pro", "Active", True),
    "Wren & Daughters": ("Free", "Free", False),
    "Tidemark": ("Free", "Free", False),
}


# The end of a short month, since the stories count in calendar months.
@pytest.mark.parametrize("day", [datetime.datetime(2027, 3, 31, 9, tzinfo=datetime.UTC)])
def test_every_story_ends_as_it_is_told(app: flask.Flask, day: datetime.datetime) -> None:
    with app.app_context():
        seed.live_through_a_year(current_state().processors["fake"], day)
        found = {}
        for organization in db.session.scalars(sa.select(Organization)):
            stands = standing(billing.subscription(organization), datetime.timedelta(days=14))
            opened = entitled(organization, "reports")
            found[organization.name] = (stands.plan.title, stands.badge, opened)
        paid = sum(invoice.is_paid for invoice in db.session.scalars(sa.select(models.Invoice)))
        waiting = sa.select(models.WebhookEvent.type).where(
            models.WebhookEvent.state != "succeeded"
        )
        assert found == STANDINGS
        assert paid > 80
        assert db.session.scalars(waiting).all() == []

    people = app.test_cli_runner().invoke(args=["seed"])
    assert people.exit_code == 0
    assert seed.OPERATOR in people.output
    assert "ida@saltmarsh.example" in people.output
    verified = app.test_cli_runner().invoke(args=["accrue", "ledger", "verify"])
    assert verified.exit_code == 0, verified.output


def test_a_second_run_changes_nothing_and_a_broken_one_is_noticed(app: flask.Flask) -> None:
    with app.app_context():
        somebody = User(name="Somebody", email="somebody@example.com")
        somebody.set_password("correct horse battery")
        db.session.add(somebody)
        db.session.commit()
    refused = app.test_cli_runner().invoke(args=["seed"])
    assert refused.exit_code == 1
    assert "There is data already" in refused.output
    with app.app_context():
        somebody = db.session.scalars(sa.select(User)).one()
        somebody.email = seed.OPERATOR
        db.session.commit()
    assert app.test_cli_runner().invoke(args=["seed"]).exit_code == 0
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count(User.id))) == 1
