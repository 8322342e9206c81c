"""The mounted checkout of a host that bills with Stripe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flask_accrue import billing
from tests.portal.stripe_customer import customer
from tests.portal.test_payments import text_of
from tests.processors.stripe.situations import WAITS
from tests.processors.stripe.stripe_bodies import sample
from tests.processors.stripe.stripe_host import bill_next_change
from tests.visitors import Visitor, forms

if TYPE_CHECKING:
    from flask_accrue import models
    from tests.portal.stripe_customer import Customer

__all__ = ["customer"]

PREVIEW = {"id": "upcoming", "object": "invoice", "currency": "usd", "total": 1425}


@pytest.fixture
def checkout(customer: Customer) -> billing.Checkout:
    """Give a checkout of which Stripe says that 14.25 is to be paid."""
    customer.server.prime(sample("coupon", id="autumn", percent_off=25, valid=True))
    customer.server.queue_answer(200, PREVIEW, method="POST", path="/create_preview")
    return billing.create_checkout_session(
        customer.owner(),
        "price_pro",
        success_url="/welcome?id={CHECKOUT_SESSION_ID}",
        coupon="autumn",
        metadata={"from": "pricing"},
        mounted=True,
        operation_id="begin",
    )


def session_of(customer: Customer, checkout: billing.Checkout) -> models.CheckoutSession:
    found = billing.get_checkout_session(customer.owner(), checkout.session.processor_id)
    assert found is not None
    return found


def page_of(checkout: billing.Checkout) -> str:
    assert checkout.url is not None
    return checkout.url


def test_it_shows_what_stripe_reckons_and_sells_with_a_stored_card(
    customer: Customer, checkout: billing.Checkout
) -> None:
    url = page_of(checkout)
    said = text_of(customer.visitor.get(url).text)
    assert "Visa •••• 4242" in said
    assert "Pay $14.25 and subscribe" in said
    assert "test card" not in said
    [asked] = customer.server.requests_to("POST", "/v1/invoices/create_preview")
    assert asked.params["discounts"] == [{"coupon": "autumn"}]
    assert asked.params["subscription_details"]["items"] == [{"price": "price_pro", "quantity": 1}]

    onward = customer.visitor.submit(url).location
    session = session_of(customer, checkout)
    assert onward == f"/welcome?id={session.processor_id}"
    assert session.is_complete
    assert session.subscription_processor_id == customer.subscription.processor_id
    assert customer.subscription.is_active
    assert customer.subscription.meta["from"] == "pricing"
    [sent] = customer.server.requests_to("POST", "/v1/subscriptions")
    [card] = billing.list_payment_methods(customer.owner())
    assert sent.params["default_payment_method"] == card.processor_id
    assert sent.params["discounts"] == [{"coupon": "autumn"}]
    assert customer.server.requests_to("POST", "/v1/checkout/sessions") == []
    assert "checkout_session.completed" in customer.told()


def test_a_form_that_is_sent_twice_subscribes_once(
    customer: Customer, checkout: billing.Checkout
) -> None:
    action, fields = forms(customer.visitor.get(page_of(checkout)).text)[0]
    first, second = (customer.visitor.post(action, fields) for _ in range(2))
    assert first.location.startswith("/welcome")
    assert second.location == page_of(checkout)
    assert len(customer.server.requests_to("POST", "/v1/subscriptions")) == 1


def test_a_card_is_added_by_stripes_script_and_chosen_on_return(
    customer: Customer, checkout: billing.Checkout
) -> None:
    url = page_of(checkout)
    there = f"/billing/cards/stripe/new?next={url}"
    assert f'href="{there}"' in customer.visitor.get(url).text
    action, fields = forms(customer.visitor.get(there).text)[0]
    handed = customer.visitor.post(action, fields).json or {}
    setup = handed["client_secret"].partition("_secret_")[0]
    customer.add_card()
    customer.change(setup, status="succeeded", payment_method="pm_new")
    assert customer.visitor.get(handed["onward"]).location == url
    assert "Visa •••• 3220" in text_of(customer.visitor.get(url).text)
    added = next(
        each for each in billing.list_payment_methods(customer.owner()) if each.last4 == "3220"
    )
    customer.visitor.submit(url, payment_method=str(added.id))
    [sent] = customer.server.requests_to("POST", "/v1/subscriptions")
    assert sent.params["default_payment_method"] == "pm_new"


def test_a_payment_to_confirm_leads_there_and_back(
    customer: Customer, checkout: billing.Checkout
) -> None:
    url, payer = page_of(checkout), billing.customer(customer.owner())
    bill_next_change(customer.server, payer, "incomplete", WAITS | {"created": customer.now()})
    there = customer.visitor.submit(url).location
    assert there == f"/billing/payments/stripe/pi_1?next={url}"
    page = customer.visitor.get(url)
    assert "Nothing was charged yet" in text_of(page.text)
    assert f'href="{there}"' in page.text
    assert session_of(customer, checkout).is_open
    customer.pay()
    customer.visitor.get("/billing/payments/stripe/pi_1/return")
    assert customer.visitor.get(url).location.startswith("/welcome")
    assert session_of(customer, checkout).is_complete


def test_a_payment_that_is_never_confirmed_ends_it(
    customer: Customer, checkout: billing.Checkout
) -> None:
    url, payer = page_of(checkout), billing.customer(customer.owner())
    bill_next_change(customer.server, payer, "incomplete", WAITS | {"created": customer.now()})
    customer.visitor.submit(url)
    customer.expire()
    assert "This page has expired" in text_of(customer.visitor.get(url).text)
    assert session_of(customer, checkout).status == "expired"


def test_a_declined_card_leads_to_paying_with_another(
    customer: Customer, checkout: billing.Checkout
) -> None:
    url, payer = page_of(checkout), billing.customer(customer.owner())
    why = {"code": "card_declined", "decline_code": "insufficient_funds"}
    declined = WAITS | {
        "created": customer.now(),
        "status": "requires_payment_method",
        "next_action": None,
        "last_payment_error": why,
    }
    bill_next_change(customer.server, payer, "incomplete", declined)
    assert customer.visitor.submit(url).location == url
    page = customer.visitor.get(url)
    assert "there isn&#39;t enough money on it" in text_of(page.text)
    assert f'href="/billing/payments/stripe/pi_1?next={url}"' in page.text
    assert len(customer.server.requests_to("POST", "/v1/subscriptions")) == 1


def test_it_is_the_hosts_setting(customer: Customer) -> None:
    settings = customer.app.extensions["accrue"].settings
    object.__setattr__(settings, "hosted_pages", False)
    made = billing.create_checkout_session(customer.owner(), "price_pro", success_url="/welcome")
    assert page_of(made).startswith("/billing/checkout/")


def test_it_is_made_once_for_an_operation_and_nobody_elses(
    customer: Customer, checkout: billing.Checkout
) -> None:
    again = billing.create_checkout_session(
        customer.owner(),
        "price_pro",
        success_url="/welcome?id={CHECKOUT_SESSION_ID}",
        coupon="autumn",
        metadata={"from": "pricing"},
        mounted=True,
        operation_id="begin",
    )
    assert again.session.id == checkout.session.id
    assert Visitor(customer.app).get(page_of(again)).status_code == 404


def test_a_host_may_expire_it(customer: Customer, checkout: billing.Checkout) -> None:
    assert billing.expire_checkout_session(checkout.session).status == "expired"
    assert billing.sync(checkout.session) is checkout.session
    assert "This page has expired" in text_of(customer.visitor.get(page_of(checkout)).text)
