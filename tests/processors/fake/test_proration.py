from __future__ import annotations

import datetime
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from flask_accrue.money import Money
from flask_accrue.processors.fake.proration import unused

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def at(seconds: int) -> datetime.datetime:
    return START + datetime.timedelta(seconds=seconds)


def test_half_of_the_time_is_half_of_the_money():
    assert unused(Money(3000, "usd"), START, at(1000), at(500)) == Money(1500, "usd")


def test_what_is_used_is_rounded_half_to_even_and_the_rest_is_left():
    # A tenth of 25 is 2.5, which is 2; a tenth of 35 is 3.5, which is 4.
    assert unused(Money(25, "usd"), START, at(10), at(1)) == Money(23, "usd")
    assert unused(Money(35, "usd"), START, at(10), at(1)) == Money(31, "usd")


def test_outside_of_the_period_it_is_all_or_nothing():
    assert unused(Money(700, "jpy"), START, at(10), at(-5)) == Money(700, "jpy")
    assert unused(Money(700, "jpy"), START, at(10), at(10)) == Money(0, "jpy")
    assert unused(Money(700, "jpy"), START, at(10), at(99)) == Money(0, "jpy")


@settings(deadline=None)
@given(
    amount=st.integers(0, 10**9),
    length=st.integers(1, 366 * 86400),
    cuts=st.lists(st.integers(0, 366 * 86400), max_size=8),
)
def test_the_parts_between_any_cuts_add_up_to_the_whole(amount, length, cuts):
    money = Money(amount, "usd")
    moments = [START, *(at(min(cut, length)) for cut in sorted(cuts)), at(length)]
    left = [unused(money, START, at(length), moment).amount_minor for moment in moments]

    parts = [before - after for before, after in itertools.pairwise(left)]

    assert sum(parts) == amount
    assert all(part >= 0 for part in parts)
