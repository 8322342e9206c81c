"""Customers, and what they pay with."""

from __future__ import annotations

import typing as t

from .. import objects
from . import fields
from .bodies import Raw
from .reading_discounts import read_discounts

#: Objects from before payment methods, which customers still pay with.
LEGACY_KINDS: t.Final = frozenset({"card", "source", "bank_account"})

# Cards and sources write brands for people; payment methods don't.
_BRANDS: t.Final[t.Mapping[str, str]] = {
    "american express": "amex",
    "diners club": "diners",
}


def read_customer(raw: Raw) -> objects.Customer:
    """Read a customer; a deleted one has little more than its id."""
    locales = raw.get("preferred_locales") or []
    if not isinstance(locales, list) or not all(isinstance(each, str) for each in locales):
        raise fields.wrong("preferred_locales", "a list of strings", locales)
    return objects.Customer(
        **fields.common(raw),
        name=fields.text(raw, "name"),
        email=fields.text(raw, "email"),
        preferred_locale=locales[0] if locales else None,
        default_payment_method=default_payment_method(raw),
        currency=fields.currency(raw),
        balance=fields.integer(raw, "balance") or 0,
        discounts=read_discounts(raw),
        address={
            name: value
            for name, value in fields.part(raw, "address").items()
            if isinstance(value, str)
        },
        tax_exempt=fields.text(raw, "tax_exempt") or "none",
    )


def default_payment_method(raw: Raw) -> str | None:
    """Return the id of what a customer's invoices are paid with, or ``None``.

    That is ``invoice_settings.default_payment_method`` and, where there is none, the older
    ``default_source``, as https://docs.stripe.com/api/customers/object says of the two.
    """
    settings = fields.part(raw, "invoice_settings")
    return fields.reference(settings, "default_payment_method") or fields.reference(
        raw, "default_source"
    )


def read_payment_method(raw: Raw) -> objects.PaymentMethod:
    """Read a payment method, or a card, source or bank account from before there were any.

    Their ids (``card_…``, ``src_…``, ``ba_…``) stand where a payment method's would, so they are one
    kind here.
    """
    kind = fields.required_text(raw, "object")
    method_type = kind if kind in ("card", "bank_account") else fields.required_text(raw, "type")
    details = raw if kind in ("card", "bank_account") else fields.part(raw, method_type)
    return objects.PaymentMethod(
        **fields.common(raw),
        customer=fields.reference(raw, "customer"),
        type=method_type,
        brand=_brand(details),
        last4=fields.text(details, "last4"),
        exp_month=fields.integer(details, "exp_month"),
        exp_year=fields.integer(details, "exp_year"),
        fingerprint=fields.text(details, "fingerprint"),
    )


def _brand(details: Raw) -> str | None:
    brand = fields.text(details, "brand")
    return None if brand is None else _BRANDS.get(brand.lower(), brand.lower())


def read_tax_id(raw: Raw) -> objects.TaxId:
    """Read a tax id. One of the account itself belongs to no customer."""
    return objects.TaxId(
        **fields.common(raw),
        customer=fields.reference(raw, "customer"),
        type=fields.required_text(raw, "type"),
        value=fields.required_text(raw, "value"),
        country=fields.text(raw, "country"),
        verification_status=fields.text(fields.part(raw, "verification"), "status"),
    )
