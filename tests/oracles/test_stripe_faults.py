from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import stripe

from tests.oracles.stripe_calls import call, client_of, refused
from tests.oracles.stripe_faults import Fault
from tests.oracles.stripe_server import start_contract_server

if TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer

KEY: Any = {"idempotency_key": "key-1"}


@pytest.fixture(autouse=True)
def no_waiting_between_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.0)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.0)


def test_a_queued_answer_is_given_once_and_nothing_is_done(
    stripe_server: ContractServer, stripe_client: stripe.StripeClient
) -> None:
    stripe_server.queue_answer(503, method="post", path="^/v1/customers$")

    with refused(503):
        stripe_client.v1.customers.create({"name": "Ada"})
    assert stripe_client.v1.customers.list().data == []
    assert stripe_client.v1.customers.create({"name": "Ada"}).name == "Ada"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, stripe.AuthenticationError),
        (402, stripe.CardError),
        (429, stripe.RateLimitError),
        (500, stripe.APIError),
    ],
)
def test_each_status_is_the_error_that_the_sdk_makes_of_it(
    stripe_server: ContractServer, stripe_client: stripe.StripeClient, status: int, error: Any
) -> None:
    stripe_server.queue_answer(status)
    with pytest.raises(error):
        stripe_client.v1.customers.create({})


def test_a_queued_answer_has_the_body_and_the_headers_of_the_tests_choosing(
    stripe_server: ContractServer, stripe_client: stripe.StripeClient
) -> None:
    body = {"id": "cus_x", "object": "customer", "name": "Nobody"}
    date = "Thu, 01 Jan 2026 00:00:00 GMT"
    stripe_server.queue_answer(200, body, headers={"Date": date, "Retry-After": "7"})

    found = stripe_client.v1.customers.retrieve("cus_x")

    assert found.name == "Nobody"
    assert found.last_response is not None
    assert found.last_response.headers["Date"] == date
    assert found.last_response.headers["Retry-After"] == "7"


def test_a_proxys_page_is_no_json(
    stripe_server: ContractServer, stripe_client: stripe.StripeClient
) -> None:
    stripe_server.queue_answer(502, "<html>Bad Gateway</html>")

    with pytest.raises(stripe.APIError, match="Invalid response body"):
        stripe_client.v1.customers.list()
    assert stripe_server.requests[0].status == 502


def test_a_decline_is_the_apis_own_answer_and_its_key_repeats_it(
    stripe_server: ContractServer, stripe_client: stripe.StripeClient
) -> None:
    stripe_server.queue_answer(402, path="/v1/customers")

    wrong: Any = {"emial": "x"}
    with refused(400, code="parameter_unknown"):
        stripe_client.v1.customers.create(wrong)
    stripe_server.queue_answer(402, path="/v1/customers")
    for _ in range(2):
        with refused(402, code="card_declined"):
            stripe_client.v1.customers.create({"name": "Ada"}, KEY)


def test_an_outage_is_not_remembered_so_that_a_retry_succeeds(
    stripe_server: ContractServer,
) -> None:
    stripe_server.queue_answer(500, method="POST", times=2)

    made = client_of(stripe_server, retries=2).v1.customers.create({"name": "Ada"})

    assert made.name == "Ada"
    statuses = [(request.status, request.params) for request in stripe_server.requests]
    assert statuses == [(500, {"name": "Ada"}), (500, {"name": "Ada"}), (200, {"name": "Ada"})]
    assert len({request.idempotency_key for request in stripe_server.requests}) == 1


def test_an_outage_after_the_act_leaves_what_was_done_and_a_retry_finds_it(
    stripe_server: ContractServer,
) -> None:
    stripe_server.queue_answer(502, method="POST", acts=True)

    made = client_of(stripe_server, retries=1).v1.customers.create({"name": "Ada"})

    assert [row.id for row in client_of(stripe_server).v1.customers.list().data] == [made.id]
    assert [request.replayed for request in stripe_server.requests_to("POST", ".*")] == [
        False,
        True,
    ]


def test_an_error_that_the_api_remembers_after_the_act_is_repeated_by_its_key(
    stripe_server: ContractServer,
) -> None:
    stripe_server.queue_answer(500, method="POST", acts=True, remembered=True)
    client = client_of(stripe_server)

    for _ in range(2):
        with refused(500):
            client.v1.customers.create({"name": "Ada"}, KEY)
    assert len(client.v1.customers.list().data) == 1


def test_a_refusal_is_not_retried_and_a_conflict_is(stripe_server: ContractServer) -> None:
    client = client_of(stripe_server, retries=2)
    stripe_server.queue_answer(402)
    with refused(402, code="card_declined"):
        client.v1.customers.create({})
    assert len(stripe_server.requests) == 1

    stripe_server.queue_answer(409)
    client.v1.customers.create({})
    assert [request.status for request in stripe_server.requests] == [402, 409, 200]


def test_stripe_should_retry_is_heeded_by_the_sdk(stripe_server: ContractServer) -> None:
    stripe_server.queue_answer(500, headers={"Stripe-Should-Retry": "false"})
    with refused(500):
        client_of(stripe_server, retries=2).v1.customers.create({})
    assert len(stripe_server.requests) == 1


@pytest.mark.parametrize("acts", [False, True])
def test_a_reset_connection_before_and_after_the_act(
    stripe_server: ContractServer, stripe_client: stripe.StripeClient, acts: bool
) -> None:
    stripe_server.queue_reset(method="POST", acts=acts)

    with pytest.raises(stripe.APIConnectionError):
        stripe_client.v1.customers.create({"name": "Ada"})

    assert len(stripe_client.v1.customers.list().data) == int(acts)
    assert stripe_server.requests[0].status is None


def test_a_reset_connection_is_reset_and_not_merely_closed(stripe_server: ContractServer) -> None:
    stripe_server.queue_reset()
    address = ("127.0.0.1", int(stripe_server.url.rpartition(":")[2]))
    with socket.create_connection(address, timeout=10) as connection:
        version = stripe_server.contract.version
        connection.sendall(
            b"GET /v1/customers HTTP/1.1\r\nAuthorization: Bearer sk_test_x\r\n"
            + f"Stripe-Version: {version}\r\n\r\n".encode()
        )
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_after_a_reset_a_retry_with_the_same_key_finds_what_was_done(
    stripe_server: ContractServer,
) -> None:
    stripe_server.queue_reset(method="POST", acts=True)

    made = client_of(stripe_server, retries=1).v1.customers.create({"name": "Ada"})

    assert [row.id for row in client_of(stripe_server).v1.customers.list().data] == [made.id]


def test_a_delayed_answer_is_true_but_late(
    stripe_server: ContractServer, stripe_client: stripe.StripeClient
) -> None:
    stripe_server.queue_delay(0.2)
    began = time.monotonic()

    assert stripe_client.v1.customers.create({"name": "Ada"}).name == "Ada"

    assert time.monotonic() - began >= 0.2


def test_a_client_that_gives_up_waiting_finds_the_object_by_its_key(
    stripe_server: ContractServer,
) -> None:
    impatient = client_of(stripe_server, http_client=stripe.RequestsClient(timeout=0.2))
    with stripe_server.hold(method="POST", acts=True) as held:
        with pytest.raises(stripe.APIConnectionError):
            impatient.v1.customers.create({"name": "Ada"}, KEY)
        held.wait_for_arrival()
        made = client_of(stripe_server).v1.customers.create({"name": "Ada"}, KEY)

    assert [row.id for row in client_of(stripe_server).v1.customers.list().data] == [made.id]


def test_a_held_request_goes_on_when_released_and_others_are_not_held_up(
    stripe_server: ContractServer, stripe_client: stripe.StripeClient
) -> None:
    stripe_server.prime({"id": "cus_1", "object": "customer", "name": "Ada"})
    found: list[stripe.Customer] = []
    reader = client_of(stripe_server)
    with stripe_server.hold(method="GET", path="cus_1") as held:
        thread = threading.Thread(
            target=lambda: found.append(reader.v1.customers.retrieve("cus_1"))
        )
        thread.start()
        held.wait_for_arrival()
        stripe_client.v1.customers.update("cus_1", {"name": "Grace"})
        assert found == []
    thread.join()

    assert found[0].name == "Grace"


def test_a_hold_that_nobody_comes_to_says_so(stripe_server: ContractServer) -> None:
    with stripe_server.hold() as held, pytest.raises(TimeoutError):
        held.wait_for_arrival(0.01)


def test_closing_the_server_ends_what_is_held_or_delayed() -> None:
    def retrieve(client: stripe.StripeClient, customer_id: str) -> None:
        with contextlib.suppress(stripe.StripeError):
            client.v1.customers.retrieve(customer_id)

    with start_contract_server() as server:
        server.queue_delay(600, path="cus_1")
        held = server.hold(path="cus_2")
        waiting = [
            threading.Thread(target=retrieve, args=(client_of(server), customer_id))
            for customer_id in ("cus_1", "cus_2")
        ]
        for thread in waiting:
            thread.start()
        held.wait_for_arrival()
        began = time.monotonic()
    assert time.monotonic() - began < 3
    for thread in waiting:
        thread.join(5)
        assert not thread.is_alive()


def test_a_fault_described_wrongly_is_refused() -> None:
    with pytest.raises(ValueError, match="weather"):
        Fault.from_json({"weather": 500})


def test_a_defect_of_the_server_is_told_when_it_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    def defective(_: object) -> None:
        raise KeyError("a mistake")

    def met_a_defect() -> None:
        with start_contract_server() as server:
            monkeypatch.setattr(server.backend, "answer", defective)
            with refused(500):
                client_of(server).v1.customers.list()

    with pytest.raises(RuntimeError, match="contract server failed"):
        met_a_defect()


def test_the_servers_clock_is_the_date_of_answers_and_objects(
    stripe_server: ContractServer, stripe_client: stripe.StripeClient
) -> None:
    stripe_server.clock.set(1_762_799_364)

    made = stripe_client.v1.customers.create({})

    assert made.created == 1_762_799_364
    assert made.last_response is not None
    assert made.last_response.headers["Date"] == "Mon, 10 Nov 2025 18:29:24 GMT"


def test_a_ticking_clock_goes_on_from_where_it_was_set(stripe_server: ContractServer) -> None:
    stripe_server.clock.set(1_762_799_364, ticking=True)
    first = stripe_server.clock.now()

    assert 1_762_799_364 <= first < stripe_server.clock.now() + 1e-6


def test_other_processes_drive_it_over_http(
    stripe_server: ContractServer, stripe_client: stripe.StripeClient
) -> None:
    first, second = ({"id": f"cus_{n}", "object": "customer"} for n in (1, 2))
    assert call(stripe_server, "POST", "/_control/object", first)[0] == 200
    assert (
        call(stripe_server, "POST", "/_control/object", [second], Stripe_Account="acct_1")[0] == 200
    )
    assert call(stripe_server, "POST", "/_control/clock", {"at": 1_762_799_364})[0] == 200
    fault = {"method": "GET", "path": "cus_1", "status": 429, "times": 1}
    assert call(stripe_server, "POST", "/_control/answer", fault)[0] == 200

    with refused(429, code="rate_limit"):
        stripe_client.v1.customers.retrieve("cus_1")
    assert stripe_client.v1.customers.retrieve("cus_1").id == "cus_1"

    _, requests, headers = call(stripe_server, "GET", "/_control/requests")
    assert [request["status"] for request in requests] == [429, 200]
    assert headers["Date"] == "Mon, 10 Nov 2025 18:29:24 GMT"
    _, objects, _ = call(stripe_server, "GET", "/_control/objects")
    assert objects == {"platform": [first], "acct_1": [second]}
    assert call(stripe_server, "POST", "/_control/reset")[0] == 200
    assert call(stripe_server, "GET", "/_control/objects")[1] == {}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/_control/nothing", None, 404),
        ("/_control/object", {"id": "cus_1"}, 400),
        ("/_control/object", [1], 400),
        ("/_control/answer", {"weather": 500}, 400),
        ("/_control/answer", {"path": "("}, 400),
        ("/_control/clock", {}, 400),
        ("/_control/clock", b"not json", 400),
    ],
)
def test_the_control_plane_refuses_what_it_does_not_know(
    stripe_server: ContractServer, path: str, body: Any, status: int
) -> None:
    assert call(stripe_server, "POST", path, body)[0] == status


def test_a_bare_fault_over_http_is_a_500(
    stripe_server: ContractServer, stripe_client: stripe.StripeClient
) -> None:
    call(stripe_server, "POST", "/_control/answer", {"method": "GET"})
    with refused(500):
        stripe_client.v1.customers.list()
