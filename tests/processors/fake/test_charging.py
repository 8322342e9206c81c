from __future__ import annotations

import pytest

from flask_accrue.errors import CardError, InvalidRequest


def charge(fake, shop, customer, card, amount=1000, currency="usd", **metadata):
    return fake.create_charge(
        customer,
        amount=amount,
        currency=currency,
        payment_method=card,
        description=None,
        metadata=metadata,
        key=shop.key(),
    )


@pytest.fixture
def customer(shop):
    return shop.customer(card=None)


def test_a_charge_is_an_intent_that_succeeded_and_its_charge(fake, shop, customer):
    card = shop.card(customer)

    intent, paid = charge(fake, shop, customer, card, accrue_operation="op").objects

    assert (intent.status, intent.amount_received) == ("succeeded", 1000)
    assert (paid.status, paid.amount, paid.captured) == ("succeeded", 1000, True)
    assert paid.payment_intent == intent.processor_id
    assert (intent.invoice, paid.invoice) == (None, None)
    assert fake.find("charge", "op", within=customer).main.processor_id == paid.processor_id


def test_the_fee_is_told_by_a_fetch_and_by_nothing_else(fake, shop, customer):
    from flask_accrue.processors.objects import UNSAID

    paid = charge(fake, shop, customer, shop.card(customer)).objects[1]
    assert paid.fee is UNSAID

    fetched = fake.fetch("charge", paid.processor_id).main

    assert (fetched.fee, fetched.net) == (59, 941)
    told = next(each for each in fake.pending_events() if each.type == "charge.succeeded")
    assert fake.read_event(told.body).object.fee is UNSAID


def test_a_refusal_is_raised_with_what_there_is_of_it(fake, shop, customer):
    card = shop.card(customer, "pm_card_chargeCustomerFail_lost_card")

    with pytest.raises(CardError) as caught:
        charge(fake, shop, customer, card)

    assert (caught.value.code, caught.value.decline_code) == ("card_declined", "lost_card")
    intent, failed = caught.value.answer.objects
    assert intent.status == "requires_payment_method"
    assert (failed.status, failed.captured, failed.amount_captured) == ("failed", False, 0)


def test_a_payment_that_has_to_be_confirmed_has_no_charge_yet(fake, shop, customer):
    card = shop.card(customer, "pm_card_authenticationRequired")

    answer = charge(fake, shop, customer, card)

    (intent,) = answer.objects
    assert intent.status == "requires_action"
    confirmed = fake.confirm_payment(intent.processor_id, payment_method=None, key=shop.key())
    assert [each.status for each in confirmed.objects] == ["succeeded", "succeeded"]
    assert confirmed.client_secret is None


@pytest.mark.parametrize("amount", [0, -1, 1.5, True, 2**63])
def test_an_amount_is_a_whole_number_above_nothing(fake, shop, customer, amount):
    with pytest.raises(InvalidRequest):
        charge(fake, shop, customer, shop.card(customer), amount)


def test_a_card_of_somebody_else_is_not_charged(fake, shop, customer):
    with pytest.raises(InvalidRequest) as caught:
        charge(fake, shop, customer, shop.card(shop.customer()))

    assert caught.value.param == "payment_method"


# -- confirming ----------------------------------------------------------------------------------


def test_confirming_brings_an_incomplete_subscription_to_life(fake, shop):
    answer = shop.subscribe(shop.customer("pm_card_authenticationRequired"))
    shop.forget_events()

    confirmed = fake.confirm_payment(
        answer.objects[2].processor_id, payment_method=None, key=shop.key()
    )

    intent, paid, invoice, subscription = confirmed.objects
    assert (intent.status, paid.status, invoice.status) == ("succeeded", "succeeded", "paid")
    assert subscription.status == "active"
    assert shop.types()[-1] == "customer.subscription.updated"
    shop.advance(days=1)
    assert shop.subscription(answer).status == "active"
    shop.advance(days=27, hours=1)
    assert len(shop.invoices(answer.main.customer)) == 2


def test_another_card_brings_it_to_life_too(fake, shop):
    answer = shop.subscribe(shop.customer("pm_card_chargeCustomerFail"))
    card = shop.card(answer.main.customer)

    fake.confirm_payment(answer.objects[2].processor_id, payment_method=card, key=shop.key())

    assert shop.subscription(answer).status == "active"


def test_a_card_that_was_confirmed_once_pays_later_by_itself(fake, shop):
    answer = shop.subscribe(shop.customer("pm_card_authenticationRequiredOnSetup"))
    assert answer.main.status == "incomplete"
    fake.confirm_payment(answer.objects[2].processor_id, payment_method=None, key=shop.key())

    shop.advance(days=28, hours=1)

    assert shop.subscription(answer).status == "active"


def test_confirming_without_a_card_is_refused_after_a_decline(fake, shop):
    answer = shop.subscribe(shop.customer("pm_card_chargeCustomerFail"))

    with pytest.raises(InvalidRequest):
        fake.confirm_payment(answer.objects[2].processor_id, payment_method=None, key=shop.key())


def test_another_refusal_is_raised_and_leaves_it_incomplete(fake, shop):
    answer = shop.subscribe(shop.customer("pm_card_authenticationRequired"))
    card = shop.card(answer.main.customer, "pm_card_chargeCustomerFail")

    with pytest.raises(CardError) as caught:
        fake.confirm_payment(answer.objects[2].processor_id, payment_method=card, key=shop.key())

    assert caught.value.answer.objects[3].status == "incomplete"


def test_a_confirmation_that_fails_leaves_it_incomplete(fake, shop):
    answer = shop.subscribe(shop.customer("pm_card_authenticationRequired"))
    shop.forget_events()

    failed = fake.fail_authentication(answer.objects[2].processor_id)

    assert failed.status == "requires_payment_method"
    assert failed.error_code == "payment_intent_authentication_failure"
    assert shop.types() == ["payment_intent.payment_failed", "invoice.payment_failed"]
    assert shop.subscription(answer).status == "incomplete"
    with pytest.raises(InvalidRequest):
        fake.fail_authentication(answer.objects[2].processor_id)


def test_what_succeeded_or_was_canceled_is_not_confirmed_again(fake, shop):
    paid = shop.subscribe(shop.customer())
    expired = shop.subscribe(shop.customer("pm_card_authenticationRequired"))
    shop.advance(hours=23)

    for answer in (paid, expired):
        with pytest.raises(InvalidRequest) as caught:
            fake.confirm_payment(
                answer.objects[2].processor_id, payment_method=None, key=shop.key()
            )
        assert caught.value.code == "payment_intent_unexpected_state"


# -- disputes --------------------------------------------------------------------------------------


def test_a_dispute_marks_the_charge(fake, shop, customer):
    paid = charge(fake, shop, customer, shop.card(customer)).objects[1]
    shop.forget_events()

    dispute = fake.trigger_dispute(paid.processor_id)

    assert (dispute.status, dispute.amount, dispute.charge) == (
        "needs_response",
        1000,
        paid.processor_id,
    )
    assert fake.fetch("charge", paid.processor_id).main.disputed
    assert shop.types() == ["charge.updated", "charge.dispute.created"]
    assert fake.read_event(fake.pending_events()[1].body).customer == customer
    with pytest.raises(InvalidRequest) as caught:
        fake.trigger_dispute(paid.processor_id)
    assert caught.value.code == "charge_disputed"


def test_a_dispute_is_decided_once(fake, shop, customer):
    paid = charge(fake, shop, customer, shop.card(customer)).objects[1]
    dispute = fake.trigger_dispute(paid.processor_id)

    assert fake.close_dispute(dispute.processor_id, won=False).status == "lost"
    with pytest.raises(InvalidRequest):
        fake.close_dispute(dispute.processor_id, won=True)


def test_a_card_can_be_disputed_by_itself(fake, shop, customer):
    paid = charge(fake, shop, customer, shop.card(customer, "pm_card_createDispute")).objects[1]

    assert paid.disputed
