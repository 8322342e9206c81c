from __future__ import annotations

import datetime

import pytest

from flask_accrue.errors import (
    CardError,
    IdempotencyConflict,
    InvalidRequest,
    NotFound,
    ProcessorUnavailable,
    RateLimited,
)

HOURS_24 = datetime.timedelta(hours=24)


def make(fake, name="Ada", key="k"):
    return fake.create_customer(
        name=name, email=None, preferred_locale=None, metadata={}, key=key
    ).main


def test_the_same_request_again_gives_the_same_answer_and_does_nothing(fake):
    first = make(fake)
    events = len(fake.events())

    assert make(fake) == first
    assert len(fake.events()) == events


def test_the_answer_is_given_again_as_it_was_then(fake, shop):
    customer = shop.customer()
    first = shop.subscribe(customer, key="k")
    shop.cancel(first)
    shop.advance(hours=1)

    again = shop.subscribe(customer, key="k")

    assert again.objects == first.objects
    assert again.main.status == "active"
    # It isn't news: it was true then, and nobody says that it still is.
    assert (again.fresh_from, again.fresh_to) == (first.fresh_from, first.fresh_to)


def test_a_client_secret_is_given_again_too(shop):
    customer = shop.customer("pm_card_authenticationRequired")

    first, again = (shop.subscribe(customer, key="k") for _ in range(2))

    assert again.client_secret == first.client_secret
    assert again.client_secret


def test_a_key_with_other_arguments_or_for_another_call_is_a_conflict(fake, shop):
    customer = make(fake).processor_id

    with pytest.raises(IdempotencyConflict):
        make(fake, name="Grace")
    with pytest.raises(IdempotencyConflict):
        fake.update_customer(customer, {"name": "Grace"}, key="k")

    assert fake.fetch("customer", customer).main.name == "Ada"


def test_the_order_of_fields_makes_no_other_request(fake, shop):
    customer = make(fake).processor_id
    fake.update_customer(customer, {"name": "A", "email": "b"}, key="k2")

    fake.update_customer(customer, {"email": "b", "name": "A"}, key="k2")


def test_a_decline_is_given_again_even_when_the_card_would_pay_now(fake, shop):
    customer = shop.customer(card=None)
    card = shop.card(customer, "pm_card_chargeCustomerFail")
    errors = []

    for behavior in ("decline:lost_card", "succeed"):
        fake.set_card_behavior(card, behavior)
        with pytest.raises(CardError) as caught:
            fake.create_charge(
                customer,
                amount=100,
                currency="usd",
                payment_method=card,
                description=None,
                metadata={},
                key="k",
            )
        errors.append(caught.value)

    one, two = errors
    assert (one.code, one.decline_code, one.message) == (two.code, two.decline_code, two.message)
    assert one.answer == two.answer
    assert len(shop.charges(customer)) == 1


def test_a_refusal_is_given_again_too(fake, shop):
    customer = shop.customer()
    errors = []

    for _ in range(2):
        with pytest.raises(NotFound) as caught:
            shop.subscribe(customer, "price_new", key="k")
        errors.append((caught.value.message, caught.value.param, caught.value.http_status))
        from flask_accrue.money import Money

        fake.create_price("prod_pro", Money(1, "usd"), id="price_new")

    assert errors[0] == errors[1]


def test_a_decline_when_attaching_leaves_nothing_and_is_given_again(fake, shop):
    customer = shop.customer(card=None)

    for _ in range(2):
        with pytest.raises(CardError) as caught:
            fake.add_payment_method(customer, "pm_card_chargeDeclined", key="k")
        assert caught.value.answer is None


def test_keys_are_forgotten_after_24_hours_of_real_time(fake):
    first = make(fake)
    fake.age_idempotency_keys(HOURS_24 - datetime.timedelta(seconds=60))
    assert make(fake) == first

    fake.age_idempotency_keys(datetime.timedelta(seconds=60))

    assert make(fake, name="Grace").processor_id != first.processor_id


def test_billing_time_does_not_make_keys_older(fake, shop):
    first = make(fake)

    shop.advance(days=40)

    assert make(fake) == first


@pytest.mark.parametrize("fault", ["rate_limited", "unavailable", "timeout"])
def test_what_was_never_carried_out_is_carried_out_when_it_is_sent_again(fake, fault):
    fake.fail_next("create_customer", fault)
    with pytest.raises((RateLimited, ProcessorUnavailable)):
        make(fake)

    assert make(fake).name == "Ada"


@pytest.mark.parametrize("fault", ["unavailable", "timeout", "connection_reset"])
def test_what_was_carried_out_unheard_is_told_when_it_is_sent_again(fake, fault):
    fake.fail_next("create_customer", fault, when="after")
    with pytest.raises(ProcessorUnavailable) as caught:
        make(fake)
    assert not caught.value.definite
    events = fake.events()
    assert [event.type for event in events] == ["customer.created"]

    made = make(fake)

    assert events[0].subject == made.processor_id
    assert len(fake.events()) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, None, 7])
def test_a_key_is_a_string_of_1_to_255_characters(fake, key):
    with pytest.raises(InvalidRequest) as caught:
        make(fake, key=key)

    assert caught.value.code == "idempotency_key_invalid"


def test_arguments_that_are_not_json_are_refused(fake, shop):
    with pytest.raises(InvalidRequest):
        shop.subscribe(shop.customer(), quantity=object())
    with pytest.raises(InvalidRequest):
        shop.subscribe(shop.customer(), quantity=float("nan"))
