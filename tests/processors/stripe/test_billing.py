"""Billing with Stripe as the processor, whose API is the contract server."""

from __future__ import annotations

import typing as t

import pytest

from flask_accrue import billing, ledger, models
from flask_accrue.errors import ActionRequired, CardError, IdempotencyConflict, ProcessorUnavailable
from flask_accrue.money import Money
from flask_accrue.processors.stripe import StripeProcessor
from flask_accrue.state import current_state
from tests.processors.stripe.situations import DECLINED, WAITS, charge, payment_intent
from tests.processors.stripe.stripe_bodies import (
    invoice,
)
from tests.processors.stripe.stripe_host import bill_next_change, entries, org, payer, rows

if t.TYPE_CHECKING:
    from tests.host import Organization
    from tests.oracles.stripe_server import ContractServer

__all__ = ["org", "payer"]


def hurry(server: ContractServer) -> None:
    """Let the app give up at the first failure."""
    stripe = StripeProcessor("sk_test_oracle", api_base=server.url, retries=0)
    t.cast("dict[str, t.Any]", current_state().processors)["stripe"] = stripe


# -- a life ----------------------------------------------------------------------------------------


def test_a_customer_and_a_card_are_made_once(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    again = billing.add_payment_method(org, "pm_card_visa", operation_id="again")

    assert billing.customer(org) == payer
    assert len(stripe_server.requests_to("POST", "/v1/customers")) == 1
    assert payer.name == "Acme"
    assert payer.default_payment_method is not None
    assert payer.default_payment_method.last4 == "4242"
    assert again.is_attached


def test_a_subscription_lives_and_ends(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    made = billing.subscribe(org, "price_pro", quantity=2)
    assert made.is_active
    assert [(item.price_processor_id, item.quantity) for item in made.items] == [("price_pro", 2)]

    billing.swap_plan(made, "price_team", proration="create_prorations")
    assert [(item.price_processor_id, item.quantity) for item in made.items] == [("price_team", 2)]

    billing.update_quantity(made, 5)
    assert [item.quantity for item in made.items] == [5]

    billing.cancel_at_period_end(made)
    assert made.is_canceling
    billing.resume(made)
    assert not made.is_canceling

    billing.pause(made, "void")
    assert made.is_paused
    billing.resume(made)
    assert not made.is_paused

    billing.cancel(made)
    assert made.is_ended
    assert [request.error for request in stripe_server.requests if request.status != 200] == []
    told = [type for type in entries() if type.startswith("subscription.")]
    assert told[0] == "subscription.created"
    assert len(told) == 8
    assert ledger.verify().is_intact


def test_a_charge_is_given_back(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    of_payer = {"customer": payer.processor_id}
    paid = charge(**of_payer, amount=500, amount_captured=500)
    stripe_server.prime(paid)
    stripe_server.queue_answer(
        200,
        payment_intent(**of_payer, amount=500, status="succeeded", latest_charge=paid),
        path="^/v1/payment_intents$",
        remembered=True,
    )

    intent = billing.charge(org, Money(500, "usd"), description="Setup")
    assert intent.is_succeeded
    [row] = billing.list_charges(org)
    refund = billing.refund(row, Money(200, "usd"), reason="duplicate")

    assert (refund.amount, refund.charge_processor_id) == (200, "ch_1")
    assert "refund.created" in entries()


# -- payments that don't go through ----------------------------------------------------------------


def test_a_first_payment_that_needs_the_customer_leaves_an_incomplete_subscription(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    bill_next_change(stripe_server, payer, "incomplete", WAITS)

    with pytest.raises(ActionRequired) as caught:
        billing.subscribe(org, "price_pro")

    row = caught.value.row
    assert caught.value.client_secret == "pi_1_secret_1"
    assert caught.value.url is not None
    assert row.is_incomplete
    [intent] = rows(models.PaymentIntent)
    assert (intent.processor_id, intent.invoice_processor_id) == ("pi_1", "in_1")
    stored = [each.raw for model in (models.Subscription, models.Invoice) for each in rows(model)]
    assert "secret_1" not in repr([*stored, intent.raw])


def test_a_declined_first_payment_leaves_an_incomplete_subscription(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    bill_next_change(stripe_server, payer, "incomplete", DECLINED)

    with pytest.raises(CardError) as caught:
        billing.subscribe(org, "price_pro")

    assert caught.value.decline_code == "insufficient_funds"
    assert caught.value.row.is_incomplete
    assert [row.status for row in rows(models.Charge)] == ["failed"]


def test_a_swap_whose_payment_fails_has_changed_the_plan(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    made = billing.subscribe(org, "price_pro")
    bill_next_change(stripe_server, payer, "past_due", DECLINED)

    with pytest.raises(CardError) as caught:
        billing.swap_plan(made, "price_team", proration="always_invoice")

    assert caught.value.row.is_past_due
    assert [row.status for row in rows(models.Invoice)] == ["open"]


def test_a_swap_that_must_be_paid_and_isnt_changes_nothing(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    made = billing.subscribe(org, "price_pro")
    stripe_server.queue_answer(402, method="POST", path="^/v1/subscriptions/")

    with pytest.raises(CardError):
        billing.swap_plan(
            made,
            "price_team",
            proration="always_invoice",
            payment_behavior="error_if_incomplete",
        )

    assert made.is_active
    assert [item.price_processor_id for item in made.items] == ["price_pro"]


def test_a_declined_charge_is_kept_with_its_refusal(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    failed = payment_intent(customer=payer.processor_id, **DECLINED)
    stripe_server.prime(failed)
    stripe_server.prime(charge(customer=payer.processor_id, status="failed", captured=False))
    refusal = {
        "type": "card_error",
        "code": "card_declined",
        "decline_code": "insufficient_funds",
        "message": "Your card has insufficient funds.",
        "payment_intent": failed,
    }
    stripe_server.queue_answer(402, {"error": refusal}, method="POST")

    for _ in range(2):
        with pytest.raises(CardError) as caught:
            billing.charge(org, Money(1785, "usd"), operation_id="setup")
        assert caught.value.decline_code == "insufficient_funds"

    assert [row.status for row in rows(models.PaymentIntent)] == ["requires_payment_method"]
    assert [row.status for row in rows(models.Charge)] == ["failed"]
    assert len(stripe_server.requests_to("POST", "/v1/payment_intents")) == 1


def test_a_card_that_is_declined_is_not_added(payer: models.Customer, org: Organization) -> None:
    with pytest.raises(CardError) as caught:
        billing.add_payment_method(org, "pm_card_chargeDeclinedInsufficientFunds")

    assert caught.value.decline_code == "insufficient_funds"
    assert len(billing.list_payment_methods(org)) == 1


@pytest.fixture
def owing(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> models.Invoice:
    """Give the open invoice of a subscription that is past due, and at Stripe both as they stand."""
    made = billing.subscribe(org, "price_pro")
    bill_next_change(stripe_server, payer, "past_due", DECLINED)
    with pytest.raises(CardError):
        billing.swap_plan(made, "price_team", proration="always_invoice")
    [invoice] = rows(models.Invoice)
    return t.cast(models.Invoice, invoice)


def test_an_invoice_is_paid_and_its_subscription_goes_on(
    owing: models.Invoice, payer: models.Customer, stripe_server: ContractServer
) -> None:
    [subscription] = rows(models.Subscription)
    assert subscription.is_past_due
    stands = next(
        each
        for each in stripe_server.objects()["platform"]
        if each["id"] == subscription.processor_id
    )
    stripe_server.prime({**stands, "status": "active"})
    stripe_server.prime(payment_intent(customer=payer.processor_id, status="succeeded"))

    paid = billing.pay_invoice(owing)

    assert paid.is_paid
    assert subscription.is_active


def test_an_invoice_that_the_customer_has_to_confirm_says_where(
    owing: models.Invoice, payer: models.Customer, stripe_server: ContractServer
) -> None:
    stripe_server.prime(payment_intent(customer=payer.processor_id, **WAITS))
    code = "invoice_payment_intent_requires_action"
    refusal = {"error": {"type": "card_error", "code": code, "message": "Please confirm."}}
    stripe_server.queue_answer(402, refusal, path="/pay$")

    with pytest.raises(ActionRequired) as caught:
        billing.pay_invoice(owing)

    assert caught.value.client_secret == "pi_1_secret_1"
    assert caught.value.row == owing
    assert [row.status for row in rows(models.PaymentIntent)] == ["requires_action"]


# -- lost answers ----------------------------------------------------------------------------------


def test_a_lost_answer_to_subscribe_leaves_one_subscription(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    hurry(stripe_server)
    stripe_server.queue_reset(method="POST", path="^/v1/subscriptions$", acts=True)

    with pytest.raises(ProcessorUnavailable):
        billing.subscribe(org, "price_pro", operation_id="sign-up")
    made = billing.subscribe(org, "price_pro", operation_id="sign-up")

    assert made.is_active
    assert len(rows(models.Subscription)) == 1
    assert len(stripe_server.requests_to("POST", "/v1/subscriptions")) == 1


def test_a_key_that_was_used_for_something_else_leaves_the_outcome_open(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    conflict = {"error": {"type": "idempotency_error", "message": "Keys for idempotent requests …"}}
    stripe_server.queue_answer(400, conflict, path="^/v1/subscriptions$")
    with pytest.raises(IdempotencyConflict):
        billing.subscribe(org, "price_pro", operation_id="sign-up")
    assert [row.state for row in rows(models.Operation) if row.id == "sign-up"] == ["unknown"]

    assert billing.subscribe(org, "price_pro", operation_id="sign-up").is_active
    looked, *_ = stripe_server.requests_to("GET", "/v1/subscriptions")
    assert looked.params["customer"] == payer.processor_id


@pytest.mark.parametrize("status", [400, 401, 404, 429])
def test_what_hangs_on_a_found_subscription_and_cant_be_read_is_no_refusal_of_it(
    payer: models.Customer, org: Organization, stripe_server: ContractServer, status: int
) -> None:
    hurry(stripe_server)
    stripe_server.queue_reset(method="POST", path="^/v1/subscriptions$", acts=True)
    with pytest.raises(ProcessorUnavailable):
        billing.subscribe(org, "price_pro", operation_id="sign-up")
    found = next(
        each for each in stripe_server.objects()["platform"] if each["object"] == "subscription"
    )
    stripe_server.prime(invoice(customer=payer.processor_id))
    stripe_server.prime({**found, "latest_invoice": "in_1"})
    stripe_server.prime(payment_intent(customer=payer.processor_id, status="succeeded"))
    refusal = {"error": {"type": "invalid_request_error", "code": "resource_missing"}}
    # After a 404 it's asked again without what should come along.
    times = 2 if status == 404 else 1
    stripe_server.queue_answer(status, refusal, path="/v1/invoices/", times=times)

    with pytest.raises(ProcessorUnavailable, match="was made"):
        billing.subscribe(org, "price_pro", operation_id="sign-up")
    made = billing.subscribe(org, "price_pro", operation_id="sign-up")

    assert made.is_active
    assert [row.processor_id for row in rows(models.Invoice)] == ["in_1"]


def test_a_lost_answer_to_a_change_leaves_one_change(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    made = billing.subscribe(org, "price_pro")
    hurry(stripe_server)
    path = f"/v1/subscriptions/{made.processor_id}"
    stripe_server.queue_reset(method="POST", path=f"^{path}$", acts=True)

    for _ in range(2):
        try:
            billing.swap_plan(made, "price_team", proration="none", operation_id="swap")
        except ProcessorUnavailable:
            continue

    assert [item.price_processor_id for item in made.items] == ["price_team"]
    assert [each.replayed for each in stripe_server.requests_to("POST", path)] == [False, True]


def test_a_lost_answer_to_a_first_visit_leaves_one_customer(
    org: Organization, stripe_server: ContractServer
) -> None:
    hurry(stripe_server)
    stripe_server.queue_reset(method="POST", path="^/v1/customers$", acts=True)

    with pytest.raises(ProcessorUnavailable):
        billing.customer(org)
    made = billing.customer(org)

    assert [made.processor_id] == [
        each["id"] for each in stripe_server.objects()["platform"] if each["object"] == "customer"
    ]
