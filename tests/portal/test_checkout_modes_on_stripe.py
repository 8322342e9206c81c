"""The mounted checkout with Stripe for what is bought once, and for a card that is left for later."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import ActionRequired, Money, billing, models
from flask_accrue.billing.mounted_sessions import write_session
from flask_accrue.errors import (
    InvalidRequest,
    InvalidState,
    OperationInProgress,
    ProcessorUnavailable,
)
from tests.host import Organization
from tests.portal.stripe_customer import customer
from tests.portal.test_checkout_on_stripe import checkout_for, page_of, session_of, standing
from tests.portal.test_payments import text_of
from tests.processors.stripe.situations import coupon, payment_intent
from tests.processors.stripe.stripe_bodies import invoice_payment, listed
from tests.visitors import Visitor, forms

if TYPE_CHECKING:
    from tests.portal.stripe_customer import Customer

__all__ = ["customer"]


@pytest.fixture
def book(customer: Customer) -> billing.Checkout:
    """Give a checkout of two books, each 30.00, less a tenth."""
    customer.server.prime(coupon())
    return checkout_for(
        customer,
        price="price_book",
        mode="payment",
        quantity=2,
        coupon="TEN",
        description="Books",
        metadata={"order": "7"},
    )


@pytest.fixture
def card(customer: Customer) -> billing.Checkout:
    return checkout_for(customer, price=None, mode="setup", currency="usd")


def the_invoice(customer: Customer) -> models.Invoice:
    customer.db.session.rollback()
    [row] = billing.list_invoices(customer.owner())
    return row


def test_what_is_bought_once_is_billed_and_paid(customer: Customer, book: billing.Checkout) -> None:
    url = page_of(book)
    said = text_of(customer.visitor.get(url).text)
    for part in (
        "Books",
        "2 \N{MULTIPLICATION SIGN} Pro $60.00",
        "Subtotal $60.00",
        "\N{MINUS SIGN}$6.00",
        "Due today $54.00",
    ):
        assert part in said
    assert "Pay $54.00" in said
    assert "subscribe" not in said
    assert customer.visitor.submit(url).location == f"/welcome?id={book.session.processor_id}"
    assert standing(customer, book) == ("complete", "paid")
    bill = the_invoice(customer)
    assert (bill.is_paid, bill.amount_due, bill.discount) == (True, 5400, 600)
    assert bill.meta["order"] == "7"
    assert session_of(customer, book).invoice_processor_id == bill.processor_id
    [made] = customer.server.requests_to("POST", "/v1/invoices")
    assert made.params["auto_advance"] is False
    assert made.params["pending_invoice_items_behavior"] == "exclude"
    assert made.params["description"] == "Books"
    [line] = customer.server.requests_to("POST", "/v1/invoiceitems")
    assert (line.params["pricing"], line.params["quantity"]) == ({"price": "price_book"}, 2)
    [paid] = customer.server.requests_to("POST", f"/v1/invoices/{bill.processor_id}/pay")
    [method] = billing.list_payment_methods(customer.owner())
    assert paid.params["payment_method"] == method.processor_id


def test_a_form_that_is_sent_twice_buys_once(customer: Customer, book: billing.Checkout) -> None:
    action, fields = forms(customer.visitor.get(page_of(book)).text)[0]
    first, second = (customer.visitor.post(action, fields) for _ in range(2))
    assert first.location.startswith("/welcome")
    assert second.location == page_of(book)
    assert len(customer.server.requests_to("POST", "/v1/invoices")) == 1


def test_two_forms_at_once_make_one_bill(customer: Customer, book: billing.Checkout) -> None:
    [method] = billing.list_payment_methods(customer.owner())
    with customer.server.hold(method="POST", path="^/v1/invoices$") as held:
        failed: list[Exception] = []

        def other() -> None:
            with customer.app.app_context():
                row = customer.db.session.get(models.CheckoutSession, book.session.id)
                card = customer.db.session.get(models.PaymentMethod, method.id)
                try:
                    billing.complete_checkout_session(row, card, operation_id="first")
                except Exception as error:  # noqa: BLE001 - told below, in the test's own thread
                    failed.append(error)

        thread = threading.Thread(target=other)
        thread.start()
        held.wait_for_arrival()
        with pytest.raises(OperationInProgress):
            billing.complete_checkout_session(
                session_of(customer, book), method, operation_id="second"
            )
        held.release()
        thread.join()
    assert failed == []
    assert len(customer.server.requests_to("POST", "/v1/invoices")) == 1
    assert standing(customer, book) == ("complete", "paid")


@pytest.mark.parametrize("first", ["return", "webhook"])
def test_a_payment_to_confirm_completes_it_whoever_tells_first(
    customer: Customer, book: billing.Checkout, first: str
) -> None:
    url, server = page_of(book), customer.server
    payer = billing.customer(customer.owner()).processor_id
    server.prime(payment_intent(customer=payer, amount=5400, status="requires_action"))
    refusal = {"error": {"type": "card_error", "code": "authentication_required", "message": "No."}}
    server.queue_answer(402, refusal, method="POST", path="/pay$", remembered=True)
    with server.hold(method="POST", path="/finalize$", acts=True) as held:
        answers: list[Any] = []
        thread = threading.Thread(target=lambda: answers.append(customer.visitor.submit(url)))
        thread.start()
        held.wait_for_arrival()
        bill = _bill(customer)
        made = invoice_payment(
            invoice=bill["id"], status="open", amount_paid=None, amount_requested=5400
        )
        server.prime({**bill, "payments": listed(made)})
        held.release()
        thread.join()
    [answer] = answers
    assert answer.location == f"/billing/payments/stripe/pi_1?next={url}"
    page = text_of(customer.visitor.get(answer.location).text)
    for part in ("$60.00", "\N{MINUS SIGN}$6.00", "$54.00"):
        assert part in page
    assert standing(customer, book) == ("open", "unpaid")
    bill = _bill(customer)
    customer.change("pi_1", status="succeeded", amount_received=5400)
    customer.change(bill["id"], status="paid", amount_paid=5400, amount_remaining=0)
    if first == "webhook":
        customer.hear_of("payment_intent.succeeded", "pi_1")
        customer.hear_of("invoice.paid", bill["id"])
        assert standing(customer, book) == ("complete", "paid")
    customer.visitor.get("/billing/payments/stripe/pi_1/return")
    assert customer.visitor.get(url).location.startswith("/welcome")
    if first == "return":
        customer.hear_of("invoice.paid", bill["id"])
    assert standing(customer, book) == ("complete", "paid")
    assert customer.told().count("checkout_session.completed") == 1


def _bill(customer: Customer) -> dict[str, Any]:
    [bill] = [each for each in customer.server.objects()["platform"] if each["object"] == "invoice"]
    return bill


def test_nobody_pays_another_price_than_was_shown(
    customer: Customer, book: billing.Checkout
) -> None:
    [method] = billing.list_payment_methods(customer.owner())
    session = session_of(customer, book)
    billing.adjust_balance(customer.owner(), Money(700, "usd"))
    with pytest.raises(ActionRequired):
        billing.complete_checkout_session(session, method, operation_id="late")
    bill = the_invoice(customer)
    assert (bill.is_open, bill.amount_due) == (True, 6100)
    assert customer.server.requests_to("POST", f"/v1/invoices/{bill.processor_id}/pay") == []


def test_a_preview_that_holds_more_than_the_bill_charges_nobody(
    customer: Customer, book: billing.Checkout
) -> None:
    # As with an item of 5.00 that waits for the next invoice, should a preview take that in.
    more = {
        "id": "upcoming_in_1",
        "object": "invoice",
        "currency": "usd",
        "customer": billing.customer(customer.owner()).processor_id,
        "subtotal": 6500,
        "total": 5900,
        "amount_due": 5900,
        "amount_paid": 0,
        "amount_remaining": 5900,
    }
    customer.server.queue_answer(200, more, method="POST", path="/create_preview", times=9)
    url = page_of(book)
    assert "Pay $59.00" in text_of(customer.visitor.get(url).text)
    there = customer.visitor.submit(url).location
    bill = the_invoice(customer)
    pays = f"/v1/invoices/{bill.processor_id}/pay"
    assert (bill.is_open, bill.amount_due) == (True, 5400)
    assert customer.server.requests_to("POST", pays) == []
    assert "Nothing was charged yet" in text_of(customer.visitor.get(there).text)


def test_all_of_it_taken_off_is_paid_without_the_bank(customer: Customer) -> None:
    customer.server.prime(coupon(percent_off=100.0))
    made = checkout_for(customer, price="price_book", mode="payment", coupon="TEN")
    assert "Confirm" in text_of(customer.visitor.get(page_of(made)).text)
    assert customer.visitor.submit(page_of(made)).location.startswith("/welcome")
    assert standing(customer, made) == ("complete", "no_payment_required")
    assert the_invoice(customer).is_paid


def test_what_cant_be_sold_leaves_no_draft_behind(
    customer: Customer, book: billing.Checkout
) -> None:
    [method] = billing.list_payment_methods(customer.owner())
    session = session_of(customer, book)
    customer.server.queue_answer(400, method="POST", path="^/v1/invoiceitems$")
    with pytest.raises(InvalidRequest):
        billing.complete_checkout_session(session, method, operation_id="one")
    assert [e for e in customer.server.objects()["platform"] if e["object"] == "invoice"] == []
    done = billing.complete_checkout_session(session, method, operation_id="two")
    assert done.is_complete


@pytest.mark.parametrize("lost", ["^/v1/invoices$", "^/v1/invoiceitems$", "/finalize$"])
def test_an_answer_that_is_lost_is_asked_for_again(
    customer: Customer, book: billing.Checkout, lost: str
) -> None:
    [method] = billing.list_payment_methods(customer.owner())
    session = session_of(customer, book)
    customer.server.queue_answer(
        500, method="POST", path=lost, acts=True, times=retries_of(customer) + 1
    )
    with pytest.raises(ProcessorUnavailable):
        billing.complete_checkout_session(session, method, operation_id="one")
    done = billing.complete_checkout_session(session_of(customer, book), method, operation_id="one")
    assert done.is_complete
    [bill] = [e for e in customer.server.objects()["platform"] if e["object"] == "invoice"]
    assert (bill["status"], bill["amount_due"]) == ("paid", 5400)
    assert len(bill["lines"]["data"]) == 1


def retries_of(customer: Customer) -> int:
    """Return how often the SDK tries again."""
    return 2


def test_a_bill_that_waits_is_withdrawn_with_its_session(
    customer: Customer, book: billing.Checkout
) -> None:
    [method] = billing.list_payment_methods(customer.owner())
    session = session_of(customer, book)
    billing.adjust_balance(customer.owner(), Money(700, "usd"))
    with pytest.raises(ActionRequired):
        billing.complete_checkout_session(session, method, operation_id="late")
    assert billing.expire_checkout_session(session_of(customer, book)).status == "expired"
    assert the_invoice(customer).is_void


@pytest.mark.parametrize("first", ["return", "webhook"])
def test_a_card_is_left_by_stripes_own_fields(
    customer: Customer, card: billing.Checkout, first: str
) -> None:
    url = page_of(card)
    page = customer.visitor.get(url)
    assert "Nothing is charged" in text_of(page.text)
    assert "js.stripe.com" in page.headers["Content-Security-Policy"]
    action, fields = forms(page.text)[0]
    assert action == f"{url}/secret"
    handed = customer.visitor.post(action, fields).json or {}
    assert handed["onward"] == url
    again = customer.visitor.post(action, fields).json or {}
    assert again["client_secret"] == handed["client_secret"]
    [made] = customer.server.requests_to("POST", "/v1/setup_intents")
    assert made.params["metadata"]["accrue_checkout"] == card.session.processor_id
    setup = handed["client_secret"].partition("_secret_")[0]
    customer.change(
        setup,
        status="requires_payment_method",
        last_setup_error={"code": "card_declined", "decline_code": "insufficient_funds"},
    )
    refused = text_of(customer.visitor.get(url).text)
    assert "there isn&#39;t enough money on it" in refused
    assert "It wasn&#39;t saved; nothing was charged." in refused
    customer.add_card()
    customer.change(setup, status="succeeded", payment_method="pm_new", last_setup_error=None)
    if first == "webhook":
        customer.hear_of("setup_intent.succeeded", setup)
        assert standing(customer, card) == ("complete", "no_payment_required")
    assert customer.visitor.get(url).location.startswith("/welcome")
    assert standing(customer, card) == ("complete", "no_payment_required")
    assert session_of(customer, card).setup_intent_processor_id == setup
    cards = {each.last4 for each in billing.list_payment_methods(customer.owner())}
    assert cards == {"4242", "3220"}
    late = customer.visitor.post(action, fields)
    assert late.status_code == 404


def test_a_card_isnt_left_by_a_made_up_form(customer: Customer, card: billing.Checkout) -> None:
    url = page_of(card)
    [method] = billing.list_payment_methods(customer.owner())
    assert customer.visitor.post(f"{url}/secret", {}).status_code == 400
    customer.db.session.add(Organization(id=2, name="Zenith", email=None))
    customer.db.session.commit()
    stranger = Visitor(customer.app, "2")
    billing.customer(customer.db.session.get(Organization, 2))
    # Theirs is a form that the app takes, on a page of their own.
    theirs = billing.create_checkout_session(
        customer.db.session.get(Organization, 2),
        mode="setup",
        currency="usd",
        success_url="/",
        mounted=True,
    )
    _, fields = forms(stranger.get(page_of(theirs)).text)[0]
    assert stranger.post(f"{page_of(theirs)}/secret", fields).status_code == 200
    before = len(customer.server.requests)
    assert stranger.post(f"{url}/secret", fields).status_code == 404
    assert stranger.post(url, fields).status_code == 404
    assert len(customer.server.requests) == before
    with pytest.raises(InvalidState):
        billing.complete_checkout_session(card.session, method)
    session = session_of(customer, card)
    assert session.is_open


def test_without_a_publishable_key_the_page_says_so(
    customer: Customer, card: billing.Checkout
) -> None:
    page = customer.visitor.get(page_of(card))
    assert "Cards can&#39;t be added on this page yet" in text_of(page.text)
    assert forms(page.text) == []


def test_what_names_somebody_elses_session_moves_nothing(
    customer: Customer, book: billing.Checkout
) -> None:
    """An object's metadata are written by hosts, who may copy them from one customer to another."""
    customer.db.session.add(Organization(id=2, name="Zenith", email=None))
    customer.db.session.commit()
    other = billing.customer(customer.db.session.get(Organization, 2))
    billing.create_invoice(other, currency="usd")
    [bill] = [e for e in customer.server.objects()["platform"] if e["object"] == "invoice"]
    named = {**bill["metadata"], "accrue_checkout": book.session.processor_id}
    customer.change(bill["id"], status="paid", metadata=named)
    customer.hear_of("invoice.paid", bill["id"])
    assert standing(customer, book) == ("open", "unpaid")


def test_a_look_that_began_before_it_was_completed_doesnt_open_it_again(
    customer: Customer, book: billing.Checkout
) -> None:
    [method] = billing.list_payment_methods(customer.owner())
    session = session_of(customer, book)
    with customer.server.hold(method="POST", path="/create_preview") as held:
        looking = threading.Thread(target=lambda: customer.visitor.get(page_of(book)))
        looking.start()
        held.wait_for_arrival()
        billing.adjust_balance(customer.owner(), Money(-100, "usd"))
        assert write_session(session, amount_total=5300).amount_total == 5300
        done = billing.complete_checkout_session(session_of_row(customer), method, operation_id="x")
        assert done.is_complete
        held.release()
        looking.join()
    # Nor does one that has read it before, and writes it only now.
    assert write_session(session, amount_total=1).is_complete
    assert standing(customer, book) == ("complete", "paid")
    assert session_of(customer, book).amount_total == 5300


def session_of_row(customer: Customer) -> models.CheckoutSession:
    """Return the session as its row stands, without a look at what is due."""
    found: models.CheckoutSession = customer.db.session.query(models.CheckoutSession).one()
    customer.db.session.refresh(found)
    return found
