"""Mounted pages with Stripe at which two are at once, or that wait while somebody does more there."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import billing, models
from flask_accrue.billing.mounted_checkout import take_code
from flask_accrue.errors import InvalidState
from tests.portal.stripe_customer import customer
from tests.portal.test_checkout_modes_on_stripe import book, card
from tests.portal.test_checkout_on_stripe import checkout_for, page_of, session_of, standing
from tests.portal.test_checkouts_that_end_on_stripe import let_its_time_be_over, waiting_bill
from tests.visitors import forms

if TYPE_CHECKING:
    from tests.portal.stripe_customer import Customer

__all__ = ["book", "card", "customer"]


def test_a_card_that_is_begun_twice_at_once_says_so(
    customer: Customer, card: billing.Checkout
) -> None:
    action, fields = forms(customer.visitor.get(page_of(card)).text)[0]
    with customer.server.hold(method="POST", path="setup_intents$") as held:
        first: list[int] = []
        thread = threading.Thread(
            target=lambda: first.append(customer.visitor.post(action, fields).status_code)
        )
        thread.start()
        held.wait_for_arrival()
        second = customer.visitor.post(action, fields)
        held.release()
        thread.join()
    assert (first, second.status_code) == ([200], 409)
    assert "being worked on at this moment" in (second.json or {})["error"]


def test_a_page_that_is_being_closed_by_another_visit_is_shown(
    customer: Customer, book: billing.Checkout
) -> None:
    waiting_bill(customer, book)
    let_its_time_be_over(customer)
    url = page_of(book)
    with customer.server.hold(method="POST", path="/void$") as held:
        first: list[int] = []
        thread = threading.Thread(
            target=lambda: first.append(customer.visitor.get(url).status_code)
        )
        thread.start()
        held.wait_for_arrival()
        assert customer.visitor.get(url).status_code == 200
        held.release()
        thread.join()
    assert first == [200]
    assert standing(customer, book)[0] == "expired"


def test_a_code_on_a_page_that_was_completed_meanwhile_leads_on(customer: Customer) -> None:
    made = checkout_for(customer, price="price_book", mode="payment", allow_promotion_codes=True)
    [method] = billing.list_payment_methods(customer.owner())
    action, fields = forms(customer.visitor.get(page_of(made)).text)[0]
    fields.setlist("do", ["take_code"])
    fields.setlist("code", ["NOBODYKNOWS"])
    session_id, method_id = made.session.id, method.id

    def complete() -> None:
        with customer.app.app_context():
            row = customer.db.session.get(models.CheckoutSession, session_id)
            card = customer.db.session.get(models.PaymentMethod, method_id)
            billing.complete_checkout_session(row, card)

    with customer.server.hold(method="GET", path="/v1/promotion_codes") as held:
        answers: list[Any] = []
        typing = threading.Thread(
            target=lambda: answers.append(customer.visitor.post(action, fields))
        )
        typing.start()
        held.wait_for_arrival()
        completing = threading.Thread(target=complete)
        completing.start()
        completing.join()
        held.release()
        typing.join()
    [answer] = answers
    assert answer.status_code == 303
    assert answer.location.startswith("/welcome")


def test_a_page_that_waits_says_so_to_whoever_types_a_code(
    customer: Customer, book: billing.Checkout
) -> None:
    waiting_bill(customer, book)
    [method] = billing.list_payment_methods(customer.owner())
    for act in (
        lambda: take_code(session_of(customer, book), None),
        lambda: billing.complete_checkout_session(
            session_of(customer, book), method, operation_id="again"
        ),
    ):
        with pytest.raises(InvalidState) as refused:
            act()
        assert refused.value.code == "checkout_over"
        assert str(refused.value).startswith("This checkout waits for its payment")
