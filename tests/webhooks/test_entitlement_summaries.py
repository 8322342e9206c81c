"""What Stripe says itself that customers may use: mirrored where the host wants it, and never decisive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import billing, entitled, entitlements, features_for, models
from tests.host import Organization
from tests.processors.stripe.stripe_bodies import (
    NO_SUCH_CUSTOMER,
    START,
    entitlement,
    entitlement_summary,
    listed,
    sample,
    without,
)
from tests.webhooks.told import Json, customer

if TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer
    from tests.webhooks.told import Told

UPDATED = "entitlements.active_entitlement_summary.updated"
PLANS = {"plans": {"pro": {"prices": ["price_pro"], "features": ["exports", "reports"]}}}


@pytest.fixture
def further_config(request: pytest.FixtureRequest) -> Json:
    """Let summaries be mirrored, unless a test says otherwise."""
    wanted = getattr(request, "param", True)
    return {"ACCRUE_MIRROR_ENTITLEMENTS": wanted, "ACCRUE_ENTITLEMENTS": PLANS}


@pytest.fixture(autouse=True)
def known(told: Told) -> None:
    """Let the customer be here."""
    told.tell("customer.created", customer())


def summary(told: Told) -> Any:
    return told.find(models.EntitlementSummary, "cus_1")


def entries(told: Told) -> list[models.LedgerEntry]:
    """Return what the ledger tells of the summary, oldest first."""
    told.db.session.rollback()
    entry = models.LedgerEntry
    of_summary = told.db.session.query(entry).filter_by(subject_type="entitlement_summary")
    return list(of_summary.order_by(entry.id))


def test_a_summary_is_a_row_of_its_customer(told: Told, stripe_server: ContractServer) -> None:
    event = told.tell(UPDATED, entitlement_summary("reports", "exports"))
    row = summary(told)
    assert event.outcome == "applied"
    assert event.customer_id == row.customer_id == told.find(models.Customer, "cus_1").id
    assert (row.processor, row.lookup_keys) == ("stripe", ["exports", "reports"])
    assert row.feature_processor_ids == ["feat_exports", "feat_reports"]
    assert row.fresh_event == event.processor_id
    assert row.customer.entitlement_summary is row
    assert stripe_server.requests == []


def test_a_change_is_told_once_and_another_order_is_none(told: Told) -> None:
    told.tell(UPDATED, entitlement_summary("reports", "exports"))
    told.tell(UPDATED, entitlement_summary("exports", "reports"))
    told.tell(UPDATED, entitlement_summary("exports"))
    made, changed = entries(told)
    assert (made.type, changed.type) == (
        "entitlement_summary.created",
        "entitlement_summary.updated",
    )
    assert changed.data["changes"] == {
        "lookup_keys": [["exports", "reports"], ["exports"]],
        "feature_processor_ids": [["feat_exports", "feat_reports"], ["feat_exports"]],
    }


def test_old_news_change_nothing(told: Told, stripe_server: ContractServer) -> None:
    told.tell(UPDATED, entitlement_summary("exports"))
    late = told.tell(UPDATED, entitlement_summary("reports"), created=START)
    assert late.outcome == "stale"
    assert summary(told).lookup_keys == ["exports"]
    assert stripe_server.requests == []


def test_more_features_than_an_event_shows_are_all_fetched(
    told: Told, stripe_server: ContractServer
) -> None:
    lookup_keys = [f"feature-{number:02}" for number in range(14)]
    stripe_server.prime(customer())
    for each in lookup_keys:
        stripe_server.prime(entitlement(each))
    event = told.tell(UPDATED, entitlement_summary(*lookup_keys[:10], has_more=True))
    assert event.outcome == "fetched"
    assert summary(told).lookup_keys == lookup_keys
    [request] = stripe_server.requests
    assert request.params == {"customer": "cus_1", "limit": 100}


@pytest.mark.parametrize(
    "body",
    [
        entitlement_summary(entitlements=None),
        entitlement_summary(entitlements=listed(without(entitlement("reports"), "lookup_key"))),
    ],
    ids=["no list", "no lookup key"],
)
def test_a_summary_in_a_shape_that_cannot_be_read_is_fetched(
    told: Told, stripe_server: ContractServer, body: Json
) -> None:
    stripe_server.prime(customer())
    stripe_server.prime(entitlement("reports"))
    assert told.tell(UPDATED, body).outcome == "fetched"
    assert summary(told).lookup_keys == ["reports"]


def test_a_summary_of_nobody_is_unhandled(told: Told) -> None:
    event = told.tell(UPDATED, entitlement_summary(customer=None))
    assert (event.state, event.outcome) == ("succeeded", "unhandled")


@pytest.mark.parametrize("further_config", [False], indirect=True)
@pytest.mark.parametrize(
    "body", [entitlement_summary(), entitlement_summary(entitlements=None)], ids=["read", "unread"]
)
def test_without_the_setting_a_summary_is_offered_and_leaves_no_row(
    told: Told, stripe_server: ContractServer, body: Json
) -> None:
    heard = []

    def hear(event: Any, context: Any) -> None:
        heard.append((event.type, context.owner.name))

    told.app.extensions["accrue"].handlers.append((UPDATED, hear))
    event = told.tell(UPDATED, body)
    assert (event.state, event.outcome) == ("succeeded", "unhandled")
    assert event.reason == f"{UPDATED} isn't mirrored"
    assert heard == [(UPDATED, "Acme")]
    assert (summary(told), entries(told), stripe_server.requests) == (None, [], [])


def test_a_summary_opens_no_gate(told: Told) -> None:
    told.tell(UPDATED, entitlement_summary("reports", "exports"))
    assert summary(told).lookup_keys == ["exports", "reports"]
    org = told.db.session.get_one(Organization, 1)
    assert features_for(org) == frozenset()
    assert not entitled(org, "reports")


def test_a_summary_closes_no_gate(told: Told) -> None:
    price = sample("price", id="price_pro")
    item = sample("subscription_item", id="si_1", price=price, quantity=1)
    held = sample("subscription", id="sub_1", status="active", items=listed(item))
    told.tell("customer.subscription.created", held)
    told.tell(UPDATED, entitlement_summary(entitlements=listed()))
    assert summary(told).lookup_keys == []
    entitlements.forget()
    assert entitled(told.db.session.get_one(Organization, 1), "reports")


def test_a_summary_is_brought_up_to_date_by_itself(
    told: Told, stripe_server: ContractServer
) -> None:
    told.tell(UPDATED, entitlement_summary("reports"))
    stripe_server.prime(customer())
    stripe_server.prime(entitlement("exports"))
    row = billing.sync(summary(told))
    assert row is not None
    assert row.lookup_keys == ["exports"]
    assert [each.type for each in entries(told)][-1] == "entitlement_summary.updated"


def test_a_summary_of_a_customer_that_stripe_no_longer_has_is_gone(
    told: Told, stripe_server: ContractServer
) -> None:
    told.tell(UPDATED, entitlement_summary("reports"))
    stripe_server.queue_answer(400, NO_SUCH_CUSTOMER)
    assert billing.sync(summary(told)) is None
    assert summary(told).deleted_at is not None
    assert [each.type for each in entries(told)][-1] == "entitlement_summary.deleted"
