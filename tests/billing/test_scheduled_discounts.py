"""What a schedule does to discounts and to the tax that change beside it."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import billing, models
from flask_accrue.billing import Phase

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization

MONTHS = Phase("price_pro", lasts=(2, "month"))


def year(quantity: int, **given: Any) -> list[Phase]:
    return [Phase("price_pro", quantity=quantity, lasts=(12, "month"), **given)]


def changed(kit: Kit, schedule: models.SubscriptionSchedule, phases: list[Phase]) -> list[str]:
    """Change a schedule, and return the coupons that its subscription then has."""
    billing.update_schedule(schedule, phases, proration="none")
    kit.deliver()
    return coupons_of(schedule.subscription)


def coupons_of(subscription: models.Subscription | None) -> list[str]:
    assert subscription is not None
    return [each["coupon"] for each in subscription.discounts or []]


def totals(org: Organization) -> list[int]:
    """Return what was billed, the oldest first."""
    found = sorted(billing.list_invoices(org), key=lambda each: each.created)
    return [each.total for each in found]


@pytest.fixture
def german(payer: Organization) -> Organization:
    """Give an organization where 19 % are paid."""
    billing.update_customer_tax_location(payer, {"country": "DE", "postal_code": "10115"})
    return payer


# -- what was spent in a phase ---------------------------------------------------------------------


@pytest.mark.parametrize("named", ["coupon", "promotion_code"])
def test_what_holds_once_takes_off_once_however_often_its_phase_is_changed(
    kit: Kit, payer: Organization, named: str
) -> None:
    coupon = billing.create_coupon(percent_off=50, duration="once", id="ONCE")
    billing.create_promotion_code(coupon, "ONCE")
    given = {named: "ONCE"}
    schedule = billing.subscribe_via_schedule(payer, year(1, **given))
    kit.advance(days=1)
    for quantity in (2, 3, 4):
        assert changed(kit, schedule, year(quantity, **given)) == []
    kit.advance(days=31)
    assert totals(payer) == [950, 4 * 1900]


def test_months_that_are_over_don_t_begin_anew(kit: Kit, payer: Organization) -> None:
    billing.create_coupon(percent_off=50, duration="repeating", months=2, id="TWO")
    schedule = billing.subscribe_via_schedule(payer, year(1, coupon="TWO"))
    kit.advance(days=10)
    assert changed(kit, schedule, year(2, coupon="TWO")) == ["TWO"]
    kit.advance(days=75)
    for quantity in (3, 4):
        assert changed(kit, schedule, year(quantity, coupon="TWO")) == []


def test_what_went_on_from_before_and_is_spent_isn_t_given_again(
    kit: Kit, payer: Organization
) -> None:
    billing.create_coupon(percent_off=50, duration="once", id="ONCE")
    subscription = billing.subscribe(payer, "price_pro")
    kit.advance(days=1)
    billing.apply_coupon(subscription, "ONCE")
    schedule = billing.schedule_subscription(subscription, year(1, coupon="ONCE"))
    kit.advance(days=32)
    assert coupons_of(schedule.subscription) == []
    assert changed(kit, schedule, year(2, coupon="ONCE")) == []


def test_what_was_taken_away_unspent_is_given_when_it_s_named_again(
    kit: Kit, payer: Organization
) -> None:
    billing.create_coupon(percent_off=50, duration="forever", id="HALF")
    schedule = billing.subscribe_via_schedule(payer, year(1, coupon="HALF"))
    kit.advance(days=1)
    assert changed(kit, schedule, year(2)) == []
    assert changed(kit, schedule, year(2, coupon="HALF")) == ["HALF"]


# -- what was given elsewhere ----------------------------------------------------------------------


def test_a_discount_of_which_no_event_has_come_goes_on_under_a_schedule(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    billing.create_coupon(percent_off=50, duration="forever", id="HALF")
    kit.advance(days=1)
    kit.fake.update_subscription(
        subscription.processor_id, {"discounts": [{"coupon": "HALF"}]}, key="elsewhere"
    )
    billing.schedule_subscription(subscription, [MONTHS])
    assert coupons_of(subscription) == ["HALF"]
    kit.advance(days=32)
    assert totals(payer) == [1900, 950]


def test_two_codes_of_a_coupon_take_it_off_once(kit: Kit, payer: Organization) -> None:
    half = billing.create_coupon(percent_off=50, duration="forever", id="HALF")
    for word in ("ONE", "TWO"):
        billing.create_promotion_code(half, word)
    subscription = billing.subscribe(payer, "price_pro", promotion_code="ONE")
    billing.schedule_subscription(
        subscription, [Phase("price_pro", lasts=(2, "month"), promotion_code="TWO")]
    )
    kit.advance(days=32)
    assert totals(payer) == [950, 950]
    assert half.times_redeemed == 1


def test_the_clock_goes_on_when_a_phase_names_a_coupon_twice(kit: Kit, payer: Organization) -> None:
    half = billing.create_coupon(percent_off=50, duration="forever", id="HALF")
    codes = [billing.create_promotion_code(half, word).processor_id for word in ("ONE", "TWO")]
    start = int(kit.fake.clock.now().timestamp())
    schedule = billing.subscribe_via_schedule(payer, [MONTHS])
    phase = {"items": [{"price": "price_pro"}], "duration": {"interval": "month"}}
    following = {**phase, "discounts": [{"promotion_code": each} for each in codes]}
    kit.fake.update_schedule(
        schedule.processor_id,
        {"phases": [{**phase, "start_date": start}, following]},
        key="elsewhere",
    )
    kit.advance(days=32)
    assert totals(payer) == [1900, 950]


def test_a_schedule_begins_without_a_coupon_that_is_used_up_by_then(
    kit: Kit, payer: Organization
) -> None:
    billing.create_coupon(percent_off=50, duration="forever", id="HALF", max_redemptions=1)
    schedule = billing.subscribe_via_schedule(
        payer,
        [Phase("price_pro", lasts=(2, "month"), coupon="HALF")],
        start=kit.fake.clock.now() + datetime.timedelta(days=3),
    )
    billing.subscribe(payer, "price_pro", name="other", coupon="HALF")
    kit.advance(days=4)
    assert schedule.status == "active"
    assert coupons_of(billing.subscription(payer)) == []
    assert totals(payer) == [950, 1900]


# -- tax -------------------------------------------------------------------------------------------


def test_a_running_subscription_s_schedule_says_its_tax_once(
    kit: Kit, german: Organization
) -> None:
    subscription = billing.subscribe(german, "price_pro", automatic_tax=True)
    schedule = billing.schedule_subscription(
        subscription, [MONTHS, Phase("price_pro", lasts=(1, "month"), automatic_tax=True)]
    )
    assert [each["automatic_tax"] for each in schedule.phases] == [None, None, True]
    billing.update_schedule(schedule, automatic_tax=False)
    assert subscription.automatic_tax is False
    for _ in range(3):
        kit.advance(days=31)
    assert totals(german) == [2261, 1900, 1900, 2261]


@pytest.mark.parametrize("enabled", [True, False])
def test_the_tax_that_a_scheduled_subscription_was_given_stays(
    kit: Kit, german: Organization, enabled: bool
) -> None:
    subscription = billing.subscribe(german, "price_pro", automatic_tax=not enabled)
    schedule = billing.schedule_subscription(subscription, [MONTHS])
    billing.set_automatic_tax(subscription, enabled)
    billing.update_schedule(schedule, end_behavior="cancel")
    kit.deliver()
    assert subscription.automatic_tax is enabled


def test_a_change_of_items_leaves_the_tax_to_the_schedule(kit: Kit, german: Organization) -> None:
    subscription = billing.subscribe(german, "price_pro", automatic_tax=True)
    schedule = billing.schedule_subscription(subscription, [MONTHS])
    billing.swap_plan(subscription, "price_team", proration="none")
    billing.update_schedule(schedule, automatic_tax=False)
    assert subscription.automatic_tax is False
