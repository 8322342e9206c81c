"""The tables, all named ``accrue_*``, and the predicates that read them."""

from __future__ import annotations

from .base import Base, CatalogRow, Due, Mirrored, Row, insert_unless_there
from .catalog import CURRENCY_OPTIONS, Price, Product
from .charges import Charge, Refund
from .checkout import CheckoutSession
from .connect import ConnectAccount, Transfer
from .customers import Customer, PaymentMethod, TaxId
from .discounts import COMP_COUPON, Coupon, PromotionCode, Redemption
from .disputes import Dispute
from .entitlements import EntitlementSummary
from .intents import PaymentIntent, SetupIntent
from .invoices import CreditNote, Invoice, InvoiceItem, InvoicePayment
from .ledger import LedgerChain, LedgerCheckpoint, LedgerEntry
from .metering import MeterEvent
from .operations import Operation
from .page_links import PageLink
from .schedules import SubscriptionSchedule
from .subscriptions import Subscription, SubscriptionItem
from .sync import SyncRun
from .webhooks import HandlerRun, WebhookEvent, WebhookTally

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
    "setup_intent": SetupIntent,
    "charge": Charge,
    "refund": Refund,
    "dispute": Dispute,
    "credit_note": CreditNote,
    "subscription_schedule": SubscriptionSchedule,
    "coupon": Coupon,
    "promotion_code": PromotionCode,
    "tax_id": TaxId,
    "checkout_session": CheckoutSession,
    "entitlement_summary": EntitlementSummary,
    "connect_account": ConnectAccount,
    "transfer": Transfer,
}

__all__ = [
    "COMP_COUPON",
    "CURRENCY_OPTIONS",
    "MIRRORED",
    "Base",
    "CatalogRow",
    "Charge",
    "CheckoutSession",
    "ConnectAccount",
    "Coupon",
    "CreditNote",
    "Customer",
    "Dispute",
    "Due",
    "EntitlementSummary",
    "HandlerRun",
    "Invoice",
    "InvoiceItem",
    "InvoicePayment",
    "LedgerChain",
    "LedgerCheckpoint",
    "LedgerEntry",
    "MeterEvent",
    "Mirrored",
    "Operation",
    "PageLink",
    "PaymentIntent",
    "PaymentMethod",
    "Price",
    "Product",
    "PromotionCode",
    "Redemption",
    "Refund",
    "Row",
    "SetupIntent",
    "Subscription",
    "SubscriptionItem",
    "SubscriptionSchedule",
    "SyncRun",
    "TaxId",
    "Transfer",
    "WebhookEvent",
    "WebhookTally",
    "insert_unless_there",
]
