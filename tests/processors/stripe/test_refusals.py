"""What goes wrong at Stripe or on the way there, in Accrue's errors."""

from __future__ import annotations

import traceback
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
from flask_accrue.processors.stripe import StripeProcessor
from tests.processors.stripe.stripe_bodies import Json, sample

if t.TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer


def failure(
    processor: StripeProcessor, kind: type[ProcessorError] = ProcessorError
) -> ProcessorError:
    with pytest.raises(kind) as caught:
        processor.fetch("customer", "cus_1")
    assert type(caught.value) is kind
    return caught.value


def said(**error: t.Any) -> Json:
    return {"error": error}


def test_an_unknown_id_is_not_found(processor: StripeProcessor) -> None:
    error = failure(processor, NotFound)

    assert (error.code, error.http_status, error.param) == ("resource_missing", 404, "id")
    assert error.request_id == "req_mock00000001"
    assert error.definite


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (said(type="invalid_request_error", message="Unrecognized request URL"), InvalidRequest),
        ({"message": "no Route matched with those values"}, ProcessorUnavailable),
        ({"error": "not found"}, ProcessorUnavailable),
        ({"error": ["not found"]}, ProcessorUnavailable),
    ],
)
def test_a_404_that_isnt_the_api_s_word_for_a_missing_object_is_no_not_found(
    stripe_server: ContractServer,
    processor: StripeProcessor,
    body: Json,
    kind: type[ProcessorError],
) -> None:
    stripe_server.queue_answer(404, body)

    failure(processor, kind)


def test_a_refused_key_is_an_authentication_error(stripe_server: ContractServer) -> None:
    error = failure(
        StripeProcessor("pk_test_wrong", api_base=stripe_server.url, retries=0),
        AuthenticationError,
    )

    assert error.http_status == 401
    stripe_server.queue_answer(401)
    again = failure(
        StripeProcessor("sk_test_x", api_base=stripe_server.url, retries=0), AuthenticationError
    )
    assert "sk_test" not in str(again)


def test_a_key_without_the_right_is_an_authentication_error(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    stripe_server.queue_answer(
        403,
        said(type="invalid_request_error", message="rk_live_abc can't: 'rak_customer_write'."),
    )

    error = failure(processor, AuthenticationError)

    assert (error.http_status, str(error)) == (
        403,
        "[removed] can't: 'rak_customer_write'.",
    )


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("soon", None), ("-1", None), ("nan", None), ("1e9", None)],
)
def test_too_many_calls_say_when_to_come_back(
    stripe_server: ContractServer, processor: StripeProcessor, header: str, seconds: float | None
) -> None:
    stripe_server.queue_answer(429, headers={"Retry-After": header})

    error = failure(processor, RateLimited)

    assert isinstance(error, RateLimited)
    assert (error.retry_after, error.http_status) == (seconds, 429)
    assert error.request_id is not None


def test_too_many_calls_without_a_time_have_none(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    stripe_server.queue_answer(429)

    error = failure(processor, RateLimited)

    assert isinstance(error, RateLimited)
    assert error.retry_after is None


def test_a_decline_has_its_codes(stripe_server: ContractServer, processor: StripeProcessor) -> None:
    body = said(
        type="card_error",
        code="card_declined",
        decline_code="insufficient_funds",
        message="Your card has insufficient funds.",
        param="",
    )
    stripe_server.queue_answer(402, body, remembered=False)

    error = failure(processor, CardError)

    assert isinstance(error, CardError)
    assert (error.code, error.decline_code) == ("card_declined", "insufficient_funds")
    assert (error.param, str(error)) == (None, "Your card has insufficient funds.")


def test_a_refused_argument_is_named(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    body = said(type="invalid_request_error", code="parameter_unknown", param="x", message="No x.")
    stripe_server.queue_answer(400, body)

    error = failure(processor, InvalidRequest)

    assert (error.code, error.param, error.http_status) == ("parameter_unknown", "x", 400)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("No such price: 'price_x'", NotFound),
        ("This customer has no attached payment source or default payment method.", InvalidRequest),
    ],
)
def test_a_missing_object_is_told_from_a_customer_without_a_card(
    stripe_server: ContractServer,
    processor: StripeProcessor,
    message: str,
    kind: type[ProcessorError],
) -> None:
    body = said(type="invalid_request_error", code="resource_missing", message=message)
    stripe_server.queue_answer(400, body)

    assert failure(processor, kind).code == "resource_missing"


def test_a_key_used_twice_is_a_conflict(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    stripe_server.queue_answer(400, said(type="idempotency_error", message="Keys for …"))

    with pytest.raises(IdempotencyConflict):
        processor.fetch("customer", "cus_1")


@pytest.mark.parametrize("status", [409, 500, 502, 503])
def test_a_failure_of_stripe_s_leaves_the_outcome_open(
    stripe_server: ContractServer, processor: StripeProcessor, status: int
) -> None:
    stripe_server.queue_answer(status)

    error = failure(processor, ProcessorUnavailable)

    assert error.http_status == status
    assert error.request_id is not None
    assert not error.definite


def test_a_late_answer_is_no_answer(stripe_server: ContractServer) -> None:
    stripe_server.prime(sample("customer", id="cus_1"))
    hurried = StripeProcessor("sk_test_x", api_base=stripe_server.url, timeout=0.2, retries=0)

    with stripe_server.hold():
        error = failure(hurried, ProcessorUnavailable)

    assert (error.http_status, str(error)) == (None, "Stripe couldn't be reached (ReadTimeout).")
    assert hurried.fetch("customer", "cus_1").main.processor_id == "cus_1"


def test_a_reset_connection_is_no_answer(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    stripe_server.queue_reset()

    assert "(ConnectionError)" in str(failure(processor, ProcessorUnavailable))


def test_a_network_failure_is_tried_again_by_default(stripe_server: ContractServer) -> None:
    stripe_server.prime(sample("customer", id="cus_1"))
    stripe_server.queue_reset()
    patient = StripeProcessor("sk_test_x", api_base=stripe_server.url + "/", timeout=5.0)

    assert patient.fetch("customer", "cus_1").main.processor_id == "cus_1"
    assert len(stripe_server.requests) == 2


@pytest.mark.parametrize(
    "body",
    [
        {"id": "cus_2", "object": "customer"},
        {"id": "cus_1", "object": "coupon"},
        {"id": "cus_1"},
        {"id": "sub_1", "object": "charge", "amount": 1, "currency": "usd", "status": "succeeded"},
        {"object": "customer", "id": "cus_1", "balance": float("nan")},
    ],
)
def test_an_answer_about_something_else_is_none(
    stripe_server: ContractServer, processor: StripeProcessor, body: Json
) -> None:
    stripe_server.queue_answer(200, body)

    failure(processor, ProcessorUnavailable)


def test_no_error_shows_a_key_a_header_or_a_whole_answer(stripe_server: ContractServer) -> None:
    key = "sk_test_51Hsecretsecret"
    processor = StripeProcessor(key, api_base=stripe_server.url, retries=0)
    quoted = f"{key}, whsec_abc; pi_1_secret_abc, ?onward=a%3Dpi_1_secret_abc"
    leak = said(message=f"Invalid API Key provided: {quoted} " + "x" * 600)
    errors: list[AccrueError] = []
    for status in (400, 401, 403, 404, 429, 500):
        stripe_server.queue_answer(status, leak)
        errors.append(failure_of(processor))
    stripe_server.queue_answer(500, {"unlike": "the API", "card": "4242424242424242"})
    errors.append(failure_of(processor))
    # Such a key is refused by the HTTP library, in words that hold it.
    errors.append(failure_of(StripeProcessor(key + "\n", api_base=stripe_server.url, retries=0)))

    for error in errors:
        shown = "".join(traceback.format_exception(error)) + repr(vars(error))
        assert key not in shown
        assert "whsec_abc" not in shown
        assert "_secret_abc" not in shown
        assert "4242424242424242" not in shown
        assert len(str(error)) <= 500


def failure_of(processor: StripeProcessor) -> AccrueError:
    with pytest.raises(ProcessorError) as caught:
        processor.fetch("customer", "cus_1")
    return caught.value
