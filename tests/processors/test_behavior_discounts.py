"""What the Fake and Stripe do alike about coupons, promotion codes and discounts."""

from __future__ import annotations

import datetime
import decimal
import typing as t

import pytest

from flask_accrue.errors import IdempotencyConflict, InvalidRequest, NotFound
from flask_accrue.processors import Reference, objects
from tests.processors.test_behavior import (
    Shop,
    change,
    key,
    now,
    shop,
    subscribe,
    subscription,
)

__all__ = ["shop", "subscription"]

#: A time that lies ahead by any clock here.
LATER = 1_830_000_000


def coupon(shop: Shop, **given: t.Any) -> objects.Coupon:
    wanted: dict[str, t.Any] = {
        "id": None,
        "name": None,
        "percent_off": None if "amount_off" in given else "25",
        "amount_off": None,
        "currency": None,
        "currency_options": None,
        "duration": "forever",
        "duration_in_months": None,
        "max_redemptions": None,
        "redeem_by": None,
        "products": None,
        "metadata": {},
        "key": key(),
    }
    made = shop.processor.create_coupon(**{**wanted, **given}).main
    assert isinstance(made, objects.Coupon)
    return made


def promotion_code(shop: Shop, of: objects.Coupon, **given: t.Any) -> objects.PromotionCode:
    wanted: dict[str, t.Any] = {
        "code": None,
        "customer": None,
        "active": True,
        "expires_at": None,
        "max_redemptions": None,
        "first_time_transaction": False,
        "minimum_amount": None,
        "minimum_amount_currency": None,
        "currency_options": None,
        "metadata": {},
        "key": key(),
    }
    made = shop.processor.create_promotion_code(of.processor_id, **{**wanted, **given}).main
    assert isinstance(made, objects.PromotionCode)
    return made


def named(found: objects.Subscription) -> list[tuple[str | None, str | None]]:
    assert not isinstance(found.discounts, objects.Unsaid)
    return [(each.coupon, each.promotion_code) for each in found.discounts]


def test_a_coupon_of_percents_is_what_was_asked_for(shop: Shop) -> None:
    made = coupon(
        shop,
        id="SPRING",
        name="Spring",
        percent_off="12.5",
        duration="repeating",
        duration_in_months=3,
        max_redemptions=10,
        redeem_by=LATER,
        metadata={"a": "b"},
    )

    assert (made.processor_id, made.name) == ("SPRING", "Spring")
    assert (made.percent_off, made.amount_off) == (decimal.Decimal("12.5"), None)
    assert (made.duration, made.duration_in_months) == ("repeating", 3)
    assert (made.max_redemptions, made.times_redeemed, made.is_valid) == (10, 0, True)
    assert made.redeem_by is not None
    assert made.metadata == {"a": "b"}
    assert now(shop, made) == made


@pytest.mark.parametrize(
    ("amount", "currency"),
    [(500, "usd"), (500, "jpy"), (1500, "kwd"), (18000, "huf"), (600, "isk")],
)
def test_a_coupon_of_an_amount_is_in_its_currency(shop: Shop, amount: int, currency: str) -> None:
    made = coupon(shop, amount_off=amount, currency=currency, duration="once")

    assert (made.amount_off, made.currency, made.percent_off) == (amount, currency, None)
    assert made.duration == "once"


@pytest.mark.parametrize(
    "terms",
    [
        {"percent_off": None},
        {"amount_off": 5, "percent_off": "5", "currency": "usd"},
        {"amount_off": 5},
        {"percent_off": "101"},
        {"duration": "repeating"},
        {"duration": "always"},
    ],
)
def test_terms_that_make_no_coupon_are_refused(shop: Shop, terms: dict[str, t.Any]) -> None:
    with pytest.raises(InvalidRequest):
        coupon(shop, **terms)


def test_an_id_that_is_taken_is_refused(shop: Shop) -> None:
    coupon(shop, id="SPRING")

    with pytest.raises(InvalidRequest) as caught:
        coupon(shop, id="SPRING")

    assert caught.value.code == "resource_already_exists"


def test_a_key_given_twice_makes_one_coupon(shop: Shop) -> None:
    same = key()

    assert coupon(shop, key=same) == coupon(shop, key=same)
    with pytest.raises(IdempotencyConflict):
        coupon(shop, key=same, name="Another")


def test_a_coupon_is_found_by_its_operation(shop: Shop) -> None:
    made = coupon(shop, metadata={"accrue_operation": "op-1"})
    coupon(shop, metadata={"accrue_operation": "op-2"})

    found = shop.processor.find("coupon", "op-1")

    assert found is not None
    assert found.objects == (made,)
    assert shop.processor.find("coupon", "op-3") is None


def test_a_coupon_s_name_and_metadata_change(shop: Shop) -> None:
    made = coupon(shop, name="Spring", metadata={"kept": "1", "gone": "1"})
    changes = {"name": "Summer", "metadata": {"gone": ""}}

    changed = shop.processor.update_coupon(made.processor_id, changes, key=key()).main

    assert isinstance(changed, objects.Coupon)
    assert (changed.name, changed.metadata) == ("Summer", {"kept": "1"})
    assert changed.percent_off == made.percent_off


def test_a_coupon_s_terms_cant_be_changed(shop: Shop) -> None:
    made = coupon(shop)

    with pytest.raises(InvalidRequest, match="percent_off"):
        shop.processor.update_coupon(made.processor_id, {"percent_off": "90"}, key=key())


def test_a_deleted_coupon_is_told_to_be_gone_and_found_no_more_for_a_new_discount(
    shop: Shop, subscription: objects.Subscription
) -> None:
    coupon(shop, id="SPRING")

    for _ in range(2):
        answer = shop.processor.delete_coupon("SPRING", key=key())
        deleted = [
            Reference(each.kind, each.processor_id) for each in answer.objects if each.deleted
        ]
        assert [*answer.gone, *deleted] == [Reference("coupon", "SPRING")]
    with pytest.raises(NotFound):
        change(shop, subscription, discounts=[{"coupon": "SPRING"}])


def test_a_promotion_code_is_what_was_asked_for(shop: Shop, subscription: t.Any) -> None:
    made = promotion_code(
        shop,
        coupon(shop, id="SPRING"),
        code="WELCOME-10",
        customer=subscription.customer,
        max_redemptions=3,
        expires_at=LATER,
        first_time_transaction=True,
        minimum_amount=1000,
        minimum_amount_currency="usd",
        metadata={"a": "b"},
    )

    assert (made.code, made.coupon, made.only_for) == (
        "WELCOME-10", "SPRING", subscription.customer,
    )  # fmt: skip
    assert (made.is_active, made.max_redemptions, made.times_redeemed) == (True, 3, 0)
    assert made.expires_at is not None
    assert made.first_time_transaction
    assert (made.minimum_amount, made.minimum_amount_currency) == (1000, "usd")
    assert made.metadata == {"a": "b"}
    assert now(shop, made) == made


def test_a_code_is_found_by_its_operation_and_by_its_word(shop: Shop) -> None:
    of = coupon(shop)
    made = promotion_code(shop, of, code="WELCOME", metadata={"accrue_operation": "op-1"})
    promotion_code(shop, of, code="GOODBYE")

    found = shop.processor.find("promotion_code", "op-1", within=of.processor_id)
    by_word = shop.processor.look_up_promotion_code("WELCOME")

    assert found is not None
    assert found.objects == (made,)
    assert [each.processor_id for each in by_word.objects] == [made.processor_id, of.processor_id]
    assert shop.processor.look_up_promotion_code("NOWHERE").objects == ()


def test_a_code_is_turned_off_and_on(shop: Shop) -> None:
    made = promotion_code(shop, coupon(shop))

    for active in (False, True):
        changed = shop.processor.update_promotion_code(
            made.processor_id, {"active": active}, key=key()
        ).main
        assert isinstance(changed, objects.PromotionCode)
        assert changed.is_active is active


def test_a_subscription_begins_with_discounts(
    shop: Shop, subscription: objects.Subscription
) -> None:
    first, second = coupon(shop), coupon(shop, amount_off=100, currency="usd")
    code = promotion_code(shop, second)
    given = [{"coupon": first.processor_id}, {"promotion_code": code.processor_id}]

    made = subscribe(shop, subscription.customer, discounts=given)

    assert named(made) == [
        (first.processor_id, None), (second.processor_id, code.processor_id),
    ]  # fmt: skip
    assert named(now(shop, made)) == named(made)
    assert now(shop, first).times_redeemed == now(shop, code).times_redeemed == 1


def test_discounts_are_kept_added_and_cleared(
    shop: Shop, subscription: objects.Subscription
) -> None:
    first, second = coupon(shop), coupon(shop)
    changed = change(shop, subscription, discounts=[{"coupon": first.processor_id}])
    [held] = t.cast("tuple[objects.Discount, ...]", changed.discounts)

    wanted = [{"discount": held.processor_id}, {"coupon": second.processor_id}]
    changed = change(shop, subscription, discounts=wanted)

    assert named(changed) == [(first.processor_id, None), (second.processor_id, None)]
    assert named(change(shop, subscription, metadata={"a": "b"})) == named(changed)
    assert named(change(shop, subscription, discounts=[])) == []
    assert now(shop, first).times_redeemed == 1


@pytest.mark.parametrize("kind", ["coupon", "promotion_code", "discount"])
def test_what_nobody_has_cant_be_redeemed(
    shop: Shop, subscription: objects.Subscription, kind: str
) -> None:
    with pytest.raises(NotFound):
        change(shop, subscription, discounts=[{kind: "nowhere"}])


# -- phases ----------------------------------------------------------------------------------------


def scheduled(
    shop: Shop, customer_id: str, phase: dict[str, t.Any], **given: t.Any
) -> tuple[objects.SubscriptionSchedule, objects.Subscription]:
    """Subscribe by a schedule of that phase for a month, and one without anything."""
    month = {"interval": "month", "interval_count": 1}
    plain = {"items": [{"price": shop.prices[0]}], "duration": month}
    made = shop.processor.create_schedule(
        customer_id,
        phases=[{**plain, **phase}, plain],
        start_date=None,
        end_behavior="release",
        payment_method=None,
        collection_method="charge_automatically",
        metadata={},
        key=key(),
        **given,
    )
    schedule, begun = made.objects[:2]
    assert isinstance(schedule, objects.SubscriptionSchedule)
    assert isinstance(begun, objects.Subscription)
    return schedule, begun


def test_a_phase_has_the_discounts_that_it_names(
    shop: Shop, subscription: objects.Subscription
) -> None:
    half, ten = coupon(shop), coupon(shop)
    wanted = [{"coupon": half.processor_id}, {"coupon": ten.processor_id}]
    schedule, begun = scheduled(shop, subscription.customer, {"discounts": wanted})
    assert [each.coupon for each in schedule.phases[0].discounts] == [
        half.processor_id,
        ten.processor_id,
    ]
    assert schedule.phases[1].discounts == ()
    assert named(begun) == [(half.processor_id, None), (ten.processor_id, None)]

    first, _ = t.cast("tuple[objects.Discount, ...]", begun.discounts)
    month = {"interval": "month", "interval_count": 1}
    going_on: dict[str, t.Any] = {
        "items": [{"price": shop.prices[0]}],
        "start_date": int(schedule.phases[0].start.timestamp()),
        "duration": month,
    }
    kept = {**going_on, "discounts": [{"discount": first.processor_id}]}
    for phase, expected in ((kept, [first]), (going_on, [])):
        answer = shop.processor.update_schedule(
            schedule.processor_id, {"phases": [phase], "proration": "none"}, key=key()
        )
        changed = answer.objects[1]
        assert isinstance(changed, objects.Subscription)
        assert list(t.cast("tuple[objects.Discount, ...]", changed.discounts)) == expected


def test_a_schedule_made_from_a_subscription_names_its_discounts(
    shop: Shop, subscription: objects.Subscription
) -> None:
    changed = change(shop, subscription, discounts=[{"coupon": coupon(shop).processor_id}])
    [held] = t.cast("tuple[objects.Discount, ...]", changed.discounts)
    made = shop.processor.create_schedule_from(subscription.processor_id, key=key()).main
    assert isinstance(made, objects.SubscriptionSchedule)
    [named_there] = made.phases[0].discounts
    assert named_there.discount == held.processor_id


@pytest.mark.parametrize("phase", [None, True, False])
@pytest.mark.parametrize("whole", [True, False])
def test_a_phase_says_before_its_schedule_whether_tax_is_reckoned(
    shop: Shop, subscription: objects.Subscription, phase: bool | None, whole: bool
) -> None:
    said = {} if phase is None else {"automatic_tax": phase}
    schedule, begun = scheduled(shop, subscription.customer, said, automatic_tax=whole)
    assert [each.automatic_tax for each in schedule.phases] == [phase, None]
    assert begun.automatic_tax is (whole if phase is None else phase)


def test_automatic_tax_is_switched(shop: Shop, subscription: objects.Subscription) -> None:
    assert subscription.automatic_tax is False
    location = {"address": {"country": "DE", "postal_code": "10115"}, "ip_address": None}
    shop.processor.update_customer(subscription.customer, {"tax_location": location}, key=key())
    assert change(shop, subscription, automatic_tax=True).automatic_tax is True
    assert change(shop, subscription, automatic_tax=False).automatic_tax is False


def test_a_subscription_is_made_with_its_end(
    shop: Shop, subscription: objects.Subscription
) -> None:
    end = subscription.current_period_end
    assert end is not None
    made = subscribe(shop, subscription.customer, cancel_at=int(end.timestamp()) + 86_400)
    assert made.cancel_at == end + datetime.timedelta(days=1)
    assert made.cancel_at_period_end is False
