"""Items and previews, from a host's call to Stripe's answer."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from flask_accrue import billing, clock, ledger
from flask_accrue.errors import InvalidState
from tests.oracles.stripe_calls import client_of
from tests.processors.stripe.stripe_host import entries, org, payer

if t.TYPE_CHECKING:
    from flask_accrue import models
    from tests.host import Organization
    from tests.oracles.stripe_server import ContractServer

__all__ = ["org", "payer"]


def test_a_subscription_of_several_prices_changes_item_by_item(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    made = billing.subscribe(org, items={"price_pro": 2, "price_team": None})
    assert [(item.price_processor_id, item.quantity) for item in made.items] == [
        ("price_pro", 2),
        ("price_team", 1),
    ]

    billing.update_quantity(made, 4, item="price_team")
    billing.remove_item(made, "price_pro", proration="none")
    assert [(item.price_processor_id, item.quantity) for item in made.items] == [("price_team", 4)]

    billing.add_item(made, "price_pro", quantity=3, proration="create_prorations")
    assert {item.price_processor_id: item.quantity for item in made.items} == {
        "price_team": 4,
        "price_pro": 3,
    }
    assert [request.error for request in stripe_server.requests if request.status != 200] == []
    told = [type for type in entries() if type.startswith("subscription.")]
    assert told[-2:] == ["subscription.item_removed", "subscription.item_added"]
    assert ledger.verify().is_intact


def test_a_discount_that_was_given_in_the_dashboard_is_kept(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    for coupon in ("ONE", "TWO", "THREE"):
        billing.create_coupon(percent_off=10, duration="forever", id=coupon)
    made = billing.subscribe(org, "price_pro", coupon="ONE")
    elsewhere = client_of(stripe_server).v1.subscriptions

    def give(*discounts: t.Any) -> None:
        elsewhere.update(made.processor_id, {"discounts": list(discounts)})

    def names() -> list[str]:
        found = elsewhere.retrieve(made.processor_id, {"expand": ["discounts"]})
        held = [str(each.source.coupon) for each in t.cast("t.Any", found.discounts)]
        assert [each["coupon"] for each in made.discounts or []] == held
        return held

    give({"discount": (made.discounts or [])[0]["id"]}, {"coupon": "TWO"})
    billing.apply_coupon(made, "THREE")
    assert names() == ["ONE", "TWO", "THREE"]

    give({"coupon": "TWO"})
    billing.remove_discount(made, "TWO")
    assert names() == []
    assert ledger.verify().is_intact


def test_a_quantity_that_was_changed_in_the_dashboard_is_added_to(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    made = billing.subscribe(org, "price_pro", quantity=2)
    client_of(stripe_server).v1.subscription_items.update(
        made.items[0].processor_id, {"quantity": 7}
    )

    assert billing.increment(made).items[0].quantity == 8
    assert billing.decrement(made, 3).items[0].quantity == 5

    [found] = [
        each
        for each in stripe_server.objects()["platform"]
        if each["id"] == made.processor_id and each["object"] == "subscription"
    ]
    assert found["items"]["data"][0]["quantity"] == 5


def test_a_change_is_asked_for_as_it_was_previewed(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    made = billing.subscribe(org, "price_pro")

    said = billing.preview_upcoming_invoice(made, price="price_team", proration="always_invoice")
    billing.swap_plan(
        made, "price_team", proration="always_invoice", proration_date=said.proration_date
    )

    [asked] = stripe_server.requests_to("POST", "/v1/invoices/create_preview")
    [sent] = stripe_server.requests_to("POST", f"/v1/subscriptions/{made.processor_id}")
    details = asked.params["subscription_details"]
    assert asked.params["subscription"] == made.processor_id
    assert {name: sent.params[name] for name in details} == details
    assert details["proration_date"] == said.proration_date.timestamp()
    assert said.currency == "usd"


def test_a_subscription_that_isnt_billed_again_has_no_preview(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    made = billing.subscribe(org, "price_pro")
    error = {"type": "invalid_request_error", "code": "invoice_upcoming_none", "message": "None."}
    stripe_server.queue_answer(404, {"error": error}, path="create_preview$")

    with pytest.raises(InvalidState) as caught:
        billing.preview_upcoming_invoice(made)

    assert caught.value.code == "no_upcoming_invoice"


PRORATION: t.Final = ("cancel_at", "cancel_at_period_end", "proration_behavior")


def endings(server: ContractServer, subscription: models.Subscription) -> list[dict[str, t.Any]]:
    """Return what was sent about a subscription's end, oldest first."""
    sent = server.requests_to("POST", f"/v1/subscriptions/{subscription.processor_id}")
    return [{name: each.params[name] for name in PRORATION if name in each.params} for each in sent]


def test_an_end_that_is_billed_otherwise_than_the_change_is_first_put_off_to_its_period_s(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    made = billing.subscribe(org, "price_pro")
    begun = clock.now().replace(microsecond=0)
    early, late = (begun + datetime.timedelta(days=days) for days in (7, 9))
    whole = {"cancel_at": early.timestamp(), "proration_behavior": "none"}
    cut = {"cancel_at": early.timestamp(), "proration_behavior": "create_prorations"}

    billing.cancel_at(made, early)
    billing.cancel_at(made, late, prorate=True)
    billing.cancel_at(made, early)
    billing.swap_plan(made, "price_team", proration="create_prorations")
    assert endings(stripe_server, made) == [
        whole,
        # What is put off bills nothing again that wasn't given back.
        {"cancel_at_period_end": True, "proration_behavior": "none"},
        {"cancel_at": late.timestamp(), "proration_behavior": "create_prorations"},
        # And all of what was.
        {"cancel_at_period_end": True},
        whole,
        {"cancel_at_period_end": True, "proration_behavior": "none"},
        {"cancel_at_period_end": False, "proration_behavior": "create_prorations"},
    ]
    billing.cancel_at(made, early, prorate=True)
    billing.swap_plan(made, "price_pro", proration="none")
    billing.cancel_at(made, early, prorate=True)
    billing.comp_subscription(made, reason="A fair", ends_at=late)
    billing.resume(made)
    assert endings(stripe_server, made)[7:] == [
        cut,
        {"cancel_at_period_end": True},
        {"cancel_at_period_end": False, "proration_behavior": "none"},
        cut,
        # Free of charge until then: this one stays prorated.
        {"cancel_at": late.timestamp(), "proration_behavior": "create_prorations"},
        {"cancel_at": ""},
    ]
    assert [request.error for request in stripe_server.requests if request.status != 200] == []


def test_an_end_says_whether_the_rest_of_its_period_is_given_back(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    made = billing.subscribe(org, "price_pro")
    week = clock.now().replace(microsecond=0) + datetime.timedelta(days=7)
    later = week + datetime.timedelta(days=60)
    whole = {"cancel_at": week.timestamp(), "proration_behavior": "none"}

    billing.cancel_at(made, week)
    billing.resume(made)
    billing.cancel_at(made, week)
    billing.cancel_at_period_end(made)
    assert endings(stripe_server, made) == [
        whole,
        {"cancel_at": "", "proration_behavior": "none"},
        whole,
        {"cancel_at_period_end": True, "proration_behavior": "none"},
    ]
    billing.cancel_at(made, week, prorate=True)
    billing.resume(made)
    billing.cancel_at(made, later)
    billing.resume(made)
    # What was given back, and a later period that was begun in part, are billed by Stripe's own rule.
    assert endings(stripe_server, made)[4:] == [
        {"cancel_at": week.timestamp(), "proration_behavior": "create_prorations"},
        {"cancel_at": ""},
        {"cancel_at": later.timestamp(), "proration_behavior": "none"},
        {"cancel_at": ""},
    ]
    billing.comp_subscription(made, reason="A fair", ends_at=week)
    billing.resume(made)
    assert endings(stripe_server, made)[8:] == [
        whole,
        {"cancel_at": "", "proration_behavior": "none"},
    ]
    assert [request.error for request in stripe_server.requests if request.status != 200] == []
