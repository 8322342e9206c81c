"""Mounted pages with Stripe that are closed, or left alone, while something came of them already."""

from __future__ import annotations

import datetime
import threading
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import ActionRequired, Money, billing, clock, connect, models, telemetry
from flask_accrue.errors import AccrueError, InvalidState
from flask_accrue.jobs import run_periodic
from tests.portal.stripe_customer import customer
from tests.portal.test_checkout_modes_on_stripe import book, the_invoice
from tests.portal.test_checkout_on_stripe import (
    checkout_for,
    page_of,
    session_of,
    standing,
    waits,
)
from tests.processors.stripe.situations import coupon, promotion_code

if TYPE_CHECKING:
    from tests.portal.stripe_customer import Customer

__all__ = ["book", "customer"]


class Other(threading.Thread):
    """Completes a session at the same time, under the id ``first``."""

    def __init__(self, customer: Customer, checkout: billing.Checkout) -> None:
        super().__init__()
        [method] = billing.list_payment_methods(customer.owner())
        self._customer, self._ids = customer, (checkout.session.id, method.id)
        self.ended: Any = None

    def run(self) -> None:
        session_id, method_id = self._ids
        db = self._customer.db
        with self._customer.app.app_context():
            row = db.session.get(models.CheckoutSession, session_id)
            card = db.session.get(models.PaymentMethod, method_id)
            try:
                done = billing.complete_checkout_session(row, card, operation_id="first")
                self.ended = done.status
            except AccrueError as error:
                self.ended = error.code


def waiting_bill(customer: Customer, book: billing.Checkout) -> models.Invoice:
    """Let the bill of a page wait, since it came to more than was shown."""
    [method] = billing.list_payment_methods(customer.owner())
    session = session_of(customer, book)
    billing.adjust_balance(customer.owner(), Money(700, "usd"))
    with pytest.raises(ActionRequired):
        billing.complete_checkout_session(session, method, operation_id="late")
    return the_invoice(customer)


def let_its_time_be_over(customer: Customer) -> None:
    past = clock.now() - datetime.timedelta(minutes=1)
    customer.db.session.execute(sa.update(models.CheckoutSession).values(expires_at=past))
    customer.db.session.commit()


def requests_to_void(customer: Customer, bill: models.Invoice) -> int:
    return len(customer.server.requests_to("POST", f"/v1/invoices/{bill.processor_id}/void"))


# -- closed while it's completed -------------------------------------------------------------------


def test_nobody_pays_a_bill_whose_page_was_closed_while_it_was_made(
    customer: Customer, book: billing.Checkout
) -> None:
    with customer.server.hold(method="POST", path="/finalize$") as held:
        other = Other(customer, book)
        other.start()
        held.wait_for_arrival()
        assert billing.expire_checkout_session(session_of(customer, book)).status == "expired"
        held.release()
        other.join()
    assert other.ended == "checkout_over"
    bill = the_invoice(customer)
    assert bill.is_void
    assert customer.server.requests_to("POST", f"/v1/invoices/{bill.processor_id}/pay") == []
    assert standing(customer, book) == ("expired", "unpaid")


def test_a_page_whose_payment_is_through_isnt_closed(
    customer: Customer, book: billing.Checkout
) -> None:
    with customer.server.hold(method="POST", path="/pay$", acts=True) as held:
        other = Other(customer, book)
        other.start()
        held.wait_for_arrival()
        row = customer.db.session.get(models.CheckoutSession, book.session.id)
        customer.db.session.refresh(row)
        with pytest.raises(InvalidState) as refused:
            billing.expire_checkout_session(row)
        held.release()
        other.join()
    assert (refused.value.code, str(refused.value)) == (
        "checkout_over",
        "This checkout is complete.",
    )
    assert other.ended == "complete"
    assert standing(customer, book) == ("complete", "paid")


def test_a_subscription_that_waits_ends_whose_page_was_closed_while_it_was_made(
    customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry, "_observers", [])
    made = checkout_for(customer)
    session = session_of(customer, made)
    waits(customer, made)
    other = Other(customer, made)

    def close(moment: str) -> None:
        if moment == "operation.before_call" and threading.current_thread() is other:
            telemetry._observers.clear()
            closing = threading.Thread(target=expire)
            closing.start()
            closing.join()

    def expire() -> None:
        with customer.app.app_context():
            row = customer.db.session.get(models.CheckoutSession, session_id)
            assert billing.expire_checkout_session(row).status == "expired"

    session_id = session.id
    customer.db.session.rollback()
    telemetry.observe(close)
    other.start()
    other.join()
    assert other.ended == "checkout_over"
    assert standing(customer, made) == ("expired", "unpaid")
    assert customer.stands("in_1")["status"] == "void"
    assert customer.subscription.is_ended


# -- closed while it waits -------------------------------------------------------------------------


def test_a_subscription_that_waits_ends_with_its_page(customer: Customer) -> None:
    made = checkout_for(customer)
    waits(customer, made)
    customer.visitor.submit(page_of(made))
    assert customer.subscription.is_incomplete
    assert billing.expire_checkout_session(session_of(customer, made)).status == "expired"
    assert customer.stands("in_1")["status"] == "void"
    assert customer.subscription.is_ended
    assert not customer.subscription.is_active


def test_a_first_payment_that_is_through_completes_the_page_instead(customer: Customer) -> None:
    made = checkout_for(customer)
    waits(customer, made)
    customer.visitor.submit(page_of(made))
    session = session_of(customer, made)
    customer.pay()
    with pytest.raises(InvalidState) as refused:
        billing.expire_checkout_session(session)
    assert refused.value.code == "checkout_over"
    assert customer.subscription.is_active
    assert standing(customer, made) == ("complete", "paid")


def test_a_bill_that_cant_be_withdrawn_now_is_withdrawn_later(
    customer: Customer, book: billing.Checkout
) -> None:
    bill = waiting_bill(customer, book)
    let_its_time_be_over(customer)
    refusal = {"error": {"type": "invalid_request_error", "code": "invoice_locked", "message": "-"}}
    customer.server.queue_answer(400, refusal, method="POST", path="/void$")
    assert session_of(customer, book).is_open
    assert session_of(customer, book).status == "expired"
    assert requests_to_void(customer, bill) == 2
    assert the_invoice(customer).is_void


# -- left alone ------------------------------------------------------------------------------------


def test_a_page_that_nobody_comes_back_to_is_closed_and_its_bill_withdrawn(
    customer: Customer, book: billing.Checkout
) -> None:
    bill = waiting_bill(customer, book)
    assert run_periodic("expire_checkouts") == 0
    let_its_time_be_over(customer)
    assert run_periodic("expire_checkouts") == 1
    assert the_invoice(customer).is_void
    assert standing(customer, book) == ("expired", "unpaid")
    assert run_periodic("expire_checkouts") == 0
    assert requests_to_void(customer, bill) == 1


def test_one_that_cant_be_closed_is_tried_again_the_next_time(
    customer: Customer, book: billing.Checkout
) -> None:
    bill = waiting_bill(customer, book)
    let_its_time_be_over(customer)
    customer.server.queue_answer(503, method="POST", path="/void$", times=3)
    assert run_periodic("expire_checkouts") == 0
    assert standing(customer, book) == ("open", "unpaid")
    assert run_periodic("expire_checkouts") == 1
    assert the_invoice(customer).is_void
    keys = {
        each.idempotency_key
        for each in customer.server.requests_to("POST", f"/v1/invoices/{bill.processor_id}/void")
    }
    # Its answer was lost: it's the same try.
    assert len(keys) == 1


def test_a_bill_that_was_made_for_a_closed_page_is_withdrawn_though_its_maker_died(
    customer: Customer, book: billing.Checkout
) -> None:
    bill = waiting_bill(customer, book)
    let_its_time_be_over(customer)
    customer.db.session.execute(sa.update(models.CheckoutSession).values(status="expired"))
    customer.db.session.commit()
    assert run_periodic("expire_checkouts") == 1
    assert requests_to_void(customer, bill) == 1
    assert the_invoice(customer).is_void


# -- what it's for ---------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["host", "customer"])
def test_a_host_that_completes_a_page_gets_the_subscription_of_its_name(
    customer: Customer, by: str
) -> None:
    made = checkout_for(customer, name="team")
    [method] = billing.list_payment_methods(customer.owner())
    if by == "customer":
        customer.visitor.submit(page_of(made))
    else:
        billing.complete_checkout_session(session_of(customer, made), method)
    [row] = billing.list_subscriptions(customer.owner())
    assert (row.name, row.status) == ("team", "active")
    again = checkout_for(customer)
    assert again.session.is_open
    with pytest.raises(InvalidState) as refused:
        checkout_for(customer, name="team")
    assert refused.value.code == "already_subscribed"


@pytest.mark.parametrize("given", [{"promotion_code": "promo_1"}, {"allow_promotion_codes": True}])
def test_an_accounts_page_redeems_the_accounts_codes(
    customer: Customer, given: dict[str, Any]
) -> None:
    price = next(
        each for each in customer.server.objects()["platform"] if each["object"] == "price"
    )
    account = connect.create_account(type="express").processor_id
    for obj in (price, coupon(), promotion_code()):
        customer.server.prime(obj, account)
    before = len(customer.server.requests)

    with connect.account(account):
        page = checkout_for(customer, **given)

    assert page.session.is_open
    assert {each.account for each in customer.server.requests[before:]} == {account}
