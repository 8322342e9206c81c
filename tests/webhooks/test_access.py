"""What webhooks mean for access: a gate that is asked after each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flask_accrue import models
from flask_accrue.entitlements import entitled, features_for
from tests.host import Organization, create_host
from tests.processors.stripe.stripe_bodies import (
    END,
    START,
    at,
    invoice,
    item,
    listed,
    sample,
    subscription,
)
from tests.webhooks.endpoint import STRIPE_CONFIG
from tests.webhooks.told import Told, customer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.oracles.stripe_server import ContractServer

PLANS = {
    "pro": {"prices": ["price_pro"], "features": ["reports"]},
    "seats": {"prices": ["price_seats"], "features": ["seats"]},
}
AHEAD = 4102444800  # 2100
PRO = item("si_1", current_period_end=AHEAD)
SEATS = item(
    "si_2", price=sample("price", id="price_seats", product="prod_2"), current_period_end=AHEAD
)
BOTH = listed(PRO, SEATS)
BOTH_ANEW = listed(PRO | {"id": "si_3"}, SEATS | {"id": "si_4"})


@pytest.fixture
def gated(database_url: str, stripe_server: ContractServer) -> Iterator[Told]:
    """Give a host with plans, whose organization has a subscription to both of them."""
    app, db, _ = create_host(
        database_url,
        **STRIPE_CONFIG,
        ACCRUE_STRIPE_API_BASE=stripe_server.url,
        ACCRUE_ENTITLEMENTS={"plans": PLANS},
    )
    with app.app_context():
        db.session.add(Organization(id=1, name="Acme"))
        db.session.commit()
        told = Told(app, db)
        told.tell("customer.created", customer())
        told.tell("customer.subscription.created", subscription(items=BOTH))
        yield told
        db.session.remove()
        db.engine.dispose()


def features(told: Told) -> set[str]:
    told.db.session.rollback()
    return set(features_for(told.db.session.get(Organization, 1)))


@pytest.mark.parametrize("way", ["body", "fetch"])
def test_an_item_that_is_missing_loses_access_at_once_and_its_lines_still_find_it(
    gated: Told, stripe_server: ContractServer, way: str
) -> None:
    assert features(gated) == {"reports", "seats"}
    gated.tell("invoice.paid", invoice())
    news = subscription(items=listed(SEATS))
    if way == "body":
        gated.tell("customer.subscription.updated", news)
    else:
        stripe_server.prime(news)
        gated.refer("v1.customer.subscription.updated", news)
    assert features(gated) == {"seats"}
    [line] = gated.find(models.Invoice, "in_1").items
    dropped = gated.find(models.SubscriptionItem, line.subscription_item_processor_id)
    assert (dropped.price_processor_id, dropped.is_live) == ("price_pro", False)
    # Nor does an older body that still has it, or an invoice that names it, give it back.
    gated.tell("customer.subscription.updated", subscription(items=BOTH), created=START)
    gated.tell("invoice.updated", invoice(number="A-1"))
    assert features(gated) == {"seats"}
    gated.tell("customer.subscription.updated", subscription(items=BOTH), created=AHEAD)
    assert features(gated) == {"reports", "seats"}


def test_a_scheduled_end_survives_the_next_webhooks_and_goes_when_it_is_withdrawn(
    gated: Told, stripe_server: ContractServer
) -> None:
    ending = subscription(items=BOTH, cancel_at=AHEAD)
    gated.tell("customer.subscription.updated", ending)
    for type, news in (
        ("invoice.paid", invoice()),
        ("customer.updated", customer(name="Bolt")),
        ("customer.subscription.updated", ending | {"metadata": {"seats": "3"}}),
        ("customer.subscription.updated", ending | {"latest_invoice": "in_1"}),
    ):
        gated.tell(type, news)
        row = gated.find(models.Subscription, "sub_1")
        assert (row.cancel_at, row.ends_at, row.is_canceling) == (at(AHEAD), at(AHEAD), True), type
    stripe_server.prime(ending)
    gated.refer("v1.customer.subscription.updated", ending)
    assert gated.find(models.Subscription, "sub_1").cancel_at == at(AHEAD)
    gated.tell(
        "customer.subscription.updated", subscription(items=BOTH, cancel_at=None), created=AHEAD
    )
    assert gated.find(models.Subscription, "sub_1").ends_at is None


def test_access_ends_with_the_delete_event_and_with_the_customer(
    gated: Told, stripe_server: ContractServer
) -> None:
    gone = subscription(items=BOTH, status="canceled", ended_at=END, canceled_at=END)
    gated.tell("customer.subscription.deleted", gone)
    assert features(gated) == set()
    gated.tell("customer.subscription.created", subscription(id="sub_2", items=BOTH_ANEW))
    assert features(gated) == {"reports", "seats"}
    gated.tell("customer.deleted", customer())
    assert features(gated) == set()
    assert not entitled(gated.db.session.get(Organization, 1), "reports")
