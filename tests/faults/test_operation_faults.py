"""Every operation under every fault at Stripe: an error that says what is known, and one effect at last."""

from __future__ import annotations

import inspect
import types
import typing as t

import pytest

from flask_accrue import billing, connect
from flask_accrue.errors import (
    AccrueError,
    AuthenticationError,
    CardError,
    IdempotencyConflict,
    InvalidRequest,
    NotFound,
    ProcessorUnavailable,
    RateLimited,
)
from tests.faults.connect_table import CONNECT_OPERATIONS
from tests.faults.operation_table import OPERATIONS, Operation
from tests.faults.shop import Before, Shop, shop
from tests.processors.stripe.stripe_host import org, payer

__all__ = ["org", "payer", "shop"]

Json = dict[str, t.Any]

EVERY: t.Final = {**OPERATIONS, **CONNECT_OPERATIONS}

#: What asks again where others give what they have stored: it only asks, makes a link or a configuration that
#: is stored nowhere (the key tells that it's the same), or is what a page of the Fake's does.
NO_ROW_OF_THEIR_OWN: t.Final = {
    "sync_customer",
    "create_billing_portal_session",
    "create_portal_configuration",
    "type_promotion_code",
}

#: What may become of a request before it's carried out, and the error that says so.
PASSING: t.Final[tuple[tuple[Json, type[AccrueError]], ...]] = (
    ({"status": 401}, AuthenticationError),
    ({"status": 429}, RateLimited),
    ({"status": 409}, ProcessorUnavailable),
    ({"status": 500}, ProcessorUnavailable),
    ({"status": 502, "body": "<h1>Bad gateway</h1>"}, ProcessorUnavailable),
    ({"reset": True}, ProcessorUnavailable),
)

#: How an answer is lost once the request was carried out.
LOST: t.Final[tuple[Json, ...]] = ({"status": 500, "acts": True}, {"reset": True, "acts": True})

#: What is no error when it's gone already.
NEEDS_NO_END: t.Final = ("cancel", "delete_coupon", "remove_invoice_item", "remove_tax_id")

#: What is final, and the error.
FINAL: t.Final[tuple[tuple[Json, type[AccrueError]], ...]] = (
    ({"status": 400}, InvalidRequest),
    ({"status": 402}, CardError),
    (
        {
            "status": 404,
            "body": {"error": {"type": "invalid_request_error", "code": "resource_missing"}},
        },
        NotFound,
    ),
)


def strike(shop: Shop, operation: Operation, fault: Json) -> None:
    method, path = operation.request
    shop.server.queue_fault({"method": method, "path": path, **fault})


def changes(shop: Shop) -> int:
    """Count what Stripe was asked to do; a client secret is asked for anew, since none is stored."""
    return len([each for each in shop.server.requests if each.method != "GET"])


@pytest.mark.parametrize(
    ("package", "table"), [(billing, OPERATIONS), (connect, CONNECT_OPERATIONS)]
)
def test_every_operation_is_in_the_table(
    package: types.ModuleType, table: t.Mapping[str, Operation]
) -> None:
    changing = {
        name
        for name in package.__all__
        if "operation_id" in getattr(inspect.unwrap(getattr(package, name)), "__annotations__", {})
    }
    # A row may also be an operation in another way, named in words.
    assert changing - NO_ROW_OF_THEIR_OWN == {name for name in table if " " not in name}


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("name", EVERY)
def test_a_second_time_the_same_id_does_nothing(shop: Shop, name: str) -> None:
    operation = EVERY[name]
    operation.prepare(shop)
    before = Before(shop)

    operation.run(shop, "op-1")
    before.check_done(operation)
    asked = changes(shop)
    operation.run(shop, "op-1")

    before.check_done(operation)
    assert changes(shop) == asked


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("lost", LOST, ids=str)
@pytest.mark.parametrize("name", EVERY)
def test_the_same_id_again_and_again_ends_in_one_effect(shop: Shop, name: str, lost: Json) -> None:
    operation = EVERY[name]
    operation.prepare(shop)
    before = Before(shop)
    shop.give_up_at_once()

    for fault, kind in PASSING:
        strike(shop, operation, fault)
        with pytest.raises(kind) as caught:
            operation.run(shop, "op-1")
        assert type(caught.value) is kind
        before.check_untouched()
    strike(shop, operation, lost)
    with pytest.raises(ProcessorUnavailable):
        operation.run(shop, "op-1")
    operation.run(shop, "op-1")

    before.check_done(operation)


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("name", EVERY)
def test_what_passes_at_once_isnt_noticed(shop: Shop, name: str) -> None:
    operation = EVERY[name]
    operation.prepare(shop)
    before = Before(shop)
    faults = [{"status": 409}, {"status": 500}, {"reset": True}, *LOST]
    shop.give_up_at_once(retries=len(faults))
    for fault in faults:
        strike(shop, operation, fault)

    operation.run(shop, "op-1")

    before.check_done(operation)


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("acts", [False, True])
@pytest.mark.parametrize("name", EVERY)
def test_what_isnt_answered_in_time_leaves_one_effect(shop: Shop, name: str, acts: bool) -> None:
    operation = EVERY[name]
    operation.prepare(shop)
    before = Before(shop)
    method, path = operation.request

    shop.give_up_at_once(timeout=0.2)
    with (
        shop.server.hold(method=method, path=path, acts=acts),
        pytest.raises(ProcessorUnavailable),
    ):
        operation.run(shop, "op-1")
    shop.give_up_at_once()
    operation.run(shop, "op-1")

    before.check_done(operation)


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("name", EVERY)
def test_what_is_refused_stays_refused_and_another_id_may_try(shop: Shop, name: str) -> None:
    operation = EVERY[name]
    operation.prepare(shop)
    before = Before(shop)
    shop.give_up_at_once()

    for fault, kind in FINAL:
        if kind is NotFound and name in NEEDS_NO_END:
            continue
        strike(shop, operation, fault)
        for _ in range(2):
            with pytest.raises(kind) as caught:
                operation.run(shop, f"op-{kind.__name__}")
            assert type(caught.value) is kind
        before.check_untouched()
    operation.run(shop, "op-2")

    before.check_done(operation)


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("name", EVERY)
def test_a_key_that_stripe_knows_of_another_request_changes_nothing(shop: Shop, name: str) -> None:
    operation = EVERY[name]
    operation.prepare(shop)
    before = Before(shop)
    shop.give_up_at_once()
    said = {"error": {"type": "idempotency_error", "message": "Another request has that key."}}
    strike(shop, operation, {"status": 400, "body": said, "times": 2})

    for _ in range(2):
        with pytest.raises(IdempotencyConflict):
            operation.run(shop, "op-1")
    before.check_untouched()
    operation.run(shop, "op-2")

    before.check_done(operation)
