"""What is asked for beside an operation: where the row's customer is, also outside the account's block."""

from __future__ import annotations

import pytest

from flask_accrue import billing, connect
from flask_accrue.billing.authentication import unfinished_payment
from flask_accrue.errors import (
    ActionRequired,
    CardError,
    InvalidRequest,
    InvalidState,
    NotFound,
)
from flask_accrue.money import Money


def test_what_is_looked_up_is_looked_up_in_the_account_of_its_customer(kit, there):
    setup = billing.create_setup_intent(there)
    assert billing.sync_setup_intent(setup).id == setup.id
    assert billing.client_secret(setup).startswith("seti_")

    held = billing.create_payment_intent(there, Money(900, "usd"))
    assert billing.client_secret(held).startswith("pi_")
    assert billing.cancel_payment_intent(held).is_canceled

    [card] = billing.sync_payment_methods(there)
    assert not card.is_expired
    page = billing.create_checkout_session(there, "price_pro", success_url="/", cancel_url="/")
    assert billing.sync_checkout(page.session).is_open


def test_what_came_of_a_page_in_an_account_is_brought_from_there(kit, there, shop):
    page = billing.create_checkout_session(there, "price_pro", success_url="/", cancel_url="/")
    [card] = billing.list_payment_methods(there)
    done = billing.complete_checkout_session(page.session, card)

    assert billing.get_checkout_session(there, done.processor_id).is_complete
    [made] = billing.list_subscriptions(there)
    assert shop.fetch("subscription", made.processor_id).main.processor_id == made.processor_id
    with pytest.raises(NotFound):
        kit.fake.fetch("subscription", made.processor_id)
    assert billing.increment(made).items[0].quantity == 2


def test_what_was_charged_in_an_account_is_given_back_there(there, shop):
    paid = billing.charge(there, Money(500, "usd"))
    [charge] = billing.list_charges(there)

    given_back = billing.refund(charge, Money(200, "usd"))

    assert shop.fetch("refund", given_back.processor_id).main.amount == 200
    assert (paid.is_succeeded, charge.amount_refunded) == (True, 200)


@pytest.mark.parametrize("pay", ["pay_invoice", "retry_payment"])
def test_what_is_owed_in_an_account_is_paid_there(there, shop, pay):
    made = billing.subscribe(there, "price_pro")
    [card] = billing.list_payment_methods(there)
    shop.set_card_behavior(card.processor_id, "decline:insufficient_funds")
    with pytest.raises(CardError):
        billing.update_quantity(made, 2, proration="always_invoice")
    [owed] = [each for each in billing.list_invoices(there) if not each.is_paid]
    assert owed.is_open
    shop.set_card_behavior(card.processor_id, "succeed")

    if pay == "pay_invoice":
        billing.pay_invoice(owed)
    else:
        billing.retry_payment(made)

    assert owed.is_paid
    assert shop.fetch("invoice", owed.processor_id).main.status == "paid"


def test_what_waits_for_its_customer_in_an_account_is_confirmed_there(org, account, shop):
    with connect.account(account.processor_id):
        customer = billing.customer(org)
        billing.add_payment_method(org, "pm_card_authenticationRequired")
        with pytest.raises(ActionRequired) as waiting:
            billing.subscribe(org, "price_pro")
    intent = unfinished_payment(waiting.value.row)

    billing.confirm_payment(intent)

    assert shop.fetch("payment_intent", intent.processor_id).main.status == "succeeded"
    [made] = billing.list_subscriptions(customer)
    assert made.is_active


def test_the_platform_s_codes_and_coupons_are_refused_to_an_account_s_customer(there):
    coupon = billing.create_coupon(percent_off=10, duration="once", id="TEN")
    billing.create_promotion_code(coupon, code="SUMMER")
    made = billing.subscribe(there, "price_pro")

    with pytest.raises(InvalidRequest) as refused:
        billing.apply_promotion_code(made, "summer")
    assert refused.value.code == "promotion_code_not_found"
    with pytest.raises(InvalidRequest) as refused:
        billing.apply_coupon(made, coupon)
    assert refused.value.code == "other_account"


def test_the_portal_s_configurations_are_the_platform_s(account):
    with connect.account(account.processor_id), pytest.raises(InvalidState) as refused:
        billing.create_portal_configuration({"invoice_history": {"enabled": True}})
    assert refused.value.code == "other_account"
