"""What phases of a schedule take off, and whether their tax is reckoned."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import InvalidRequest, InvalidState, Money, billing, models
from flask_accrue.billing import Phase
from flask_accrue.errors import ProcessorUnavailable

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization

FULL = Phase("price_pro", lasts=(1, "month"))


def half(**given: Any) -> Phase:
    return Phase("price_pro", lasts=(2, "month"), **given)


def month_later(kit: Kit) -> None:
    kit.fake.advance(datetime.timedelta(days=31, hours=2))
    kit.deliver()


def totals(org: Organization) -> list[int]:
    """Return what was billed, the oldest first."""
    found = sorted(billing.list_invoices(org), key=lambda each: each.created)
    return [each.total for each in found]


def coupons_of(subscription: models.Subscription | None) -> list[str]:
    assert subscription is not None
    return [each["coupon"] for each in subscription.discounts or []]


@pytest.mark.parametrize("named", ["coupon", "row", "word", "code"])
def test_a_phase_takes_off_what_it_names_and_the_next_one_nothing(
    kit: Kit, payer: Organization, named: str
) -> None:
    coupon = billing.create_coupon(percent_off=50, duration="forever", id="HALF")
    code = billing.create_promotion_code(coupon, "SPRING")
    given: dict[str, Any] = {
        "coupon": {"coupon": "HALF"},
        "row": {"coupon": coupon},
        "word": {"promotion_code": "spring"},
        "code": {"promotion_code": code},
    }[named]
    schedule = billing.subscribe_via_schedule(payer, [half(**given), FULL])
    assert coupons_of(schedule.subscription) == ["HALF"]
    for _ in range(2):
        month_later(kit)
    assert totals(payer) == [950, 950, 1900]
    assert coupons_of(billing.subscription(payer)) == []
    kit.assert_settled()


def test_a_coupon_of_a_later_phase_is_redeemed_when_that_begins(
    kit: Kit, payer: Organization
) -> None:
    coupon = billing.create_coupon(percent_off=50, duration="forever", id="HALF")
    schedule = billing.subscribe_via_schedule(payer, [FULL, half(coupon="HALF")])
    assert [each["discounts"] for each in schedule.phases] == [
        [],
        [{"coupon": "HALF", "promotion_code": None, "discount": None}],
    ]
    assert coupons_of(schedule.subscription) == []
    month_later(kit)
    assert coupons_of(billing.subscription(payer)) == ["HALF"]
    assert totals(payer) == [1900, 950]
    assert billing.sync(coupon).times_redeemed == 1  # type: ignore[union-attr]


def test_a_later_phase_begins_without_a_coupon_that_is_gone(kit: Kit, payer: Organization) -> None:
    coupon = billing.create_coupon(percent_off=50, duration="forever", id="HALF")
    billing.subscribe_via_schedule(payer, [FULL, half(coupon="HALF")])
    billing.delete_coupon(coupon)
    month_later(kit)
    assert totals(payer) == [1900, 1900]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"coupon": "EUROS"}, "coupon_currency_mismatch"),
        ({"coupon": "GONE"}, "coupon_deleted"),
        ({"promotion_code": "nobody"}, "promotion_code_not_found"),
        ({"promotion_code": "OFF"}, "promotion_code_inactive"),
        ({"promotion_code": "LARGE"}, "promotion_code_below_minimum"),
        ({"coupon": "EUROS", "promotion_code": "OFF"}, "parameter_invalid"),
        ({"automatic_tax": 1}, "parameter_invalid"),
    ],
)
@pytest.mark.parametrize("how", ["subscribe", "schedule", "update"])
def test_what_can_t_be_redeemed_is_refused_and_nothing_is_made(
    kit: Kit, payer: Organization, given: dict[str, Any], code: str, how: str
) -> None:
    billing.create_coupon(amount_off=Money(500, "eur"), id="EUROS")
    ten = billing.create_coupon(percent_off=10, id="TEN")
    billing.delete_coupon(billing.create_coupon(percent_off=10, id="GONE"))
    billing.create_promotion_code(ten, "OFF", active=False)
    billing.create_promotion_code(ten, "LARGE", minimum=Money(2000, "usd"))
    begun: Any = None
    if how == "schedule":
        begun = billing.subscribe(payer, "price_pro")
    elif how == "update":
        begun = billing.subscribe_via_schedule(payer, [FULL])
    phases = [FULL, half(**given)]
    asked = {
        "subscribe": lambda: billing.subscribe_via_schedule(payer, phases),
        "schedule": lambda: billing.schedule_subscription(begun, phases),
        "update": lambda: billing.update_schedule(begun, phases),
    }[how]
    with pytest.raises(InvalidRequest) as refused:
        asked()
    assert refused.value.code == code
    kit.deliver()
    assert len(billing.list_schedules(payer)) == (how == "update")


@pytest.mark.parametrize("keep", [True, False])
def test_a_subscription_put_under_a_schedule_keeps_its_discounts_or_loses_them(
    kit: Kit, payer: Organization, subscription: models.Subscription, keep: bool
) -> None:
    kit.fake.advance(datetime.timedelta(days=1))
    billing.create_coupon(percent_off=50, duration="forever", id="HALF")
    billing.create_coupon(percent_off=10, duration="forever", id="TEN")
    billing.apply_coupon(subscription, "HALF")
    before = subscription.discounts

    billing.schedule_subscription(
        subscription,
        [FULL, Phase("price_pro", lasts=(1, "month"), coupon="TEN")],
        keep_discounts=keep,
    )
    assert billing.subscription(payer).discounts == before  # type: ignore[union-attr]
    for _ in range(2):
        month_later(kit)
    assert totals(payer) == ([1900, 950, 855] if keep else [1900, 1900, 1710])


def test_what_is_free_of_charge_stays_so_under_a_schedule(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    billing.comp_subscription(subscription, reason="A friend")
    billing.schedule_subscription(subscription, [FULL])
    month_later(kit)
    assert totals(payer) == [1900, 0]


def test_a_phase_named_again_goes_on_with_what_it_took_off(kit: Kit, payer: Organization) -> None:
    coupon = billing.create_coupon(percent_off=50, duration="forever", id="HALF", max_redemptions=1)
    schedule = billing.subscribe_via_schedule(payer, [half(coupon="HALF")])
    [before] = billing.subscription(payer).discounts or []  # type: ignore[union-attr]
    kit.fake.advance(datetime.timedelta(days=3))
    # It's used up, by this very phase.
    billing.update_schedule(schedule, [half(coupon="HALF"), FULL])
    assert billing.subscription(payer).discounts == [before]  # type: ignore[union-attr]
    assert billing.sync(coupon).times_redeemed == 1  # type: ignore[union-attr]


def test_what_was_spent_in_a_phase_isn_t_given_twice(kit: Kit, payer: Organization) -> None:
    billing.create_coupon(percent_off=50, duration="once", id="HALF")
    schedule = billing.subscribe_via_schedule(payer, [half(coupon="HALF")])
    kit.deliver()
    assert coupons_of(billing.subscription(payer)) == []
    billing.update_schedule(schedule, [half(coupon="HALF"), FULL])
    month_later(kit)
    assert totals(payer) == [950, 1900]


def test_a_repeat_after_the_code_is_used_up_is_the_same_schedule(
    kit: Kit, payer: Organization
) -> None:
    coupon = billing.create_coupon(percent_off=50, duration="forever")
    billing.create_promotion_code(coupon, "ONE", max_redemptions=1)
    asked: dict[str, Any] = {"operation_id": "op"}
    kit.fake.fail_next("create_schedule", "connection_reset", when="after")
    with pytest.raises(ProcessorUnavailable):
        billing.subscribe_via_schedule(payer, [half(promotion_code="ONE")], **asked)
    kit.deliver()
    made = billing.subscribe_via_schedule(payer, [half(promotion_code="ONE")], **asked)
    assert billing.list_schedules(payer) == [made]
    assert coupons_of(made.subscription) == [coupon.processor_id]


# -- tax -------------------------------------------------------------------------------------------


@pytest.fixture
def german(payer: Organization) -> Organization:
    """Give an organization where 19 % are paid."""
    billing.update_customer_tax_location(payer, {"country": "DE", "postal_code": "10115"})
    return payer


def test_a_phase_has_its_tax_reckoned_as_it_or_its_schedule_says(
    kit: Kit, german: Organization
) -> None:
    schedule = billing.subscribe_via_schedule(
        german,
        [FULL, Phase("price_pro", lasts=(1, "month"), automatic_tax=False), FULL],
        automatic_tax=True,
    )
    assert schedule.subscription is not None
    assert schedule.subscription.automatic_tax is True
    for _ in range(2):
        month_later(kit)
    assert totals(german) == [2261, 1900, 2261]


def test_a_schedule_s_tax_is_switched(kit: Kit, german: Organization) -> None:
    schedule = billing.subscribe_via_schedule(german, [half(), FULL])
    kit.fake.advance(datetime.timedelta(hours=2))
    billing.update_schedule(schedule, automatic_tax=True)
    for _ in range(2):
        month_later(kit)
    assert totals(german) == [1900, 2261, 2261]


@pytest.mark.parametrize("taxed", [True, False])
def test_under_a_schedule_tax_goes_on_as_before(
    kit: Kit, german: Organization, taxed: bool
) -> None:
    subscription = billing.subscribe(german, "price_pro", automatic_tax=taxed)
    billing.schedule_subscription(
        subscription, [FULL, Phase("price_pro", lasts=(1, "month"), automatic_tax=not taxed)]
    )
    for _ in range(2):
        month_later(kit)
    bills = [2261, 2261, 1900] if taxed else [1900, 1900, 2261]
    assert totals(german) == bills


@pytest.mark.parametrize("taxed", [True, False])
def test_other_phases_of_such_a_schedule_have_its_tax_too(
    kit: Kit, german: Organization, taxed: bool
) -> None:
    subscription = billing.subscribe(german, "price_pro", automatic_tax=taxed)
    schedule = billing.schedule_subscription(subscription, [FULL])
    kit.fake.advance(datetime.timedelta(hours=2))
    billing.update_schedule(schedule, [FULL, FULL])
    assert billing.subscription(german).automatic_tax is taxed  # type: ignore[union-attr]
    month_later(kit)
    assert totals(german) == ([2261] * 2 if taxed else [1900] * 2)


def test_the_tax_of_a_running_subscription_is_switched_on_and_off(
    kit: Kit, german: Organization
) -> None:
    subscription = billing.subscribe(german, "price_pro")
    assert subscription.automatic_tax is False
    billing.set_automatic_tax(subscription, True)
    assert subscription.automatic_tax is True
    entry = kit.assert_entry("subscription.updated", subscription)
    assert entry.data["changes"]["automatic_tax"] == [False, True]
    month_later(kit)
    billing.set_automatic_tax(subscription, False)
    month_later(kit)
    assert totals(german) == [1900, 2261, 1900]
    kit.assert_settled()


def test_what_can_t_be_switched_is_refused(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    with pytest.raises(InvalidRequest):
        billing.set_automatic_tax(subscription, 1)  # type: ignore[arg-type]
    billing.cancel(subscription)
    with pytest.raises(InvalidState) as refused:
        billing.set_automatic_tax(subscription, True)
    assert refused.value.code == "subscription_ended"


def test_nobody_s_tax_is_reckoned_nowhere(kit: Kit, subscription: models.Subscription) -> None:
    with pytest.raises(InvalidRequest) as refused:
        billing.set_automatic_tax(subscription, True)
    assert refused.value.code == "customer_tax_location_invalid"
    assert subscription.automatic_tax is False
