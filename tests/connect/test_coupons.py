"""Coupons and codes of a connected account: made, mirrored and redeemed there, beside the platform's."""

from __future__ import annotations

import pytest

from flask_accrue import billing, connect, models
from flask_accrue.errors import InvalidRequest, InvalidState
from flask_accrue.money import Money
from flask_accrue.operations import operation
from tests.connect.conftest import entries, rows
from tests.connect.test_events import event


@pytest.fixture
def both(account, shop):
    """Give two coupons of one id: the platform's, and the account's."""
    here = billing.create_coupon(percent_off=10, duration="forever", id="SPRING")
    with connect.account(account.processor_id):
        theirs = billing.create_coupon(percent_off=50, duration="forever", id="SPRING")
    return here, theirs


def test_a_coupon_of_the_same_id_is_another_one(kit, account, shop, both):
    here, theirs = both

    assert (here.account, here.percent_off) == (None, 10)
    assert (theirs.account, theirs.percent_off) == (account.processor_id, 50)
    assert shop.fetch("coupon", "SPRING").main.percent_off == 50
    assert kit.fake.fetch("coupon", "SPRING").main.percent_off == 10
    assert entries("coupon") == ["coupon.created", "coupon.created"]
    assert billing.list_coupons() == [here]
    with connect.account(account.processor_id):
        assert billing.list_coupons() == [theirs]


def test_what_is_changed_is_the_coupon_of_the_row(kit, account, shop, both):
    here, theirs = both

    billing.update_coupon(theirs, name="Half")
    code = billing.create_promotion_code(theirs, "EASTER")
    billing.deactivate_promotion_code(code)
    kit.deliver()
    billing.delete_coupon(theirs)

    assert (theirs.name, theirs.is_redeemable) == ("Half", False)
    assert (here.name, here.is_redeemable) == (None, True)
    assert (code.account, code.is_active, code.coupon) == (account.processor_id, False, theirs)
    assert billing.list_promotion_codes(here, redeemable=False) == []
    assert billing.list_promotion_codes(theirs, redeemable=False) == [code]
    assert billing.sync(here) == here
    assert billing.sync(theirs) is None


def test_they_are_redeemed_in_their_account_and_nowhere_else(kit, payer, there, both):
    here, theirs = both
    kit.fake.create_product("Reports", id="prod_reports")
    kit.fake.create_price("prod_reports", Money(500, "usd"), id="price_reports")
    code = billing.create_promotion_code(theirs, "EASTER")
    customer = billing.customer(payer)

    made = billing.subscribe(there, "price_pro", promotion_code="easter")
    elsewhere = billing.subscribe(customer, "price_reports")

    assert made.is_active
    assert [each.total for each in billing.list_invoices(there)] == [450]
    for wrong in (code, "EASTER"):
        with pytest.raises(InvalidRequest) as refused:
            billing.apply_promotion_code(elsewhere, wrong)
        assert refused.value.code == "promotion_code_not_found"
    for subscription, coupon in ((elsewhere, theirs), (made, here)):
        with pytest.raises(InvalidRequest) as refused:
            billing.apply_coupon(subscription, coupon)
        assert refused.value.code == "other_account"
    # By its id it's the one that is where the subscription is.
    billing.apply_coupon(elsewhere, "SPRING")
    assert [len(billing.list_redemptions(each)) for each in (here, theirs, code)] == [1, 1, 1]


def test_what_is_known_of_the_account_s_own_is_checked_before_anything_is_asked(there, both):
    here, theirs = both
    made = billing.subscribe(there, "price_pro")
    billing.delete_coupon(theirs)

    with pytest.raises(InvalidRequest) as refused:
        billing.apply_coupon(made, "SPRING")

    assert (refused.value.code, here.is_redeemable) == ("coupon_deleted", True)


def test_a_subscription_in_an_account_is_made_free_of_charge_by_a_coupon_of_that_account(
    there, shop, account
):
    made = billing.subscribe(there, "price_pro")

    billing.comp_subscription(made, reason="A friend")

    assert made.is_complimentary
    [coupon] = rows(models.Coupon)
    assert coupon.account == account.processor_id
    assert shop.fetch("coupon", coupon.processor_id).main.percent_off == 100


def test_news_of_them_are_mirrored_as_the_account_s(kit, account, shop, both):
    here, _ = both
    shop.create_coupon(
        **{**dict.fromkeys(GIVEN), "id": "AUTUMN", "percent_off": "20", "duration": "once"},
        metadata={},
        key="elsewhere",
    )
    shop.update_coupon("SPRING", {"name": "Half"}, key="renamed")
    kit.deliver()

    told = event("coupon.created")
    assert (told.state, told.outcome) == ("succeeded", "applied")
    with connect.account(account.processor_id):
        known = {each.processor_id: each.name for each in billing.list_coupons()}
    assert known == {"AUTUMN": None, "SPRING": "Half"}
    assert (billing.list_coupons(), here.name) == ([here], None)


def test_a_mounted_page_in_an_account_takes_the_account_s_codes(there, both):
    _, theirs = both
    code = billing.create_promotion_code(theirs, "EASTER").processor_id

    page = billing.create_checkout_session(
        there, "price_pro", success_url="/", mounted=True, promotion_code=code
    )

    assert page.session.amount_total == 450


def test_a_code_for_one_customer_is_for_one_in_the_coupon_s_account(payer, there, both):
    here, theirs = both
    assert billing.create_promotion_code(theirs, "MINE", only_for=there).account == there.account
    with pytest.raises(InvalidState) as refused:
        billing.create_promotion_code(here, "MINE", only_for=there)
    assert refused.value.code == "other_account"


def test_another_account_s_are_refused_in_a_block(account, both):
    here, theirs = both
    for block, coupon in ((account.processor_id, here), (None, theirs)):
        with connect.account(block):
            for act in (
                lambda coupon=coupon: billing.update_coupon(coupon, name="Ours"),
                lambda coupon=coupon: billing.create_promotion_code(coupon, "OURS"),
            ):
                with pytest.raises(InvalidState) as refused:
                    act()
                assert refused.value.code == "other_account"


def test_in_one_operation_s_block_each_account_gets_its_coupon(account, shop):
    made = []
    order = [None, account.processor_id]
    for accounts in (order, order[::-1]):
        # The second time around it's what the first one made.
        with operation("import:2"):
            for id in accounts:
                with connect.account(id):
                    made.append(billing.create_coupon(percent_off=5, id="FIVE"))

    assert [each.account for each in made] == [*order, *order[::-1]]
    assert len(rows(models.Coupon)) == 2


GIVEN = (
    "name amount_off currency currency_options duration_in_months max_redemptions redeem_by products"
).split()
