"""What is sent for each call: the contract server refuses what Stripe would."""

from __future__ import annotations

import inspect
import typing as t

import pytest

from flask_accrue.errors import InvalidRequest
from flask_accrue.processors import Processor, objects
from flask_accrue.processors.stripe import StripeProcessor, versions
from tests.processors.stripe.call_table import (
    CALLS,
    CHANGES,
    FURTHER,
    KEYED,
    STEPS,
    SUBSCRIPTION_EXPANDED,
)
from tests.processors.stripe.stripe_bodies import Json, sample

if t.TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer

_OF_NOBODY = (
    "create_connect_account",
    "create_coupon",
    "create_customer",
    "create_meter_event",
    "create_portal_configuration",
    "delete_coupon",
    "delete_invoice",
    "delete_tax_id",
)
#: What needs no call, ``find``, whose table is its own, and what is tried elsewhere.
_LOCAL = {
    "can",
    "require",
    "of_account",
    "verify_webhook",
    "read_event",
    "read_envelope",
    "storable",
    "default_payment_method_of",
    "is_simulated",
    "find",
    # What it answers with is no object of ours: it's tried beside usage.
    "list_refused_usage",
    # Stripe's page alone takes codes and completes what it has begun.
    "complete_checkout_session",
    "type_promotion_code",
}


def sent(server: ContractServer) -> Json:
    """Return the parameters of the first request that changed something, less what is expanded."""
    first = next(each for each in server.requests if each.method != "GET")
    return {name: value for name, value in first.params.items() if name != "expand"}


def test_every_call_of_the_contract_is_in_the_table() -> None:
    contract = {
        name
        for name, member in inspect.getmembers(Processor, inspect.isfunction)
        if not name.startswith("_")
    }

    assert set(CALLS) - FURTHER == contract - _LOCAL


@pytest.mark.parametrize("name", CALLS)
def test_a_call_makes_its_request(
    world: ContractServer, processor: StripeProcessor, name: str
) -> None:
    call = CALLS[name]

    answer = call.run(processor)

    # What is deleted is read before.
    request = next(each for each in world.requests if each.method == call.method)
    assert (request.method, request.path) == (call.method, call.path)
    assert request.params == call.params
    assert request.headers["Stripe-Version"] == versions.PINNED
    assert [each.status for each in world.requests] == [200] * len(world.requests)
    assert answer is not None
    assert tuple(each.kind for each in answer.objects) == call.kinds


@pytest.mark.parametrize("name", KEYED)
def test_a_change_carries_its_key(
    world: ContractServer, processor: StripeProcessor, name: str
) -> None:
    CALLS[name].run(processor)

    posts = [request for request in world.requests if request.method == "POST"]
    assert [request.idempotency_key for request in posts] == ["key-1", *STEPS.get(name, ())]


@pytest.mark.parametrize("name", CALLS)
def test_a_call_for_a_connected_account_is_made_there(
    world: ContractServer, processor: StripeProcessor, name: str
) -> None:
    for obj in world.objects()["platform"]:
        world.prime(obj, account="acct_1")
    world.prime({"id": "acct_1", "object": "account"})

    CALLS[name].run(processor.of_account("acct_1"))

    assert {request.account for request in world.requests} == {"acct_1"}


def test_the_platform_s_own_calls_name_no_account(
    world: ContractServer, processor: StripeProcessor
) -> None:
    processor.of_account("acct_1").of_account(None).fetch("customer", "cus_1")

    assert world.requests[-1].account is None


@pytest.mark.parametrize(
    "key",
    ["größe-1", "登録:1", "a b", "k" * 256, "\U0001f4b3"],
    ids=["ö", "CJK", "blank", "long", "emoji"],
)
def test_a_key_of_any_letters_fits_a_header(
    stripe_server: ContractServer, processor: StripeProcessor, key: str
) -> None:
    asked: Json = {"name": "Ada", "email": None, "preferred_locale": None, "metadata": {}}
    first = processor.create_customer(**asked, key=key).main
    again = processor.create_customer(**asked, key=key).main
    other = processor.create_customer(**asked, key=key + "x").main

    assert first == again
    assert first.processor_id != other.processor_id


# -- customers and cards ---------------------------------------------------------------------------


def test_a_customer_s_fields_are_emptied(world: ContractServer, processor: StripeProcessor) -> None:
    processor.update_customer("cus_1", {"default_payment_method": "pm_1"}, key="key-1")
    changes: Json = {"name": None, "email": None, "default_payment_method": None}

    changed = processor.update_customer("cus_1", changes, key="key-2").main

    assert isinstance(changed, objects.Customer)
    assert world.requests[-1].params == {
        "name": "",
        "email": "",
        "invoice_settings": {"default_payment_method": ""},
    }
    assert not changed.default_payment_method


def test_a_locale_that_stripe_cant_empty_is_refused_before_anything_is_sent(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    with pytest.raises(InvalidRequest, match="another one instead"):
        processor.update_customer("cus_1", {"preferred_locale": None}, key="key-1")

    assert stripe_server.requests == []


def test_a_token_is_made_into_a_card_with_a_key_of_its_own(
    world: ContractServer, processor: StripeProcessor
) -> None:
    added = processor.add_payment_method("cus_1", "tok_visa", key="key-1").main

    made, attached = world.requests
    assert (made.path, made.params) == (
        "/v1/payment_methods",
        {"type": "card", "card": {"token": "tok_visa"}},
    )
    assert attached.path == f"/v1/payment_methods/{added.processor_id}/attach"
    assert [made.idempotency_key, attached.idempotency_key] == ["key-1:method", "key-1"]
    assert isinstance(added, objects.PaymentMethod)
    assert added.customer == "cus_1"


def already_attached() -> Json:
    message = "The payment method you provided has already been attached to a customer."
    return {"error": {"type": "invalid_request_error", "message": message}}


def test_a_card_that_the_customer_has_already_is_added(
    world: ContractServer, processor: StripeProcessor
) -> None:
    world.queue_answer(400, already_attached(), path="/attach$")

    added = processor.add_payment_method("cus_1", "pm_1", key="key-1").main

    assert isinstance(added, objects.PaymentMethod)
    assert (added.processor_id, added.customer) == ("pm_1", "cus_1")


def test_a_card_that_another_customer_has_is_refused(
    world: ContractServer, processor: StripeProcessor
) -> None:
    world.prime(sample("customer", id="cus_2"))
    world.queue_answer(400, already_attached(), path="/attach$")

    with pytest.raises(InvalidRequest, match="already been attached"):
        processor.add_payment_method("cus_2", "pm_1", key="key-1")


def test_a_card_that_is_removed_belongs_to_nobody(
    world: ContractServer, processor: StripeProcessor
) -> None:
    removed = processor.remove_payment_method("pm_1", key="key-1").main

    assert isinstance(removed, objects.PaymentMethod)
    assert removed.customer is None


# -- subscriptions ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "params"),
    [
        ({}, {}),
        ({"items": [{"id": "si_1", "quantity": 0}]}, {"items": [{"id": "si_1", "quantity": 0}]}),
        (
            {"items": [{"id": "si_1", "deleted": True}, {"price": "price_team"}]},
            {"items": [{"id": "si_1", "deleted": True}, {"price": "price_team"}]},
        ),
        ({"proration": "none"}, {"proration_behavior": "none"}),
        ({"trial_end": "now"}, {"trial_end": "now"}),
        (
            {"trial_end": 1798761600, "proration": "none"},
            {"trial_end": 1798761600, "proration_behavior": "none"},
        ),
        ({"cancel_at_period_end": True}, {"cancel_at_period_end": True}),
        ({"cancel_at_period_end": False}, {"cancel_at_period_end": False}),
        ({"cancel_at": 1798761600}, {"cancel_at": 1798761600}),
        ({"cancel_at": None}, {"cancel_at": ""}),
        # Stripe takes one or the other.
        ({"cancel_at_period_end": True, "cancel_at": None}, {"cancel_at_period_end": True}),
        ({"cancel_at_period_end": False, "cancel_at": None}, {"cancel_at_period_end": False}),
        ({"cancel_at_period_end": False, "cancel_at": 1798761600}, {"cancel_at": 1798761600}),
        (
            {"pause": {"behavior": "void", "resumes_at": None}},
            {"pause_collection": {"behavior": "void"}},
        ),
        (
            {"pause": {"behavior": "keep_as_draft", "resumes_at": 1798761600}},
            {"pause_collection": {"behavior": "keep_as_draft", "resumes_at": 1798761600}},
        ),
        ({"pause": None}, {"pause_collection": ""}),
        ({"payment_behavior": "allow_incomplete"}, {"payment_behavior": "allow_incomplete"}),
        ({"default_payment_method": None}, {"default_payment_method": ""}),
        ({"metadata": {"a": ""}}, {"metadata": {"a": ""}}),
    ],
)
def test_a_change_sends_what_was_asked_for_and_nothing_else(
    world: ContractServer, processor: StripeProcessor, changes: Json, params: Json
) -> None:
    processor.update_subscription("sub_1", changes, key="key-1")

    assert world.requests[0].params == {**params, "expand": SUBSCRIPTION_EXPANDED}


def test_a_subscription_is_made_with_what_was_asked_for_and_nothing_else(
    world: ContractServer, processor: StripeProcessor
) -> None:
    processor.create_subscription(
        "cus_1",
        items=[{"price": "price_pro"}],
        trial_end=None,
        payment_method=None,
        collection_method="charge_automatically",
        billing_cycle_anchor=None,
        metadata={},
        key="key-1",
    )

    assert sent(world) == {
        "customer": "cus_1",
        "items": [{"price": "price_pro"}],
        "collection_method": "charge_automatically",
        "payment_behavior": "allow_incomplete",
    }


@pytest.mark.parametrize(("said", "days"), [({}, 30), ({"days_until_due": 0}, 0)])
def test_an_invoice_that_is_sent_is_due_after_a_month_or_as_is_said(
    world: ContractServer, processor: StripeProcessor, said: t.Any, days: int
) -> None:
    processor.create_subscription(
        "cus_1",
        items=[{"price": "price_pro"}],
        trial_end=None,
        payment_method=None,
        collection_method="send_invoice",
        billing_cycle_anchor=None,
        metadata={},
        **said,
        key="key-1",
    )

    assert sent(world)["days_until_due"] == days


def test_a_plain_cancellation_asks_for_no_bill(
    world: ContractServer, processor: StripeProcessor
) -> None:
    ended = processor.cancel_subscription(
        "sub_1", invoice_now=False, prorate=False, key="key-1"
    ).main

    assert sent(world) == {}
    assert isinstance(ended, objects.Subscription)
    assert ended.status == "canceled"
    assert ended.ended_at is not None


def test_the_whole_rest_of_a_charge_is_refunded_by_naming_no_amount(
    world: ContractServer, processor: StripeProcessor
) -> None:
    processor.create_refund("ch_1", amount=None, reason=None, metadata={}, key="key-1")

    assert sent(world) == {"charge": "ch_1"}


@pytest.mark.parametrize(
    ("method", "id"),
    [
        ("update_customer", "cus_1"),
        ("update_payment_method", "pm_1"),
        ("update_subscription", "sub_1"),
    ],
)
def test_what_cant_be_changed_is_refused_by_name_before_anything_is_sent(
    stripe_server: ContractServer, processor: StripeProcessor, method: str, id: str
) -> None:
    with pytest.raises(InvalidRequest, match="'shoe_size'") as caught:
        getattr(processor, method)(id, {"shoe_size": 42}, key="key-1")

    assert caught.value.param == "shoe_size"
    assert stripe_server.requests == []


# A customer has none yet, nor has a configuration of the portal; whom usage is of Stripe checks later,
# and what is to be deleted may be gone.
@pytest.mark.parametrize("name", [name for name in CHANGES if name not in _OF_NOBODY])
def test_an_id_that_nobody_has_is_refused(
    stripe_server: ContractServer, processor: StripeProcessor, name: str
) -> None:
    with pytest.raises(InvalidRequest):
        CALLS[name].run(processor)

    assert stripe_server.requests[0].status in (400, 404)
