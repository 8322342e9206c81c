"""The mounted checkout of a host that bills with Stripe."""

from __future__ import annotations

import datetime
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import Money, billing, models
from flask_accrue.errors import InvalidRequest
from tests.portal.stripe_customer import customer
from tests.portal.test_payments import text_of
from tests.processors.stripe.situations import WAITS, coupon, promotion_code
from tests.processors.stripe.stripe_bodies import sample, subscription
from tests.processors.stripe.stripe_host import bill_next_change
from tests.visitors import Visitor, forms

if TYPE_CHECKING:
    from tests.portal.stripe_customer import Customer

__all__ = ["customer"]


@pytest.fixture
def checkout(customer: Customer) -> billing.Checkout:
    """Give a checkout of 20.00 every month, less a quarter of the first."""
    autumn = coupon(id="autumn", percent_off=25.0, duration="once", name="Autumn")
    customer.server.prime(autumn)
    return checkout_for(
        customer, coupon="autumn", metadata={"from": "pricing"}, operation_id="begin"
    )


def checkout_for(customer: Customer, **given: Any) -> billing.Checkout:
    wanted = {"price": "price_pro", "success_url": "/welcome?id={CHECKOUT_SESSION_ID}", **given}
    return billing.create_checkout_session(customer.owner(), mounted=True, **wanted)


def session_of(customer: Customer, checkout: billing.Checkout) -> models.CheckoutSession:
    found = billing.get_checkout_session(customer.owner(), checkout.session.processor_id)
    assert found is not None
    return found


def page_of(checkout: billing.Checkout) -> str:
    assert checkout.url is not None
    return checkout.url


def waits(customer: Customer, checkout: billing.Checkout, **changes: Any) -> None:
    """Let the first payment of the next subscription wait for the customer."""
    payer = billing.customer(customer.owner())
    named = {"accrue_checkout": checkout.session.processor_id, "accrue_name": "default"}
    customer.server.prime(subscription(customer=payer.processor_id, metadata=named))
    bill_next_change(
        customer.server, payer, "incomplete", {**WAITS, "created": customer.now(), **changes}
    )


def test_it_shows_what_stripe_reckons_and_sells_with_a_stored_card(
    customer: Customer, checkout: billing.Checkout
) -> None:
    url = page_of(checkout)
    said = text_of(customer.visitor.get(url).text)
    for part in ("Visa •••• 4242", "A discount \N{MINUS SIGN}$5.00", "Due today $15.00"):
        assert part in said
    assert "Pay $15.00 and subscribe" in said
    assert "test card" not in said
    asked = customer.server.requests_to("POST", "/v1/invoices/create_preview")[0]
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
    assert sent.params["metadata"]["accrue_checkout"] == session.processor_id
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


@pytest.mark.parametrize("first", ["return", "webhook", "webhook alone"])
def test_a_payment_to_confirm_completes_it_whoever_tells_first(
    customer: Customer, checkout: billing.Checkout, first: str
) -> None:
    url = page_of(checkout)
    waits(customer, checkout)
    there = customer.visitor.submit(url).location
    assert there == f"/billing/payments/stripe/pi_1?next={url}"
    page = customer.visitor.get(url)
    assert "Nothing was charged yet" in text_of(page.text)
    assert f'href="{there}"' in page.text
    assert session_of(customer, checkout).is_open
    customer.pay()
    if first != "return":
        customer.hear()
        assert standing(customer, checkout) == ("complete", "paid")
    if first != "webhook alone":
        customer.visitor.get("/billing/payments/stripe/pi_1/return")
        assert customer.visitor.get(url).location.startswith("/welcome")
    if first == "return":
        assert standing(customer, checkout) == ("complete", "paid")
        customer.hear()
    assert standing(customer, checkout) == ("complete", "paid")
    assert customer.told().count("checkout_session.completed") == 1


def standing(customer: Customer, checkout: billing.Checkout) -> tuple[str, str]:
    """Return how a session stands by its row, without asking anybody."""
    customer.db.session.rollback()
    [row] = customer.db.session.query(models.CheckoutSession).populate_existing().all()
    assert row.processor_id == checkout.session.processor_id
    return row.status, row.payment_status


def test_a_payment_that_is_never_confirmed_ends_it(
    customer: Customer, checkout: billing.Checkout
) -> None:
    url = page_of(checkout)
    waits(customer, checkout)
    customer.visitor.submit(url)
    customer.expire()
    assert "This page has expired" in text_of(customer.visitor.get(url).text)
    assert session_of(customer, checkout).status == "expired"


def test_a_declined_card_leads_to_paying_with_another(
    customer: Customer, checkout: billing.Checkout
) -> None:
    url = page_of(checkout)
    why = {"code": "card_declined", "decline_code": "insufficient_funds"}
    waits(
        customer,
        checkout,
        status="requires_payment_method",
        next_action=None,
        last_payment_error=why,
    )
    assert customer.visitor.submit(url).location == url
    page = customer.visitor.get(url)
    assert "there isn&#39;t enough money on it" in text_of(page.text)
    assert f'href="/billing/payments/stripe/pi_1?next={url}"' in page.text
    assert len(customer.server.requests_to("POST", "/v1/subscriptions")) == 1


def test_the_price_is_asked_for_again_and_told_before_it_is_charged(
    customer: Customer, checkout: billing.Checkout
) -> None:
    url = page_of(checkout)
    action, fields = forms(customer.visitor.get(url).text)[0]
    billing.adjust_balance(customer.owner(), Money(700, "usd"))
    assert customer.visitor.post(action, fields).location.startswith(url)
    said = text_of(customer.visitor.get(url).text)
    assert "What is due has changed" in said
    for part in ("Subtotal $20.00", "Owed from before $7.00", "Due today $22.00"):
        assert part in said
    assert customer.server.requests_to("POST", "/v1/subscriptions") == []
    assert customer.visitor.submit(url).location.startswith("/welcome")


def test_a_provider_that_doesnt_answer_leaves_the_page_with_what_was_known(
    customer: Customer, checkout: billing.Checkout
) -> None:
    url = page_of(checkout)
    customer.server.queue_answer(503, method="POST", path="/create_preview", times=99)
    page = customer.visitor.get(url)
    assert "Pay $15.00 and subscribe" in text_of(page.text)
    assert "may not be the newest" in text_of(page.text)
    action, fields = forms(page.text)[0]
    assert customer.visitor.post(action, fields).location == url
    said = text_of(customer.visitor.get(url).text)
    assert "doesn&#39;t answer. Nothing was charged" in said
    assert customer.server.requests_to("POST", "/v1/subscriptions") == []


def test_a_trial_with_a_debt_says_what_is_paid_and_why(customer: Customer) -> None:
    billing.adjust_balance(customer.owner(), Money(500, "usd"))
    url = page_of(checkout_for(customer, trial=datetime.timedelta(days=14)))
    said = text_of(customer.visitor.get(url).text)
    assert "You pay $5.00 today, which you owe from before. The trial ends on" in said
    for part in ("During the trial $0.00", "Owed from before $5.00", "Due today $5.00"):
        assert part in said
    assert "Nothing is charged today" not in said


@pytest.mark.parametrize("named", ["given", "typed"])
def test_a_code_is_taken_off_and_redeemed(customer: Customer, named: str) -> None:
    customer.server.prime(coupon(percent_off=50.0))
    customer.server.prime(promotion_code())
    given: dict[str, Any] = {
        "given": {"promotion_code": "promo_1"},
        "typed": {"allow_promotion_codes": True},
    }[named]
    url = page_of(checkout_for(customer, **given))
    if named == "typed":
        refused = customer.visitor.submit(url, do="take_code", code="NOBODYKNOWS")
        assert "There is no such code" in text_of(refused.text)
        customer.visitor.submit(url, do="take_code", code="WELCOME")
        assert "Take the code away" in text_of(customer.visitor.get(url).text)
        customer.visitor.submit(url, do="drop_code")
        assert "Pay $20.00 and subscribe" in text_of(customer.visitor.get(url).text)
        customer.visitor.submit(url, do="take_code", code="WELCOME")
    said = text_of(customer.visitor.get(url).text)
    assert "Pay $10.00 and subscribe" in said
    assert customer.visitor.submit(url, do="").location.startswith("/welcome")
    [sent] = customer.server.requests_to("POST", "/v1/subscriptions")
    assert sent.params["discounts"] == [{"promotion_code": "promo_1"}]


def test_tax_is_stripes_to_reckon_and_shown(customer: Customer) -> None:
    made = checkout_for(customer, automatic_tax=True)
    [asked] = customer.server.requests_to("POST", "/v1/invoices/create_preview")
    assert asked.params["automatic_tax"] == {"enabled": True}
    taxed = {
        "id": "upcoming_in_1",
        "object": "invoice",
        "currency": "usd",
        "customer": billing.customer(customer.owner()).processor_id,
        "subtotal": 2000,
        "total": 2380,
        "amount_due": 2380,
        "amount_paid": 0,
        "amount_remaining": 2380,
        "total_taxes": [{"amount": 380, "tax_behavior": "exclusive"}],
    }
    customer.server.queue_answer(200, taxed, method="POST", path="/create_preview", times=3)
    said = text_of(customer.visitor.get(page_of(made)).text)
    for part in ("Subtotal $20.00", "Tax $3.80", "Due today $23.80"):
        assert part in said
    customer.visitor.submit(page_of(made))
    [sent] = customer.server.requests_to("POST", "/v1/subscriptions")
    assert sent.params["automatic_tax"] == {"enabled": True}


def test_where_the_customer_is_is_asked_for_before_what_is_due_is_told(customer: Customer) -> None:
    """Stripe's answer is an invoice whose tax waits for the place."""
    nowhere = sample("invoice", id="upcoming_1", customer="cus_1", status="draft")
    nowhere["automatic_tax"] = {"enabled": True, "status": "requires_location_inputs"}
    answer = {"method": "POST", "path": "/create_preview"}
    customer.server.queue_answer(200, nowhere, **answer)
    made = checkout_for(customer, automatic_tax=True)
    assert made.session.needs_address
    customer.server.queue_answer(200, nowhere, **answer, times=3)
    page = customer.visitor.get(page_of(made)).text
    assert "Where you are" in page
    assert "Pay $" not in page
    with pytest.raises(InvalidRequest) as refused:
        billing.complete_checkout_session(made.session)
    assert refused.value.code == "customer_tax_location_invalid"

    typed = {"country": "US", "postal_code": "94103", "state": "CA", "do": "tell_address"}
    refusal = {"error": {"type": "invalid_request_error", "code": "customer_tax_location_invalid"}}
    customer.server.queue_answer(400, refusal, method="POST", path="^/v1/customers/")
    [(action, fields)] = forms(page)
    refused_page = customer.visitor.post(action, {**fields, **typed})
    assert refused_page.status_code == 422
    assert "This address isn't recognized." in unescape(text_of(refused_page.text))
    customer.visitor.submit(page_of(made), **typed)

    payer = billing.customer(customer.owner())
    sent = customer.server.requests_to("POST", f"/v1/customers/{payer.processor_id}")[-1]
    known = {name: value for name, value in sent.params["address"].items() if value}
    assert known == {"country": "US", "postal_code": "94103", "state": "CA"}
    assert "Pay $20.00 and subscribe" in text_of(customer.visitor.get(page_of(made)).text)
    assert customer.visitor.submit(page_of(made)).location.startswith("/welcome")
    [subscribed] = customer.server.requests_to("POST", "/v1/subscriptions")
    assert subscribed.params["automatic_tax"] == {"enabled": True}


def test_an_older_page_says_that_a_newer_one_took_its_place(
    customer: Customer, checkout: billing.Checkout
) -> None:
    newer = checkout_for(
        customer, coupon="autumn", metadata={"from": "pricing"}, operation_id="begin"
    )
    assert newer.session.id == checkout.session.id
    said = text_of(customer.visitor.get(page_of(checkout)).text)
    assert "A newer page took the place of this one" in said
    assert forms(customer.visitor.get(page_of(checkout)).text) == []
    assert customer.visitor.submit(page_of(newer)).location.startswith("/welcome")
    assert customer.visitor.get(page_of(checkout)).location.startswith("/welcome")


def test_what_the_host_says_of_language_and_purpose_is_kept(customer: Customer) -> None:
    made = checkout_for(customer, locale="de", description="Für das ganze Team", currency="usd")
    said = text_of(customer.visitor.get(page_of(made)).text).replace("\xa0", " ")
    assert "20,00 $" in said
    assert "Für das ganze Team" in said


@pytest.mark.parametrize(
    ("given", "param"), [({"currency": "eur"}, "currency"), ({"locale": "tlh-!"}, "locale")]
)
def test_what_it_cant_keep_is_refused(customer: Customer, given: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        checkout_for(customer, **given)
    assert refused.value.param == param


def test_it_is_the_hosts_setting(customer: Customer) -> None:
    settings = customer.app.extensions["accrue"].settings
    object.__setattr__(settings, "hosted_pages", False)
    made = billing.create_checkout_session(customer.owner(), "price_pro", success_url="/welcome")
    assert page_of(made).startswith("/billing/checkout/")


def test_it_is_nobody_elses(customer: Customer, checkout: billing.Checkout) -> None:
    url = page_of(checkout)
    assert Visitor(customer.app).get(url).status_code == 404
    assert Visitor(customer.app).get(f"{url}/secret").status_code == 405


def test_a_host_may_expire_it(customer: Customer, checkout: billing.Checkout) -> None:
    assert billing.expire_checkout_session(checkout.session).status == "expired"
    assert billing.sync(checkout.session) is checkout.session
    assert "This page has expired" in text_of(customer.visitor.get(page_of(checkout)).text)


@pytest.mark.only("sqlite")
def test_what_comes_of_a_page_has_room_for_all_keys(customer: Customer) -> None:
    with pytest.raises(InvalidRequest, match="at most 47, not 48"):
        checkout_for(customer, metadata={f"key{number}": "value" for number in range(48)})
    session = checkout_for(
        customer, metadata={f"key{number}": "value" for number in range(47)}
    ).session
    card = billing.list_payment_methods(customer.owner())[0]
    assert billing.complete_checkout_session(session, card).is_complete
    assert len(customer.subscription.meta) == 50
