"""Amounts that a caller gives: Money, in the currency that it has to be in."""

from __future__ import annotations

import typing as t

from .. import models
from ..errors import InvalidRequest
from ..money import Money


def check_money(amount: t.Any, param: str = "amount") -> Money:
    """Return an amount.

    :raises InvalidRequest: for anything but Money.
    """
    if not isinstance(amount, Money):
        raise InvalidRequest(
            f"An amount is Money(1999, 'usd'), not {amount!r}.", code="amount_invalid", param=param
        )
    return amount


def check_amount(amount: t.Any, noun: str, param: str = "amount") -> Money:
    """Return an amount above 0 that a bank can pay.

    :param noun: what it is, such as ``A charge``.
    :raises InvalidRequest: for anything else.
    """
    if check_money(amount, param).amount_minor <= 0:
        raise InvalidRequest(
            f"{noun} has to be above 0, not {amount}.", code="amount_invalid", param=param
        )
    amount.require_payable()
    return t.cast(Money, amount)


def check_part(amount: t.Any, whole: Money, of: str, refusal: str, param: str = "amount") -> Money:
    """Return what is a part of an amount, or all of it.

    :param of: what the amount is of, such as ``charge``.
    :param refusal: what to say of an amount that is too large.
    :raises InvalidRequest: with the code ``amount_too_large``, among others.
    """
    check_in(whole.currency, check_money(amount, param), of, param)
    if amount.amount_minor > whole.amount_minor:
        raise InvalidRequest(refusal, code="amount_too_large", param=param)
    return check_amount(amount, "A part", param)


def check_pays_in(payer: models.Customer, amount: Money) -> None:
    """Refuse another currency than the customer pays in.

    :raises InvalidRequest: with the code ``currency_mismatch``.
    """
    if payer.currency is not None:
        check_in(payer.currency, amount, "customer")


def check_in(currency: str, amount: Money, of: str, param: str = "amount") -> None:
    """Refuse an amount in another currency.

    :param of: whose currency it is, such as ``invoice``.
    :raises InvalidRequest: with the code ``currency_mismatch``.
    """
    if amount.currency != currency:
        raise InvalidRequest(
            f"The {of} is in {currency.upper()}, not {amount.currency.upper()}.",
            code="currency_mismatch",
            param=param,
        )


def currency_of(payer: models.Customer, wanted: t.Any) -> str:
    """Return the currency that a customer is billed in: its own, else the one that is wanted.

    :raises InvalidRequest: with the code ``currency_mismatch`` for another than the customer's,
        ``currency_missing`` when there is none.
    """
    if wanted is None and payer.currency is None:
        raise InvalidRequest(
            "This customer was never billed, so there is no currency yet. Name one, such as 'usd'.",
            code="currency_missing",
            param="currency",
        )
    if wanted is None:
        return str(payer.currency)
    currency = Money(0, wanted).currency
    if payer.currency not in (None, currency):
        raise InvalidRequest(
            f"This customer pays in {str(payer.currency).upper()}, not {currency.upper()}. "
            "A customer has one currency.",
            code="currency_mismatch",
            param="currency",
        )
    return currency
