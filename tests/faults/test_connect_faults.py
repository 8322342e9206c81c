"""A sale whose charge stands while its transfers fail: it goes on where it ended, and does nothing twice."""

from __future__ import annotations

import signal
import typing as t

import pytest

from flask_accrue.errors import InvalidRequest, ProcessorUnavailable
from tests.faults.connect_table import (
    CONNECT_OPERATIONS,
    account_id,
    direct_charge,
    with_a_customer_there,
)
from tests.faults.shop import Before, Shop, shop
from tests.faults.test_operation_faults import LOST, PASSING, Json, changes
from tests.faults.test_stripe_kills import MOMENTS, run_and_die
from tests.processors.stripe.stripe_host import org, payer

__all__ = ["org", "payer", "shop"]

SALE: t.Final = CONNECT_OPERATIONS["separate_charge_and_transfer"]


def strike(shop: Shop, fault: Json) -> None:
    shop.server.queue_fault({"method": "POST", "path": "^/v1/transfers$", **fault})


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("lost", LOST, ids=str)
def test_transfers_that_fail_again_and_again_are_made_once_at_last(shop: Shop, lost: Json) -> None:
    SALE.prepare(shop)
    before = Before(shop)
    shop.give_up_at_once()

    for fault, kind in PASSING:
        strike(shop, fault)
        with pytest.raises(kind):
            SALE.run(shop, "op-1")
        assert shop.rows()["payment_intent"] == 1
        assert shop.rows()["transfer"] == 0
    for _ in range(2):  # the first, then the second
        strike(shop, lost)
        with pytest.raises(ProcessorUnavailable):
            SALE.run(shop, "op-1")
    SALE.run(shop, "op-1")
    asked = changes(shop)
    SALE.run(shop, "op-1")

    assert changes(shop) == asked
    before.check_done(SALE)


@pytest.mark.only("sqlite")
def test_a_transfer_that_is_refused_leaves_the_charge_and_those_before_it(shop: Shop) -> None:
    SALE.prepare(shop)
    shop.give_up_at_once()
    strike(shop, {"delay": 0.0})  # the first is made
    strike(shop, {"status": 400})

    for _ in range(2):
        with pytest.raises(InvalidRequest):
            SALE.run(shop, "op-1")

    assert (shop.rows()["payment_intent"], shop.rows()["charge"]) == (1, 1)
    assert shop.rows()["transfer"] == shop.objects()["transfer"] == 1


@pytest.mark.only("sqlite")
def test_killed_in_each_of_its_steps_a_sale_is_made_once(shop: Shop) -> None:
    SALE.prepare(shop)
    before = Before(shop)
    of_a_customer = MOMENTS
    of_nobody = tuple(each for each in MOMENTS if each != "write.locked")

    for moment in (*of_a_customer, *of_nobody, *of_nobody):
        assert run_and_die(shop, SALE, moment) == -signal.SIGKILL, moment
    SALE.run(shop.again(), "op-1")

    before.check_done(SALE)


@pytest.mark.only("sqlite")
def test_a_direct_charge_whose_answer_was_lost_is_looked_for_in_its_account(shop: Shop) -> None:
    with_a_customer_there(shop)
    shop.give_up_at_once()
    shop.server.queue_fault({"method": "POST", "path": "^/v1/payment_intents$", **LOST[1]})
    asked = len(shop.server.requests)
    with pytest.raises(ProcessorUnavailable):
        direct_charge(shop, "op-1")
    direct_charge(shop, "op-1")

    assert {each.account for each in shop.server.requests[asked:]} == {account_id(shop)}
