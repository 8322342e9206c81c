"""What a processor says of its objects, in as few words as a test needs."""

from __future__ import annotations

from typing import Any

from flask_accrue.processors import objects
from tests.mirror.conftest import MONTH, START


def subscription(**changes: Any) -> objects.Subscription:
    values: dict[str, Any] = {
        "processor_id": "sub_1",
        "customer": "cus_1",
        "status": "active",
        "items": (item(),),
        "current_period_start": START,
        "current_period_end": START + MONTH,
        "created": START,
    }
    return objects.Subscription(**values | changes)


def item(processor_id: str = "si_1", **changes: Any) -> objects.SubscriptionItem:
    values: dict[str, Any] = {"processor_id": processor_id, "price": "price_pro"}
    return objects.SubscriptionItem(**values | changes)


def invoice(**changes: Any) -> objects.Invoice:
    values: dict[str, Any] = {
        "processor_id": "in_1",
        "customer": "cus_1",
        "status": "open",
        "currency": "usd",
        "subtotal": 1900,
        "total": 1900,
        "amount_due": 1900,
        "amount_paid": 0,
        "amount_remaining": 1900,
        "subscription": "sub_1",
        "created": START,
    }
    return objects.Invoice(**values | changes)


def line(**changes: Any) -> objects.InvoiceLine:
    values: dict[str, Any] = {"processor_id": None, "amount": 1900, "currency": "usd"}
    return objects.InvoiceLine(**values | changes)


def payment(**changes: Any) -> objects.InvoicePayment:
    values: dict[str, Any] = {
        "processor_id": "inpay_1",
        "invoice": "in_1",
        "status": "paid",
        "payment_intent": "pi_1",
    }
    return objects.InvoicePayment(**values | changes)


def intent(**changes: Any) -> objects.PaymentIntent:
    values: dict[str, Any] = {
        "processor_id": "pi_1",
        "customer": "cus_1",
        "status": "succeeded",
        "amount": 1900,
        "currency": "usd",
    }
    return objects.PaymentIntent(**values | changes)


def charge(**changes: Any) -> objects.Charge:
    values: dict[str, Any] = {
        "processor_id": "ch_1",
        "customer": "cus_1",
        "status": "succeeded",
        "amount": 1900,
        "currency": "usd",
    }
    return objects.Charge(**values | changes)


def refund(**changes: Any) -> objects.Refund:
    values: dict[str, Any] = {
        "processor_id": "re_1",
        "charge": "ch_1",
        "status": "succeeded",
        "amount": 500,
        "currency": "usd",
    }
    return objects.Refund(**values | changes)


def card(processor_id: str = "pm_1", **changes: Any) -> objects.PaymentMethod:
    values: dict[str, Any] = {"processor_id": processor_id, "customer": "cus_1", "last4": "4242"}
    return objects.PaymentMethod(**values | changes)


def customer(**changes: Any) -> objects.Customer:
    values: dict[str, Any] = {"processor_id": "cus_1", "name": "Acme", "created": START}
    return objects.Customer(**values | changes)
