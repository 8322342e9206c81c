"""Finding what an operation made, when its answer was lost."""

from __future__ import annotations

import time
import typing as t

import pytest

from flask_accrue.errors import InvalidRequest, ProcessorUnavailable, RateLimited
from flask_accrue.processors import objects
from flask_accrue.processors.stripe import StripeProcessor
from tests.oracles.stripe_server import start_contract_server
from tests.processors.stripe.situations import charge, checkout_session, payment_intent, schedule
from tests.processors.stripe.stripe_bodies import Json, credit_note, invoice, sample, subscription

if t.TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer

DAY = 86400


def of(operation_id: str) -> Json:
    return {"accrue_operation": operation_id}


def now() -> int:
    return int(time.time())


#: Each kind that is looked for, within what, and an object of it.
FINDABLE: dict[str, tuple[str | None, t.Callable[..., Json]]] = {
    "customer": (None, lambda **given: sample("customer", **given)),
    "subscription": ("cus_1", subscription),
    "subscription_schedule": ("cus_1", schedule),
    "checkout_session": ("cus_1", checkout_session),
    "payment_intent": ("cus_1", payment_intent),
    "refund": ("ch_1", lambda **given: sample("refund", charge="ch_1", **given)),
    "invoice": ("cus_1", lambda **given: invoice(**{"customer": "cus_1", **given})),
    "credit_note": ("in_1", credit_note),
}


def prime(server: ContractServer, kind: str, id: str, **given: t.Any) -> None:
    server.prime(FINDABLE[kind][1](id=id, **{"created": now(), **given}))


@pytest.mark.parametrize("kind", FINDABLE)
def test_what_an_operation_made_is_found_at_once(
    stripe_server: ContractServer, processor: StripeProcessor, kind: str
) -> None:
    prime(stripe_server, kind, "x_1", metadata=of("op-1"))
    prime(stripe_server, kind, "x_2", metadata=of("op-2"))
    prime(stripe_server, kind, "x_3", metadata={})

    answer = processor.find(kind, "op-1", within=FINDABLE[kind][0])

    assert answer is not None
    assert [(each.kind, each.processor_id) for each in answer.objects] == [(kind, "x_1")]


@pytest.mark.parametrize(
    ("kind", "within", "made"),
    [
        ("invoice_item", "invoice", sample("invoiceitem", id="ii_2", invoice="in_1")),
        (
            "balance_transaction",
            "customer",
            sample("customer_balance_transaction", id="cbtxn_1", customer="cus_1"),
        ),
    ],
)
def test_what_shows_only_on_what_it_belongs_to_is_told_by_that(
    world: ContractServer, processor: StripeProcessor, kind: str, within: str, made: Json
) -> None:
    world.prime(made | {"created": now(), "metadata": of("op-1")})
    holder = {"invoice": "in_1", "customer": "cus_1"}[within]

    answer = processor.find(kind, "op-1", within=holder)

    assert answer is not None
    assert (answer.main.kind, answer.main.processor_id) == (within, holder)
    assert processor.find(kind, "op-2", within=holder) is None


@pytest.mark.parametrize("kind", FINDABLE)
def test_what_no_operation_made_isnt_found(
    stripe_server: ContractServer, processor: StripeProcessor, kind: str
) -> None:
    prime(stripe_server, kind, "x_1", metadata=of("op-10"))

    assert processor.find(kind, "op-1", within=FINDABLE[kind][0]) is None


@pytest.mark.parametrize("kind", FINDABLE)
def test_it_is_found_on_a_later_page(
    stripe_server: ContractServer, processor: StripeProcessor, kind: str
) -> None:
    prime(stripe_server, kind, "x_wanted", metadata=of("op-1"), created=now() - 60)
    for number in range(210):
        prime(stripe_server, kind, f"x_{number}", metadata=of(f"other-{number}"))

    answer = processor.find(kind, "op-1", within=FINDABLE[kind][0])

    assert answer is not None
    assert answer.main.processor_id == "x_wanted"
    lists = [each for each in stripe_server.requests if not each.path.endswith("x_wanted")]
    assert len(lists) == 3


@pytest.mark.parametrize("kind", ["subscription", "payment_intent", "refund"])
def test_another_s_object_isnt_found(
    stripe_server: ContractServer, processor: StripeProcessor, kind: str
) -> None:
    theirs = {"charge": "ch_2"} if kind == "refund" else {"customer": "cus_2"}
    stripe_server.prime(sample(kind, id="x_1", metadata=of("op-1"), created=now()) | theirs)

    assert processor.find(kind, "op-1", within=FINDABLE[kind][0]) is None


@pytest.mark.parametrize("kind", ["subscription", "payment_intent", "refund"])
def test_lists_are_looked_through_for_a_month(
    stripe_server: ContractServer, processor: StripeProcessor, kind: str
) -> None:
    prime(stripe_server, kind, "x_1", metadata=of("op-1"), created=now() - 29 * DAY)
    prime(stripe_server, kind, "x_2", metadata=of("op-2"), created=now() - 31 * DAY)
    within = FINDABLE[kind][0]

    assert processor.find(kind, "op-1", within=within) is not None
    assert processor.find(kind, "op-2", within=within) is None


def test_a_subscription_that_has_ended_is_found(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    ended = {"status": "canceled", "ended_at": now(), "metadata": of("op-1")}
    prime(stripe_server, "subscription", "sub_1", **ended)

    assert processor.find("subscription", "op-1", within="cus_1") is not None


def test_a_payment_that_is_found_comes_with_its_secret(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    prime(stripe_server, "payment_intent", "pi_1", metadata=of("op-1"))

    answer = processor.find("payment_intent", "op-1", within="cus_1")

    assert answer is not None
    assert answer.client_secret == "pi_1_secret_1"
    assert "client_secret" not in answer.main.raw


# -- customers -------------------------------------------------------------------------------------


def test_a_customer_that_search_doesnt_know_yet_is_found() -> None:
    with start_contract_server(search_lag=3600) as server:
        stripe = StripeProcessor("sk_test_oracle", api_base=server.url, retries=0)
        made = stripe.create_customer(
            name="Ada", email=None, preferred_locale=None, metadata=of("op-1"), key="op-1"
        )

        found = stripe.find("customer", "op-1")

    assert found is not None
    assert found.main == made.main


def test_an_older_customer_is_found_by_search_and_not_by_reading_all(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    prime(stripe_server, "customer", "cus_1", metadata=of("op-1"), created=now() - 400 * DAY)
    for number in range(150):
        prime(stripe_server, "customer", f"cus_old_{number}", created=now() - DAY)

    found = processor.find("customer", "op-1")

    assert found is not None
    assert found.main.processor_id == "cus_1"
    assert [request.path for request in stripe_server.requests] == [
        "/v1/customers",
        "/v1/customers/search",
        "/v1/customers/cus_1",
    ]


def test_where_there_is_no_search_a_day_of_customers_is_read(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    refusal = {"error": {"type": "invalid_request_error", "message": "No search in your country."}}
    stripe_server.queue_answer(400, refusal, path="/search$", times=2)
    prime(stripe_server, "customer", "cus_1", metadata=of("op-1"), created=now() - DAY // 2)
    prime(stripe_server, "customer", "cus_2", metadata=of("op-2"), created=now() - 2 * DAY)

    assert processor.find("customer", "op-1") is not None
    assert processor.find("customer", "op-2") is None


def test_an_id_with_quotes_stays_one_value_of_the_search(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    nothing = {"object": "search_result", "data": [], "has_more": False, "url": "/"}
    stripe_server.queue_answer(200, nothing, path="/search$")

    assert processor.find("customer", 'op" OR name~"A\\') is None

    query = stripe_server.requests_to("GET", "/v1/customers/search")[0].params["query"]
    assert query == 'metadata["accrue_operation"]:"op\\" OR name~\\"A\\\\"'


def test_what_search_only_resembles_isnt_taken(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    # Stripe's search knows no upper and lower case.
    prime(stripe_server, "customer", "cus_1", metadata=of("OP-1"), created=now() - DAY)

    assert processor.find("customer", "op-1") is None


# -- when it can't be told -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["subscription", "payment_intent", "refund"])
def test_a_refusal_of_the_search_is_no_word_about_what_is_searched(
    stripe_server: ContractServer, processor: StripeProcessor, kind: str
) -> None:
    stripe_server.queue_answer(400, {"error": {"type": "invalid_request_error"}})

    with pytest.raises(ProcessorUnavailable) as caught:
        processor.find(kind, "op-1", within=FINDABLE[kind][0])

    assert not caught.value.definite


def test_too_many_calls_say_when_to_come_back(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    stripe_server.queue_answer(429, headers={"Retry-After": "3"})

    with pytest.raises(RateLimited):
        processor.find("customer", "op-1")


@pytest.mark.parametrize(
    ("kind", "within"), [("charge", "cus_1"), ("unicorn", None), ("subscription", None)]
)
def test_what_cant_be_looked_for_is_refused_before_anything_is_sent(
    stripe_server: ContractServer, processor: StripeProcessor, kind: str, within: str | None
) -> None:
    with pytest.raises(InvalidRequest, match="subscription within its customer"):
        processor.find(kind, "op-1", within=within)

    assert stripe_server.requests == []


def test_it_is_looked_for_in_the_connected_account(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    stripe_server.prime(charge(), account="acct_1")
    refund = sample("refund", id="re_1", charge="ch_1", metadata=of("op-1"), created=now())
    stripe_server.prime(refund, account="acct_1")

    found = processor.of_account("acct_1").find("refund", "op-1", within="ch_1")

    assert found is not None
    assert isinstance(found.main, objects.Refund)
    assert processor.find("refund", "op-1", within="ch_1") is None
