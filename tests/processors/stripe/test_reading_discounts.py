"""Coupons and promotion codes in the shapes of old and current versions."""

from __future__ import annotations

import decimal
import typing as t

import pytest

from flask_accrue.errors import InvalidRequest
from flask_accrue.processors import objects
from flask_accrue.processors.stripe.reading import read
from tests.processors.stripe.stripe_bodies import at, coupon, promotion_code, without


def read_coupon(**changes: t.Any) -> objects.Coupon:
    found = read(coupon(**changes))
    assert isinstance(found, objects.Coupon)
    return found


def test_a_coupon_says_what_is_off_for_how_long_and_of_what() -> None:
    found = read_coupon(redeem_by=1_900_000_000, max_redemptions=10, times_redeemed=3)

    assert (found.percent_off, found.amount_off, found.currency) == (
        decimal.Decimal("12.5"),
        None,
        None,
    )
    assert (found.duration, found.duration_in_months) == ("repeating", 3)
    assert (found.max_redemptions, found.times_redeemed) == (10, 3)
    assert found.redeem_by == at(1_900_000_000)
    assert found.products == ("prod_pro",)
    assert found.is_valid


def test_an_amount_off_has_its_currency() -> None:
    found = read_coupon(percent_off=None, amount_off=500, currency="USD")

    assert (found.percent_off, found.amount_off, found.currency) == (None, 500, "usd")


@pytest.mark.parametrize(
    ("written", "read_as"), [(33.3333, "33.3333"), (10, "10"), (0.1, "0.1"), (66.66666, "66.6667")]
)
def test_percents_are_the_decimals_that_were_written(written: float, read_as: str) -> None:
    assert read_coupon(percent_off=written).percent_off == decimal.Decimal(read_as)


@pytest.mark.parametrize("written", [0, 100.5, "10", True, -1])
def test_percents_that_are_none_are_refused(written: object) -> None:
    with pytest.raises(InvalidRequest, match="percent_off"):
        read_coupon(percent_off=written)


def test_products_that_werent_asked_for_are_unsaid() -> None:
    found = read(without(coupon(), "applies_to"))
    assert isinstance(found, objects.Coupon)
    assert found.products is objects.UNSAID


@pytest.mark.parametrize(
    "body",
    [
        promotion_code(),
        promotion_code(promotion={"type": "coupon", "coupon": coupon()}),
        without(promotion_code(), "promotion") | {"coupon": coupon()},
    ],
    ids=["current", "expanded", "before 2025-09-30"],
)
def test_a_promotion_code_names_its_coupon(body: dict[str, t.Any]) -> None:
    found = read(body)

    assert isinstance(found, objects.PromotionCode)
    assert (found.code, found.coupon, found.only_for) == ("SPRING26", "SPRING", None)
    assert found.first_time_transaction
    assert (found.minimum_amount, found.minimum_amount_currency) == (1000, "usd")


def test_a_promotion_code_may_be_for_one_customer() -> None:
    found = read(promotion_code(customer="cus_1"))

    assert isinstance(found, objects.PromotionCode)
    assert found.only_for == "cus_1"
