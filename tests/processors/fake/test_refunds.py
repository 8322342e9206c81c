from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_accrue.errors import CardError, InvalidRequest
from flask_accrue.processors.fake import FakeProcessor


def charged(fake, shop, amount=1000, token="pm_card_visa"):  # noqa: S107 - a test card
    customer = shop.customer(card=None)
    return fake.create_charge(
        customer,
        amount=amount,
        currency="usd",
        payment_method=shop.card(customer, token),
        description=None,
        metadata={},
        key=shop.key(),
    ).objects[1]


def refund(fake, shop, charge, amount=None, reason=None, **metadata):
    return fake.create_refund(
        charge.processor_id, amount=amount, reason=reason, metadata=metadata, key=shop.key()
    )


def test_without_an_amount_all_is_given_back(fake, shop):
    charge = charged(fake, shop)
    shop.forget_events()

    refunded, after = refund(fake, shop, charge, reason="duplicate", accrue_operation="op").objects

    assert (refunded.amount, refunded.status, refunded.reason) == (1000, "succeeded", "duplicate")
    assert (after.amount_refunded, after.refunded) == (1000, True)
    assert shop.types() == ["refund.created", "charge.refunded"]
    assert fake.read_event(fake.pending_events()[0].body).customer == charge.customer
    found = fake.find("refund", "op", within=charge.processor_id)
    assert found.main.processor_id == refunded.processor_id


def test_parts_add_up_and_only_the_whole_is_fully_refunded(fake, shop):
    charge = charged(fake, shop)

    first = refund(fake, shop, charge, 300).objects[1]
    assert (first.amount_refunded, first.refunded) == (300, False)
    second = refund(fake, shop, charge, 699).objects[1]
    assert (second.amount_refunded, second.refunded) == (999, False)
    last = refund(fake, shop, charge).objects
    assert last[0].amount == 1
    assert (last[1].amount_refunded, last[1].refunded) == (1000, True)


@pytest.mark.parametrize("amount", [0, -5, 1001, 1.5, "10", True])
def test_never_more_than_is_left_and_never_nothing(fake, shop, amount):
    charge = charged(fake, shop)

    with pytest.raises(InvalidRequest) as caught:
        refund(fake, shop, charge, amount)

    assert caught.value.param == "amount"
    assert fake.fetch("charge", charge.processor_id).main.amount_refunded == 0


def test_what_was_given_back_is_not_given_back_again(fake, shop):
    charge = charged(fake, shop)
    refund(fake, shop, charge)

    with pytest.raises(InvalidRequest) as caught:
        refund(fake, shop, charge)

    assert caught.value.code == "charge_already_refunded"


def test_a_disputed_or_failed_charge_is_not_refunded(fake, shop):
    charge = charged(fake, shop)
    fake.trigger_dispute(charge.processor_id)
    with pytest.raises(CardError) as declined:
        charged(fake, shop, token="pm_card_chargeCustomerFail")

    for refused, code in (
        (charge, "charge_disputed"),
        (declined.value.answer.objects[1], "charge_not_refundable"),
    ):
        with pytest.raises(InvalidRequest) as caught:
            refund(fake, shop, refused)
        assert caught.value.code == code


def test_a_reason_is_one_of_three(fake, shop):
    with pytest.raises(InvalidRequest) as caught:
        refund(fake, shop, charged(fake, shop), reason="because")

    assert caught.value.param == "reason"


@settings(deadline=None)
@given(
    amount=st.integers(1, 10**6), wanted=st.lists(st.integers(-10, 10**6) | st.none(), max_size=12)
)
def test_refunds_never_exceed_the_charge(amount, wanted):
    from tests.processors.fake.conftest import Shop

    fake = FakeProcessor(seed=1)
    shop = Shop(fake).catalog()
    charge = charged(fake, shop, amount)
    given_back = 0

    for part in wanted:
        try:
            refunded, after = refund(fake, shop, charge, part).objects
        except InvalidRequest:
            continue
        given_back += refunded.amount
        assert after.amount_refunded == given_back <= amount
        assert after.refunded == (given_back == amount)
    fake.close()
