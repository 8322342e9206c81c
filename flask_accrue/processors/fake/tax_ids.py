"""Numbers at tax offices. No office is asked: the digits tell what one would say."""

from __future__ import annotations

import dataclasses
import typing as t

from .. import objects
from . import customers
from .refusals import check_texts, refused
from .transaction import Transaction, missing

#: What is verified; other types are ``unavailable``.
VERIFIED: t.Final = ("au_abn", "eu_vat", "gb_vat")


def of_customer(tx: Transaction, customer_id: str) -> list[objects.TaxId]:
    """Return the numbers that a customer has."""
    every = tx.all(objects.TaxId, customers.living(tx, customer_id).processor_id)
    return [each for each in every if not each.deleted]


def create(tx: Transaction, customer_id: str, type: str, value: str) -> objects.TaxId:
    """Add a number; in the next moment it's verified, where that type is.

    One that ends in ``111111111`` turns out wrong, one in ``222222222`` stays pending.

    :raises InvalidRequest: for a type or a value that can't be one.
    """
    customer = customers.living(tx, customer_id)
    check_texts({"type": type, "value": value})
    country = (value[:2] if type == "eu_vat" else (type or "")[:2]).upper()
    if not type or "_" not in type or not value or not country.isalpha():
        raise refused("This isn't a tax id.", "value", "tax_id_invalid")
    made = tx.save(
        objects.TaxId(
            processor_id=tx.new_id("txi"),
            created=tx.now,
            customer=customer.processor_id,
            type=type,
            value=value,
            country=country,
            verification_status="pending" if type in VERIFIED else "unavailable",
        ),
        "customer.tax_id.created",
    )
    if type in VERIFIED and not value.endswith("222222222"):
        tx.plan(made.processor_id, "verify", tx.now)
    return made


def verify(tx: Transaction, tax_id: objects.TaxId) -> None:
    """Let the tax office answer."""
    if tax_id.deleted:
        return
    status = "unverified" if tax_id.value.endswith("111111111") else "verified"
    told = dataclasses.replace(tax_id, verification_status=status)
    tx.save(told, "customer.tax_id.updated")


def delete(tx: Transaction, customer_id: str, id: str) -> objects.TaxId:
    """Remove a number; what is gone already is no error."""
    found = tx.get(objects.TaxId, id, "id")
    if found.customer != customer_id:
        raise missing(objects.TaxId, id, "id")
    if found.deleted:
        return found
    tx.forget(id)
    return tx.save(dataclasses.replace(found, deleted=True), "customer.tax_id.deleted")
