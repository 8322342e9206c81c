"""What an answer holds: the object that was asked for, and what hangs on it."""

from __future__ import annotations

import datetime
import json
import typing as t

import pytest

from flask_accrue.errors import CardError, NotFound, ProcessorUnavailable
from flask_accrue.processors import Answer, objects
from flask_accrue.processors.stripe import StripeProcessor
from tests.processors.stripe.call_table import CALLS, card, charge, payment_intent
from tests.processors.stripe.stripe_bodies import (
    START,
    Json,
    at,
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
NOON_SECONDS = int(NOON.timestamp())

#: What a payment that waits for the customer looks like, and what one that was declined.
WAITS = {"status": "requires_action"}
DECLINED = {
    "status": "requires_payment_method",
    "latest_charge": "ch_1",
    "last_payment_error": {"code": "card_declined", "decline_code": "insufficient_funds"},
}


def kinds(answer: Answer | None) -> list[str]:
    assert answer is not None
    return [each.kind for each in answer.objects]


def open_invoice(**changes: t.Any) -> Json:
    payment = invoice_payment(status="open", amount_paid=None)
    owed = {"status": "open", "amount_paid": 0, "amount_remaining": 1785}
    return invoice(**owed, payments=listed(payment)) | changes


def subscribe(processor: StripeProcessor, key: str = "key-1") -> Answer:
    return processor.create_subscription(
        "cus_1",
        items=[{"price": "price_pro"}],
        trial_end=None,
        payment_method=None,
        collection_method="charge_automatically",
        billing_cycle_anchor=None,
        metadata={},
        key=key,
    )


def answers_with(server: ContractServer, body: Json, path: str = "^/v1/subscriptions") -> None:
    """Let the server answer the next change, once it has checked the request, with a body."""
    server.queue_answer(200, body, method="POST", path=path, remembered=True)


# -- subscriptions ---------------------------------------------------------------------------------


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
    world: ContractServer, processor: StripeProcessor, status: int
) -> None:
    world.queue_answer(status, method="GET", path="payment_intents")
    answers_with(world, subscription(latest_invoice=invoice()))

    assert kinds(subscribe(processor)) == ["subscription", "invoice"]


def test_an_answer_that_cant_be_read_is_no_refusal(
    world: ContractServer, processor: StripeProcessor
) -> None:
    answers_with(world, {"object": "subscription", "id": "sub_1"})

    with pytest.raises(ProcessorUnavailable):
        subscribe(processor)


# -- what was billed for a change ------------------------------------------------------------------


def swap(processor: StripeProcessor, key: str = "key-1") -> Answer:
    changes: Json = {
        "items": [{"id": "si_1", "price": "price_team"}],
        "proration": "always_invoice",
    }
    return processor.update_subscription("sub_1", changes, key=key)


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


# -- money -----------------------------------------------------------------------------------------


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


def test_a_declined_charge_is_told_with_the_error(
    world: ContractServer, processor: StripeProcessor
) -> None:
    failed = payment_intent(**DECLINED)
    world.prime(failed)
    world.prime(charge(status="failed", captured=False))
    world.queue_answer(402, declined(charge="ch_1", payment_intent=failed), method="POST")

    with pytest.raises(CardError) as caught:
        CALLS["create_charge"].run(processor)

    assert caught.value.decline_code == "insufficient_funds"
    assert kinds(caught.value.answer) == ["payment_intent", "charge"]
    assert "secret_1" not in json.dumps([dict(each.raw) for each in caught.value.answer.objects])


def test_a_declined_charge_tells_of_the_intent_in_the_error_when_it_cant_be_read_anew(
    world: ContractServer, processor: StripeProcessor
) -> None:
    failed = payment_intent(**DECLINED)
    world.queue_answer(402, declined(payment_intent=failed), method="POST")
    world.queue_answer(500, method="GET")

    with pytest.raises(CardError) as caught:
        CALLS["create_charge"].run(processor)

    assert kinds(caught.value.answer) == ["payment_intent"]
    assert caught.value.answer.main.error_code == "card_declined"


@pytest.mark.parametrize("intent", ["pi_1", {"object": "payment_intent"}, {"object": "x"}, 7])
def test_a_decline_that_tells_no_whole_intent_has_no_answer(
    world: ContractServer, processor: StripeProcessor, intent: t.Any
) -> None:
    world.queue_answer(402, declined(payment_intent=intent), method="POST")

    with pytest.raises(CardError) as caught:
        CALLS["create_charge"].run(processor)

    assert caught.value.answer is None


def test_a_charge_that_the_customer_has_to_confirm_comes_with_its_secret(
    world: ContractServer, processor: StripeProcessor
) -> None:
    answers_with(world, payment_intent(**WAITS), "^/v1/payment_intents$")

    answer = CALLS["create_charge"].run(processor)

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


# -- lists -----------------------------------------------------------------------------------------


def test_all_cards_are_listed_the_oldest_first(
    world: ContractServer, processor: StripeProcessor
) -> None:
    for number in range(120):
        world.prime(card(f"pm_new_{number:03}", customer="cus_1", created=START + number))
    world.prime(card("pm_theirs", customer="cus_2"))

    answer = processor.list_payment_methods("cus_1")

    listed_ids = [each.processor_id for each in answer.objects]
    assert len(listed_ids) == 121
    assert [id for id in listed_ids if id.startswith("pm_new")] == [
        f"pm_new_{number:03}" for number in range(120)
    ]


def test_a_customer_without_cards_has_an_empty_list(
    world: ContractServer, processor: StripeProcessor
) -> None:
    world.prime(sample("customer", id="cus_2"))

    assert processor.list_payment_methods("cus_2").objects == ()


def test_cards_of_nobody_are_not_found(processor: StripeProcessor) -> None:
    with pytest.raises(NotFound):
        processor.list_payment_methods("cus_gone")


def test_the_catalog_holds_products_then_prices_retired_ones_too(
    world: ContractServer, processor: StripeProcessor
) -> None:
    world.prime(sample("price", id="price_old", product="prod_1", active=False, created=START))

    answer = processor.list_catalog()

    assert kinds(answer) == ["product", "price", "price", "price"]
    retired = next(each for each in answer.objects if each.processor_id == "price_old")
    assert isinstance(retired, objects.Price)
    assert not retired.active


def test_a_list_was_true_from_its_first_page_to_its_last(
    world: ContractServer, processor: StripeProcessor
) -> None:
    world.clock.set(at(START))
    world.queue_answer(
        200,
        listed(),
        path="prices",
        headers={"Date": "Thu, 01 Jan 2026 00:00:09 GMT"},
    )

    answer = processor.list_catalog()

    assert answer.fresh_from == at(START - 1)
    assert answer.fresh_to == at(START + 9)
