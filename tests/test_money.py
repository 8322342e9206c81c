from __future__ import annotations

import decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_accrue import Money
from flask_accrue.errors import InvalidRequest
from flask_accrue.money import THREE_DECIMAL, WHOLE_UNITS, ZERO_DECIMAL

AMOUNTS = st.integers(min_value=-(2**61), max_value=2**61)
CURRENCIES = st.sampled_from(["usd", "eur", "jpy", "kwd", "isk", "ugx", "xyz"])
NO_BREAK, NARROW = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"
APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"


def half_even(exact: Fraction) -> int:
    return round(exact)  # Python rounds a fraction half to even, exactly


# -- minor units -----------------------------------------------------------------------------------


def test_a_yen_has_no_minor_unit_a_dollar_two_places_and_a_dinar_three() -> None:
    assert str(Money(1999, "usd")) == "19.99 USD"
    assert str(Money(1999, "jpy")) == "1999 JPY"
    assert str(Money(1999, "kwd")) == "1.999 KWD"


def test_the_processors_exponents_win_over_those_of_the_locale_data() -> None:
    # CLDR gives all of these no decimals; Stripe takes two.
    for currency in ("ugx", "isk", "huf", "twd"):
        assert Money(500, currency).exponent == 2
    assert Money(500, "huf").format("en_US") == f"HUF{NO_BREAK}5.00"


def test_decimals_that_there_are_none_of_in_life_are_only_written_where_there_are_some() -> None:
    assert Money(123400, "isk").format("is_IS") == f"1.234{NO_BREAK}kr."
    assert Money(123450, "isk").format("en_US") == f"ISK{NO_BREAK}1,234.50"
    assert str(Money(123400, "ugx")) == "1234.00 UGX"


@pytest.mark.parametrize(
    ("amount", "currency", "beside"),
    [(4010, "isk", "40.00 ISK and 41.00 ISK"), (5124, "kwd", "5.120 KWD and 5.130 KWD")],
)
def test_what_no_bank_can_pay_is_refused_and_the_next_amounts_are_named(
    amount: int, currency: str, beside: str
) -> None:
    with pytest.raises(InvalidRequest, match=beside) as caught:
        Money(amount, currency).require_payable()
    assert caught.value.code == "amount_not_payable"


@pytest.mark.parametrize("amount", [Money(4000, "isk"), Money(5120, "kwd"), Money(1, "huf")])
def test_what_can_be_paid_is_let_through(amount: Money) -> None:
    amount.require_payable()


def test_no_currency_is_in_two_lists() -> None:
    assert not ZERO_DECIMAL & THREE_DECIMAL
    assert all(len(code) == 3 and code.islower() for code in ZERO_DECIMAL | THREE_DECIMAL)


@given(AMOUNTS, CURRENCIES)
def test_the_decimal_is_exact_whatever_precision_the_host_works_with(
    amount: int, currency: str
) -> None:
    money = Money(amount, currency)
    with decimal.localcontext(prec=3):
        shown = money.decimal
    assert shown * 10**money.exponent == decimal.Decimal(amount)
    assert -shown.as_tuple().exponent == money.exponent


@pytest.mark.parametrize("amount", [19.99, 20.0, "20", None, True, decimal.Decimal(20)])
def test_an_amount_is_an_integer_and_nothing_else(amount: Any) -> None:
    with pytest.raises(InvalidRequest, match="integer of minor units") as caught:
        Money(amount, "usd")
    assert (caught.value.code, caught.value.param) == ("amount_invalid", "amount_minor")


@pytest.mark.parametrize("amount", [2**63, -(2**63) - 1])
def test_an_amount_fits_into_64_bits(amount: int) -> None:
    with pytest.raises(InvalidRequest, match="64 bits"):
        Money(amount, "usd")


@pytest.mark.parametrize("currency", ["", "us", "usdt", "u$d", "usd\n", " usd", "12a", None, 840])
def test_a_currency_is_named_and_never_slipped_in(currency: Any) -> None:
    with pytest.raises(InvalidRequest, match="ISO 4217") as caught:
        Money(1, currency)
    assert caught.value.code == "currency_invalid"


def test_upper_case_is_folded() -> None:
    assert Money(1, "USD") == Money(1, "usd")
    assert Money(1, "USD").currency == "usd"


# -- adding up -------------------------------------------------------------------------------------


@given(AMOUNTS, AMOUNTS)
def test_what_is_added_can_be_taken_away(one: int, other: int) -> None:
    a, b = Money(one, "usd"), Money(other, "usd")
    assert a + b - b == a
    assert a + -a == Money(0, "usd")
    assert (a < b) == (one < other)
    assert (a >= b) == (one >= other)


@pytest.mark.parametrize("operation", ["__add__", "__sub__", "__lt__", "__le__"])
def test_two_currencies_neither_add_up_nor_compare(operation: str) -> None:
    with pytest.raises(InvalidRequest, match="USD and EUR") as caught:
        getattr(Money(1, "usd"), operation)(Money(1, "eur"))
    assert caught.value.code == "currency_mismatch"


def test_the_same_number_in_another_currency_is_not_equal() -> None:
    assert Money(1, "usd") != Money(1, "eur")
    assert len({Money(1, "usd"), Money(1, "USD"), Money(1, "eur")}) == 2


@pytest.mark.parametrize("other", [5, 5.0, None, "5 USD"])
def test_a_bare_number_is_no_money(other: Any) -> None:
    with pytest.raises(TypeError):
        Money(1, "usd") + other
    with pytest.raises(TypeError):
        assert Money(1, "usd") < other


# -- parts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "share"), [(5, 2), (15, 8), (25, 12), (-5, -2), (-15, -8), (7, 4), (1, 0), (3, 2)]
)
def test_half_a_unit_goes_to_the_even_neighbor(amount: int, share: int) -> None:
    assert Money(amount, "usd").share(1, 2) == Money(share, "usd")


@given(AMOUNTS, st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9).filter(bool))
def test_a_share_is_the_exact_one_rounded_half_to_even(amount: int, up: int, down: int) -> None:
    exact = half_even(Fraction(amount * up, down))
    if -(2**63) <= exact < 2**63:
        assert Money(amount, "usd").share(up, down).amount_minor == exact


@given(AMOUNTS, st.lists(st.integers(0, 10**6), min_size=1, max_size=40).filter(any))
def test_parts_add_up_to_the_whole_and_each_is_within_a_unit_of_its_due(
    amount: int, weights: list[int]
) -> None:
    parts = Money(amount, "jpy").split(weights)
    assert sum(part.amount_minor for part in parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part.amount_minor - Fraction(amount * weight, sum(weights))) <= 1
        assert weight or part.amount_minor == 0


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [1, -1], [3, -1]])
def test_weights_that_can_divide_nothing_are_refused(weights: list[int]) -> None:
    with pytest.raises(InvalidRequest, match="Weights"):
        Money(100, "usd").split(weights)


# -- writing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "written"),
    [
        (123450, "usd", "en_US", "$1,234.50"),
        (-1999, "usd", "en_US", "-$19.99"),
        (123450, "eur", "de_DE", f"1.234,50{NO_BREAK}€"),
        (123450, "eur", "fr-FR", f"1{NARROW}234,50{NO_BREAK}€"),
        (123456, "chf", "de_CH", f"CHF{NO_BREAK}1{APOSTROPHE}234.56"),
        (123456789, "inr", "hi_IN", "₹12,34,567.89"),
        (1235, "jpy", "ja_JP", "￥1,235"),
        (1235, "jpy", "en_US", "¥1,235"),
        (1234567, "kwd", "en_US", f"KWD{NO_BREAK}1,234.567"),
        (2**63 - 1, "usd", "en_US", "$92,233,720,368,547,758.07"),
    ],
)
def test_an_amount_is_written_as_people_there_do(
    amount: int, currency: str, locale: str, written: str
) -> None:
    assert Money(amount, currency).format(locale) == written


@pytest.mark.parametrize("locale", [None, "", "nonsense", "xx_YY", "../../etc/passwd", "x" * 999])
def test_an_unknown_locale_is_written_in_english(locale: str | None) -> None:
    assert Money(5, "usd").format(locale) == "$0.05"


@given(AMOUNTS, CURRENCIES)
def test_no_digit_is_lost_in_writing(amount: int, currency: str) -> None:
    with decimal.localcontext(prec=3):
        written = Money(amount, currency).format("en_US")
    digits = "".join(character for character in written if character.isdigit())
    exact = amount // 100 if currency in WHOLE_UNITS and amount % 100 == 0 else amount
    assert int(digits) == abs(exact)
    assert written.startswith("-") == (amount < 0)
