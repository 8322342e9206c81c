from __future__ import annotations

import decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_accrue.connect import platform_fee
from flask_accrue.errors import InvalidRequest
from flask_accrue.money import Money

usd = lambda cents: Money(cents, "usd")  # noqa: E731 - a word for a test


@pytest.mark.parametrize(
    ("amount", "options", "fee"),
    [
        (usd(10_000), {"percent": "2.9", "fixed": usd(30)}, usd(320)),
        (usd(10_000), {"percent": 10}, usd(1000)),
        (usd(10_000), {"fixed": usd(250)}, usd(250)),
        (usd(10_000), {}, usd(0)),
        (usd(100), {"percent": 1, "min": usd(50)}, usd(50)),
        (usd(100_000), {"percent": 10, "max": usd(5000)}, usd(5000)),
        # Never above the amount, whatever the bounds say.
        (usd(20), {"fixed": usd(30)}, usd(20)),
        (usd(20), {"min": usd(50)}, usd(20)),
        # Half to even: 0.5, 1.5 and 2.5 cents.
        (usd(50), {"percent": 1}, usd(0)),
        (usd(150), {"percent": 1}, usd(2)),
        (usd(250), {"percent": 1}, usd(2)),
        # A percentage of which no float knows the last digit.
        (usd(10**15), {"percent": "0.00000000000001"}, usd(0)),
        (usd(10**16), {"percent": decimal.Decimal("0.0000000000001")}, usd(10)),
        (Money(999, "jpy"), {"percent": "3.6"}, Money(36, "jpy")),
        # What no bank can pay is no fee.
        (Money(12_340, "kwd"), {"percent": "2.5"}, Money(310, "kwd")),
        (Money(100_000, "isk"), {"percent": "2.9123"}, Money(2900, "isk")),
        (Money(129_900, "huf"), {"percent": 5}, Money(6495, "huf")),
        (Money(250_000, "isk"), {"percent": 5}, Money(12_500, "isk")),
    ],
)
def test_a_fee_is_exact_and_within_its_bounds(amount, options, fee):
    assert platform_fee(amount, **options) == fee


@pytest.mark.parametrize(
    ("options", "code", "param"),
    [
        ({"percent": 2.9}, "percent_invalid", "percent"),
        ({"percent": "some"}, "percent_invalid", "percent"),
        ({"percent": "NaN"}, "percent_invalid", "percent"),
        ({"percent": -1}, "percent_invalid", "percent"),
        ({"percent": 101}, "percent_invalid", "percent"),
        ({"percent": True}, "percent_invalid", "percent"),
        ({"fixed": 30}, "amount_invalid", "fixed"),
        ({"fixed": usd(-1)}, "amount_invalid", "fixed"),
        ({"fixed": Money(30, "eur")}, "currency_mismatch", "fixed"),
        ({"min": Money(30, "eur")}, "currency_mismatch", "min"),
        ({"max": Money(30, "eur")}, "currency_mismatch", "max"),
        ({"min": usd(2), "max": usd(1)}, "amount_invalid", "max"),
    ],
)
def test_a_fee_that_cannot_be_reckoned_is_refused(options, code, param):
    with pytest.raises(InvalidRequest) as refused:
        platform_fee(usd(1000), **options)

    assert (refused.value.code, refused.value.param) == (code, param)


@given(
    st.integers(0, 10**12),
    st.decimals(0, 100, places=4),
    st.integers(0, 10**6),
    st.none() | st.integers(0, 10**6),
)
def test_a_fee_is_never_below_nothing_nor_above_the_amount(amount, percent, fixed, most):
    fee = platform_fee(
        usd(amount), percent, usd(fixed), max=None if most is None else usd(most)
    ).amount_minor

    assert 0 <= fee <= amount
    assert most is None or fee <= most
