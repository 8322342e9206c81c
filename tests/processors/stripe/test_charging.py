"""Money: what is told of a payment, also of one that the bank refused."""

from __future__ import annotations

import json
import typing as t

import pytest

from flask_accrue.errors import CardError
from flask_accrue.processors import objects
from flask_accrue.processors.stripe import StripeProcessor
from tests.processors.stripe.call_table import CALLS
from tests.processors.stripe.situations import (
    DECLINED,
    WAITS,
    answers_with,
    charge,
    kinds,
    payment_intent,
)
from tests.processors.stripe.stripe_bodies import Json, invoice, sample

if t.TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer


def test_paying_an_invoice_brings_payment_charge_and_subscription(
    world: ContractServer, processor: StripeProcessor
) -> None:
    world.prime(payment_intent(status="succeeded", latest_charge="ch_1"))

    answer = processor.pay_invoice("in_1", payment_method=None, key="key-1")

    assert kinds(answer) == ["invoice", "payment_intent", "charge", "subscription"]
    paid = answer.main
    assert isinstance(paid, objects.Invoice)
    assert (paid.status, paid.subscription) == ("paid", "sub_1")
    details = paid.raw["parent"]["subscription_details"]
    assert details["subscription"] == "sub_1"


def test_an_invoice_that_the_bank_declines_is_told_with_the_error(
    world: ContractServer, processor: StripeProcessor
) -> None:
    world.queue_answer(402, path="/pay$")
    world.prime(payment_intent(**DECLINED))

    with pytest.raises(CardError) as caught:
        processor.pay_invoice("in_1", payment_method=None, key="key-1")

    answer = caught.value.answer
    assert kinds(answer) == ["invoice", "payment_intent", "charge", "subscription"]
    assert answer.main.status == "open"


def test_an_invoice_that_the_customer_has_to_confirm_is_no_error(
    world: ContractServer, processor: StripeProcessor
) -> None:
    code = "invoice_payment_intent_requires_action"
    refusal = {"error": {"type": "card_error", "code": code, "message": "Please confirm."}}
    world.queue_answer(402, refusal, path="/pay$")
    world.prime(payment_intent(**WAITS))

    answer = processor.pay_invoice("in_1", payment_method=None, key="key-1")

    assert kinds(answer) == ["invoice", "payment_intent", "subscription"]
    assert answer.client_secret == "pi_1_secret_1"


def test_a_decline_that_stripe_repeats_is_none_once_the_invoice_is_paid(
    world: ContractServer, processor: StripeProcessor
) -> None:
    world.queue_answer(402, path="/pay$")
    with pytest.raises(CardError):
        processor.pay_invoice("in_1", payment_method=None, key="key-1")
    world.prime(invoice())
    world.prime(payment_intent(status="succeeded", latest_charge="ch_1"))

    answer = processor.pay_invoice("in_1", payment_method=None, key="key-1")

    assert world.requests_to("POST", "/v1/invoices/in_1/pay")[-1].replayed
    assert isinstance(answer.main, objects.Invoice)
    assert answer.main.status == "paid"


def test_a_decline_stays_a_decline_when_nothing_more_can_be_learned(
    world: ContractServer, processor: StripeProcessor
) -> None:
    world.queue_answer(402, path="/pay$")
    world.queue_answer(500, method="GET")

    with pytest.raises(CardError) as caught:
        processor.pay_invoice("in_1", payment_method=None, key="key-1")

    assert caught.value.answer is None


def declined(**others: t.Any) -> Json:
    return {
        "error": {
            "type": "card_error",
            "code": "card_declined",
            "decline_code": "insufficient_funds",
            "message": "Your card has insufficient funds.",
            **others,
        }
    }


@pytest.mark.parametrize(
    "name", ["create_charge", "create_connect_charge", "create_payment_intent"]
)
def test_a_declined_charge_is_told_with_the_error(
    world: ContractServer, processor: StripeProcessor, name: str
) -> None:
    failed = payment_intent(**DECLINED)
    world.prime(failed)
    world.prime(charge(status="failed", captured=False))
    world.queue_answer(402, declined(charge="ch_1", payment_intent=failed), method="POST")

    with pytest.raises(CardError) as caught:
        CALLS[name].run(processor)

    assert caught.value.decline_code == "insufficient_funds"
    assert kinds(caught.value.answer) == ["payment_intent", "charge"]
    assert "secret_1" not in json.dumps([dict(each.raw) for each in caught.value.answer.objects])


@pytest.mark.parametrize(
    "name", ["create_charge", "create_connect_charge", "create_payment_intent"]
)
def test_a_declined_charge_tells_of_the_intent_in_the_error_when_it_cant_be_read_anew(
    world: ContractServer, processor: StripeProcessor, name: str
) -> None:
    failed = payment_intent(**DECLINED)
    world.queue_answer(402, declined(payment_intent=failed), method="POST")
    world.queue_answer(500, method="GET")

    with pytest.raises(CardError) as caught:
        CALLS[name].run(processor)

    assert kinds(caught.value.answer) == ["payment_intent"]
    assert caught.value.answer.main.error_code == "card_declined"


@pytest.mark.parametrize(
    "intent", ["pi_1", {"object": "payment_intent"}, {"object": "x"}, 7, sample("customer")]
)
def test_a_decline_that_tells_no_whole_intent_has_no_answer(
    world: ContractServer, processor: StripeProcessor, intent: t.Any
) -> None:
    world.queue_answer(402, declined(payment_intent=intent), method="POST")

    with pytest.raises(CardError) as caught:
        CALLS["create_charge"].run(processor)

    assert caught.value.answer is None


@pytest.mark.parametrize(
    "name", ["create_charge", "create_connect_charge", "create_payment_intent"]
)
def test_a_charge_that_the_customer_has_to_confirm_comes_with_its_secret(
    world: ContractServer, processor: StripeProcessor, name: str
) -> None:
    answers_with(world, payment_intent(**WAITS), "^/v1/payment_intents$")

    answer = CALLS[name].run(processor)

    assert kinds(answer) == ["payment_intent"]
    assert answer is not None
    assert answer.client_secret == "pi_1_secret_1"


def test_a_confirmed_payment_brings_the_invoice_that_it_pays(
    world: ContractServer, processor: StripeProcessor
) -> None:
    world.prime(payment_intent(**WAITS))

    answer = processor.confirm_payment("pi_1", payment_method=None, key="key-1")

    assert kinds(answer) == ["payment_intent", "invoice", "subscription"]
    assert isinstance(answer.main, objects.PaymentIntent)
    assert answer.main.status == "succeeded"


def test_a_confirmed_payment_stands_when_its_invoice_cant_be_read(
    world: ContractServer, processor: StripeProcessor
) -> None:
    world.queue_answer(500, method="GET", path="invoice_payments")

    answer = processor.confirm_payment("pi_1", payment_method=None, key="key-1")

    assert kinds(answer) == ["payment_intent"]


def test_a_payment_that_fails_on_confirmation_is_told_with_the_error(
    world: ContractServer, processor: StripeProcessor
) -> None:
    world.prime(payment_intent(**DECLINED))
    world.queue_answer(402, method="POST", path="/confirm$")

    with pytest.raises(CardError) as caught:
        processor.confirm_payment("pi_1", payment_method=None, key="key-1")

    assert kinds(caught.value.answer) == ["payment_intent", "charge", "invoice", "subscription"]


def test_a_refund_comes_with_its_charge(world: ContractServer, processor: StripeProcessor) -> None:
    answer = CALLS["create_refund"].run(processor)

    assert answer is not None
    refund = answer.main
    assert isinstance(refund, objects.Refund)
    assert (refund.charge, refund.raw["charge"], refund.amount) == ("ch_1", "ch_1", 100)
