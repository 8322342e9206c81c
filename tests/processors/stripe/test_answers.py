"""What an answer holds: the object that was asked for, and what hangs on it."""

from __future__ import annotations

import datetime
import json
import typing as t

import pytest

from flask_accrue.errors import ProcessorUnavailable
from flask_accrue.processors import objects
from flask_accrue.processors.stripe import StripeProcessor
from tests.processors.stripe.situations import (
    DECLINED,
    WAITS,
    answers_with,
    charge,
    kinds,
    open_invoice,
    payment_intent,
    subscribe,
)
from tests.processors.stripe.stripe_bodies import (
    invoice,
    invoice_payment,
    item,
    line,
    listed,
    sample,
    subscription,
)

if t.TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer

NOON = datetime.datetime(2026, 6, 1, 12, tzinfo=datetime.UTC)


def test_a_first_payment_that_needs_the_customer_comes_with_its_secret(
    world: ContractServer, processor: StripeProcessor
) -> None:
    world.prime(payment_intent(**WAITS))
    answers_with(world, subscription(status="incomplete", latest_invoice=open_invoice()))

    answer = subscribe(processor)

    assert kinds(answer) == ["subscription", "invoice", "payment_intent"]
    made, intent = answer.main, answer.first(objects.PaymentIntent)
    assert isinstance(made, objects.Subscription)
    assert (made.status, made.latest_invoice) == ("incomplete", "in_1")
    assert intent is not None
    assert intent.requires_action
    assert answer.client_secret == "pi_1_secret_1"


def test_no_secret_is_in_any_object(world: ContractServer, processor: StripeProcessor) -> None:
    secret = {"client_secret": "pi_1_secret_1", "type": "payment_intent"}
    body = open_invoice(confirmation_secret=secret)
    answers_with(world, subscription(status="incomplete", latest_invoice=body))

    answer = subscribe(processor)

    assert "pi_1_secret_1" not in json.dumps([dict(each.raw) for each in answer.objects])
    assert "pi_1_secret_1" not in repr(answer)


def test_a_declined_first_payment_brings_the_charge_and_no_error(
    world: ContractServer, processor: StripeProcessor
) -> None:
    world.prime(payment_intent(**DECLINED))
    world.prime(charge(status="failed", captured=False))
    answers_with(world, subscription(status="incomplete", latest_invoice=open_invoice()))

    answer = subscribe(processor)

    assert kinds(answer) == ["subscription", "invoice", "payment_intent", "charge"]
    intent = answer.first(objects.PaymentIntent)
    assert intent is not None
    assert (intent.error_decline_code, intent.latest_charge) == ("insufficient_funds", "ch_1")


def test_a_paid_charge_brings_its_fee(world: ContractServer, processor: StripeProcessor) -> None:
    world.prime(payment_intent(status="succeeded", latest_charge="ch_1"))
    world.prime(charge(balance_transaction="txn_1"))
    world.prime(sample("balance_transaction", id="txn_1", fee=85, net=1700))
    answers_with(world, subscription(latest_invoice=invoice()))

    paid = subscribe(processor).first(objects.Charge)

    assert paid is not None
    assert (paid.fee, paid.net) == (85, 1700)


def test_what_is_stored_of_each_object_is_as_an_event_would_show_it(
    world: ContractServer, processor: StripeProcessor
) -> None:
    world.prime(payment_intent(status="succeeded", latest_charge="ch_1"))
    answers_with(world, subscription(latest_invoice=invoice()))

    made, _, intent, _ = subscribe(processor).objects

    assert made.raw["latest_invoice"] == "in_1"
    assert intent.raw["latest_charge"] == "ch_1"


def test_a_trial_asks_for_no_payment(world: ContractServer, processor: StripeProcessor) -> None:
    free = invoice(total=0, amount_due=0, amount_paid=0, payments=listed())
    answers_with(world, subscription(status="trialing", latest_invoice=free))

    answer = subscribe(processor)

    assert kinds(answer) == ["subscription", "invoice"]
    assert (answer.client_secret, len(world.requests)) == (None, 1)


def test_the_payment_that_counts_is_the_invoice_s_own(
    world: ContractServer, processor: StripeProcessor
) -> None:
    payments = [
        invoice_payment(
            id=f"inpay_{number}",
            status=status,
            is_default=is_default,
            payment={"type": "payment_intent", "payment_intent": f"pi_{number}"},
        )
        for number, (status, is_default) in enumerate(
            [("canceled", True), ("open", False), ("open", True)]
        )
    ]
    world.prime(payment_intent(id="pi_2"))
    answers_with(world, subscription(latest_invoice=open_invoice(payments=listed(*payments))))

    intent = subscribe(processor).first(objects.PaymentIntent)

    assert intent is not None
    assert intent.processor_id == "pi_2"


def test_lines_and_items_that_are_cut_off_are_all_there(
    world: ContractServer, processor: StripeProcessor
) -> None:
    lines = [line(id=f"il_{number}", amount=number) for number in range(12)]
    items = [item(f"si_{number}", subscription="sub_1") for number in range(12)]
    world.prime(invoice(lines=listed(*lines)))
    for each in items:
        world.prime(each)
    cut = invoice(lines=listed(*lines[:10], has_more=True))
    shown = listed(*items[:10], has_more=True)
    answers_with(world, subscription(items=shown, latest_invoice=cut))

    answer = subscribe(processor)

    made, billed = answer.main, answer.first(objects.Invoice)
    assert isinstance(made, objects.Subscription)
    assert {each.processor_id for each in made.items} >= {each["id"] for each in items}
    assert billed is not None
    assert isinstance(billed.lines, tuple)
    assert len(billed.lines) == 12


def test_an_answer_was_true_from_its_first_reply_to_its_last(
    world: ContractServer, processor: StripeProcessor
) -> None:
    world.clock.set(NOON)
    world.queue_answer(
        200,
        payment_intent(),
        method="GET",
        path="payment_intents",
        headers={"Date": "Mon, 01 Jun 2026 12:00:03 GMT"},
    )
    answers_with(world, subscription(latest_invoice=open_invoice()))

    answer = subscribe(processor)

    assert answer.fresh_from == NOON - datetime.timedelta(seconds=1)
    assert answer.fresh_to == NOON + datetime.timedelta(seconds=3)


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_a_payment_that_cant_be_looked_at_leaves_the_outcome_open(
    world: ContractServer, processor: StripeProcessor, status: int
) -> None:
    world.queue_answer(status, method="GET", path="payment_intents")
    answers_with(world, subscription(status="incomplete", latest_invoice=open_invoice()))

    with pytest.raises(ProcessorUnavailable, match="Stripe did what it was asked") as caught:
        subscribe(processor)

    assert not caught.value.definite


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_of_an_invoice_that_is_paid_nobody_waits_for_the_payment(
    world: ContractServer,
    processor: StripeProcessor,
    status: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    world.queue_answer(status, method="GET", path="payment_intents")
    answers_with(world, subscription(latest_invoice=invoice()))

    assert kinds(subscribe(processor)) == ["subscription", "invoice"]
    assert "without a part of it" in caplog.text


def test_an_answer_that_cant_be_read_is_no_refusal(
    world: ContractServer, processor: StripeProcessor
) -> None:
    answers_with(world, {"object": "subscription", "id": "sub_1"})

    with pytest.raises(ProcessorUnavailable):
        subscribe(processor)
