"""The tables, all named ``accrue_*``, and the predicates that read them."""

from __future__ import annotations

from .base import Base, Mirrored, Row
from .catalog import Price, Product
from .customers import Customer, PaymentMethod
from .invoices import Invoice, InvoiceItem, InvoicePayment
from .ledger import LedgerChain, LedgerCheckpoint, LedgerEntry
from .operations import Operation
from .payments import Charge, PaymentIntent, Refund
from .subscriptions import Subscription, SubscriptionItem
from .webhooks import HandlerRun, WebhookEvent

#: The mirrored table of each kind of processor object.
MIRRORED: dict[str, type[Mirrored]] = {
    "customer": Customer,
    "payment_method": PaymentMethod,
    "product": Product,
    "price": Price,
    "subscription": Subscription,
    "invoice": Invoice,
    "invoice_payment": InvoicePayment,
    "payment_intent": PaymentIntent,
    "charge": Charge,
    "refund": Refund,
}

__all__ = [
    "MIRRORED",
    "Base",
    "Charge",
    "Customer",
    "HandlerRun",
    "Invoice",
    "InvoiceItem",
    "InvoicePayment",
    "LedgerChain",
    "LedgerCheckpoint",
    "LedgerEntry",
    "Mirrored",
    "Operation",
    "PaymentIntent",
    "PaymentMethod",
    "Price",
    "Product",
    "Refund",
    "Row",
    "Subscription",
    "SubscriptionItem",
    "WebhookEvent",
]
