"""Changing discounts of which the processor may have others meanwhile: none is lost, and none comes back."""

from __future__ import annotations

import datetime
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import billing, errors, models

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask_accrue.testing import Kit


@pytest.fixture
def coupons(kit: Kit) -> list[str]:
    """Give coupons to give here and elsewhere."""
    names = ["one", "two", "three"]
    for percent, name in enumerate(names, start=10):
        billing.create_coupon(percent_off=percent, duration="forever", id=name)
    billing.create_promotion_code("two", "TWO")
    return names


def give_elsewhere(kit: Kit, row: models.Subscription, *coupons: str) -> None:
    """Let the processor have other discounts, of which no event was delivered yet."""
    kit.fake.advance(datetime.timedelta(seconds=5))
    kit.fake.update_subscription(
        row.processor_id,
        {"discounts": [{"coupon": each} for each in coupons]},
        key=uuid.uuid4().hex,
    )


def held(kit: Kit, row: models.Subscription) -> list[Any]:
    return [each.coupon for each in kit.fake.fetch("subscription", row.processor_id).main.discounts]


def known(row: models.Subscription) -> list[Any]:
    return [each["coupon"] for each in row.discounts or []]


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (lambda row: billing.apply_coupon(row, "two", operation_id="op"), ["one", "two"]),
        (lambda row: billing.apply_promotion_code(row, "TWO", operation_id="op"), ["one", "two"]),
        (lambda row: billing.apply_coupon(row, "two", replace=True, operation_id="op"), ["two"]),
        (lambda row: billing.remove_discount(row, operation_id="op"), []),
        (lambda row: billing.remove_discount(row, "one", operation_id="op"), []),
    ],
    ids=["coupon", "code", "replacing", "all away", "one away"],
)
def test_one_that_was_given_elsewhere_a_moment_ago_counts(
    kit: Kit,
    subscription: models.Subscription,
    coupons: list[str],
    act: Callable[[models.Subscription], models.Subscription],
    expected: list[str],
) -> None:
    give_elsewhere(kit, subscription, "one")
    for _ in range(2):
        assert known(act(subscription)) == expected
        assert held(kit, subscription) == expected
        kit.deliver()
    kit.assert_settled()


def test_one_that_was_taken_away_elsewhere_isn_t_named_any_more(
    kit: Kit, subscription: models.Subscription, coupons: list[str]
) -> None:
    billing.apply_coupon(subscription, "one")
    kit.deliver()
    give_elsewhere(kit, subscription)
    assert known(billing.apply_coupon(subscription, "two")) == ["two"]
    give_elsewhere(kit, subscription)
    # It isn't there any more, whatever is known here.
    assert known(billing.apply_coupon(subscription, "two")) == ["two"]
    assert held(kit, subscription) == ["two"]


def test_what_was_given_elsewhere_isn_t_given_twice(
    kit: Kit, subscription: models.Subscription, coupons: list[str]
) -> None:
    give_elsewhere(kit, subscription, "one")
    with pytest.raises(errors.InvalidState) as refused:
        billing.apply_coupon(subscription, "one")
    assert refused.value.code == "already_discounted"
    assert known(subscription) == held(kit, subscription) == ["one"]


def test_what_is_free_of_charge_keeps_what_was_given_elsewhere(
    kit: Kit, subscription: models.Subscription, coupons: list[str]
) -> None:
    give_elsewhere(kit, subscription, "one")
    billing.comp_subscription(subscription, reason="A friend")
    assert held(kit, subscription) == ["accrue-comp-forever", "one"]


def test_those_that_change_again_and_again_are_left_alone(
    kit: Kit,
    subscription: models.Subscription,
    coupons: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fetch, turns = kit.fake.fetch, iter(["two", "three"] * 9)

    def changing(kind: str, id: str) -> Any:
        give_elsewhere(kit, subscription, next(turns))
        return fetch(kind, id)

    with monkeypatch.context() as patched:
        patched.setattr(kit.fake, "fetch", changing)
        with pytest.raises(errors.InvalidState) as refused:
            billing.apply_coupon(subscription, "one")
    assert refused.value.code == "discounts_changed"
    assert "one" not in held(kit, subscription)


def test_a_lost_request_isn_t_sent_over_a_change_that_came_since(
    kit: Kit, subscription: models.Subscription, coupons: list[str]
) -> None:
    kit.fake.fail_next("update_subscription", "timeout", when="before")
    with pytest.raises(errors.ProcessorUnavailable):
        billing.apply_coupon(subscription, "one", operation_id="op")
    give_elsewhere(kit, subscription, "two")
    for _ in range(2):
        with pytest.raises(errors.InvalidState) as refused:
            billing.apply_coupon(subscription, "one", operation_id="op")
        assert refused.value.code == "discounts_changed"
        assert "'op'" in str(refused.value)
    assert held(kit, subscription) == ["two"]
    assert known(billing.apply_coupon(subscription, "one")) == ["two", "one"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_request_that_nothing_came_after_is_done_once(
    kit: Kit, subscription: models.Subscription, coupons: list[str], when: str
) -> None:
    billing.apply_coupon(subscription, "two")
    kit.fake.fail_next("update_subscription", "timeout", when=when)
    with pytest.raises(errors.ProcessorUnavailable):
        billing.apply_coupon(subscription, "one", replace=True, operation_id="op")
    assert known(billing.apply_coupon(subscription, "one", replace=True, operation_id="op")) == [
        "one"
    ]
    assert held(kit, subscription) == ["one"]
    kit.deliver()
    kit.assert_settled()


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_next_call_finds_out_what_became_of_a_lost_one(
    kit: Kit, subscription: models.Subscription, coupons: list[str], when: str
) -> None:
    kit.fake.fail_next("update_subscription", "timeout", when=when)
    with pytest.raises(errors.ProcessorUnavailable):
        billing.apply_coupon(subscription, "one")
    expected = ["one", "two"] if when == "after" else ["two"]
    assert known(billing.apply_promotion_code(subscription, "TWO")) == expected
    assert held(kit, subscription) == expected


def test_what_can_t_be_asked_for_isn_t_changed(
    kit: Kit, subscription: models.Subscription, coupons: list[str]
) -> None:
    kit.fake.fail_next("fetch", "unavailable")
    with pytest.raises(errors.ProcessorUnavailable):
        billing.apply_coupon(subscription, "one", operation_id="op")
    assert held(kit, subscription) == []
    assert known(billing.apply_coupon(subscription, "one", operation_id="op")) == ["one"]
