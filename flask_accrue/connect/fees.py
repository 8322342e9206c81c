"""What a platform keeps."""

from __future__ import annotations

import decimal
import fractions
import typing as t

from ..errors import InvalidRequest
from ..money import Money

#: Percents as they may be given: exactly.
Percent: t.TypeAlias = decimal.Decimal | int | str


def platform_fee(
    amount: Money,
    percent: Percent | None = None,
    fixed: Money | None = None,
    min: Money | None = None,
    max: Money | None = None,
) -> Money:
    """Return what a platform keeps of an amount: a percentage and a fixed part, within bounds.

    The percentage is exact and rounded half to even, once, to what can be paid: mostly to the minor unit, but
    to whole krónur. The fee is never above the amount, whatever the bounds say. ::

        connect.platform_fee(Money(10_000, "usd"), percent="2.9", fixed=Money(30, "usd"))

    :param percent: ``Decimal("2.9")``, ``"2.9"`` or ``3``; a float isn't exact, and is refused.
    :raises InvalidRequest: for a percentage that isn't from 0 to 100, an amount below 0, or one in another
        currency.
    """
    parts = {"fixed": fixed, "min": min, "max": max}
    for name, part in {"amount": amount, **parts}.items():
        if part is not None:
            _check(name, part, amount)
    if min is not None and max is not None and max < min:
        raise InvalidRequest(
            f"A fee of at least {min} can't be at most {max}.", code="amount_invalid", param="max"
        )
    exact = _fraction(percent) / 100
    fee = amount.share(exact.numerator, exact.denominator, payable=True)
    if fixed is not None:
        fee += fixed
    if max is not None and max < fee:
        fee = max
    if min is not None and fee < min:
        fee = min
    return amount if amount < fee else fee


def _fraction(percent: t.Any) -> fractions.Fraction:
    if percent is None:
        return fractions.Fraction(0)
    found = None
    if isinstance(percent, decimal.Decimal | int | str) and not isinstance(percent, bool):
        try:
            found = decimal.Decimal(percent)
        except decimal.InvalidOperation:
            found = None
    if found is None or not found.is_finite() or not 0 <= found <= 100:
        raise InvalidRequest(
            "A percentage is a Decimal, an integer or a string such as '2.9', from 0 to 100, not "
            f"{percent!r}.",
            code="percent_invalid",
            param="percent",
        )
    return fractions.Fraction(found)


def _check(name: str, part: t.Any, amount: t.Any) -> None:
    if not isinstance(part, Money) or part.amount_minor < 0:
        raise InvalidRequest(
            f"{name} is Money(1999, 'usd') of at least 0, not {part!r}.",
            code="amount_invalid",
            param=name,
        )
    if part.currency != amount.currency:
        raise InvalidRequest(
            f"The amount is in {amount.currency.upper()}, and {name} in {part.currency.upper()}.",
            code="currency_mismatch",
            param=name,
        )
