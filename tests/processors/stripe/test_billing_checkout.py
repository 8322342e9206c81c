"""Checkout and portal, from a host's call to Stripe's answer."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from flask import current_app

from flask_accrue import billing, models
from flask_accrue.errors import (
    IdempotencyConflict,
    InvalidRequest,
    ProcessorUnavailable,
    UnsupportedByProcessor,
)
from tests.processors.stripe.situations import coupon, promotion_code
from tests.processors.stripe.stripe_bodies import sample
from tests.processors.stripe.stripe_host import entries, org, payer, rows

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.host import Organization
    from tests.oracles.stripe_server import ContractServer

__all__ = ["org", "payer"]

HERE = "https://localhost/welcome"


@pytest.fixture
def listed(org: Organization) -> Iterator[None]:
    """Be in a request, which tells the host's own address."""
    with current_app.test_request_context(base_url="https://localhost"):
        yield


def test_the_page_is_stripes_and_returns_to_the_host(
    payer: models.Customer, org: Organization, stripe_server: ContractServer, listed: None
) -> None:
    checkout = billing.create_checkout_session(
        org,
        items={"price_pro": None, "price_team": 3},
        success_url="/welcome",
        cancel_url="/pricing",
        name="addon",
        trial=datetime.timedelta(days=14),
        automatic_tax=True,
        allow_promotion_codes=True,
        metadata={"from": "pricing"},
    )

    assert checkout.url == checkout.session.url
    assert checkout.url is not None
    assert checkout.url.startswith("https://checkout.stripe.example/")
    [request] = stripe_server.requests_to("POST", "/v1/checkout/sessions")
    sent = request.params
    assert sent["line_items"] == [
        {"price": "price_pro", "quantity": 1},
        {"price": "price_team", "quantity": 3},
    ]
    assert (sent["success_url"], sent["cancel_url"]) == (HERE, "https://localhost/pricing")
    assert sent["subscription_data"]["metadata"] == {"from": "pricing", "accrue_name": "addon"}
    assert sent["customer_update"] == {"address": "auto"}
    assert entries()[-1] == "checkout_session.created"


def test_an_embedded_page_needs_its_secret_which_is_kept_nowhere(
    payer: models.Customer, org: Organization, stripe_server: ContractServer, listed: None
) -> None:
    checkout = billing.create_checkout_session(
        org, "price_pro", success_url="/welcome", embedded=True
    )

    assert checkout.url is None
    assert checkout.client_secret is not None
    assert checkout.client_secret not in str(checkout.session.raw)
    assert checkout.client_secret not in repr(checkout)
    [request] = stripe_server.requests_to("POST", "/v1/checkout/sessions")
    assert request.params["return_url"] == HERE
    assert request.params["ui_mode"] == "embedded_page"


def test_a_subscription_of_a_checkout_is_found_by_its_owner(
    payer: models.Customer, org: Organization, stripe_server: ContractServer, listed: None
) -> None:
    checkout = billing.create_checkout_session(
        org, "price_pro", success_url="/welcome", name="addon"
    )
    made = sample(
        "subscription",
        id="sub_new",
        customer=payer.processor_id,
        metadata={"accrue_name": "addon"},
        items={"object": "list", "data": [], "has_more": False, "url": ""},
    )
    stripe_server.prime(made)
    [session] = [
        each
        for each in stripe_server.objects()["platform"]
        if each["id"] == checkout.session.processor_id
    ]
    stripe_server.prime(
        {**session, "status": "complete", "payment_status": "paid", "subscription": "sub_new"}
    )

    done = billing.get_checkout_session(org, checkout.session.processor_id)

    assert done is not None
    assert done.is_complete
    found = billing.subscription(org, "addon")
    assert found is not None
    assert found.processor_id == "sub_new"


def test_a_page_is_closed(
    payer: models.Customer, org: Organization, stripe_server: ContractServer, listed: None
) -> None:
    checkout = billing.create_checkout_session(org, "price_pro", success_url="/welcome")
    assert billing.expire_checkout_session(checkout.session).status == "expired"
    assert entries()[-1] == "checkout_session.expired"


def test_a_mounted_page_cant_complete_what_is_stripes(
    payer: models.Customer, org: Organization, listed: None
) -> None:
    session = billing.create_checkout_session(org, "price_pro", success_url="/welcome").session
    with pytest.raises(UnsupportedByProcessor):
        billing.complete_checkout_session(session)


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"mode": "payment"}, "mode"),
        ({"currency": "eur"}, "currency"),
        ({"locale": "xx"}, "locale"),
        ({"tax_id_collection": True}, "tax_id_collection"),
        ({"customer_update": {"address": "auto"}}, "customer_update"),
        ({"billing_address_collection": "required"}, "billing_address_collection"),
        ({"embedded": True}, "embedded"),
    ],
)
def test_what_a_mounted_page_cant_do_is_refused_before_any_call(
    payer: models.Customer,
    org: Organization,
    stripe_server: ContractServer,
    listed: None,
    given: dict[str, t.Any],
    param: str,
) -> None:
    wanted = {"price": "price_pro", "success_url": "/welcome", "mounted": True, **given}
    before = len(stripe_server.requests)
    with pytest.raises(InvalidRequest) as refused:
        billing.create_checkout_session(org, **wanted)
    assert refused.value.param == param
    assert len(stripe_server.requests) == before


def test_a_path_needs_an_address_outside_of_a_request(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        billing.create_checkout_session(org, "price_pro", success_url="/welcome")
    assert refused.value.code == "address_unknown"
    assert stripe_server.requests_to("POST", "/v1/checkout/sessions") == []


def test_a_link_to_the_portal_is_told_once_and_kept_nowhere(
    payer: models.Customer, org: Organization, stripe_server: ContractServer, listed: None
) -> None:
    subscription = billing.subscribe(org, "price_pro")
    link = billing.create_billing_portal_session(
        org,
        "/billing",
        flow="subscription_update_confirm",
        subscription=subscription,
        price="price_team",
        quantity=2,
    )

    [request] = stripe_server.requests_to("POST", "/v1/billing_portal/sessions")
    flow = request.params["flow_data"]
    item = subscription.items[0].processor_id
    assert flow["subscription_update_confirm"] == {
        "subscription": subscription.processor_id,
        "items": [{"id": item, "price": "price_team", "quantity": 2}],
    }
    assert link.url not in repr(link)
    assert entries()[-1] == "customer.portal_opened"
    told = str([vars(entry) for entry in rows(models.LedgerEntry)])
    assert link.url not in told


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"return_url": "https://evil.example/"}, "return_url"),
        ({"flow": "refund_everything"}, "flow"),
        ({"flow": "subscription_cancel"}, "subscription"),
        ({"flow": "payment_method_update", "of": True}, "subscription"),
        ({"of": True}, "flow"),
        ({"flow": "subscription_update_confirm", "of": True}, "price"),
    ],
)
def test_a_link_to_the_portal_that_cant_be_is_refused(
    payer: models.Customer,
    org: Organization,
    stripe_server: ContractServer,
    listed: None,
    given: dict[str, t.Any],
    param: str,
) -> None:
    subscription = billing.subscribe(org, "price_pro") if "of" in given else None
    asked = {name: value for name, value in given.items() if name != "of"}
    with pytest.raises(InvalidRequest) as refused:
        billing.create_billing_portal_session(
            org, **{"return_url": "/billing", "subscription": subscription, **asked}
        )
    assert refused.value.param == param
    assert stripe_server.requests_to("POST", "/v1/billing_portal/sessions") == []


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (
            {"flow": "subscription_cancel", "coupon": "TEN", "message": "See you."},
            {
                "type": "subscription_cancel",
                "after_completion": {
                    "type": "hosted_confirmation",
                    "hosted_confirmation": {"custom_message": "See you."},
                },
                "subscription_cancel": {
                    "retention": {"type": "coupon_offer", "coupon_offer": {"coupon": "TEN"}}
                },
            },
        ),
        ({"flow": "subscription_pause"}, {"type": "subscription_pause", "subscription_pause": {}}),
        (
            {"flow": "subscription_update"},
            {"type": "subscription_update", "subscription_update": {}},
        ),
        (
            {"flow": "subscription_update_confirm", "quantity": 3, "promotion_code": "promo_1"},
            {
                "type": "subscription_update_confirm",
                "subscription_update_confirm": {"discounts": [{"promotion_code": "promo_1"}]},
            },
        ),
    ],
    ids=lambda each: str(each.get("flow", "")),
)
def test_a_flow_is_sent_with_its_options(
    payer: models.Customer,
    org: Organization,
    stripe_server: ContractServer,
    listed: None,
    given: dict[str, t.Any],
    sent: dict[str, t.Any],
) -> None:
    stripe_server.prime(coupon())
    stripe_server.prime(promotion_code())
    subscription = billing.subscribe(org, "price_pro")
    billing.create_billing_portal_session(org, "/billing", subscription=subscription, **given)
    [request] = stripe_server.requests_to("POST", "/v1/billing_portal/sessions")
    flow, kind = request.params["flow_data"], sent["type"]
    assert flow["type"] == kind
    assert flow[kind]["subscription"] == subscription.processor_id
    assert sent[kind].items() <= flow[kind].items()
    back = {"type": "redirect", "redirect": {"return_url": "https://localhost/billing"}}
    assert flow["after_completion"] == sent.get("after_completion", back)


def test_a_link_is_the_same_for_an_operation_and_a_conflict_with_another_target(
    payer: models.Customer, org: Organization, stripe_server: ContractServer, listed: None
) -> None:
    first, again = (
        billing.create_billing_portal_session(org, "/billing", operation_id="link")
        for _ in range(2)
    )
    assert first.url == again.url
    assert entries().count("customer.portal_opened") == 1
    with pytest.raises(IdempotencyConflict):
        billing.create_billing_portal_session(org, "/elsewhere", operation_id="link")
    told = str([vars(row) for row in rows(models.Operation)])
    assert first.url not in told


def test_a_link_whose_answer_was_lost_is_asked_for_again(
    payer: models.Customer, org: Organization, stripe_server: ContractServer, listed: None
) -> None:
    stripe_server.queue_answer(500, method="POST", path="/billing_portal", acts=True, times=3)
    with pytest.raises(ProcessorUnavailable):
        billing.create_billing_portal_session(org, "/billing", operation_id="link")
    assert billing.create_billing_portal_session(org, "/billing", operation_id="link").url
    assert entries().count("customer.portal_opened") == 1


def test_a_configuration_with_other_features_under_the_same_id_is_a_conflict(
    payer: models.Customer, org: Organization, listed: None
) -> None:
    made = {"payment_method_update": {"enabled": True}}
    billing.create_portal_configuration(made, operation_id="p")
    with pytest.raises(IdempotencyConflict):
        billing.create_portal_configuration(
            {**made, "invoice_history": {"enabled": True}}, operation_id="p"
        )


def test_a_configuration_of_the_portal_is_made_once_for_an_operation(
    payer: models.Customer, org: Organization, stripe_server: ContractServer, listed: None
) -> None:
    features = {"payment_method_update": {"enabled": True}}
    first, again = (
        billing.create_portal_configuration(features, return_url="/billing", operation_id="p")
        for _ in range(2)
    )
    assert first == again
    billing.create_billing_portal_session(org, "/billing", configuration=first)
    [request] = stripe_server.requests_to("POST", "/v1/billing_portal/sessions")
    assert request.params["configuration"] == first
