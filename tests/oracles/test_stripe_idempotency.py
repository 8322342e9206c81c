from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.oracles.stripe_calls import client_of, refused

if TYPE_CHECKING:
    import stripe

    from tests.oracles.stripe_server import ContractServer

KEY: Any = {"idempotency_key": "key-1"}


def headers_of(obj: Any) -> dict[str, str]:
    return dict(obj.last_response.headers)


def test_the_same_key_repeats_the_answer_and_makes_nothing_new(
    stripe_server: ContractServer, stripe_client: stripe.StripeClient
) -> None:
    first = stripe_client.v1.customers.create({"name": "Ada", "email": "a@example.com"}, KEY)
    second = stripe_client.v1.customers.create({"email": "a@example.com", "name": "Ada"}, KEY)

    assert second.to_dict() == first.to_dict()
    assert "Idempotent-Replayed" not in headers_of(first)
    assert headers_of(second)["Idempotent-Replayed"] == "true"
    assert headers_of(second)["Original-Request"] == headers_of(first)["Request-Id"]
    assert headers_of(second)["Request-Id"] != headers_of(first)["Request-Id"]
    assert [request.replayed for request in stripe_server.requests] == [False, True]
    assert len(stripe_client.v1.customers.list().data) == 1


def test_a_replay_is_the_first_answer_even_if_the_object_has_changed_since(
    stripe_client: stripe.StripeClient,
) -> None:
    made = stripe_client.v1.customers.create({"name": "Ada"}, KEY)
    stripe_client.v1.customers.update(made.id, {"name": "Grace"})

    assert stripe_client.v1.customers.create({"name": "Ada"}, KEY).name == "Ada"


def test_the_same_key_with_other_parameters_or_another_path_is_refused(
    stripe_client: stripe.StripeClient,
) -> None:
    stripe_client.v1.customers.create({"name": "Ada"}, KEY)

    with refused(400):
        stripe_client.v1.customers.create({"name": "Grace"}, KEY)
    with refused(400):
        stripe_client.v1.products.create({"name": "Ada"}, KEY)


def test_each_account_has_keys_of_its_own(stripe_client: stripe.StripeClient) -> None:
    first = stripe_client.v1.customers.create({"name": "Ada"}, KEY)
    second = stripe_client.v1.customers.create(
        {"name": "Ada"}, {"idempotency_key": "key-1", "stripe_account": "acct_1"}
    )

    assert first.id != second.id


def test_a_refusal_of_the_parameters_leaves_the_key_unused(
    stripe_client: stripe.StripeClient,
) -> None:
    wrong: Any = {"emial": "ada@example.com"}
    with refused(400, code="parameter_unknown"):
        stripe_client.v1.customers.create(wrong, KEY)

    assert stripe_client.v1.customers.create({"name": "Ada"}, KEY).name == "Ada"


def test_a_refusal_by_the_running_request_is_repeated(
    stripe_server: ContractServer, stripe_client: stripe.StripeClient
) -> None:
    with refused(404, code="resource_missing"):
        stripe_client.v1.customers.update("cus_1", {"name": "Ada"}, KEY)
    stripe_server.prime({"id": "cus_1", "object": "customer"})

    with refused(404, code="resource_missing"):
        stripe_client.v1.customers.update("cus_1", {"name": "Ada"}, KEY)
    assert stripe_client.v1.customers.update("cus_1", {"name": "Ada"}).id == "cus_1"


def test_a_key_in_use_is_a_conflict_until_its_request_has_ended(
    stripe_server: ContractServer, stripe_client: stripe.StripeClient
) -> None:
    made: list[stripe.Customer] = []
    other = client_of(stripe_server)
    with stripe_server.hold(method="POST", path="customers") as held:
        first = threading.Thread(
            target=lambda: made.append(other.v1.customers.create({"name": "Ada"}, KEY))
        )
        first.start()
        held.wait_for_arrival()
        with refused(409, code="idempotency_key_in_use"):
            stripe_client.v1.customers.create({"name": "Ada"}, KEY)
    first.join()

    assert stripe_client.v1.customers.create({"name": "Ada"}, KEY).id == made[0].id


def test_a_key_is_forgotten_after_a_day(
    stripe_server: ContractServer, stripe_client: stripe.StripeClient
) -> None:
    stripe_server.clock.set(1_800_000_000)
    first = stripe_client.v1.customers.create({"name": "Ada"}, KEY)
    stripe_server.clock.set(1_800_000_000 + 24 * 3600 - 1)
    assert stripe_client.v1.customers.create({"name": "Ada"}, KEY).id == first.id

    stripe_server.clock.set(1_800_000_000 + 24 * 3600)
    assert stripe_client.v1.customers.create({"name": "Ada"}, KEY).id != first.id


def test_a_key_of_more_than_255_characters_is_refused(stripe_client: stripe.StripeClient) -> None:
    with refused(400):
        stripe_client.v1.customers.create({}, {"idempotency_key": "k" * 256})


@pytest.mark.parametrize("threads", [8])
def test_many_threads_with_one_key_make_one_object(
    stripe_server: ContractServer, threads: int
) -> None:
    def create() -> None:
        client_of(stripe_server, retries=5).v1.customers.create({"name": "Ada"}, KEY)

    running = [threading.Thread(target=create) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()

    assert len(client_of(stripe_server).v1.customers.list().data) == 1
    assert all(request.status in (200, 409) for request in stripe_server.requests)
