"""Subscriptions that are free of charge."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import billing, clock, errors, models
from tests.host import Organization

if TYPE_CHECKING:
    from flask_accrue.testing import Kit


def due(org: Organization) -> list[int]:
    return [each.amount_due for each in billing.list_invoices(org)]


def test_a_subscription_becomes_free_of_charge(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    billing.comp_subscription(subscription, reason="They found a bug")
    for _ in range(2):
        assert subscription.is_complimentary
        assert subscription.meta["accrue_comp_reason"] == "They found a bug"
        kit.deliver()
    entry = kit.assert_entry("subscription.comped", subscription)
    assert entry.state["meta"]["accrue_comp_reason"] == "They found a bug"
    kit.advance(days=65)
    assert sorted(due(payer)) == [0, 0, 1900]
    assert subscription.is_active


def test_the_entry_is_written_once(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    for _ in range(2):
        billing.comp_subscription(subscription, reason="A friend", operation_id="op")
        kit.deliver()
    kit.advance(days=32)
    types = [each.type for each in kit.entries()]
    assert types.count("subscription.comped") == 1


def test_an_owner_begins_free_of_charge_without_a_card(kit: Kit, org: Organization) -> None:
    row = billing.comp_subscription(org, "price_pro", reason="A friend", operation_id="op")
    assert billing.comp_subscription(org, "price_pro", reason="A friend", operation_id="op") is row
    for _ in range(2):
        assert row.is_active
        assert row.is_complimentary
        assert due(org) == [0]
        kit.deliver()
    kit.assert_entry("subscription.comped", row)
    kit.advance(days=32)
    assert due(org) == [0, 0]


def test_it_survives_a_swap_of_the_plan(kit: Kit, org: Organization) -> None:
    row = billing.comp_subscription(org, "price_pro", reason="A friend")
    kit.advance(days=10)
    billing.swap_plan(row, "price_yearly", proration="create_prorations")
    kit.deliver()
    assert row.is_complimentary
    kit.advance(days=370)
    assert set(due(org)) == {0}
    assert row.is_active


def test_it_is_billed_after_its_months(kit: Kit, payer: Organization) -> None:
    row = billing.comp_subscription(payer, "price_pro", reason="Half a year", months=6)
    assert (row.discounts or [])[0]["end"] == "2026-09-10T12:00:00+00:00"
    for _ in range(7):
        kit.advance(days=31)
    assert sorted(due(payer)) == [0] * 6 + [1900] * 2
    assert not row.is_complimentary


@pytest.mark.parametrize("begins", [True, False])
def test_it_ends_at_its_end_also_after_a_swap(kit: Kit, payer: Organization, begins: bool) -> None:
    ends_at = kit.fake.clock.now() + datetime.timedelta(days=50)
    target: Any = payer
    price = None
    if begins:
        price = "price_pro"
    else:
        target = billing.subscribe(payer, "price_pro")
    row = billing.comp_subscription(target, price, reason="For a trade fair", ends_at=ends_at)
    assert row.ends_at == ends_at
    billing.swap_plan(row, "price_team", proration="none")
    kit.deliver()
    assert row.ends_at == ends_at
    kit.advance(days=51)
    assert row.is_ended
    assert sum(due(payer)) == (0 if begins else 1900)


@pytest.mark.parametrize("how", ["resume", "swap", "resume an end of its own", "preview"])
def test_an_earlier_end_that_is_taken_back_leaves_the_one_of_what_is_free(
    kit: Kit, payer: Organization, subscription: models.Subscription, how: str
) -> None:
    ends_at = kit.now + datetime.timedelta(days=100)
    billing.comp_subscription(subscription, reason="For a trade fair", ends_at=ends_at)
    if how == "resume an end of its own":
        billing.cancel_at(subscription, kit.now + datetime.timedelta(days=9))
    else:
        billing.cancel_at_period_end(subscription)
    kit.deliver()
    if how == "swap":
        billing.swap_plan(subscription, "price_team", proration="create_prorations")
    elif how == "preview":
        billing.preview_upcoming_invoice(subscription, price="price_team")
        billing.resume(subscription)
    else:
        billing.resume(subscription)
    assert subscription.ends_at == ends_at
    kit.deliver()
    assert subscription.ends_at == ends_at
    kit.advance(days=101)
    assert subscription.is_ended
    assert sum(due(payer)) == 1900


def test_only_its_own_end_is_undone_for_good(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    ends_at = kit.now + datetime.timedelta(days=100)
    billing.comp_subscription(subscription, reason="For a trade fair", ends_at=ends_at)
    billing.resume(subscription)
    assert subscription.ends_at is None
    # Nor does it come back later.
    billing.cancel_at_period_end(subscription)
    billing.resume(subscription)
    assert subscription.ends_at is None
    kit.deliver()
    assert subscription.ends_at is None


def test_an_end_within_the_period_gives_back_nothing_of_what_was_paid(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    ends_at = kit.fake.clock.now() + datetime.timedelta(days=9)
    billing.comp_subscription(subscription, reason="For a trade fair", ends_at=ends_at)
    kit.advance(days=10)
    assert subscription.is_ended
    assert [each.total for each in billing.list_invoices(payer)] == [1900]


def test_after_another_end_that_gave_back_the_rest_of_its_period_it_is_free(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    end = subscription.current_period_end
    assert end is not None
    billing.cancel_at(subscription, end - datetime.timedelta(days=16), prorate=True)
    ends_at = end - datetime.timedelta(days=6)
    billing.comp_subscription(subscription, reason="For a trade fair", ends_at=ends_at)
    kit.advance(days=31)
    assert subscription.is_ended
    # What was paid for the first 15 of 31 days.
    assert sum(each.total for each in billing.list_invoices(payer)) == 919


def test_its_coupon_is_made_once_and_found_again(kit: Kit, payer: Organization) -> None:
    other = Organization(name="Other", email="other@example.com")
    kit.state.db.session.add(other)
    kit.state.db.session.commit()
    for owner in (payer, other):
        billing.comp_subscription(owner, "price_pro", reason="A friend")
    [coupon] = billing.list_coupons()
    assert coupon.processor_id == "accrue-comp-forever"
    assert (coupon.percent_off, coupon.duration) == (100, "forever")


def test_a_coupon_that_is_only_at_the_processor_is_found(kit: Kit, payer: Organization) -> None:
    terms: dict[str, Any] = dict.fromkeys(
        "name amount_off currency currency_options duration_in_months max_redemptions redeem_by "
        "products".split()
    )
    kit.fake.create_coupon(
        **terms,
        id="accrue-comp-forever",
        percent_off="100",
        duration="forever",
        metadata={},
        key="elsewhere",
    )
    assert billing.comp_subscription(payer, "price_pro", reason="A friend").is_complimentary


def test_a_coupon_of_that_id_that_isn_t_all_off_is_refused(kit: Kit, payer: Organization) -> None:
    coupon = billing.create_coupon(percent_off=99, duration="forever", id="accrue-comp-forever")
    with pytest.raises(errors.InvalidState) as raised:
        billing.comp_subscription(payer, "price_pro", reason="A friend")
    assert raised.value.code == "comp_coupon_changed"
    billing.delete_coupon(coupon)
    kit.advance(seconds=1)
    assert billing.comp_subscription(payer, "price_pro", reason="A friend").is_complimentary


def test_other_discounts_are_kept_and_not_spent(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    once = billing.create_coupon(percent_off=10)
    billing.apply_coupon(subscription, once)
    billing.comp_subscription(subscription, reason="A month", months=1)
    free, _ = subscription.discounts or []
    assert free["coupon"].startswith("accrue-comp-")
    assert billing.preview_upcoming_invoice(subscription).total == 0
    billing.remove_discount(subscription, free["coupon"])
    kit.deliver()
    assert not subscription.is_complimentary
    assert billing.preview_upcoming_invoice(subscription).total == 1710


@pytest.mark.parametrize("seconds", [0, 1, 86400])
def test_a_month_is_one_invoice_whenever_in_a_period_it_is_given(
    kit: Kit, payer: Organization, subscription: models.Subscription, seconds: int
) -> None:
    kit.fake.advance(datetime.timedelta(seconds=seconds))
    billing.comp_subscription(subscription, reason="A month", months=1)
    kit.advance(days=93)
    assert sorted(due(payer)) == [0, 1900, 1900, 1900]


def test_a_processor_s_clock_that_is_behind_costs_no_invoice(
    kit: Kit,
    payer: Organization,
    subscription: models.Subscription,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ahead = clock.now() + datetime.timedelta(seconds=5)
    for _ in range(2):
        with monkeypatch.context() as patched:
            patched.setattr(clock, "now", lambda: ahead)
            billing.comp_subscription(subscription, reason="A month", months=1, operation_id="op")
    [free] = subscription.discounts or []
    assert free["coupon"] == "accrue-comp-2-months"
    kit.advance(days=62)
    assert sorted(due(payer)) == [0, 1900, 1900]


@pytest.mark.parametrize("days", [{"trial": 14}, {"billing_cycle_anchor": 20}])
def test_the_first_second_of_a_trial_or_of_part_of_a_period_isn_t_one_of_a_period(
    kit: Kit, payer: Organization, days: dict[str, int]
) -> None:
    [(name, number)] = days.items()
    span = datetime.timedelta(days=number)
    given: dict[str, Any] = {name: span if name == "trial" else kit.fake.clock.now() + span}
    row = billing.subscribe(payer, "price_pro", **given)
    billing.comp_subscription(row, reason="A month", months=1)
    assert (row.discounts or [])[0]["coupon"] == "accrue-comp-1-months"
    for _ in range(3):
        kit.advance(days=31)
    renewals = sorted(billing.list_invoices(payer), key=lambda each: each.created)[1:]
    assert [each.total for each in renewals] == [0, 1900, 1900]


def test_a_trial_of_a_month_is_as_long_as_the_month_that_is_given(
    kit: Kit, payer: Organization
) -> None:
    month = datetime.timedelta(days=31)
    row = billing.subscribe(payer, "price_pro", trial=month)
    billing.comp_subscription(row, reason="A month", months=1)
    for _ in range(3):
        kit.advance(days=31)
    assert sorted(due(payer)) == [0, 0, 1900, 1900]


def test_a_month_that_is_given_with_a_shorter_one_s_last_day_is_one_invoice(
    kit: Kit, payer: Organization
) -> None:
    # Periods begin on the 31st, the coupon would be over on the 30th.
    kit.advance(days=21)
    row = billing.subscribe(payer, "price_pro")
    kit.advance(days=30)
    assert row.current_period_start is not None
    assert row.current_period_start.day == 30
    billing.comp_subscription(row, reason="A month", months=1)
    kit.advance(days=62)
    assert sorted(due(payer)) == [0, 1900, 1900, 1900]


@pytest.mark.parametrize("months", [None, 3, 12])
def test_a_repeat_leaves_alone_what_was_given_since(
    kit: Kit, subscription: models.Subscription, months: int | None
) -> None:
    kit.advance(days=3)
    first: dict[str, Any] = {"reason": "A", "months": 3, "operation_id": "A"}
    billing.comp_subscription(subscription, **first)
    billing.remove_discount(subscription)
    kit.advance(days=1)
    billing.comp_subscription(subscription, reason="B", months=months)
    kit.deliver()
    given = subscription.discounts
    assert billing.comp_subscription(subscription, **first).discounts == given
    kit.deliver()
    assert subscription.discounts == given


def test_a_repeat_leaves_the_same_coupon_alone_that_was_given_since(
    kit: Kit, payer: Organization
) -> None:
    first: dict[str, Any] = {"reason": "A", "months": 3, "operation_id": "A"}
    row = billing.subscribe(payer, "price_pro")
    kit.advance(days=1)
    billing.comp_subscription(row, **first)
    billing.remove_discount(row)
    kit.advance(days=30)
    billing.apply_coupon(row, "accrue-comp-3-months")
    [given] = row.discounts or []
    assert billing.comp_subscription(row, **first).discounts == [given]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_new_one_with_an_end_is_one_call(
    kit: Kit, payer: Organization, calls: list[str], moment: Any
) -> None:
    ends_at = kit.fake.clock.now() + datetime.timedelta(days=50)
    asked: dict[str, Any] = {"reason": "A fair", "ends_at": ends_at, "operation_id": "op"}
    kit.fake.fail_next("create_subscription", "connection_reset", when=moment)
    with pytest.raises(errors.ProcessorUnavailable):
        billing.comp_subscription(payer, "price_pro", **asked)
    row = billing.comp_subscription(payer, "price_pro", **asked)
    assert (row.ends_at, row.meta["accrue_comp_reason"]) == (ends_at, "A fair")
    assert "update_subscription" not in calls
    [made] = billing.list_subscriptions(payer)
    assert made == row


def test_it_isn_t_given_twice(kit: Kit, subscription: models.Subscription) -> None:
    billing.comp_subscription(subscription, reason="A friend")
    with pytest.raises(errors.InvalidState) as raised:
        billing.comp_subscription(subscription, reason="A friend", months=2)
    assert raised.value.code == "already_comped"


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": "A", "months": 0}, "months"),
        ({"reason": "A", "months": 1.5}, "months"),
        (
            {"reason": "A", "ends_at": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)},
            "ends_at",
        ),
        ({"reason": "A", "price": "price_pro"}, "price"),
    ],
)
def test_bad_arguments_are_refused_before_any_call(
    subscription: models.Subscription, calls: list[str], given: dict[str, Any], param: str
) -> None:
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.comp_subscription(subscription, **given)
    assert raised.value.param == param
    assert calls == []


def test_a_repeat_after_the_end_finds_what_was_made(kit: Kit, payer: Organization) -> None:
    asked: dict[str, Any] = {
        "reason": "A trial of ours",
        "ends_at": clock.now() + datetime.timedelta(days=3),
        "operation_id": "late",
    }
    made = billing.comp_subscription(payer, "price_pro", **asked)
    kit.advance(days=4)

    assert billing.comp_subscription(payer, "price_pro", **asked) == made
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.comp_subscription(payer, "price_pro", **{**asked, "operation_id": "another"})
    assert raised.value.param == "ends_at"
