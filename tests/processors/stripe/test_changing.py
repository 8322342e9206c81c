"""What is told of a change and of an end, also when Stripe only repeats itself."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from flask_accrue.errors import CardError, NotFound, ProcessorUnavailable
from flask_accrue.processors import objects
from flask_accrue.processors.stripe import StripeProcessor
from tests.processors.stripe.call_table import CALLS
from tests.processors.stripe.call_table.call import SUBSCRIPTION_EXPANDED
from tests.processors.stripe.situations import (
    DECLINED,
    answers_with,
    kinds,
    open_invoice,
    payment_intent,
    subscribe,
    swap,
)
from tests.processors.stripe.stripe_bodies import START, Json, invoice, line, listed, subscription

if t.TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer

NOON = datetime.datetime(2026, 6, 1, 12, tzinfo=datetime.UTC)
NOON_SECONDS = int(NOON.timestamp())


# -- what would be billed ---------------------------------------------------------------------------


def test_a_preview_of_many_lines_is_told_with_all_of_them(
    world: ContractServer, processor: StripeProcessor
) -> None:
    lines = [line(id=f"il_{number}") for number in range(12)]
    cut_off = invoice(id="upcoming_in_1", status="draft", lines=listed(*lines[:10], has_more=True))
    world.queue_answer(200, cut_off, path="/create_preview$")
    world.queue_answer(200, listed(*lines), path="^/v1/invoices/upcoming_in_1/lines$")

    found = processor.preview_invoice("sub_1", {}).main

    assert isinstance(found, objects.Invoice)
    assert [each.processor_id for each in t.cast("tuple[t.Any, ...]", found.lines)] == [
        each["id"] for each in lines
    ]


# -- what was billed for a change ------------------------------------------------------------------


def test_a_swap_whose_payment_fails_tells_of_both(
    world: ContractServer, processor: StripeProcessor
) -> None:
    world.clock.set(NOON)
    world.prime(payment_intent(**DECLINED))
    billed = open_invoice(created=NOON_SECONDS)
    answers_with(world, subscription(status="past_due", latest_invoice=billed))

    answer = swap(processor)

    assert kinds(answer) == ["subscription", "invoice", "payment_intent", "charge"]
    assert isinstance(answer.main, objects.Subscription)
    assert answer.main.status == "past_due"


def test_one_that_stripe_paused_after_its_trial_is_resumed_with_what_it_was_billed(
    world: ContractServer, processor: StripeProcessor
) -> None:
    world.clock.set(NOON)
    world.prime(payment_intent(**DECLINED))
    billed = open_invoice(created=NOON_SECONDS)
    answers_with(world, subscription(status="paused", latest_invoice=billed))

    answer = processor.update_subscription("sub_1", {"resume": True}, key="key-1")

    assert kinds(answer) == ["subscription", "invoice", "payment_intent", "charge"]
    [sent] = world.requests_to("POST", "/v1/subscriptions/sub_1/resume")
    assert sent.status == 200
    assert sent.params == {"expand": SUBSCRIPTION_EXPANDED}


def test_an_older_invoice_is_none_that_a_change_was_billed_with(
    world: ContractServer, processor: StripeProcessor
) -> None:
    world.clock.set(NOON)
    world.prime(payment_intent(**DECLINED))
    older = open_invoice(created=NOON_SECONDS - 3600, billing_reason="subscription_update")
    answers_with(world, subscription(status="past_due", latest_invoice=older))

    answer = swap(processor)

    assert kinds(answer) == ["subscription"]
    assert isinstance(answer.main, objects.Subscription)
    assert answer.main.latest_invoice == "in_1"


@pytest.mark.parametrize(
    ("reason", "found"),
    [
        ("subscription_update", ["subscription", "invoice", "payment_intent"]),
        ("subscription_cycle", ["subscription"]),
    ],
)
def test_under_a_test_clock_the_invoice_of_a_change_is_told_by_its_reason(
    world: ContractServer, processor: StripeProcessor, reason: str, found: list[str]
) -> None:
    long_ago = open_invoice(created=START - 10**8, billing_reason=reason)
    answers_with(world, subscription(latest_invoice=long_ago, test_clock="clock_1"))

    assert kinds(swap(processor)) == found


def test_a_change_that_cant_be_paid_and_must_be_changes_nothing(
    world: ContractServer, processor: StripeProcessor
) -> None:
    world.queue_answer(402, method="POST", path="/v1/subscriptions/sub_1")
    changes: Json = {
        "items": [{"id": "si_1", "price": "price_team"}],
        "payment_behavior": "error_if_incomplete",
    }

    with pytest.raises(CardError):
        processor.update_subscription("sub_1", changes, key="key-1")

    now = processor.fetch("subscription", "sub_1").main
    assert isinstance(now, objects.Subscription)
    assert now.items[0].price == "price_pro"


def test_an_invoice_of_no_known_time_is_no_refusal_of_the_change(
    world: ContractServer, processor: StripeProcessor
) -> None:
    answers_with(world, subscription(latest_invoice=open_invoice(created="today")))

    with pytest.raises(ProcessorUnavailable, match="Stripe did what it was asked"):
        swap(processor)


# -- ending ----------------------------------------------------------------------------------------


def test_ending_what_has_ended_tells_how_it_stands(
    world: ContractServer, processor: StripeProcessor
) -> None:
    first = CALLS["cancel_subscription"].run(processor)
    again = CALLS["cancel_subscription"].run(processor)

    assert first is not None
    assert again is not None
    assert again.main == first.main


def test_ending_what_never_was_is_not_found(processor: StripeProcessor) -> None:
    with pytest.raises(NotFound):
        CALLS["cancel_subscription"].run(processor)


def test_a_missing_answer_about_a_running_subscription_is_not_taken_for_its_end(
    world: ContractServer, processor: StripeProcessor
) -> None:
    missing = {"error": {"type": "invalid_request_error", "code": "resource_missing"}}
    world.queue_answer(404, missing, method="DELETE")

    with pytest.raises(NotFound):
        CALLS["cancel_subscription"].run(processor)


# -- what Stripe repeats ---------------------------------------------------------------------------


def test_what_stripe_repeats_for_a_key_is_told_as_it_stands_now(
    world: ContractServer, processor: StripeProcessor
) -> None:
    made = CALLS["create_customer"].run(processor)
    assert made is not None
    id = made.main.processor_id
    processor.update_customer(id, {"name": "Countess Lovelace"}, key="key-2")

    again = CALLS["create_customer"].run(processor)

    assert again is not None
    assert again.main.processor_id == id
    assert isinstance(again.main, objects.Customer)
    assert again.main.name == "Countess Lovelace"


def test_a_subscription_that_stripe_repeats_comes_with_its_payment(
    world: ContractServer, processor: StripeProcessor
) -> None:
    answers_with(world, subscription(status="incomplete", latest_invoice=open_invoice()))
    subscribe(processor)
    world.prime(subscription(latest_invoice="in_1"))
    world.prime(invoice())
    world.prime(payment_intent(status="succeeded", latest_charge="ch_1"))

    again = subscribe(processor)

    assert kinds(again) == ["subscription", "invoice", "payment_intent", "charge"]
    assert isinstance(again.main, objects.Subscription)
    assert again.main.status == "active"


@pytest.mark.parametrize(
    ("reason", "found"),
    [
        ("subscription_update", ["subscription", "invoice", "payment_intent"]),
        ("subscription_cycle", ["subscription"]),
    ],
)
def test_a_change_that_stripe_repeats_comes_with_what_it_was_billed(
    world: ContractServer, processor: StripeProcessor, reason: str, found: list[str]
) -> None:
    swap(processor)
    world.prime(subscription(status="past_due", latest_invoice="in_1"))
    world.prime(open_invoice(created=START, billing_reason=reason))

    assert kinds(swap(processor)) == found


def test_a_removed_card_that_stripe_no_longer_shows_is_told_by_the_repeated_answer(
    world: ContractServer, processor: StripeProcessor
) -> None:
    CALLS["remove_payment_method"].run(processor)
    world.queue_answer(
        404,
        {"error": {"type": "invalid_request_error", "code": "resource_missing"}},
        method="GET",
        path="payment_methods/pm_1",
    )

    again = CALLS["remove_payment_method"].run(processor)

    assert again is not None
    assert isinstance(again.main, objects.PaymentMethod)
    assert (again.main.processor_id, again.main.customer) == ("pm_1", None)
