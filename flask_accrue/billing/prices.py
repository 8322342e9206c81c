"""Prices that are named by who calls, and how many of each."""

from __future__ import annotations

import collections.abc as c
import typing as t

import sqlalchemy as sa

from .. import models
from ..errors import InvalidRequest
from ..metadata import can_be_stored
from ..state import current_state

#: Prices, by the processor's ids, and how many of each.
Items: t.TypeAlias = c.Mapping[str, int | None]


def check_quantity(quantity: t.Any, least: int = 0) -> int:
    """Return the quantity, or say what is wrong with it."""
    if isinstance(quantity, bool) or not isinstance(quantity, int) or quantity < least:
        raise InvalidRequest(
            f"A quantity is a whole number, at least {least}, not {quantity!r}.",
            code="parameter_invalid",
            param="quantity",
        )
    return quantity


def chosen_prices(price: t.Any, quantity: t.Any, items: t.Any) -> Items:
    """Return the prices that are meant, each with its quantity, or say what is wrong with them."""
    if items is None:
        check_price(price)
        chosen: dict[str, int | None] = {price: quantity}
    elif price is not None or quantity is not None:
        raise InvalidRequest(
            "Give either a price with its quantity or items, not both.",
            code="parameter_invalid",
            param="items",
        )
    elif not isinstance(items, c.Mapping) or not items:
        raise InvalidRequest(
            "Items are prices with quantities, such as {'price_pro': 1, 'price_seat': 12}, not "
            f"{items!r}.",
            code="parameter_invalid",
            param="items",
        )
    else:
        chosen = dict(items)
    for each, number in chosen.items():
        check_price(each)
        if number is not None:
            check_quantity(number)
    return chosen


def check_countable(price: models.Price | None, quantity: int | None) -> bool:
    """Tell whether a price has a quantity: a metered one has none, one that we don't know may have.

    :raises InvalidRequest: for a quantity of a metered price.
    """
    metered = price is not None and price.is_metered
    if price is not None and metered and quantity is not None:
        raise InvalidRequest(
            f"The price {price.processor_id!r} is billed by usage and has no quantity.",
            code="parameter_invalid",
            param="quantity",
        )
    return not metered


def check_currency(payer: models.Customer, price: t.Any) -> None:
    """Refuse a price that isn't sold in the customer's currency, where we know both.

    :raises InvalidRequest: with the code ``currency_mismatch``, before any remote call.
    """
    check_price(price)
    known = find_price(payer, price)
    if known is not None and payer.currency is not None and payer.currency not in known.currencies:
        sold = " and ".join(sorted(each.upper() for each in known.currencies))
        raise InvalidRequest(
            f"The price {price!r} is in {sold}, and this customer pays in "
            f"{payer.currency.upper()}. A customer has one currency.",
            code="currency_mismatch",
            param="price",
        )


def paid_in(payer: models.Customer, prices: c.Iterable[str]) -> str | None:
    """Return the currency that a customer pays prices in, where that isn't every price's own: a processor has
    to be told then. ``None``: it goes without saying."""
    found = (find_price(payer, each) for each in prices)
    others = any(each is not None and each.currency != payer.currency for each in found)
    return payer.currency if others else None


def check_price(price: t.Any) -> None:
    """Say what is wrong with a price's name."""
    if not isinstance(price, str) or not price or not can_be_stored(price):
        raise InvalidRequest(
            f"A price is named by the processor's id, such as 'price_pro', not {price!a}.",
            code="parameter_invalid",
            param="price",
        )


def find_price(payer: models.Customer, price: str) -> models.Price | None:
    """Return the mirrored price where a customer is, or ``None`` when we haven't heard of it."""
    prices = models.Price
    return (
        current_state()
        .db.session.scalars(
            sa.select(prices).where(
                prices.processor == payer.processor,
                prices.processor_id == price,
                prices.account_key == (payer.account or ""),
            )
        )
        .one_or_none()
    )
