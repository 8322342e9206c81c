"""What an invoice's lines add up to."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from .. import objects
from . import discounting, documents, taxes
from .transaction import Transaction


def with_lines(
    tx: Transaction, invoice: objects.Invoice, lines: c.Sequence[objects.InvoiceLine]
) -> objects.Invoice:
    """Return a draft with those lines, its discounts, their tax, and what they add up to."""
    written = tx.aside(invoice.processor_id).get("discounts", ())
    given = [documents.read(objects.Discount, each) for each in written]
    discounted, amounts = discounting.taken_off(tx, given, lines, invoice.currency)
    discounting.remember(tx, lines, discounted)
    every, parts, status = taxes.taxed(tx, invoice, discounted)
    subtotal = sum(line.amount for line in every)
    discount = sum(each.amount for each in amounts)
    exclusive = sum(line.tax for line in every)
    inclusive = sum(line.inclusive_tax for line in every)
    total = subtotal - discount + exclusive
    customer = tx.get(objects.Customer, invoice.customer)
    return dataclasses.replace(
        invoice,
        lines=every,
        subtotal=subtotal,
        discount=discount,
        discount_amounts=amounts,
        tax=exclusive + inclusive,
        inclusive_tax=inclusive,
        total_taxes=parts,
        automatic_tax_status=status,
        total=total,
        starting_balance=customer.balance,
        **due(customer, total),
    )


def due(customer: objects.Customer, total: int) -> dict[str, t.Any]:
    """Return what is left to pay of a total when the customer's balance is laid against it."""
    amount = max(0, total + customer.balance)
    return {"amount_due": amount, "amount_paid": 0, "amount_remaining": amount}


def lines_of(invoice: objects.Invoice) -> tuple[objects.InvoiceLine, ...]:
    """Return an invoice's lines; the Fake always says."""
    assert not isinstance(invoice.lines, objects.Unsaid)
    return invoice.lines
