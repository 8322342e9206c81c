"""The page where a customer completes a payment, with Stripe's own script."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from werkzeug.datastructures import MultiDict

from flask_accrue import billing, models
from flask_accrue.entitlements import has_active_plan
from tests.host import Organization
from tests.portal.stripe_customer import customer
from tests.portal.test_payments import text_of
from tests.visitors import Visitor, forms

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from tests.portal.stripe_customer import Customer

__all__ = ["customer"]


def ask_for_secret(visitor: Visitor, page: str, form: int = 0) -> TestResponse:
    """Do what the page's script does first."""
    action, fields = forms(visitor.get(page).text)[form]
    return visitor.post(action, fields)


def stranger(customer: Customer) -> Visitor:
    other = Organization(id=2, name="Zenith", email=None)
    customer.db.session.add(other)
    customer.db.session.commit()
    billing.add_payment_method(other, "pm_card_visa")
    return Visitor(customer.app, "2")


# -- what the page holds ---------------------------------------------------------------------------


def test_the_page_loads_stripes_script_and_nothing_else_of_others(customer: Customer) -> None:
    url = customer.subscribe()
    page = customer.visitor.get(url)
    said = text_of(page.text)
    assert "Your bank wants you to confirm this payment. Nothing was charged yet." in said
    assert 'src="https://js.stripe.com/' in page.text
    assert 'data-key="pk_test_oracle"' in page.text
    assert "<script>" not in page.text
    assert "secret_1" not in page.text
    policy = dict(
        part.strip().partition(" ")[::2]
        for part in page.headers["Content-Security-Policy"].split(";")
    )
    nonce = policy["style-src"]
    assert nonce.startswith("'nonce-")
    assert policy["script-src"] == f"{nonce} https://js.stripe.com https://*.js.stripe.com"
    assert policy["frame-src"] == (
        "https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com"
    )
    assert policy["connect-src"] == "'self' https://api.stripe.com"
    assert policy["default-src"] == "'none'"
    # No other page may.
    assert "stripe" not in customer.visitor.get("/billing/nowhere").headers.get(
        "Content-Security-Policy", ""
    )


def test_the_secret_is_fresh_and_the_customers_own_and_kept_by_nobody(customer: Customer) -> None:
    url = customer.subscribe()
    customer.change("pi_1", client_secret="pi_1_secret_fresh")
    answer = ask_for_secret(customer.visitor, url)
    assert answer.json == {"client_secret": "pi_1_secret_fresh", "onward": f"{url}/return"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert customer.visitor.get(f"{url}/secret").status_code == 405
    action, fields = forms(customer.visitor.get(url).text)[0]
    forged = MultiDict({**fields, "csrf_token": "x"})
    assert customer.visitor.post(action, forged).status_code == 400
    other = stranger(customer)
    for visitor in (other, Visitor(customer.app)):
        assert visitor.get(url).status_code == 404
        assert visitor.get(f"{url}/return").status_code == 404
    _, theirs = forms(other.get("/billing/cards/stripe/new").text)[0]
    assert other.post(f"{url}/secret", theirs).status_code == 404
    assert "secret_fresh" not in repr(customer.rows())


def test_a_payment_that_ended_meanwhile_has_no_secret_any_more(customer: Customer) -> None:
    url = customer.subscribe()
    customer.pay()
    answer = ask_for_secret(customer.visitor, url)
    assert answer.json == {"client_secret": None, "onward": f"{url}/return"}


@pytest.mark.only("sqlite")
def test_stripe_that_doesnt_answer_is_told_and_nothing_is_done(customer: Customer) -> None:
    url = customer.subscribe()
    action, fields = forms(customer.visitor.get(url).text)[0]
    customer.server.queue_answer(503, path="^/v1/payment_intents/pi_1$", times=9)
    answer = customer.visitor.post(action, fields)
    assert answer.status_code == 503
    assert "doesn't answer. Nothing was done" in (answer.json or {})["error"]


@pytest.mark.only("sqlite")
def test_stripe_that_refuses_is_told_and_nothing_was_charged(customer: Customer) -> None:
    url = customer.subscribe()
    action, fields = forms(customer.visitor.get(url).text)[0]
    customer.server.queue_answer(400, path="^/v1/payment_intents/pi_1$")
    answer = customer.visitor.post(action, fields)
    assert answer.status_code == 409
    assert "Nothing was charged" in (answer.json or {})["error"]


# -- by return, and by webhook ---------------------------------------------------------------------


def by_return(customer: Customer, url: str) -> None:
    assert customer.visitor.get(f"{url}/return").location == url


def by_webhook(customer: Customer, url: str) -> None:
    customer.hear()


def at_once(customer: Customer, url: str) -> None:
    """Come back while Stripe tells of it."""
    with customer.server.hold(method="GET", path="^/v1/payment_intents/pi_1$") as held:
        back = threading.Thread(target=by_return, args=(customer, url))
        back.start()
        held.wait_for_arrival()
        customer.hear_of("payment_intent.succeeded", "pi_1")
        customer.hear_of("invoice.paid", "in_1")
        held.release()
        back.join()
    customer.hear()


ORDERS = {
    "return": (by_return,),
    "webhook": (by_webhook,),
    "return then webhook": (by_return, by_webhook),
    "webhook then return": (by_webhook, by_return),
    "both at once": (at_once,),
    "returned three times": (by_return, by_return, by_webhook, by_return),
}


@pytest.mark.parametrize("order", ORDERS)
def test_success_comes_by_return_and_by_webhook_in_any_order(
    customer: Customer, order: str
) -> None:
    url = customer.subscribe()
    assert customer.subscription.is_incomplete
    assert not has_active_plan(customer.owner(), "pro")
    before = customer.told()
    customer.pay()
    customer.server.clock.set(customer.now() + 5)

    for news in ORDERS[order]:
        news(customer, url)

    assert customer.subscription.is_active
    assert has_active_plan(customer.owner(), "pro")
    said = text_of(customer.visitor.get(url).text)
    assert "You paid $17.85. Your subscription is active." in said
    new = customer.told()
    for type in before:
        new.remove(type)
    # One set of effects, whoever told first; a charge's fee may come later.
    assert [type for type in new if type != "charge.updated"] == [
        "charge.succeeded",
        "invoice.paid",
        "invoice_payment.updated",
        "payment_intent.succeeded",
        "subscription.activated",
        "subscription.updated",  # until when it is paid
    ]
    rows = customer.rows()
    assert (rows["pi_1"]["status"], rows["pi_1"]["latest_charge_processor_id"]) == (
        "succeeded",
        "ch_2",
    )
    assert (rows["in_1"]["status"], rows["in_1"]["amount_paid"]) == ("paid", 1785)
    assert rows["ch_2"]["invoice_processor_id"] == "in_1"
    assert [row["status"] for id, row in rows.items() if id.startswith("sub_")] == ["active"]


def test_an_address_that_holds_a_secret_is_led_away_from(customer: Customer) -> None:
    url = customer.subscribe()
    customer.pay()
    query = {
        "payment_intent": "pi_of_somebody",
        "payment_intent_client_secret": "pi_1_secret_1",
        "redirect_status": "failed",
        "next": "//evil.example",
    }
    # What it claims isn't believed, either.
    assert customer.visitor.get(f"{url}/return", query_string=query).location == url
    assert "You paid" in customer.visitor.get(url).text


@pytest.mark.only("sqlite")
def test_who_has_paid_goes_on_to_where_they_came_from_and_who_hasnt_stays(
    customer: Customer,
) -> None:
    url = customer.subscribe()
    query = {"next": "/settings"}
    back = customer.visitor.get(f"{url}/return", query_string=query)
    assert back.location == f"{url}?next=/settings"
    customer.pay()
    assert customer.visitor.get(f"{url}/return", query_string=query).location == "/settings"


def test_a_decline_is_told_as_it_is_and_another_card_pays(customer: Customer) -> None:
    url = customer.subscribe()
    customer.decline()
    by_return(customer, url)
    page = customer.visitor.get(url).text
    said = text_of(page)
    assert "there isn&#39;t enough money on it. Nothing was charged." in said
    assert "You paid" not in said
    assert not customer.subscription.is_active
    [card] = billing.list_payment_methods(customer.owner())
    assert f'data-method="{card.processor_id}"' in page
    assert "/billing/cards/stripe/new?next=" in page
    assert (ask_for_secret(customer.visitor, url).json or {})["client_secret"] == "pi_1_secret_1"
    customer.pay()
    by_return(customer, url)
    assert "You paid $17.85." in customer.visitor.get(url).text
    assert customer.subscription.is_active


def test_who_closes_the_page_has_paid_when_stripe_says_so(customer: Customer) -> None:
    url = customer.subscribe()
    ask_for_secret(customer.visitor, url)
    assert "Nothing was charged yet." in text_of(customer.visitor.get(url).text)
    customer.pay()
    # Nobody has told us: the page says no more than is known.
    assert "You paid" not in customer.visitor.get(url).text
    customer.hear()
    assert "You paid $17.85." in customer.visitor.get(url).text


@pytest.mark.parametrize("news", ["event", "return"])
def test_after_23_hours_the_page_says_that_its_over_and_what_to_do(
    customer: Customer, news: str
) -> None:
    url = customer.subscribe()
    customer.expire()
    customer.server.clock.set(customer.now() + 5)
    if news == "event":
        id = customer.subscription.processor_id
        customer.hear_of("customer.subscription.updated", id)
    else:
        by_return(customer, url)
    page = customer.visitor.get(url)
    said = text_of(page.text)
    assert "Too late for this payment" in said
    assert "nothing was charged" in said
    assert "please subscribe again" in said
    assert not forms(page.text)
    assert "js.stripe.com/" not in page.text.partition("<body")[2]
    assert customer.subscription.is_ended
    assert not has_active_plan(customer.owner(), "pro")


@pytest.mark.only("sqlite")
def test_stripe_that_doesnt_answer_leaves_it_open_what_happened(customer: Customer) -> None:
    url = customer.subscribe()
    customer.server.queue_answer(400, path="^/v1/payment_intents/pi_1$")
    by_return(customer, url)
    said = text_of(customer.visitor.get(url).text)
    assert "whether you were charged isn&#39;t known yet" in said


# -- without a key ---------------------------------------------------------------------------------


@pytest.mark.only("sqlite")
def test_without_a_publishable_key_the_page_and_doctor_say_so(customer: Customer) -> None:
    url = customer.subscribe()
    page = customer.visitor.get(url)
    assert "Payments can&#39;t be completed on this page yet." in page.text
    assert "js.stripe.com" not in page.text
    assert "stripe" not in page.headers["Content-Security-Policy"]
    assert not forms(page.text)
    cards = customer.visitor.get("/billing/cards/stripe/new").text
    assert "Cards can&#39;t be added on this page yet." in cards
    found = customer.app.test_cli_runner().invoke(args=["accrue", "doctor"]).output
    assert "ACCRUE_STRIPE_PUBLISHABLE_KEY is missing" in found


# -- cards -----------------------------------------------------------------------------------------


CARDS = "/billing/cards/stripe/new"


def begin_card(customer: Customer) -> models.SetupIntent:
    """Do what the page for a new card does first, and return what it begins."""
    answer = ask_for_secret(customer.visitor, CARDS)
    assert answer.headers["Cache-Control"] == "no-store"
    said = answer.json or {}
    assert answer.status_code == 200, answer.text
    id = said["onward"].split("/")[-2]
    assert said["client_secret"] == f"{id}_secret_mock"
    customer.db.session.rollback()
    found: models.SetupIntent = customer.db.session.query(models.SetupIntent).one()
    assert found.processor_id == id
    return found


def test_a_card_is_added_by_a_setup_intent(customer: Customer) -> None:
    page = customer.visitor.get(CARDS)
    assert "Nothing is charged now." in page.text
    assert "https://js.stripe.com" in page.headers["Content-Security-Policy"]
    setup = begin_card(customer)
    assert "secret" not in repr(setup.raw)
    # Looked at again, it's the same one.
    assert begin_card(customer).id == setup.id
    customer.add_card()
    customer.change(setup.processor_id, status="succeeded", payment_method="pm_new")
    back = f"/billing/cards/stripe/{setup.processor_id}/return"
    for _ in range(2):
        assert customer.visitor.get(back).status_code == 303
        assert "Visa •••• 3220, 01/2035 was added." in customer.visitor.get(CARDS).text
    cards = billing.list_payment_methods(customer.owner())
    assert {card.last4 for card in cards} == {"4242", "3220"}
    assert customer.told().count("setup_intent.succeeded") == 1


def test_a_card_that_the_bank_declines_isnt_added_and_that_is_said(customer: Customer) -> None:
    setup = begin_card(customer)
    why = {"code": "card_declined", "decline_code": "insufficient_funds"}
    customer.change(setup.processor_id, last_setup_error=why)
    customer.visitor.get(f"/billing/cards/stripe/{setup.processor_id}/return")
    said = text_of(customer.visitor.get(CARDS).text)
    assert "there isn&#39;t enough money on it. It wasn&#39;t added; nothing was charged." in said
    assert len(billing.list_payment_methods(customer.owner())) == 1


@pytest.mark.only("sqlite")
def test_a_card_that_wasnt_confirmed_isnt_claimed_to_be_added(customer: Customer) -> None:
    setup = begin_card(customer)
    customer.visitor.get(f"/billing/cards/stripe/{setup.processor_id}/return")
    said = text_of(customer.visitor.get(CARDS).text)
    assert "The card wasn&#39;t added yet." in said
    assert "was added" not in said


@pytest.mark.only("sqlite")
def test_another_customers_card_isnt_there(customer: Customer) -> None:
    setup = begin_card(customer)
    other = stranger(customer)
    for visitor in (other, Visitor(customer.app)):
        path = f"/billing/cards/stripe/{setup.processor_id}/return"
        assert visitor.get(path).status_code == 404
    assert customer.visitor.get("/billing/cards/stripe/seti_none/return").status_code == 404
    assert customer.visitor.get("/billing/cards/stripe/%00/return").status_code == 404
    assert customer.visitor.get("/billing/cards/braintree/new").status_code == 404
    assert Visitor(customer.app).get(CARDS).status_code == 404


@pytest.mark.only("sqlite")
def test_a_test_card_is_not_for_stripe(customer: Customer) -> None:
    _, fields = forms(customer.visitor.get(CARDS).text)[0]
    fields["card"] = "tok_visa"
    assert customer.visitor.post(CARDS, fields).status_code == 404
