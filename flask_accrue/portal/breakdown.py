"""What an amount is made of, in lines that add up to it."""

from __future__ import annotations

import typing as t

from .. import models
from ..money import Money

_MINUS: t.Final = "\N{MINUS SIGN}"


class Line(t.NamedTuple):
    """A part of an amount; below 0 it's taken off."""

    text: str
    amount: Money

    def written(self, locale: str | None) -> str:
        """Return its amount as the customer reads amounts."""
        if self.amount.amount_minor >= 0:
            return self.amount.format(locale)
        return f"{_MINUS}{(-self.amount).format(locale)}"


def parts(
    currency: str,
    *,
    discount: int,
    tax: int,
    balance: int,
    discount_name: str = "Discount",
) -> list[Line]:
    """Return what comes to a sum of prices, less what is nothing.

    :param tax: what comes on top.
    :param balance: what the customer owes from before; below 0: has as credit.
    """
    lines = (
        (discount_name, -discount),
        ("Tax", tax),
        ("Owed from before" if balance > 0 else "Your credit", balance),
    )
    return [Line(text, Money(amount, currency)) for text, amount in lines if amount]


def parts_of_payment(invoice: models.Invoice, amount: Money) -> list[Line]:
    """Return what a payment of an invoice is made of."""
    tax = invoice.tax - invoice.inclusive_tax
    lines = [
        Line(item.description or "Item", Money(item.amount, item.currency))
        for item in invoice.items
    ]
    lines += parts(
        invoice.currency,
        discount=invoice.subtotal + tax - invoice.total,
        tax=tax,
        balance=invoice.amount_due - invoice.total,
    )
    rest = amount.amount_minor - sum(line.amount.amount_minor for line in lines)
    if rest:
        # A part of it was paid or credited before, or is paid another way.
        text = "Paid or credited already" if rest < 0 else "Other items"
        lines.append(Line(text, Money(rest, amount.currency)))
    return lines
