"""Money: an integer of minor units and a currency."""

from __future__ import annotations

import dataclasses
import decimal
import re
import typing as t

from babel import numbers

from .errors import InvalidRequest

# Stripe's lists, not CLDR's: the two differ for 27 codes, and the processor is the truth.
# https://docs.stripe.com/currencies#zero-decimal and #three-decimal
ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())
THREE_DECIMAL = frozenset("bhd jod kwd omr tnd".split())
# Written with two decimals, of which there are none in life.
# https://docs.stripe.com/currencies#special-cases
WHOLE_UNITS = frozenset("isk ugx".split())

_CURRENCY = re.compile(r"[a-z]{3}\Z")
_INT64 = 2**63
# The host may work with fewer digits than a 64-bit amount has.
_EXACT = decimal.Context(prec=28)
# Letters of a currency beside a digit, which CLDR keeps apart and Babel doesn't.
_TOUCHING = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")


def exponent(currency: str) -> int:
    """Return how many decimal places the currency's minor unit has: 0, 2 or 3."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def payable_step(currency: str) -> int:
    """Return what an amount of that currency has to be a multiple of, in minor units, to be paid.

    Banks take whole krónur, and of three decimals the first two.
    """
    if currency in WHOLE_UNITS:
        return 100
    return 10 if currency in THREE_DECIMAL else 1


@dataclasses.dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (cents for ``usd``, yen for ``jpy``) of an ISO 4217 currency.

    ``Money(1999, "usd")`` is $19.99. The currency is written in lower case, as the processors do;
    upper case is accepted and folded. Amounts in different currencies neither add nor compare.

    :raises InvalidRequest: for an amount that isn't an integer, or something that isn't a code.
    """

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if isinstance(self.amount_minor, bool) or not isinstance(self.amount_minor, int):
            raise InvalidRequest(
                f"An amount is an integer of minor units, not {self.amount_minor!r}: "
                "$19.99 is Money(1999, 'usd').",
                code="amount_invalid",
                param="amount_minor",
            )
        if not -_INT64 <= self.amount_minor < _INT64:
            raise InvalidRequest(
                "An amount must fit into 64 bits.", code="amount_invalid", param="amount_minor"
            )
        currency: t.Any = self.currency
        if not isinstance(currency, str) or not _CURRENCY.match(currency.lower()):
            raise InvalidRequest(
                f"A currency is a three-letter ISO 4217 code such as 'usd', not {currency!r}.",
                code="currency_invalid",
                param="currency",
            )
        object.__setattr__(self, "currency", currency.lower())

    @property
    def exponent(self) -> int:
        """How many decimal places the currency has: 0, 2 or 3."""
        return exponent(self.currency)

    @property
    def decimal(self) -> decimal.Decimal:
        """The amount in major units, exactly."""
        return decimal.Decimal(self.amount_minor).scaleb(-self.exponent, _EXACT)

    def require_payable(self, param: str = "amount") -> None:
        """Refuse what no bank can pay, before anybody is asked.

        :param param: what the error names.
        :raises InvalidRequest: with the code ``amount_not_payable``, naming the amounts next to it.
        """
        step = payable_step(self.currency)
        beyond = self.amount_minor % step
        if beyond:
            below = Money(self.amount_minor - beyond, self.currency)
            above = Money(below.amount_minor + step, self.currency)
            raise InvalidRequest(
                f"{self} can't be paid: amounts in {self.currency.upper()} are multiples of {step} minor "
                f"units. Next to it are {below} and {above}.",
                code="amount_not_payable",
                param=param,
            )

    def format(self, locale: str | None = None) -> str:
        """Write the amount as people of the locale do, such as ``1.234,50 €`` for ``de_DE``.

        Accepts ``de_DE`` and ``de-DE``; an unknown or missing locale is taken as ``en_US``.
        """
        # The pattern's own number of decimals is CLDR's, which isn't always the processor's.
        known = _locale(locale)
        pattern = numbers.parse_pattern(known.currency_formats["standard"].pattern)
        shown = 0 if self._is_whole else self.exponent
        pattern.frac_prec = (shown, shown)
        with decimal.localcontext(_EXACT):
            written: str = pattern.apply(
                self.decimal, known, currency=self.currency.upper(), currency_digits=False
            )
        return _TOUCHING.sub("\N{NO-BREAK SPACE}", written)

    @property
    def _is_whole(self) -> bool:
        return self.currency in WHOLE_UNITS and self.amount_minor % 100 == 0

    def __str__(self) -> str:
        return f"{self.decimal} {self.currency.upper()}"

    def _same(self, other: object) -> None:
        if not isinstance(other, Money):
            raise TypeError(
                f"Money adds up and compares with Money, not with a {type(other).__name__}."
            )
        if self.currency != other.currency:
            raise InvalidRequest(
                f"{self.currency.upper()} and {other.currency.upper()} don't add up or compare; "
                "show amounts of several currencies side by side.",
                code="currency_mismatch",
                param="currency",
            )

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount_minor - other.amount_minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount_minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.amount_minor < other.amount_minor

    def __le__(self, other: Money) -> bool:
        self._same(other)
        return self.amount_minor <= other.amount_minor

    def share(self, numerator: int, denominator: int, *, payable: bool = False) -> Money:
        """Return this amount times ``numerator / denominator``, rounded half to even.

        :param payable: round to what can be paid, such as whole krónur.
        """
        step = payable_step(self.currency) if payable else 1
        steps = _half_even(self.amount_minor * numerator, denominator * step)
        return Money(steps * step, self.currency)

    def split(self, weights: t.Sequence[int], *, payable: bool = False) -> list[Money]:
        """Divide into parts in proportion to whole weights, so that the parts add up to the whole.

        Each running total is rounded half to even, and a part is the difference of two of them.

        :param payable: the parts can be paid, if the whole can.
        """
        step = payable_step(self.currency) if payable else 1
        if self.amount_minor % step:
            step = 1
        total = sum(weights)
        if total <= 0 or min(weights) < 0:
            raise InvalidRequest(
                f"Weights must be at least 0 and not all 0, not {list(weights)!r}.",
                code="amount_invalid",
                param="weights",
            )
        parts, given, seen = [], 0, 0
        for weight in weights:
            seen += weight
            upto = _half_even(self.amount_minor * seen, total * step) * step
            parts.append(Money(upto - given, self.currency))
            given = upto
        return parts


def _half_even(numerator: int, denominator: int) -> int:
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    quotient, rest = divmod(numerator, denominator)
    doubled = 2 * rest
    if doubled > denominator or (doubled == denominator and quotient % 2):
        quotient += 1
    return quotient


def _locale(name: str | None) -> t.Any:
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse((name or "en_US").replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale.parse("en_US")
