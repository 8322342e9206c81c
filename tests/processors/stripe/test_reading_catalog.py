"""Products and prices, and plans as prices were called before."""

from __future__ import annotations

import typing as t

import pytest

from flask_accrue.processors import objects
from flask_accrue.processors.stripe.reading import read
from tests.processors.stripe.stripe_bodies import Json, sample, without

RECURRING: Json = {"interval": "year", "interval_count": 2, "usage_type": "metered"}


def read_price(raw: Json) -> objects.Price:
    found = read(raw)
    assert isinstance(found, objects.Price)
    return found


def price(**changes: t.Any) -> Json:
    return (
        sample(
            "price", id="price_1", product="prod_1", unit_amount=1900, unit_amount_decimal="1900"
        )
        | changes
    )


def test_a_product_is_read() -> None:
    raw = sample("product", id="prod_1", name="Pro", description="All of it", active=False)

    found = read(raw)

    assert isinstance(found, objects.Product)
    assert (found.name, found.description, found.active) == ("Pro", "All of it", False)


def test_a_recurring_price_is_read() -> None:
    found = read_price(price(recurring=RECURRING, lookup_key="pro", nickname="Pro", currency="EUR"))

    assert (found.product, found.unit_amount, found.currency) == ("prod_1", 1900, "eur")
    assert (found.interval, found.interval_count, found.usage_type) == ("year", 2, "metered")
    assert (found.lookup_key, found.nickname) == ("pro", "Pro")


def test_a_one_time_price_has_no_interval() -> None:
    found = read_price(price(recurring=None, type="one_time"))

    assert (found.interval, found.interval_count, found.usage_type) == (None, 1, "licensed")


@pytest.mark.parametrize(
    ("amount", "written"), [(None, "0.5"), (None, None), (0, "0"), (19990, "19990")]
)
def test_only_whole_minor_units_are_an_amount(amount: int | None, written: str | None) -> None:
    found = read_price(price(unit_amount=amount, unit_amount_decimal=written))

    assert found.unit_amount == amount


def test_a_plan_is_read_as_the_price_that_it_became() -> None:
    plan = {
        "id": "price_1",
        "object": "plan",
        "active": True,
        "amount": 1900,
        "amount_decimal": "1900",
        "created": 0,
        "currency": "usd",
        "metadata": {},
        "nickname": None,
        "product": {"id": "prod_1", "object": "product"},
        **RECURRING,
    }

    assert read_price(plan) == read_price(
        without(price(recurring=RECURRING, active=True), "customer")
    )


def test_other_kinds_arent_read() -> None:
    assert read(sample("topup")) is None
    assert read({"object": None}) is None
