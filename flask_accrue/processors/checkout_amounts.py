"""What is due at once on a checkout, in parts that add up to it."""

from __future__ import annotations

import collections.abc as c
import typing as t

from ..errors import InvalidRequest
from . import objects
from .answers import Answer, Json


def amounts_of(invoice: objects.Invoice, needs_address: bool = False) -> dict[str, t.Any]:
    """Return the parts of an invoice's amount due, by the names of a checkout session's fields.

    :param needs_address: whether its tax waits for the customer's address.
    """
    tax = invoice.tax - invoice.inclusive_tax
    return {
        "amount_subtotal": invoice.subtotal,
        # Not the sum of what each discount took off: the parts have to add up.
        "amount_discount": invoice.subtotal + tax - invoice.total,
        "amount_tax": tax,
        "amount_balance": invoice.amount_due - invoice.total,
        **({"needs_address": True} if needs_address else {}),
    }


def priced_or_unplaced(
    price: c.Callable[[dict[str, Json]], Answer], options: dict[str, Json]
) -> tuple[Answer, bool]:
    """Return what is due with some options, and whether its tax is left out since nobody knows where the
    customer is."""
    try:
        return price(options), False
    except InvalidRequest as error:
        if error.code != "customer_tax_location_invalid" or not options.get("automatic_tax"):
            raise
    return price({**options, "automatic_tax": False}), True
