"""Products and prices."""

from __future__ import annotations

from .. import objects
from . import fields
from .bodies import Raw


def read_product(raw: Raw) -> objects.Product:
    """Read a product."""
    return objects.Product(
        **fields.common(raw),
        name=fields.required_text(raw, "name"),
        description=fields.text(raw, "description"),
        active=fields.flag(raw, "active", default=True),
    )


def read_price(raw: Raw) -> objects.Price:
    """Read a price, or a plan, which is how a recurring price was called and written before.

    An amount with parts of a minor unit is only in ``unit_amount_decimal``; ``unit_amount`` is null then.
    """
    is_plan = raw.get("object") == "plan"
    recurring = raw if is_plan else fields.part(raw, "recurring")
    return objects.Price(
        **fields.common(raw),
        product=fields.required_reference(raw, "product"),
        currency=fields.required_currency(raw),
        unit_amount=fields.integer(raw, "amount" if is_plan else "unit_amount"),
        active=fields.flag(raw, "active", default=True),
        nickname=fields.text(raw, "nickname"),
        lookup_key=fields.text(raw, "lookup_key"),
        interval=fields.text(recurring, "interval"),
        interval_count=fields.integer(recurring, "interval_count") or 1,
        usage_type=fields.text(recurring, "usage_type") or "licensed",
        tax_behavior=fields.text(raw, "tax_behavior") or "unspecified",
        # A plan has one currency.
        lacks_currencies=not is_plan and "currency_options" not in raw,
    )
