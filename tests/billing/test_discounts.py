"""Discounts of subscriptions: given by coupons and codes, taken away, and seen beforehand."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import billing, errors, models
from flask_accrue.money import Money, payable_step

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization


def paid(org: Organization) -> list[int]:
    return sorted(each.amount_paid for each in billing.list_invoices(org))


def test_a_subscription_begins_with_a_coupon(kit: Kit, payer: Organization) -> None:
    coupon = billing.create_coupon(percent_off=25)
    row = billing.subscribe(payer, "price_pro", coupon=coupon)
    for _ in range(2):
        # It held for one invoice, and that was made.
        assert row.discounts == []
        [invoice] = billing.list_invoices(payer)
        assert (invoice.subtotal, invoice.discount, invoice.total) == (1900, 475, 1425)
        assert [each["amount"] for each in invoice.discount_amounts] == [475]
        assert [(each.amount, each.discount) for each in invoice.items] == [(1900, 475)]
        assert [each.amount for each in billing.list_charges(payer)] == [1425]
        kit.deliver()
    kit.assert_settled()


def test_what_holds_once_is_spent_and_its_redemption_stays_known(
    kit: Kit, payer: Organization
) -> None:
    coupon = billing.create_coupon(percent_off=25)
    row = billing.subscribe(payer, "price_pro", coupon=coupon.processor_id)
    kit.deliver()
    kit.advance(days=32)
    assert paid(payer) == [1425, 1900]
    assert row.discounts == []
    assert coupon.times_redeemed == 1


def test_a_subscription_begins_with_the_word_that_was_typed(kit: Kit, payer: Organization) -> None:
    coupon = billing.create_coupon(amount_off=Money(500, "usd"), duration="forever")
    code = billing.create_promotion_code(coupon, "WELCOME")
    row = billing.subscribe(payer, "price_pro", promotion_code=" welcome ")
    for _ in range(2):
        [discount] = row.discounts or []
        assert discount["coupon"] == coupon.processor_id
        assert discount["promotion_code"] == code.processor_id
        assert discount["end"] is None
        kit.deliver()
    [redemption] = billing.list_redemptions(code)
    assert billing.list_redemptions(coupon) == [redemption]
    assert billing.list_redemptions(billing.customer(payer)) == [redemption]
    assert redemption.subscription_processor_id == row.processor_id
    assert redemption.redeemed_at == row.created
    assert (code.times_redeemed, coupon.times_redeemed) == (1, 1)
    kit.advance(days=32)
    assert paid(payer) == [1400, 1400]


def test_a_coupon_and_a_code_at_once_are_refused(
    kit: Kit, payer: Organization, calls: list[str]
) -> None:
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.subscribe(payer, "price_pro", coupon="a", promotion_code="b")
    assert raised.value.param == "promotion_code"
    assert calls == []


def test_the_same_subscribe_is_one_although_its_code_is_used_up_by_then(
    kit: Kit, payer: Organization
) -> None:
    coupon = billing.create_coupon(percent_off=10, duration="forever")
    billing.create_promotion_code(coupon, "ONCE", max_redemptions=1)
    first = billing.subscribe(payer, "price_pro", promotion_code="ONCE", operation_id="op")
    kit.deliver()
    again = billing.subscribe(payer, "price_pro", promotion_code="ONCE", operation_id="op")
    assert again is first
    with pytest.raises(errors.IdempotencyConflict):
        billing.subscribe(payer, "price_pro", promotion_code="OTHER", operation_id="op")


def test_a_code_is_applied_to_the_next_invoice(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    coupon = billing.create_coupon(percent_off=50, duration="repeating", months=2)
    billing.create_promotion_code(coupon, "HALF")
    assert billing.apply_promotion_code(payer, "half") is subscription
    for _ in range(2):
        [discount] = subscription.discounts or []
        assert discount["end"] == "2026-05-10T12:00:00+00:00"
        kit.deliver()
    kit.assert_entry("subscription.discounted", subscription)
    for _ in range(3):
        kit.advance(days=31)
    assert paid(payer) == [950, 1900, 1900, 1900]
    assert subscription.discounts == []
    kit.assert_entry("subscription.discount_removed", subscription)


def test_discounts_stack_in_their_order_and_one_can_be_taken_away(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    ten = billing.create_coupon(amount_off=Money(1000, "usd"), duration="forever", id="ten")
    half = billing.create_coupon(percent_off=50, duration="forever", id="half")
    billing.apply_coupon(subscription, half)
    billing.apply_coupon(subscription, "ten")
    assert [each["coupon"] for each in subscription.discounts or []] == ["half", "ten"]
    assert billing.preview_upcoming_invoice(subscription).total == 0
    billing.remove_discount(subscription, "half")
    assert [each["coupon"] for each in subscription.discounts or []] == ["ten"]
    assert billing.preview_upcoming_invoice(subscription).total == 900
    billing.apply_coupon(subscription, half, replace=True)
    assert [each["coupon"] for each in subscription.discounts or []] == ["half"]
    billing.remove_discount(subscription)
    kit.deliver()
    assert subscription.discounts == []
    assert ten.times_redeemed == 1
    assert half.times_redeemed == 2


def test_the_same_coupon_isn_t_applied_twice(kit: Kit, subscription: models.Subscription) -> None:
    coupon = billing.create_coupon(percent_off=10, duration="forever")
    billing.create_promotion_code(coupon, "TEN")
    billing.apply_coupon(subscription, coupon)
    for apply in (
        lambda: billing.apply_coupon(subscription, coupon),
        lambda: billing.apply_promotion_code(subscription, "TEN"),
    ):
        with pytest.raises(errors.InvalidState) as raised:
            apply()
        assert raised.value.code == "already_discounted"


def test_nothing_to_take_away_is_refused(
    kit: Kit, subscription: models.Subscription, calls: list[str]
) -> None:
    for target in (subscription, subscription.customer):
        with pytest.raises(errors.InvalidState) as raised:
            billing.remove_discount(target)
        assert raised.value.code == "no_discount"
    # Of the customer's it's known; of the subscription's, one may have been given elsewhere.
    assert calls == ["fetch"]


def test_a_discount_of_a_whole_customer_is_mirrored_and_taken_away(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    coupon = billing.create_coupon(percent_off=50, duration="forever")
    customer = billing.customer(payer)
    kit.fake.discount_customer(customer.processor_id, coupon.processor_id)
    kit.deliver()
    assert [each["coupon"] for each in customer.discounts or []] == [coupon.processor_id]
    assert [each.customer for each in billing.list_redemptions(coupon)] == [customer]
    assert billing.preview_upcoming_invoice(subscription).total == 950
    billing.remove_discount(customer)
    for _ in range(2):
        assert customer.discounts == []
        kit.deliver()
    assert billing.preview_upcoming_invoice(subscription).total == 1900


@pytest.mark.only("sqlite")
def test_a_customer_s_discount_whose_end_got_lost_is_taken_away_once(
    kit: Kit, payer: Organization
) -> None:
    customer = billing.customer(payer)
    coupon = billing.create_coupon(percent_off=50, duration="forever")
    kit.fake.discount_customer(customer.processor_id, coupon.processor_id)
    kit.deliver()
    kit.fake.fail_next("remove_customer_discount", "timeout", when="after")
    with pytest.raises(errors.ProcessorUnavailable):
        billing.remove_discount(customer, operation_id="op-1")
    kit.deliver()

    assert billing.remove_discount(customer, operation_id="op-1").discounts == []
    with pytest.raises(errors.InvalidState) as refused:
        billing.remove_discount(customer, operation_id="op-2")
    assert refused.value.code == "no_discount"


def test_an_owner_without_a_subscription_has_nothing_to_discount(
    kit: Kit, org: Organization
) -> None:
    with pytest.raises(errors.InvalidState) as raised:
        billing.apply_promotion_code(org, "SPRING")
    assert raised.value.code == "no_subscription"


def test_the_same_operation_applies_a_code_once(
    kit: Kit, subscription: models.Subscription
) -> None:
    coupon = billing.create_coupon(percent_off=10, duration="forever")
    billing.create_promotion_code(coupon, "TEN", max_redemptions=1)
    for _ in range(2):
        billing.apply_promotion_code(subscription, "TEN", operation_id="op")
        kit.deliver()
    assert len(subscription.discounts or []) == 1
    assert coupon.times_redeemed == 1
    with pytest.raises(errors.IdempotencyConflict):
        billing.apply_promotion_code(subscription, "OTHER", operation_id="op")


def test_an_answer_that_was_lost_redeems_once(
    kit: Kit, subscription: models.Subscription, age_operations: Any
) -> None:
    coupon = billing.create_coupon(percent_off=10, duration="forever")
    code = billing.create_promotion_code(coupon, "TEN", max_redemptions=1)
    kit.fake.fail_next("update_subscription", "timeout", when="after")
    with pytest.raises(errors.ProcessorUnavailable):
        billing.apply_promotion_code(subscription, "TEN", operation_id="op")
    age_operations()
    billing.apply_promotion_code(subscription, "TEN", operation_id="op")
    kit.deliver()
    assert code.times_redeemed == 1
    assert len(subscription.discounts or []) == 1


# -- what stands against a code --------------------------------------------------------------------


def refusal(row: models.Subscription, word: str = "SPRING") -> str:
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.apply_promotion_code(row, word)
    assert raised.value.param == "promotion_code"
    return raised.value.code


def test_each_reason_has_a_code_of_its_own_and_nothing_is_sent(
    kit: Kit, payer: Organization, subscription: models.Subscription, calls: list[str]
) -> None:
    soon = kit.fake.clock.now() + datetime.timedelta(days=1)
    coupon = billing.create_coupon(percent_off=10, duration="forever")
    euros = billing.create_coupon(amount_off=Money(500, "eur"))
    made = {
        "inactive": billing.create_promotion_code(coupon, "INACTIVE", active=False),
        "expired": billing.create_promotion_code(coupon, "EXPIRED", expires_at=soon),
        "currency_mismatch": billing.create_promotion_code(euros, "EUROS"),
        "not_first_time": billing.create_promotion_code(
            coupon, "FIRST", first_time_transaction=True
        ),
        "below_minimum": billing.create_promotion_code(coupon, "MUCH", minimum=Money(1901, "usd")),
        "exhausted": billing.create_promotion_code(coupon, "ONCE", max_redemptions=1),
    }
    kit.advance(days=2)
    made["exhausted"].times_redeemed = 1
    kit.state.db.session.commit()
    calls.clear()
    for why, code in made.items():
        assert refusal(subscription, code.code) == f"promotion_code_{why}"
    assert calls == []
    assert subscription.discounts == []


def test_another_customer_s_code_is_refused(
    kit: Kit, payer: Organization, subscription: models.Subscription, calls: list[str]
) -> None:
    other = type(payer)(name="Other", email="other@example.com")
    kit.state.db.session.add(other)
    kit.state.db.session.commit()
    coupon = billing.create_coupon(percent_off=10)
    billing.create_promotion_code(coupon, "THEIRS", only_for=billing.customer(other))
    calls.clear()
    assert refusal(subscription, "THEIRS") == "promotion_code_not_for_customer"
    assert calls == []


def test_the_reasons_are_told_in_their_order(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    soon = kit.fake.clock.now() + datetime.timedelta(days=1)
    other = type(payer)(name="Other", email="other@example.com")
    kit.state.db.session.add(other)
    kit.state.db.session.commit()
    coupon = billing.create_coupon(amount_off=Money(500, "eur"))
    code = billing.create_promotion_code(
        coupon,
        "SPRING",
        only_for=billing.customer(other),
        expires_at=soon,
        max_redemptions=1,
        first_time_transaction=True,
        minimum=Money(5000, "usd"),
    )
    session = kit.state.db.session

    def after(row: Any, **values: Any) -> str:
        for name, value in values.items():
            setattr(row, name, value)
        session.commit()
        return refusal(subscription).removeprefix("promotion_code_")

    assert after(code, is_active=False) == "inactive"
    past = kit.fake.clock.now() - datetime.timedelta(days=1)
    assert after(code, is_active=True, expires_at=past, times_redeemed=1) == "expired"
    assert after(code, expires_at=soon) == "exhausted"
    assert after(code, times_redeemed=0) == "not_for_customer"
    assert after(code, only_for_processor_id=None) == "currency_mismatch"
    assert after(coupon, currency_options={"usd": 600}) == "not_first_time"
    assert after(code, first_time_transaction=False) == "below_minimum"
    assert after(coupon, deleted_at=past) == "inactive"


def test_a_code_that_isn_t_known_here_is_looked_up_once(
    kit: Kit, subscription: models.Subscription, calls: list[str]
) -> None:
    assert refusal(subscription, "NOWHERE") == "promotion_code_not_found"
    assert calls == ["look_up_promotion_code"]
    terms: dict[str, Any] = dict.fromkeys(
        "id name amount_off currency currency_options duration_in_months max_redemptions redeem_by "
        "products".split()
    )
    coupon = kit.fake.create_coupon(
        **terms, percent_off="10", duration="forever", metadata={}, key="elsewhere-1"
    )
    restrictions: dict[str, Any] = dict.fromkeys(
        "customer expires_at max_redemptions minimum_amount minimum_amount_currency "
        "currency_options".split()
    )
    kit.fake.create_promotion_code(
        coupon.main.processor_id,
        **restrictions,
        code="ELSEWHERE",
        active=True,
        first_time_transaction=False,
        metadata={},
        key="elsewhere-2",
    )
    calls.clear()
    billing.apply_promotion_code(subscription, "elsewhere")
    assert calls == ["look_up_promotion_code", "fetch", "update_subscription"]
    assert [each.code for each in billing.list_promotion_codes()] == ["ELSEWHERE"]
    [mirrored] = billing.list_coupons()
    assert mirrored.percent_off == 10


def test_of_several_codes_with_a_word_the_one_that_may_be_used_is(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    old = billing.create_promotion_code(billing.create_coupon(percent_off=90), "SPRING")
    billing.deactivate_promotion_code(old)
    coupon = billing.create_coupon(percent_off=10)
    billing.create_promotion_code(coupon, "SPRING")
    billing.apply_promotion_code(subscription, "spring")
    assert [each["coupon"] for each in subscription.discounts or []] == [coupon.processor_id]


def test_the_minimum_is_of_what_is_bought_in_its_currency(kit: Kit, payer: Organization) -> None:
    coupon = billing.create_coupon(percent_off=10)
    billing.create_promotion_code(coupon, "MUCH", minimum=Money(3800, "usd"))
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.subscribe(payer, "price_pro", promotion_code="MUCH")
    assert raised.value.code == "promotion_code_below_minimum"
    assert billing.subscribe(payer, "price_pro", quantity=2, promotion_code="MUCH").is_active


def test_what_only_the_processor_knows_is_refused_by_it(
    kit: Kit, subscription: models.Subscription
) -> None:
    coupon = billing.create_coupon(percent_off=10)
    code = billing.create_promotion_code(coupon, "SPRING")
    kit.fake.update_promotion_code(code.processor_id, {"active": False}, key="elsewhere")
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.apply_promotion_code(subscription, code)
    assert raised.value.code == "promotion_code_invalid"
    assert subscription.discounts == []


@pytest.mark.parametrize("code", ["", "  ", 7, "x" * 501])
def test_what_is_no_word_is_refused(
    subscription: models.Subscription, calls: list[str], code: Any
) -> None:
    assert refusal(subscription, code) == "promotion_code_not_found"
    assert calls == []


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"times_redeemed": 1, "max_redemptions": 1}, "exhausted"),
        ({"is_valid": False}, "inactive"),
        ({"redeem_by": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)}, "expired"),
        (
            {"percent_off": None, "amount_off": 1, "currency": "eur", "currency_options": {}},
            "currency_mismatch",
        ),
    ],
)
def test_a_coupon_that_can_t_be_redeemed_is_refused_before_any_call(
    kit: Kit,
    subscription: models.Subscription,
    calls: list[str],
    values: dict[str, Any],
    why: str,
) -> None:
    coupon = billing.create_coupon(percent_off=10)
    for name, value in values.items():
        setattr(coupon, name, value)
    kit.state.db.session.commit()
    calls.clear()
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.apply_coupon(subscription, coupon.processor_id)
    assert raised.value.code == f"coupon_{why}"
    assert calls == []


def test_an_ended_subscription_has_no_discount_to_come(
    kit: Kit, subscription: models.Subscription
) -> None:
    coupon = billing.create_coupon(percent_off=10)
    billing.cancel(subscription)
    with pytest.raises(errors.InvalidState) as raised:
        billing.apply_coupon(subscription, coupon)
    assert raised.value.code == "subscription_ended"


# -- previews --------------------------------------------------------------------------------------


def test_a_preview_with_a_coupon_is_what_comes(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    coupon = billing.create_coupon(percent_off="33.3333", duration="forever")
    billing.create_promotion_code(coupon, "THIRD")
    seen = billing.preview_upcoming_invoice(subscription, coupon=coupon)
    assert billing.preview_upcoming_invoice(subscription, promotion_code="third") == seen
    assert (seen.subtotal, seen.discount, seen.total) == (1900, 633, 1267)
    assert subscription.discounts == []
    assert coupon.times_redeemed == 0
    billing.apply_promotion_code(subscription, "THIRD")
    kit.advance(days=32)
    assert paid(payer) == [seen.total, 1900]


def test_a_preview_with_a_coupon_keeps_discounts_that_no_event_has_told_of(
    kit: Kit, payer: Organization
) -> None:
    half = billing.create_coupon(percent_off=50, duration="forever")
    tenth = billing.create_coupon(percent_off=10, duration="forever")
    row = billing.subscribe(payer, "price_pro", coupon=half)
    row.discounts = None
    kit.state.db.session.commit()
    said = billing.preview_upcoming_invoice(row, coupon=tenth).total
    billing.apply_coupon(row, tenth)
    assert billing.preview_upcoming_invoice(row).total == said == 855


def test_the_bill_of_a_swap_with_discounts_is_what_its_preview_said(
    kit: Kit, payer: Organization
) -> None:
    off = billing.create_coupon(percent_off=30, duration="forever")
    row = billing.subscribe(payer, "price_pro", coupon=off)
    kit.advance(days=11)
    seen = billing.preview_upcoming_invoice(row, price="price_team", proration="always_invoice")
    billing.swap_plan(
        row, "price_team", proration="always_invoice", proration_date=seen.proration_date
    )
    invoice = billing.list_invoices(payer)[0]
    assert (invoice.subtotal, invoice.discount, invoice.total) == (
        seen.subtotal, seen.discount, seen.total,
    )  # fmt: skip
    assert seen.discount > 0
    assert sum(each.amount - each.discount for each in invoice.items) == invoice.total


def test_a_customer_s_discount_isn_t_taken_away_by_another_s_name(
    kit: Kit, payer: Organization
) -> None:
    billing.create_coupon(percent_off=50, duration="forever", id="half")
    row = billing.customer(payer)
    kit.fake.discount_customer(row.processor_id, "half")
    kit.deliver()

    with pytest.raises(errors.InvalidState) as raised:
        billing.remove_discount(row, "another-coupon")
    assert raised.value.code == "no_discount"
    assert [each["coupon"] for each in billing.customer(payer).discounts or ()] == ["half"]
    billing.remove_discount(row, "half", operation_id="gone")
    assert billing.customer(payer).discounts == []
    assert billing.remove_discount(row, "half", operation_id="gone") == row


@pytest.mark.parametrize("order", ["created", "reverse", 1, "each"])
def test_who_redeemed_what_is_the_same_in_any_order_of_events(
    kit: Kit, payer: Organization, order: str | int
) -> None:
    billing.create_coupon(percent_off=50, duration="forever", id="a")
    billing.create_coupon(percent_off=10, duration="forever", id="b")
    row = billing.subscribe(payer, "price_pro")
    kit.deliver()
    for coupon in ("a", "b"):
        kit.state.db.session.commit()
        changes = {"discounts": [{"coupon": coupon}]}
        kit.fake.update_subscription(row.processor_id, changes, key=coupon)
        kit.fake.advance(datetime.timedelta(hours=2))
        if order == "each":
            kit.deliver()

    kit.deliver(order="created" if order == "each" else order)

    told = billing.list_redemptions(billing.customer(payer))
    assert [each.coupon_processor_id for each in told] == ["b", "a"]


@pytest.mark.parametrize(("currency", "amount"), [("isk", 99900), ("kwd", 10010)])
def test_what_discounts_and_prorations_leave_can_be_paid(
    kit: Kit, payer: Organization, currency: str, amount: int
) -> None:
    kit.price("price_small", amount, currency)
    kit.price("price_large", 2 * amount + payable_step(currency), currency)
    billing.create_coupon(percent_off="33.3333", duration="forever", id="third")
    row = billing.subscribe(payer, "price_small", coupon="third")
    kit.advance(days=7)
    billing.swap_plan(row, "price_large", proration="always_invoice")
    kit.deliver()

    session = kit.state.db.session
    bills = list(session.scalars(sa.select(models.Invoice)))
    assert len(bills) == 2
    for bill in bills:
        Money(bill.total, currency).require_payable()
        for line in bill.items:
            Money(line.amount - line.discount, currency).require_payable()
        assert sum(line.discount for line in bill.items) == bill.discount
        assert sum(line.amount for line in bill.items) == bill.subtotal
