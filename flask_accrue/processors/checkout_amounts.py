"""What is due at once on a checkout, in parts that add up to it."""

from __future__ import annotations

from . import objects


def amounts_of(invoice: objects.Invoice) -> dict[str, int]:
    """Return the parts of an invoice's amount due, by the names of a checkout session's fields."""
    tax = invoice.tax - invoice.inclusive_tax
    return {
        "amount_subtotal": invoice.subtotal,
        # Not the sum of what each discount took off: the parts have to add up.
        "amount_discount": invoice.subtotal + tax - invoice.total,
        "amount_tax": tax,
        "amount_balance": invoice.amount_due - invoice.total,
    }
