"""Subscriptions in the shapes of old and current versions."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

import pytest

from flask_accrue.errors import InvalidRequest
from flask_accrue.processors import objects
from flask_accrue.processors.stripe.reading import read
from tests.processors.stripe.stripe_bodies import (
    END,
    START,
    Json,
    at,
    item,
    listed,
    old_subscription,
    sample,
    subscription,
    without,
)


def read_subscription(raw: Json) -> objects.Subscription:
    found = read(raw)
    assert isinstance(found, objects.Subscription)
    return found


@pytest.mark.parametrize("raw", [subscription(), old_subscription()], ids=["current", "old"])
def test_the_period_is_read_from_the_item_or_the_subscription(raw: Json) -> None:
    found = read_subscription(raw)

    assert (found.current_period_start, found.current_period_end) == (at(START), at(END))
    [only] = found.items
    assert (only.current_period_start, only.current_period_end) == (at(START), at(END))


def test_old_and_current_shapes_say_the_same() -> None:
    old, current = read_subscription(old_subscription()), read_subscription(subscription())

    assert old == current
    assert old.items[0] == objects.SubscriptionItem(
        processor_id="si_1",
        price="price_pro",
        product="prod_pro",
        quantity=1,
        current_period_start=at(START),
        current_period_end=at(END),
    )
    assert old.currency == "usd"


def test_a_null_period_on_the_subscription_is_none() -> None:
    raw = subscription(current_period_start=None, current_period_end=None)

    assert read_subscription(raw).current_period_end == at(END)


def test_items_with_periods_of_their_own_give_the_one_that_ends_first() -> None:
    yearly = item("si_2", current_period_end=END + 365 * 86400)

    found = read_subscription(subscription(items=listed(yearly, item())))

    assert found.current_period_end == at(END)
    assert [each.current_period_end for each in found.items] == [at(END + 365 * 86400), at(END)]


def test_a_subscription_with_no_items_left_has_no_period() -> None:
    assert read_subscription(subscription(items=listed())).current_period_end is None


def test_a_metered_item_has_no_quantity() -> None:
    found = read_subscription(subscription(items=listed(without(item(), "quantity"))))

    assert found.items[0].quantity is None


def test_the_quantity_may_be_zero() -> None:
    assert read_subscription(subscription(items=listed(item(quantity=0)))).items[0].quantity == 0


def test_an_expanded_price_with_an_expanded_product_is_read_by_their_ids() -> None:
    price = {"id": "price_x", "object": "price", "product": {"id": "prod_x", "object": "product"}}

    [found] = read_subscription(subscription(items=listed(item(price=price)))).items

    assert (found.price, found.product) == ("price_x", "prod_x")


def test_a_null_trial_end_is_none_and_an_end_is_a_time() -> None:
    assert read_subscription(subscription(trial_end=None)).trial_end is None
    assert read_subscription(subscription(trial_end=END)).trial_end == at(END)


def test_a_scheduled_end_is_read_as_stripe_holds_it() -> None:
    found = read_subscription(subscription(cancel_at=END, cancel_at_period_end=True))

    assert (found.cancel_at, found.cancel_at_period_end) == (at(END), True)
    assert (found.canceled_at, found.ended_at) == (None, None)


@pytest.mark.parametrize("behavior", ["void", "keep_as_draft", "mark_uncollectible"])
def test_a_pause_is_read_from_pause_collection_and_not_from_the_status(behavior: str) -> None:
    paused = read_subscription(
        subscription(pause_collection={"behavior": behavior, "resumes_at": END})
    )

    assert paused.status == "active"
    assert (paused.pause_behavior, paused.pause_resumes_at) == (behavior, at(END))
    resumed = read_subscription(subscription(pause_collection=None))
    assert (resumed.pause_behavior, resumed.pause_resumes_at) == (None, None)


def test_an_unknown_status_is_kept_as_it_came() -> None:
    assert read_subscription(subscription(status="hibernating")).status == "hibernating"


def test_the_default_card_is_the_payment_method_before_the_older_source() -> None:
    both = subscription(default_payment_method="pm_1", default_source="card_1")

    assert read_subscription(both).default_payment_method == "pm_1"
    source = both | {"default_payment_method": None}
    assert read_subscription(source).default_payment_method == "card_1"


def test_expanded_references_are_read_by_their_ids() -> None:
    raw = subscription(
        customer={"id": "cus_1", "object": "customer", "deleted": True},
        latest_invoice={"id": "in_1", "object": "invoice"},
        default_payment_method={"id": "pm_1", "object": "payment_method"},
    )

    found = read_subscription(raw)

    assert (found.customer, found.latest_invoice) == ("cus_1", "in_1")
    assert found.default_payment_method == "pm_1"


OLD_DISCOUNT: Json = {
    "id": "di_1",
    "object": "discount",
    "coupon": {"id": "TEN", "object": "coupon"},
}
CURRENT_DISCOUNT: Json = {
    "id": "di_1",
    "object": "discount",
    "source": {"type": "coupon", "coupon": "TEN"},
}
EXPANDED_DISCOUNT: Json = {
    "id": "di_1",
    "object": "discount",
    "source": {"type": "coupon", "coupon": {"id": "TEN", "object": "coupon"}},
}


@pytest.mark.parametrize(
    ("changes", "coupons"),
    [
        pytest.param({"discount": OLD_DISCOUNT}, ("TEN",), id="one, before there were several"),
        pytest.param(
            {"discount": OLD_DISCOUNT, "discounts": ["di_1"]}, ("TEN",), id="one, and its id"
        ),
        pytest.param({"discounts": [OLD_DISCOUNT]}, ("TEN",), id="expanded, holding its coupon"),
        pytest.param({"discounts": [CURRENT_DISCOUNT]}, ("TEN",), id="expanded, with a source"),
        pytest.param({"discounts": [EXPANDED_DISCOUNT]}, ("TEN",), id="source expanded too"),
        pytest.param({"discounts": []}, (), id="none"),
        pytest.param({"discount": None}, (), id="none, in the old way"),
        pytest.param({"discount": None, "discounts": []}, (), id="none, in both ways"),
        pytest.param({"discounts": ["di_1"]}, (None,), id="ids name no coupon"),
        pytest.param(
            {"discounts": ["di_1", "di_2"], "discount": OLD_DISCOUNT},
            (None, None),
            id="two, and only one is told",
        ),
        pytest.param({}, objects.UNSAID, id="not spoken of"),
    ],
)
def test_coupons_are_read_where_the_body_names_them(changes: Json, coupons: t.Any) -> None:
    raw = without(subscription(), "discounts") | changes

    found = read_subscription(raw).discounts
    if coupons is objects.UNSAID:
        assert found is objects.UNSAID
    else:
        assert not isinstance(found, objects.Unsaid)
        assert tuple(each.coupon for each in found) == coupons
        assert [each.processor_id for each in found] == ["di_1", "di_2"][: len(found)]


def test_a_discount_tells_whose_it_is_and_for_how_long() -> None:
    told = {"promotion_code": "promo_1", "start": 1_767_225_600, "end": 1_769_904_000}
    raw = subscription(discounts=[CURRENT_DISCOUNT | told | {"subscription": "sub_1"}])

    [found] = t.cast("tuple[objects.Discount, ...]", read_subscription(raw).discounts)

    assert (found.promotion_code, found.subscription) == ("promo_1", "sub_1")
    assert found.start == datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    assert found.end == datetime.datetime(2026, 2, 1, tzinfo=datetime.UTC)


@pytest.mark.parametrize("name", ["id", "customer", "status", "items"])
def test_what_is_needed_and_missing_is_named(name: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(without(subscription(), name))
    assert caught.value.param == name


def test_the_raw_object_is_kept_on_the_subscription_and_each_item() -> None:
    raw = subscription()
    found = read_subscription(raw)

    assert found.raw == raw
    assert found.items[0].raw == raw["items"]["data"][0]


def test_the_sample_of_the_installed_sdk_is_read() -> None:
    found = read_subscription(sample("subscription"))

    assert dataclasses.asdict(found)["collection_method"] == "charge_automatically"
