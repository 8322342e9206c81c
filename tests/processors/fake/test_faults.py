from __future__ import annotations

import pytest

from flask_accrue.errors import (
    AuthenticationError,
    CardError,
    InvalidRequest,
    OperationInProgress,
    ProcessorUnavailable,
    RateLimited,
)


def rename(fake, shop, customer, name="Grace"):
    return fake.update_customer(customer, {"name": name}, key=shop.key())


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("rate_limited", RateLimited),
        ("unavailable", ProcessorUnavailable),
        ("timeout", ProcessorUnavailable),
        ("connection_reset", ProcessorUnavailable),
        ("authentication", AuthenticationError),
        ("in_progress", OperationInProgress),
    ],
)
def test_a_fault_strikes_once_and_leaves_nothing(fake, shop, fault, error):
    customer = shop.customer()
    fake.fail_next("update_customer", fault)

    with pytest.raises(error):
        rename(fake, shop, customer)

    assert fake.fetch("customer", customer).main.name == "Ada"
    assert rename(fake, shop, customer).main.name == "Grace"


def test_a_fault_after_the_call_leaves_its_effect(fake, shop):
    customer = shop.customer()
    fake.fail_next("update_customer", "connection_reset", when="after")

    with pytest.raises(ProcessorUnavailable):
        rename(fake, shop, customer)

    assert fake.fetch("customer", customer).main.name == "Grace"


def test_a_fault_strikes_as_often_as_it_is_told(fake, shop):
    customer = shop.customer()
    fake.fail_next("update_customer", "unavailable", times=2)

    for _ in range(2):
        with pytest.raises(ProcessorUnavailable):
            rename(fake, shop, customer)
    rename(fake, shop, customer)


def test_a_fault_of_one_method_lets_others_pass(fake, shop):
    customer = shop.customer()
    fake.fail_next("fetch", "unavailable")

    rename(fake, shop, customer)
    with pytest.raises(ProcessorUnavailable):
        fake.fetch("customer", customer)
    fake.fetch("customer", customer)


def test_a_fault_of_any_method_strikes_the_next(fake, shop):
    customer = shop.customer()
    fake.fail_next(fault="rate_limited", retry_after=7)

    with pytest.raises(RateLimited) as caught:
        fake.list_catalog()

    assert caught.value.retry_after == 7
    assert rename(fake, shop, customer)


def test_the_bank_refuses_on_demand(fake, shop):
    customer = shop.customer()
    fake.fail_next("create_subscription", "decline", decline_code="insufficient_funds")

    refused, accepted = shop.subscribe(customer), shop.subscribe(customer)

    assert refused.main.status == "incomplete"
    assert refused.objects[2].error_decline_code == "insufficient_funds"
    assert accepted.main.status == "active"


def test_a_refusal_waits_until_the_bank_is_asked(fake, shop):
    customer = shop.customer()
    fake.fail_next(fault="decline")
    fake.fail_next("fetch", "unavailable")

    rename(fake, shop, customer)
    with pytest.raises(ProcessorUnavailable):
        fake.fetch("customer", customer)
    refused, accepted = shop.subscribe(customer), shop.subscribe(customer)

    assert (refused.main.status, accepted.main.status) == ("incomplete", "active")


def test_the_bank_refuses_to_attach_on_demand(fake, shop):
    customer = shop.customer(card=None)
    fake.fail_next("add_payment_method", "decline", decline_code="expired_card")

    with pytest.raises(CardError) as caught:
        shop.card(customer)

    assert (caught.value.code, caught.value.decline_code) == ("expired_card", None)


@pytest.mark.parametrize(
    "wrong",
    [{"fault": "gremlins"}, {"fault": "rate_limited", "when": "after"}, {"when": "during"}],
)
def test_a_fault_that_there_is_not_is_refused(fake, wrong):
    with pytest.raises(InvalidRequest):
        fake.fail_next(**wrong)


def test_time_and_tools_meet_no_faults(fake, shop):
    customer = shop.customer()
    shop.subscribe(customer)
    fake.fail_next(fault="unavailable")

    shop.advance(days=40)
    fake.set_balance(customer, -5)
    fake.create_product("Another")

    with pytest.raises(ProcessorUnavailable):
        fake.fetch("customer", customer)
