"""Products and prices. A processor's prices never change: one is retired and another made."""

from __future__ import annotations

import dataclasses
import typing as t

from ...errors import InvalidRequest
from ...money import Money
from .. import objects
from . import labels
from .calendar import INTERVALS
from .refusals import refused
from .transaction import Transaction

#: A period lasts three years at most, as at Stripe.
MOST_INTERVALS: t.Final[t.Mapping[str, int]] = {"day": 1095, "week": 156, "month": 36, "year": 3}


def ensure_product(
    tx: Transaction,
    name: str,
    *,
    product_id: str | None,
    description: str | None,
    metadata: t.Mapping[str, str],
) -> objects.Product:
    """Return the product of that id, made if there is none; without an id always a new one.

    :raises InvalidRequest: when the id is that of a different product.
    """
    wanted = objects.Product(
        processor_id=product_id or tx.new_id("prod"),
        created=tx.now,
        name=name,
        description=description,
        metadata=labels.merged({}, metadata),
    )
    found = tx.peek(objects.Product, wanted.processor_id)
    return _ensured(tx, found, wanted, "product.created")


def ensure_price(
    tx: Transaction,
    product: str,
    amount: Money,
    *,
    interval: str | None,
    interval_count: int,
    usage_type: str,
    price_id: str | None,
    nickname: str | None,
    lookup_key: str | None,
    metadata: t.Mapping[str, str],
    meter: str | None = None,
    tax_behavior: str = "unspecified",
) -> objects.Price:
    """Return the price of that id, made if there is none; without an id always a new one.

    :raises InvalidRequest: when the id is that of a different price, or an argument is wrong.
    """
    tx.get(objects.Product, product, "product")
    if interval is not None and interval not in INTERVALS:
        raise _wrong("interval", f"one of {', '.join(INTERVALS)}, or None", interval)
    most = MOST_INTERVALS.get(interval or "", 1)
    if not 1 <= interval_count <= most:
        raise _wrong("interval_count", f"from 1 to {most}", interval_count)
    if usage_type not in ("licensed", "metered"):
        raise _wrong("usage_type", "licensed or metered", usage_type)
    if meter is not None and usage_type != "metered":
        raise _wrong("meter", "left out for a licensed price", meter)
    if tax_behavior not in ("inclusive", "exclusive", "unspecified"):
        raise _wrong("tax_behavior", "inclusive, exclusive or unspecified", tax_behavior)
    if amount.amount_minor < 0:
        raise _wrong("unit_amount", "at least 0", amount.amount_minor)
    wanted = objects.Price(
        processor_id=price_id or tx.new_id("price"),
        created=tx.now,
        product=product,
        currency=amount.currency,
        unit_amount=amount.amount_minor,
        interval=interval,
        interval_count=interval_count,
        usage_type=usage_type,
        nickname=nickname,
        lookup_key=lookup_key,
        tax_behavior=tax_behavior,
        metadata=labels.merged({}, metadata),
    )
    found = tx.peek(objects.Price, wanted.processor_id)
    ensured = _ensured(tx, found, wanted, "price.created")
    if meter is not None and tx.aside(ensured.processor_id).setdefault("meter", meter) != meter:
        raise _wrong("meter", "the one that the price is billed by", meter)
    return ensured


_Sold = t.TypeVar("_Sold", objects.Product, objects.Price)


def _ensured(tx: Transaction, found: _Sold | None, wanted: _Sold, event: str) -> _Sold:
    if found is None:
        return tx.save(wanted, event)
    if dataclasses.replace(wanted, created=found.created, active=found.active) != found:
        raise refused(
            f"There is another {found.kind} with the id {found.processor_id!r}. "
            "A price can't be changed: give the new one an id of its own.",
            "id",
            "resource_already_exists",
        )
    return found


def set_active(tx: Transaction, each: _Sold, active: bool) -> _Sold:
    """Offer a product or price, or no longer; who has it keeps it."""
    return tx.save(dataclasses.replace(each, active=active), f"{each.kind}.updated")


def product_name(tx: Transaction, price: objects.Price) -> str:
    """Return what a line of an invoice calls it."""
    product = tx.peek(objects.Product, price.product)
    return price.product if product is None else product.name


def _wrong(param: str, wanted: str, found: object) -> InvalidRequest:
    return refused(
        f"{param} must be {wanted}, not {found!r}.",
        param,
        "parameter_invalid",
    )
