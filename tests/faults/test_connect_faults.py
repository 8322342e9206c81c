"""What is done for connected accounts at Stripe: asked for again and again or killed, it's done once."""

from __future__ import annotations

import typing as t

import pytest

from flask_accrue import connect, models
from flask_accrue.errors import ProcessorUnavailable
from flask_accrue.money import Money
from tests.faults.operation_table import Operation
from tests.faults.shop import Before, Shop, shop
from tests.faults.test_operation_faults import LOST, PASSING, Json, changes, strike
from tests.faults.test_stripe_kills import die_and_be_done
from tests.processors.stripe.stripe_host import org, payer

__all__ = ["org", "payer", "shop"]


def connected(shop: Shop) -> None:
    connect.create_account(type="express", country="AT", processor="stripe")


def moved(shop: Shop) -> None:
    connected(shop)
    connect.transfer(shop.only(models.ConnectAccount), Money(500, "usd"))


OPERATIONS: t.Final[t.Mapping[str, Operation]] = {
    "create_account": Operation(
        lambda shop, id: connect.create_account(
            shop.org, type="express", country="AT", processor="stripe", operation_id=id
        ),
        ("POST", "^/v1/accounts$"),
        ("connect_account.created",),
        ("connect_account",),
    ),
    "transfer": Operation(
        lambda shop, id: connect.transfer(
            shop.only(models.ConnectAccount), Money(500, "usd"), operation_id=id
        ),
        ("POST", "^/v1/transfers$"),
        ("transfer.created",),
        ("transfer",),
        prepare=connected,
    ),
    "reverse_transfer": Operation(
        lambda shop, id: connect.reverse_transfer(shop.only(models.Transfer), operation_id=id),
        ("POST", "/reversals$"),
        ("transfer.reversed",),
        beside={"transfer_reversal": 1},
        prepare=moved,
    ),
}


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("lost", LOST, ids=str)
@pytest.mark.parametrize("name", OPERATIONS)
def test_the_same_id_again_and_again_ends_in_one_effect(shop: Shop, name: str, lost: Json) -> None:
    operation = OPERATIONS[name]
    operation.prepare(shop)
    before = Before(shop)
    shop.give_up_at_once()

    for fault, kind in PASSING:
        strike(shop, operation, fault)
        with pytest.raises(kind):
            operation.run(shop, "op-1")
        before.check_untouched()
    strike(shop, operation, lost)
    with pytest.raises(ProcessorUnavailable):
        operation.run(shop, "op-1")
    operation.run(shop, "op-1")
    asked = changes(shop)
    operation.run(shop, "op-1")

    assert changes(shop) == asked
    before.check_done(operation)


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("name", OPERATIONS)
def test_killed_at_one_moment_after_the_other_it_is_done_once(shop: Shop, name: str) -> None:
    die_and_be_done(shop, OPERATIONS[name])
