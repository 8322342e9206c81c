"""Any of Stripe's objects, told by its own ``object`` field."""

from __future__ import annotations

import collections.abc as c
import typing as t

from .. import objects
from ..answers import Reference
from . import fields
from .bodies import Raw
from .reading_catalog import read_price, read_product
from .reading_connect import read_account, read_transfer
from .reading_customers import read_customer, read_payment_method, read_tax_id
from .reading_discounts import read_coupon, read_promotion_code
from .reading_entitlements import SUMMARY, read_summary
from .reading_invoices import read_credit_note, read_invoice, read_invoice_payment
from .reading_payments import (
    read_charge,
    read_checkout_session,
    read_dispute,
    read_payment_intent,
    read_refund,
    read_setup_intent,
)
from .reading_schedules import read_schedule
from .reading_subscriptions import read_subscription

_READERS: t.Final[t.Mapping[str, c.Callable[[Raw], objects.ProcessorObject]]] = {
    "account": read_account,
    "bank_account": read_payment_method,
    "card": read_payment_method,
    "charge": read_charge,
    "checkout.session": read_checkout_session,
    "coupon": read_coupon,
    "credit_note": read_credit_note,
    "customer": read_customer,
    "dispute": read_dispute,
    SUMMARY: read_summary,
    "invoice": read_invoice,
    "invoice_payment": read_invoice_payment,
    "payment_intent": read_payment_intent,
    "payment_method": read_payment_method,
    "plan": read_price,
    "price": read_price,
    "product": read_product,
    "promotion_code": read_promotion_code,
    "refund": read_refund,
    "setup_intent": read_setup_intent,
    "source": read_payment_method,
    "subscription": read_subscription,
    "subscription_schedule": read_schedule,
    "tax_id": read_tax_id,
    "transfer": read_transfer,
}

# What else Stripe calls a kind that is found under its present name too.
_OTHER_NAMES: t.Final[t.Mapping[str, str]] = {
    "account": "connect_account",
    "checkout.session": "checkout_session",
    "plan": "price",
}

# Lists inside an object that say what is there, so that a row that isn't in them is gone.
_WHOLE_LISTS: t.Final[t.Mapping[str, str]] = {
    "subscription": "items",
    "invoice": "lines",
    SUMMARY: "entitlements",
}


def read(raw: Raw) -> objects.ProcessorObject | None:
    """Return the typed object, or ``None`` for a kind that isn't mirrored.

    :param raw: as decoded from JSON, less secrets; it becomes the object's ``raw``.
    :raises InvalidRequest: when a field that is needed is missing or has the wrong type.
    """
    reader = _READERS.get(fields.text(raw, "object") or "")
    return None if reader is None else reader(raw)


def reference(name: t.Any, processor_id: t.Any) -> Reference | None:
    """Return the reference to an object of Stripe's, or ``None`` where it can't be fetched by that.

    It's read without any demands. Cards and sources from before payment methods can't always be found.

    :param name: what Stripe calls its kind.
    """
    kind = _OTHER_NAMES.get(name, name) if isinstance(name, str) else None
    if kind is None or kind not in objects.KINDS or not fields.is_identifier(processor_id):
        return None
    return Reference(kind, processor_id)


def is_whole(raw: Raw) -> bool:
    """Tell whether a body says all there is to say: no list is cut off, and it's no mere plan.

    A plan is a price without some of its fields, such as the lookup key.
    """
    kind = fields.text(raw, "object") or ""
    name = _WHOLE_LISTS.get(kind)
    return kind != "plan" and (name is None or not fields.is_cut_off(raw, name))
