"""Every call under every fault: what is raised, what is known afterwards, and that it's done once."""

from __future__ import annotations

import collections
import concurrent.futures
import time
import typing as t

import pytest

from flask_accrue.errors import (
    AccrueError,
    AuthenticationError,
    CardError,
    IdempotencyConflict,
    InvalidRequest,
    NotFound,
    ProcessorError,
    ProcessorUnavailable,
    RateLimited,
)
from flask_accrue.processors import Answer
from flask_accrue.processors.stripe import StripeProcessor
from tests.processors.stripe.call_table import CALLS, CHANGES, KEYED, STEPS, Call
from tests.processors.stripe.situations import prime_world
from tests.processors.stripe.stripe_bodies import Json

if t.TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer


def said(**error: t.Any) -> Json:
    return {"error": {"message": "No.", **error}}


#: What Stripe answers, which error that is, and whether asking again would get the same.
ANSWERS: dict[str, tuple[int, Json | None, type[AccrueError], bool]] = {
    "declined": (402, None, CardError, True),
    "wrong key": (401, None, AuthenticationError, True),
    "no permission": (403, said(type="invalid_request_error"), AuthenticationError, True),
    "missing": (404, said(type="invalid_request_error", code="resource_missing"), NotFound, True),
    "refused": (400, said(type="invalid_request_error", param="x"), InvalidRequest, True),
    "in the way": (409, None, ProcessorUnavailable, False),
    "too many": (429, None, RateLimited, True),
    "out of order": (500, None, ProcessorUnavailable, False),
    "no gateway": (502, {"html": "Bad gateway"}, ProcessorUnavailable, False),
}

#: The decline codes of https://docs.stripe.com/declines/codes that tests can rely on.
DECLINES = (
    "generic_decline",
    "insufficient_funds",
    "lost_card",
    "stolen_card",
    "expired_card",
    "incorrect_cvc",
    "processing_error",
    "incorrect_number",
    "card_velocity_exceeded",
    "authentication_required",
    "do_not_honor",
    "fraudulent",
)


def strike(server: ContractServer, call: Call, **fault: t.Any) -> None:
    server.queue_fault({"method": call.method, "path": f"^{call.path}$", **fault})


def made(server: ContractServer) -> collections.Counter[str]:
    """Count the objects of each kind."""
    return collections.Counter(str(each["object"]) for each in server.objects()["platform"])


#: The calls that a bank may answer.
ASKING_A_BANK = (
    "add_payment_method",
    "pay_invoice",
    "create_charge",
    "confirm_payment",
    "create_payment_intent",
    "confirm_setup",
)


#: The calls after which something is gone, which is no error when it was so before.
DELETIONS = (
    "delete_coupon",
    "delete_invoice",
    "delete_tax_id",
    "remove_customer_discount",
    "remove_invoice_item",
)


@pytest.mark.parametrize("name", CALLS)
def test_a_refusal_or_failure_is_told_as_what_it_is(
    world: ContractServer, processor: StripeProcessor, name: str
) -> None:
    for fault, (status, body, kind, definite) in ANSWERS.items():
        if fault == "missing" and name in DELETIONS:
            continue
        strike(world, CALLS[name], status=status, body=body)
        before = len(world.requests)

        with pytest.raises(kind) as caught:
            CALLS[name].run(processor)

        struck = next(each for each in world.requests[before:] if each.status == status)
        error = caught.value
        assert type(error) is kind, fault
        assert isinstance(error, ProcessorError)
        assert (error.http_status, error.definite) == (status, definite), fault
        # An answer that isn't Stripe's own has no id that its support would know.
        assert error.request_id == (None if fault == "no gateway" else struck.request_id), fault


@pytest.mark.parametrize("code", DECLINES)
@pytest.mark.parametrize("name", ASKING_A_BANK)
def test_a_decline_tells_the_bank_s_reason(
    world: ContractServer, processor: StripeProcessor, name: str, code: str
) -> None:
    body = said(type="card_error", code="card_declined", decline_code=code)
    strike(world, CALLS[name], status=402, body=body)

    with pytest.raises(CardError) as caught:
        CALLS[name].run(processor)

    assert (caught.value.code, caught.value.decline_code) == ("card_declined", code)


@pytest.mark.parametrize("name", CALLS)
def test_too_many_calls_say_when_to_come_back(
    world: ContractServer, patient: StripeProcessor, name: str
) -> None:
    strike(world, CALLS[name], status=429, headers={"Retry-After": "3"})

    with pytest.raises(RateLimited) as caught:
        CALLS[name].run(patient)

    assert caught.value.retry_after == 3
    method = CALLS[name].method
    assert len([each for each in world.requests if each.method == method]) == 1


@pytest.mark.parametrize("name", KEYED)
def test_a_key_that_was_used_for_something_else_is_a_conflict(
    world: ContractServer, patient: StripeProcessor, name: str
) -> None:
    patient.create_customer(
        name="Grace", email=None, preferred_locale=None, metadata={}, key="key-1"
    )
    before = world.objects()

    with pytest.raises(IdempotencyConflict):
        CALLS[name].run(patient)

    assert world.objects() == before


# -- the network -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [{"reset": True}, {"status": 500}, {"status": 409}], ids=str)
@pytest.mark.parametrize("name", CALLS)
def test_what_fails_before_stripe_acts_is_tried_again_with_the_same_key(
    world: ContractServer, patient: StripeProcessor, name: str, fault: Json
) -> None:
    call = CALLS[name]
    strike(world, call, **fault)

    answer = call.run(patient)

    assert answer is not None
    assert tuple(each.kind for each in answer.objects) == call.kinds
    posts = [request for request in world.requests if request.method == "POST"]
    keys = {request.idempotency_key for request in posts}
    wanted = {"key-1", *STEPS.get(name, ())}
    assert keys == wanted if name in KEYED else len(keys) <= 1
    assert [request.path for request in world.requests[:2]] == [call.path, call.path]


@pytest.mark.parametrize("fault", [{"reset": True}, {"status": 500}], ids=str)
@pytest.mark.parametrize("name", CHANGES)
def test_an_answer_that_is_lost_after_stripe_acted_leaves_one_effect(
    world: ContractServer, patient: StripeProcessor, name: str, fault: Json
) -> None:
    call = CALLS[name]
    strike(world, call, **fault, acts=True)

    answer = call.run(patient)

    assert answer is not None
    assert tuple(each.kind for each in answer.objects) == call.kinds
    changes = [request for request in world.requests if request.method == call.method]
    assert len(changes) == 2 + len(STEPS.get(name, ()))
    assert changes[0].idempotency_key == changes[1].idempotency_key
    counted = made(world)
    assert counted <= made_in_peace(world, patient, call)


def made_in_peace(
    server: ContractServer, processor: StripeProcessor, call: Call
) -> collections.Counter[str]:
    """Count what a call leaves when nothing goes wrong."""
    server.reset()
    prime_world(server)
    call.run(processor)
    return made(server)


@pytest.mark.parametrize("acts", [False, True])
@pytest.mark.parametrize("name", CALLS)
def test_a_call_without_an_answer_is_of_unknown_outcome_and_can_be_made_again(
    world: ContractServer, processor: StripeProcessor, name: str, acts: bool
) -> None:
    call = CALLS[name]
    strike(world, call, reset=True, acts=acts)

    with pytest.raises(ProcessorUnavailable) as caught:
        call.run(processor)
    answer = call.run(processor)

    assert (caught.value.http_status, caught.value.definite) == (None, False)
    assert answer is not None
    assert tuple(each.kind for each in answer.objects[:1]) == call.kinds[:1]
    counted = made(world)
    assert counted <= made_in_peace(world, processor, call)


@pytest.mark.parametrize("status", [401, 403, 429])
@pytest.mark.parametrize("name", CHANGES)
def test_being_turned_away_after_a_lost_try_is_no_word_that_nothing_was_done(
    world: ContractServer, patient: StripeProcessor, name: str, status: int
) -> None:
    call = CALLS[name]
    strike(world, call, reset=True, acts=True)
    strike(world, call, status=status)

    with pytest.raises(ProcessorUnavailable, match="asked again") as caught:
        call.run(patient)

    assert (caught.value.http_status, caught.value.definite) == (status, False)


def test_reading_can_be_turned_away_at_any_try(
    world: ContractServer, patient: StripeProcessor
) -> None:
    world.queue_reset()
    world.queue_answer(429)

    with pytest.raises(RateLimited):
        patient.fetch("customer", "cus_1")


# -- time ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("acts", [False, True])
@pytest.mark.parametrize("name", CHANGES)
def test_a_call_that_gets_no_answer_ends_in_time(
    world: ContractServer, name: str, acts: bool
) -> None:
    hurried = StripeProcessor(
        "sk_test_oracle", api_base=world.url, timeout=0.2, retries=0, retry_delay=0.0
    )

    with world.hold(method=CALLS[name].method, acts=acts):
        began = time.monotonic()
        with pytest.raises(ProcessorUnavailable, match="ReadTimeout"):
            CALLS[name].run(hurried)
        took = time.monotonic() - began

    assert 0.1 < took < 2


def test_all_tries_together_end_in_time(world: ContractServer) -> None:
    world.queue_delay(30.0, times=10)
    stripe = StripeProcessor(
        "sk_test_oracle", api_base=world.url, timeout=0.4, retries=5, retry_delay=0.0
    )

    began = time.monotonic()
    with pytest.raises(ProcessorUnavailable):
        stripe.fetch("customer", "cus_1")

    assert time.monotonic() - began < 2
    assert len(world.requests) > 1


def test_a_first_try_leaves_time_for_another(world: ContractServer) -> None:
    world.queue_delay(30.0)
    stripe = StripeProcessor(
        "sk_test_oracle", api_base=world.url, timeout=1.2, retries=1, retry_delay=0.0
    )

    assert stripe.fetch("customer", "cus_1").main.processor_id == "cus_1"


def test_no_try_is_waited_for_that_would_come_too_late(world: ContractServer) -> None:
    world.queue_answer(500, times=10)
    stripe = StripeProcessor(
        "sk_test_oracle", api_base=world.url, timeout=0.5, retries=5, retry_delay=30.0
    )

    began = time.monotonic()
    with pytest.raises(ProcessorUnavailable):
        stripe.fetch("customer", "cus_1")

    assert time.monotonic() - began < 5
    assert len(world.requests) == 1


def test_a_change_and_the_look_at_its_outcome_share_one_time(world: ContractServer) -> None:
    world.queue_delay(1.2, method="POST")
    world.queue_delay(30.0, method="GET", times=10)
    stripe = StripeProcessor("sk_test_oracle", api_base=world.url, timeout=2.0, retries=0)

    began = time.monotonic()
    answer = stripe.pay_invoice("in_1", payment_method=None, key="key-1")

    assert time.monotonic() - began < 2.4
    assert [each.kind for each in answer.objects] == ["invoice", "subscription"]


def test_one_thread_s_time_is_no_other_s(world: ContractServer) -> None:
    world.queue_delay(30.0, path="/customers/cus_1$", times=100)
    world.prime({"id": "cus_2", "object": "customer", "deleted": True})
    stripe = StripeProcessor(
        "sk_test_oracle", api_base=world.url, timeout=1.0, retries=5, retry_delay=0.0
    )

    def fetch(id: str) -> Answer | ProcessorError:
        try:
            return stripe.fetch("customer", id)
        except ProcessorError as error:
            return error

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = list(pool.map(fetch, ["cus_1", "cus_2"] * 4))

    assert [type(each) for each in found] == [ProcessorUnavailable, Answer] * 4


def test_a_redirect_isnt_followed(world: ContractServer, processor: StripeProcessor) -> None:
    world.queue_answer(302, headers={"Location": f"{world.url}/v1/customers/cus_1"})

    with pytest.raises(ProcessorUnavailable):
        processor.fetch("customer", "cus_1")

    assert len(world.requests) == 1
