"""What is asked for beside an operation: where the row's customer is, also outside the account's block."""

from __future__ import annotations

import pytest

from flask_accrue import billing, connect
from flask_accrue.errors import InvalidRequest, InvalidState, NotFound
from flask_accrue.money import Money


@pytest.fixture
def shop(kit, account):
    """Give the Fake as the account has it, with a price and a coupon of its own."""
    theirs = kit.fake.of_account(account.processor_id)
    theirs.create_product("Lessons", id="prod_lessons")
    theirs.create_price("prod_lessons", Money(900, "usd"), id="price_pro")
    return theirs


@pytest.fixture
def there(org, account, shop):
    """Give the customer that the organization is in the account, with a card."""
    with connect.account(account.processor_id):
        customer = billing.customer(org)
    billing.add_payment_method(customer, "pm_card_visa")
    return customer


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
    with pytest.raises(InvalidState) as barred:
        billing.comp_subscription(made, reason="A friend")
    assert barred.value.code == "other_account"


def test_the_portal_s_configurations_are_the_platform_s(account):
    with connect.account(account.processor_id), pytest.raises(InvalidState) as refused:
        billing.create_portal_configuration({"invoice_history": {"enabled": True}})
    assert refused.value.code == "other_account"
