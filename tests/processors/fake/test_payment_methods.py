from __future__ import annotations

import datetime

import pytest

from flask_accrue.errors import CardError, InvalidRequest, NotFound
from flask_accrue.processors.fake import cards


@pytest.mark.parametrize("name", cards.BRANDS)
def test_every_brand_can_be_attached_and_pays(fake, shop, name):
    customer = shop.customer(f"pm_card_{name}")

    assert shop.subscribe(customer).main.status == "active"
    (card,) = fake.list_payment_methods(customer).objects
    assert (card.brand, card.last4) == cards.BRANDS[name]


@pytest.mark.parametrize("name", cards.DECLINES)
def test_a_declined_card_is_refused_when_it_is_attached(fake, shop, name):
    customer = shop.customer(card=None)

    with pytest.raises(CardError) as caught:
        shop.card(customer, f"pm_card_{name}")

    assert (caught.value.code, caught.value.decline_code) == cards.DECLINES[name]
    assert caught.value.http_status == 402
    assert fake.list_payment_methods(customer).objects == ()


@pytest.mark.parametrize("token", ["tok_visa", "pm_card_visa"])
def test_both_kinds_of_tokens_work(shop, token):
    assert shop.card(shop.customer(card=None), token).startswith("pm_")


@pytest.mark.parametrize("token", ["4242424242424242", "pm_card_nonsense", "", "pm_", "tok_"])
def test_an_unknown_token_is_missing_and_not_repeated_if_it_may_be_a_card_number(shop, token):
    with pytest.raises(NotFound) as caught:
        shop.card(shop.customer(card=None), token)

    assert caught.value.param == "payment_method"
    assert "4242" not in str(caught.value)


def test_the_same_card_twice_has_one_fingerprint_and_two_ids(fake, shop):
    customer = shop.customer(card=None)
    shop.card(customer), shop.card(customer), shop.card(customer, "pm_card_mastercard")

    one, two, other = fake.list_payment_methods(customer).objects

    assert one.processor_id != two.processor_id
    assert one.fingerprint == two.fingerprint != other.fingerprint


def test_attaching_an_id_that_is_attached_here_gives_it_again(fake, shop):
    customer = shop.customer(card=None)
    card = shop.card(customer)

    assert shop.card(customer, card) == card
    assert len(fake.list_payment_methods(customer).objects) == 1


def test_a_card_of_another_customer_or_a_detached_one_is_refused(fake, shop):
    card = shop.card(shop.customer())
    other = shop.customer()

    with pytest.raises(InvalidRequest):
        shop.card(other, card)
    fake.remove_payment_method(card, key="k")
    with pytest.raises(InvalidRequest) as caught:
        shop.card(other, card)

    assert caught.value.code == "payment_method_unexpected_state"


def test_detaching_the_default_card_leaves_none(fake, shop):
    customer = shop.customer()
    card = fake.list_payment_methods(customer).main.processor_id
    subscribed = shop.subscribe(customer, payment_method=card)
    shop.forget_events()

    gone = fake.remove_payment_method(card, key="k").main

    assert gone.customer is None
    with pytest.raises(NotFound):
        fake.fetch("payment_method", card)
    assert fake.fetch("customer", customer).main.default_payment_method is None
    assert shop.subscription(subscribed).default_payment_method is None
    detached = fake.read_event(fake.pending_events()[0].body)
    assert detached.type == "payment_method.detached"
    assert detached.object.customer is None
    assert detached.customer == customer
    with pytest.raises(InvalidRequest):
        fake.remove_payment_method(card, key="k2")


def test_a_card_that_expires_soon_pays_until_the_month_is_over(fake, shop):
    customer = shop.customer("pm_card_expiresSoon")
    card = fake.list_payment_methods(customer).main
    assert (card.exp_year, card.exp_month) == (2026, 1)
    assert shop.subscribe(customer).main.status == "active"

    fake.advance(datetime.datetime(2026, 2, 1, tzinfo=datetime.UTC))
    refused = shop.subscribe(customer)

    assert refused.main.status == "incomplete"
    assert refused.objects[2].error_code == "expired_card"


def test_a_card_is_expired_on_demand_and_updated_again(fake, shop):
    customer = shop.customer()
    card = fake.list_payment_methods(customer).main.processor_id

    expired = fake.expire_card(card)
    assert (expired.exp_year, expired.exp_month) == (2025, 12)
    assert shop.subscribe(customer).main.status == "incomplete"

    fake.update_payment_method(card, {"exp_year": 2031, "exp_month": 6}, key="k")
    assert shop.subscribe(customer).main.status == "active"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"exp_month": "5"}, "exp_month"),
        ({"exp_month": 13}, "exp_month"),
        ({"exp_month": 0}, "exp_month"),
        ({"last4": "1"}, "last4"),
    ],
)
def test_a_card_is_not_changed_into_nonsense(fake, shop, changes, param):
    card = shop.card(shop.customer())

    with pytest.raises(InvalidRequest) as caught:
        fake.update_payment_method(card, changes, key="k")

    assert caught.value.param == param


def test_a_bank_may_change_its_mind(fake, shop):
    customer = shop.customer()
    card = fake.list_payment_methods(customer).main.processor_id
    shop.forget_events()

    fake.set_card_behavior(card, "decline:insufficient_funds")

    assert shop.types() == []
    assert shop.subscribe(customer).objects[2].error_decline_code == "insufficient_funds"
    with pytest.raises(InvalidRequest):
        fake.set_card_behavior(card, "whatever")
