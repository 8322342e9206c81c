from __future__ import annotations

import pytest

from flask_accrue.errors import CardError, InvalidRequest


@pytest.fixture
def failing(shop):
    """A subscription with an open invoice of its first renewal."""
    answer = shop.subscribe(shop.customer())
    shop.use(answer.main.customer, "pm_card_chargeCustomerFail")
    shop.advance(days=28, hours=1)
    return answer


def latest(shop, answer):
    return shop.invoice(shop.subscription(answer).latest_invoice)


def pay(fake, shop, invoice, card=None):
    return fake.pay_invoice(invoice.processor_id, payment_method=card, key=shop.key())


def test_an_open_invoice_is_paid_with_the_default_card(fake, shop, failing):
    shop.use(failing.main.customer, "pm_card_visa")

    answer = pay(fake, shop, latest(shop, failing))

    invoice, intent, charge, subscription = answer.objects
    assert (invoice.status, intent.status, charge.status) == ("paid", "succeeded", "succeeded")
    assert subscription.status == "active"
    assert shop.advance(days=20) == 0 or latest(shop, failing).status == "paid"


def test_an_open_invoice_is_paid_with_a_named_card(fake, shop, failing):
    card = shop.card(failing.main.customer)

    answer = pay(fake, shop, latest(shop, failing), card)

    assert answer.objects[2].payment_method == card


def test_a_refusal_is_raised_and_stands(fake, shop, failing):
    before = latest(shop, failing)
    shop.forget_events()

    with pytest.raises(CardError) as caught:
        pay(fake, shop, before)

    assert caught.value.decline_code == "generic_decline"
    invoice, intent, charge, subscription = caught.value.answer.objects
    assert (invoice.status, intent.status) == ("open", "requires_payment_method")
    assert (charge.status, subscription.status) == ("failed", "past_due")
    assert "invoice.payment_failed" in shop.types()
    assert fake.fetch("charge", charge.processor_id).main.status == "failed"


def test_an_attempt_by_hand_leaves_the_schedule_alone(fake, shop, failing):
    before = latest(shop, failing)

    with pytest.raises(CardError):
        pay(fake, shop, before)

    after = latest(shop, failing)
    assert after.attempt_count == before.attempt_count == 1
    assert after.next_payment_attempt == before.next_payment_attempt


def test_an_invoice_that_has_to_be_confirmed_is_answered_with_a_secret(fake, shop, failing):
    card = shop.card(failing.main.customer, "pm_card_authenticationRequired")

    answer = pay(fake, shop, latest(shop, failing), card)

    assert answer.main.status == "open"
    assert answer.objects[1].status == "requires_action"
    assert answer.client_secret


@pytest.mark.parametrize("how", ["paid", "void"])
def test_what_is_paid_or_void_is_not_paid_again(fake, shop, failing, how):
    invoice = latest(shop, failing)
    if how == "void":
        fake.void_invoice(invoice.processor_id, key=shop.key())
    else:
        pay(fake, shop, invoice, shop.card(failing.main.customer))

    with pytest.raises(InvalidRequest) as caught:
        pay(fake, shop, invoice, shop.card(failing.main.customer))

    assert caught.value.code == (
        "invoice_already_paid" if how == "paid" else "invoice_not_editable"
    )


def test_an_invoice_without_any_card_cannot_be_paid(fake, shop, failing):
    for card in fake.list_payment_methods(failing.main.customer).objects:
        fake.remove_payment_method(card.processor_id, key=shop.key())

    with pytest.raises(InvalidRequest) as caught:
        pay(fake, shop, latest(shop, failing))

    assert caught.value.code == "resource_missing"


def test_a_card_of_somebody_else_does_not_pay(fake, shop, failing):
    foreign = shop.card(shop.customer())

    with pytest.raises(InvalidRequest):
        pay(fake, shop, latest(shop, failing), foreign)


def test_a_draft_is_finalized_by_paying_it(fake, shop):
    answer = shop.subscribe(shop.customer())
    shop.advance(days=28)

    paid = pay(fake, shop, latest(shop, answer))

    assert paid.main.status == "paid"
    assert paid.main.number.endswith("-0002")
    assert shop.advance(hours=2) == 0


def test_voiding_frees_the_subscription_and_cancels_the_payment(fake, shop, failing):
    shop.forget_events()

    voided = fake.void_invoice(latest(shop, failing).processor_id, key=shop.key()).main

    assert (voided.status, voided.payments[0].status) == ("void", "canceled")
    assert shop.subscription(failing).status == "active"
    assert shop.types() == [
        "payment_intent.canceled",
        "invoice.voided",
        "customer.subscription.updated",
    ]
    assert shop.advance(days=10) == 0


def test_an_uncollectible_invoice_frees_the_subscription_and_can_still_be_paid(fake, shop, failing):
    invoice = fake.mark_uncollectible(latest(shop, failing).processor_id, key=shop.key()).main
    assert invoice.status == "uncollectible"
    assert shop.subscription(failing).status == "active"

    assert pay(fake, shop, invoice, shop.card(failing.main.customer)).main.status == "paid"


def test_voiding_the_first_invoice_ends_what_never_began(fake, shop):
    answer = shop.subscribe(shop.customer("pm_card_chargeCustomerFail"))

    fake.void_invoice(answer.objects[1].processor_id, key=shop.key())

    assert shop.subscription(answer).status == "incomplete_expired"


def test_credit_is_used_when_an_invoice_is_finalized_not_before(fake, shop):
    answer = shop.subscribe(shop.customer())
    fake.set_balance(answer.main.customer, -1000)

    shop.advance(days=28)
    draft = latest(shop, answer)
    assert (draft.status, draft.amount_due) == ("draft", 900)
    assert fake.fetch("customer", answer.main.customer).main.balance == -1000
    shop.advance(hours=1)

    paid = latest(shop, answer)
    assert (paid.total, paid.amount_due, paid.amount_paid) == (1900, 900, 900)
    assert (paid.starting_balance, paid.ending_balance) == (-1000, 0)
    assert fake.fetch("customer", answer.main.customer).main.balance == 0


def test_what_credit_covers_is_paid_without_a_charge(fake, shop):
    customer = shop.customer(card=None)
    fake.set_balance(customer, -5000)

    answer = shop.subscribe(customer)

    assert answer.main.status == "active"
    assert (answer.objects[1].status, answer.objects[1].amount_due) == ("paid", 0)
    assert fake.fetch("customer", customer).main.balance == -3100
    assert shop.charges(customer) == []


def test_what_is_owed_is_added(fake, shop):
    customer = shop.customer()
    fake.set_balance(customer, 250)

    answer = shop.subscribe(customer)

    assert (answer.objects[1].total, answer.objects[1].amount_paid) == (1900, 2150)
    assert fake.fetch("customer", customer).main.balance == 0


def test_voiding_gives_credit_back(fake, shop):
    customer = shop.customer("pm_card_chargeCustomerFail")
    fake.set_balance(customer, -1000)
    answer = shop.subscribe(customer)
    assert fake.fetch("customer", customer).main.balance == 0

    fake.void_invoice(answer.objects[1].processor_id, key=shop.key())

    assert fake.fetch("customer", customer).main.balance == -1000


def test_numbers_count_up_for_each_customer(shop):
    one = shop.subscribe(shop.customer())
    two = shop.subscribe(shop.customer())
    again = shop.subscribe(one.main.customer)

    first, other, second = (answer.objects[1].number for answer in (one, two, again))
    prefix = first.removesuffix("-0001")
    assert second == f"{prefix}-0002"
    assert other.endswith("-0001")
    assert other != first
