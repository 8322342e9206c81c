"""Customers: made, changed, deleted."""

from __future__ import annotations

import dataclasses
import typing as t

from .. import objects
from . import labels, taxes
from .refusals import check_choice, check_integer, check_known, check_texts, refused
from .transaction import Transaction, missing

CHANGEABLE: t.Final = frozenset(
    "name email preferred_locale metadata default_payment_method tax_location tax_exempt".split()
)


def create(
    tx: Transaction,
    *,
    name: str | None,
    email: str | None,
    preferred_locale: str | None,
    metadata: t.Mapping[str, str],
) -> objects.Customer:
    """Make a customer."""
    check_texts({"name": name, "email": email, "preferred_locale": preferred_locale})
    return tx.save(
        objects.Customer(
            processor_id=tx.new_id("cus"),
            created=tx.now,
            name=name,
            email=email,
            preferred_locale=preferred_locale,
            discounts=(),
            metadata=labels.merged({}, metadata),
        ),
        "customer.created",
    )


def living(tx: Transaction, customer_id: str) -> objects.Customer:
    """Return a customer that wasn't deleted.

    :raises NotFound: otherwise, as the processor says it of one that was.
    """
    customer = tx.get(objects.Customer, customer_id, "customer")
    if customer.deleted:
        raise missing(objects.Customer, customer_id, "customer")
    return customer


def update(tx: Transaction, customer_id: str, changes: t.Mapping[str, t.Any]) -> objects.Customer:
    """Change a customer; see :meth:`flask_accrue.processors.base.Processor.update_customer`."""
    customer = living(tx, customer_id)
    check_known(changes, CHANGEABLE, "customer")
    wanted = dict(changes)
    check_texts({name: wanted[name] for name in wanted.keys() - {"metadata", "tax_location"}})
    if "tax_exempt" in wanted:
        check_choice(wanted["tax_exempt"], taxes.EXEMPTIONS, "tax_exempt")
    location = wanted.pop("tax_location", None)
    if location is not None:
        taxes.check_location(location["address"])
        wanted["address"] = dict(location["address"])
    if "metadata" in wanted:
        wanted["metadata"] = labels.merged(customer.metadata, wanted["metadata"])
    if wanted.get("default_payment_method") is not None:
        method = tx.peek(objects.PaymentMethod, wanted["default_payment_method"])
        if method is None or method.customer != customer_id:
            raise refused(
                f"The customer {customer_id!r} has no payment method with this id.",
                "default_payment_method",
                "resource_missing",
            )
    return tx.save(dataclasses.replace(customer, **wanted), "customer.updated")


def bill_in(tx: Transaction, customer: objects.Customer, currency: str) -> objects.Customer:
    """Bind a customer to a currency with the first thing that is billed.

    :raises InvalidRequest: when the customer is billed in another one already.
    """
    if customer.currency == currency:
        return customer
    if customer.currency is not None:
        raise refused(
            f"The customer {customer.processor_id!r} is billed in {customer.currency.upper()}, "
            f"and currencies can't be combined on one customer; this is {currency.upper()}.",
            "currency",
            "currency_mismatch",
        )
    return tx.save(dataclasses.replace(customer, currency=currency), "customer.updated")


def adjust_balance(
    tx: Transaction,
    customer_id: str,
    *,
    amount: t.Any,
    currency: str,
    description: str | None,
    metadata: t.Mapping[str, str],
) -> objects.Customer:
    """Add an amount to what a customer owes; below 0 it's credit, for the next invoice."""
    check_texts({"description": description})
    customer = bill_in(tx, living(tx, customer_id), currency)
    operation = labels.merged({}, metadata).get("accrue_operation")
    if operation is not None:
        tx.aside(customer_id).setdefault("operations", []).append(operation)
    return change_balance(tx, customer, customer.balance + check_integer(amount, "amount"))


def adjusted_by(tx: Transaction, customer_id: str, operation: str) -> objects.Customer | None:
    """Return a customer if that operation has adjusted its balance."""
    customer = tx.peek(objects.Customer, customer_id)
    if customer is None or operation not in tx.aside(customer_id).get("operations", ()):
        return None
    return customer


def change_balance(tx: Transaction, customer: objects.Customer, balance: int) -> objects.Customer:
    """Set what a customer owes (above 0) or has as credit (below 0), in minor units."""
    return tx.save(dataclasses.replace(customer, balance=balance), "customer.updated")
