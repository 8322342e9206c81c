"""Payment intents, charges and refunds in the shapes of old and current versions."""

from __future__ import annotations

import typing as t

import pytest

from flask_accrue.processors import objects
from flask_accrue.processors.stripe.reading import read
from tests.processors.stripe.stripe_bodies import (
    END,
    Json,
    at,
    checkout_session,
    dispute,
    listed,
    sample,
    without,
)


def read_charge(**changes: t.Any) -> objects.Charge:
    found = read(sample("charge", id="ch_1", amount=1900, **changes))
    assert isinstance(found, objects.Charge)
    return found


def read_intent(raw: Json) -> objects.PaymentIntent:
    found = read(raw)
    assert isinstance(found, objects.PaymentIntent)
    return found


def balance(**changes: t.Any) -> Json:
    return sample("balance_transaction", id="txn_1", fee=85, net=1815, currency="usd") | changes


def test_fee_and_net_come_with_the_expanded_balance_transaction() -> None:
    found = read_charge(balance_transaction=balance())

    assert (found.fee, found.net) == (85, 1815)


@pytest.mark.parametrize("given", ["txn_1", None])
def test_fee_and_net_are_unsaid_without_the_expansion(given: object) -> None:
    found = read_charge(balance_transaction=given)

    assert (found.fee, found.net) == (objects.UNSAID, objects.UNSAID)


def test_a_fee_in_another_currency_than_the_charge_is_unsaid() -> None:
    found = read_charge(balance_transaction=balance(currency="eur"))

    assert (found.fee, found.net) == (objects.UNSAID, objects.UNSAID)


def test_old_charges_name_their_invoice_and_current_ones_dont_speak_of_it() -> None:
    assert read_charge(invoice="in_1").invoice == "in_1"
    assert read_charge(invoice={"id": "in_1", "object": "invoice"}).invoice == "in_1"
    assert read_charge(invoice=None).invoice is None
    assert read_charge().invoice is objects.UNSAID


def test_a_charge_of_an_old_source_names_it_as_its_payment_method() -> None:
    source = {"id": "card_1", "object": "card", "customer": "cus_1"}

    assert read_charge(payment_method=None, source=source).payment_method == "card_1"
    assert read_charge(payment_method="pm_1", source=source).payment_method == "pm_1"


def test_refunds_inside_a_charge_dont_stand_in_the_way() -> None:
    refund = sample("refund", id="re_1", amount=400, charge="ch_1")

    found = read_charge(amount_refunded=400, refunds=listed(refund))

    assert (found.amount_refunded, found.refunded) == (400, False)


def test_a_charge_from_before_amount_captured_was_captured_whole_or_not_at_all() -> None:
    body = without(sample("charge", id="ch_1", amount=1900), "amount_captured")

    captured, held = read(body | {"captured": True}), read(body | {"captured": False})

    assert isinstance(captured, objects.Charge)
    assert isinstance(held, objects.Charge)
    assert (captured.amount_captured, held.amount_captured) == (1900, 0)


def test_a_refused_charge_tells_why() -> None:
    found = read_charge(
        status="failed",
        failure_code="card_declined",
        outcome={"type": "issuer_declined", "reason": "insufficient_funds"},
    )

    assert (found.failure_code, found.decline_code) == ("card_declined", "insufficient_funds")


def test_what_made_a_charge_that_went_through_suspicious_is_no_decline() -> None:
    found = read_charge(outcome={"type": "authorized", "reason": "elevated_risk_level"})

    assert found.decline_code is None


@pytest.mark.parametrize("currency", ["jpy", "KWD"])
def test_amounts_stay_in_the_currency_s_minor_units(currency: str) -> None:
    found = read_charge(currency=currency, amount_captured=1900, amount_refunded=1)

    assert (found.amount, found.amount_captured, found.amount_refunded) == (1900, 1900, 1)
    assert found.currency == currency.lower()


def test_the_latest_charge_of_an_intent_is_named_or_the_first_of_its_charges() -> None:
    current = sample("payment_intent", id="pi_1", latest_charge={"id": "ch_2", "object": "charge"})
    charges = listed({"id": "ch_2", "object": "charge"}, {"id": "ch_1", "object": "charge"})
    old = without(current, "latest_charge") | {"charges": charges}

    assert read_intent(current).latest_charge == "ch_2"
    assert read_intent(old).latest_charge == "ch_2"
    assert read_intent(old | {"charges": listed()}).latest_charge is None


def test_old_intents_name_their_invoice_and_current_ones_dont_speak_of_it() -> None:
    current = sample("payment_intent", id="pi_1")

    assert read_intent(current).invoice is objects.UNSAID
    assert read_intent(current | {"invoice": "in_1"}).invoice == "in_1"
    assert read_intent(current | {"invoice": None}).invoice is None


def test_an_intent_tells_how_its_last_try_failed() -> None:
    error = {"type": "card_error", "code": "card_declined", "decline_code": "lost_card"}
    raw = sample(
        "payment_intent",
        id="pi_1",
        status="requires_payment_method",
        last_payment_error=error,
        canceled_at=END,
    )

    found = read_intent(raw)

    assert (found.error_code, found.error_decline_code) == ("card_declined", "lost_card")
    assert found.canceled_at == at(END)
    assert read_intent(raw | {"last_payment_error": None}).error_code is None


def test_a_refund_is_read_with_ids_or_expanded_objects() -> None:
    raw = sample("refund", id="re_1", amount=400, charge="ch_1", payment_intent="pi_1")

    plain = read(raw)
    expanded = read(raw | {"charge": {"id": "ch_1", "object": "charge"}})

    assert isinstance(plain, objects.Refund)
    assert plain == expanded
    assert (plain.charge, plain.payment_intent, plain.amount) == ("ch_1", "pi_1", 400)


def test_a_refund_without_a_status_isnt_done_yet() -> None:
    found = read(sample("refund", id="re_1", status=None))

    assert isinstance(found, objects.Refund)
    assert found.status == "pending"


def test_a_dispute_says_until_when_it_can_be_answered() -> None:
    found = read(dispute(evidence_details={"due_by": END}))

    assert isinstance(found, objects.Dispute)
    assert (found.charge, found.amount, found.reason) == ("ch_1", 1785, "fraudulent")
    assert (found.status, found.evidence_due_by) == ("needs_response", at(END))


@pytest.mark.parametrize(
    ("payment_status", "status"), [("unpaid", "open"), ("paid", "complete"), (None, "open")]
)
def test_an_old_checkout_session_is_as_far_as_its_payment(
    payment_status: str | None, status: str
) -> None:
    found = read(without(checkout_session(payment_status=payment_status), "status"))

    assert isinstance(found, objects.CheckoutSession)
    assert found.status == status
