"""Coupons and promotion codes: making, changing and ending them."""

from __future__ import annotations

import datetime
import decimal
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import billing, errors, models
from flask_accrue.money import Money

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization

NEXT_YEAR = datetime.datetime(2027, 3, 10, 12, tzinfo=datetime.UTC)


def test_a_coupon_of_percents_is_what_was_asked_for_and_the_same_after_its_webhooks(
    kit: Kit,
) -> None:
    row = billing.create_coupon(
        percent_off="12.5",
        duration="repeating",
        months=3,
        name="Welcome",
        id="welcome",
        max_redemptions=10,
        redeem_by=NEXT_YEAR,
        products=["prod_price_pro"],
        metadata={"campaign": "spring"},
    )
    for _ in range(2):
        assert (row.processor_id, row.name, row.percent_off) == (
            "welcome", "Welcome", decimal.Decimal("12.5"),
        )  # fmt: skip
        assert (row.duration, row.duration_in_months, row.max_redemptions) == ("repeating", 3, 10)
        assert row.redeem_by == NEXT_YEAR
        assert row.product_processor_ids == ["prod_price_pro"]
        assert row.meta["campaign"] == "spring"
        assert row.is_redeemable
        kit.deliver()
    kit.assert_entry("coupon.created", row)
    kit.assert_settled()


@pytest.mark.parametrize(
    ("amount", "others"),
    [
        (Money(500, "usd"), [Money(450, "eur"), Money(700, "jpy")]),
        (Money(500, "jpy"), []),
        (Money(1500, "kwd"), []),
        (Money(150000, "huf"), []),
        (Money(50000, "isk"), []),
    ],
)
def test_a_coupon_of_an_amount_is_in_its_currencies(
    kit: Kit, amount: Money, others: list[Money]
) -> None:
    row = billing.create_coupon(amount_off=amount, other_amounts=others)
    assert row.money_off == amount
    assert row.currency_options == {each.currency: each.amount_minor for each in others}
    assert row.duration == "once"


@pytest.mark.parametrize(
    ("terms", "param"),
    [
        ({}, "percent_off"),
        ({"percent_off": 10, "amount_off": Money(1, "usd")}, "percent_off"),
        ({"percent_off": 12.5}, "percent_off"),
        ({"percent_off": 0}, "percent_off"),
        ({"percent_off": 101}, "percent_off"),
        ({"percent_off": "1.23456"}, "percent_off"),
        ({"percent_off": "ten"}, "percent_off"),
        ({"amount_off": Money(0, "usd")}, "amount_off"),
        ({"amount_off": 500}, "amount_off"),
        ({"percent_off": 10, "other_amounts": [Money(1, "usd")]}, "other_amounts"),
        ({"amount_off": Money(1, "usd"), "other_amounts": [Money(2, "usd")]}, "other_amounts"),
        ({"percent_off": 10, "duration": "always"}, "duration"),
        ({"percent_off": 10, "duration": "repeating"}, "months"),
        ({"percent_off": 10, "months": 3}, "months"),
        ({"percent_off": 10, "duration": "repeating", "months": 0}, "months"),
        ({"percent_off": 10, "max_redemptions": 0}, "max_redemptions"),
        ({"percent_off": 10, "redeem_by": datetime.datetime(2027, 1, 1)}, None),  # noqa: DTZ001
    ],
)
def test_terms_that_make_no_coupon_are_refused_before_any_call(
    calls: list[str], terms: dict[str, Any], param: str | None
) -> None:
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.create_coupon(**terms)
    assert raised.value.param == param
    assert calls == []


def test_the_same_operation_makes_one_coupon(kit: Kit) -> None:
    first = billing.create_coupon(percent_off=10, operation_id="op")
    assert billing.create_coupon(percent_off=10, operation_id="op") is first
    with pytest.raises(errors.IdempotencyConflict):
        billing.create_coupon(percent_off=11, operation_id="op")


def test_a_coupon_whose_answer_was_lost_is_found_again(kit: Kit, age_operations: Any) -> None:
    kit.fake.fail_next("create_coupon", "timeout", when="after")
    with pytest.raises(errors.ProcessorUnavailable):
        billing.create_coupon(percent_off=10, operation_id="op")
    age_operations(datetime.timedelta(hours=25))
    row = billing.create_coupon(percent_off=10, operation_id="op")
    assert [row] == billing.list_coupons()


def test_an_id_that_is_taken_is_refused(kit: Kit) -> None:
    billing.create_coupon(percent_off=10, id="spring")
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.create_coupon(percent_off=20, id="spring")
    assert raised.value.code == "resource_already_exists"


def test_a_coupon_s_name_changes_and_its_terms_never_do(kit: Kit) -> None:
    row = billing.create_coupon(amount_off=Money(500, "usd"), name="Spring")
    billing.update_coupon(
        row, name="Summer", metadata={"a": "b"}, other_amounts=[Money(450, "eur")]
    )
    for _ in range(2):
        assert (row.name, row.meta["a"]) == ("Summer", "b")
        assert row.money_off == Money(500, "usd")
        assert row.currency_options == {"eur": 450}
        kit.deliver()
    kit.assert_entry("coupon.updated", row)


def test_a_deleted_coupon_keeps_its_terms_and_can_t_be_redeemed(
    kit: Kit, payer: Organization
) -> None:
    row = billing.create_coupon(percent_off=10, id="spring")
    code = billing.create_promotion_code(row, "SPRING")
    billing.delete_coupon(row)
    for _ in range(2):
        assert row.deleted_at is not None
        assert row.percent_off == 10
        assert not row.is_redeemable
        assert billing.list_coupons() == []
        assert billing.list_coupons(redeemable=False) == [row]
        kit.deliver()
    assert not code.is_redeemable
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.subscribe(payer, "price_pro", coupon="spring")
    assert raised.value.code == "coupon_deleted"


def test_deleting_what_the_processor_has_no_more_marks_it_so(kit: Kit) -> None:
    row = billing.create_coupon(percent_off=10)
    kit.fake.delete_coupon(row.processor_id, key="elsewhere")
    assert billing.delete_coupon(row).deleted_at is not None


def test_a_promotion_code_is_what_was_asked_for_and_the_same_after_its_webhooks(
    kit: Kit, payer: Organization
) -> None:
    coupon = billing.create_coupon(percent_off=10)
    customer = billing.customer(payer)
    row = billing.create_promotion_code(
        coupon,
        "WELCOME-10",
        only_for=customer,
        expires_at=NEXT_YEAR,
        max_redemptions=3,
        first_time_transaction=True,
        minimum=Money(1000, "usd"),
        other_minimums=[Money(900, "eur")],
        metadata={"a": "b"},
    )
    for _ in range(2):
        assert (row.code, row.coupon) == ("WELCOME-10", coupon)
        assert (row.only_for_processor_id, row.expires_at) == (customer.processor_id, NEXT_YEAR)
        assert (row.max_redemptions, row.first_time_transaction) == (3, True)
        assert (row.minimum_amount, row.minimum_amount_currency) == (1000, "usd")
        assert row.currency_options == {"eur": 900}
        assert row.meta["a"] == "b"
        assert row.is_redeemable
        kit.deliver()
    kit.assert_entry("promotion_code.created", row)
    assert billing.list_promotion_codes(coupon) == [row]


def test_the_processor_thinks_of_a_word_where_none_is_given(kit: Kit) -> None:
    row = billing.create_promotion_code(billing.create_coupon(percent_off=10).processor_id)
    assert len(row.code) == 8


def test_a_code_is_deactivated_and_activated_again(kit: Kit) -> None:
    code = billing.create_promotion_code(billing.create_coupon(percent_off=10), "SPRING")
    billing.deactivate_promotion_code(code)
    assert not code.is_redeemable
    assert billing.list_promotion_codes() == []
    billing.activate_promotion_code(code)
    kit.deliver()
    assert billing.list_promotion_codes() == [code]
    kit.assert_entry("promotion_code.updated", code)


def test_a_word_that_an_active_code_has_is_refused_in_any_case(kit: Kit) -> None:
    coupon = billing.create_coupon(percent_off=10)
    code = billing.create_promotion_code(coupon, "SPRING")
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.create_promotion_code(coupon, "spring")
    assert raised.value.code == "resource_already_exists"
    billing.deactivate_promotion_code(code)
    again = billing.create_promotion_code(coupon, "spring")
    with pytest.raises(errors.InvalidRequest):
        billing.activate_promotion_code(code)
    assert again.is_redeemable


def test_lists_call_nobody(kit: Kit, calls: list[str]) -> None:
    coupon = billing.create_coupon(percent_off=10)
    code = billing.create_promotion_code(coupon, "SPRING")
    calls.clear()
    assert billing.list_coupons() == [coupon]
    assert billing.list_promotion_codes() == [code]
    assert billing.list_redemptions(coupon) == billing.list_redemptions(code) == []
    assert calls == []


@pytest.mark.parametrize("how", ["expired", "exhausted", "invalid", "deleted", "fine"])
def test_what_can_be_redeemed_is_the_same_in_the_list_and_on_the_row(
    kit: Kit, how: str, payer: Organization
) -> None:
    soon = kit.fake.clock.now() + datetime.timedelta(days=1)
    coupon = billing.create_coupon(percent_off=10, redeem_by=soon, max_redemptions=1)
    code = billing.create_promotion_code(coupon, "SPRING", expires_at=soon, max_redemptions=1)
    session = kit.state.db.session
    if how == "expired":
        kit.advance(days=2)
    elif how == "exhausted":
        coupon.times_redeemed = code.times_redeemed = 1
    elif how == "invalid":
        coupon.is_valid = code.is_active = False
    elif how == "deleted":
        coupon.deleted_at = code.deleted_at = soon
    session.commit()
    for row in (coupon, code):
        for name in ("is_expired", "is_exhausted", "is_redeemable"):
            model: Any = type(row)
            found = session.query(model).filter(getattr(model, name)).all()
            assert (row in found) is getattr(row, name), (row, name)
        assert row.is_redeemable is (how == "fine")
    assert isinstance(coupon, models.Coupon)


@pytest.mark.parametrize(
    "percent", ["NaN", "sNaN", "Infinity", decimal.Decimal("NaN"), "1_0", "\u0663", " 5 ", "1e1"]
)
def test_percents_are_written_in_plain_digits(kit: Kit, percent: Any) -> None:
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.create_coupon(percent_off=percent)
    assert raised.value.param == "percent_off"


@pytest.mark.parametrize("amount", [Money(1050, "isk"), Money(1005, "kwd")])
def test_an_amount_off_is_one_that_can_be_paid(kit: Kit, amount: Money) -> None:
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.create_coupon(amount_off=amount)
    assert raised.value.code == "amount_not_payable"


@pytest.mark.parametrize(
    ("least", "others", "param"),
    [
        (Money(150, "isk"), [], "minimum"),
        (Money(2000, "usd"), [Money(1005, "kwd")], "other_minimums"),
        (Money(2000, "usd"), [Money(550, "ugx")], "other_minimums"),
        (Money(2000, "usd"), [Money(0, "eur")], "other_minimums"),
        (Money(2000, "usd"), [900], "other_minimums"),
        (None, [Money(900, "eur")], "other_minimums"),
        (Money(2000, "usd"), [Money(3000, "usd")], "other_minimums"),
        (Money(0, "usd"), [], "minimum"),
        (2000, [], "minimum"),
    ],
)
def test_what_has_to_be_bought_at_least_can_be_paid(
    kit: Kit, calls: list[str], least: Any, others: list[Any], param: str
) -> None:
    coupon = billing.create_coupon(percent_off=10)
    del calls[:]
    with pytest.raises(errors.InvalidRequest) as refused:
        billing.create_promotion_code(coupon, "LEAST", minimum=least, other_minimums=others)
    assert refused.value.param == param
    assert calls == []
