"""What a processor says about its objects: few, plain, frozen.

Both an API answer and a webhook body become these, and :mod:`flask_accrue.mirror` writes them. Times
are aware and in UTC, amounts integers of minor units, currencies lower case, references the
processor's ids. ``raw`` is the object as the processor sent it, less secrets; it is kept beside
the columns for whoever needs a field that has none.

A field may be :data:`UNSAID`: this body doesn't speak of it (an expansion that wasn't asked for),
which never erases what is known. ``None`` means that the processor says there is none.
"""

from __future__ import annotations

import typing as t

from .base import UNSAID, ProcessorObject, Raw, Unsaid, When
from .catalog import Price, Product
from .connect import AccountLink, ConnectAccount, Payout, Transfer
from .customers import Customer, PaymentMethod, TaxId
from .discounts import Coupon, Discount, DiscountAmount, PromotionCode
from .entitlements import EntitlementSummary
from .invoices import CreditNote, Invoice, InvoiceItem, InvoiceLine, InvoicePayment, TaxAmount
from .metering import MeterEvent
from .payments import Charge, CheckoutSession, Dispute, PaymentIntent, Refund, SetupIntent
from .portal import PortalConfiguration, PortalSession
from .subscriptions import (
    PhaseDiscount,
    SchedulePhase,
    SchedulePhaseItem,
    Subscription,
    SubscriptionItem,
    SubscriptionSchedule,
)

#: What is sold, and for how much less.
CATALOG: t.Final = frozenset({"product", "price", "coupon", "promotion_code"})
#: What belongs to no customer: that, and what a platform and its accounts have with one another.
NOBODYS: t.Final = CATALOG | {"connect_account", "transfer"}

KINDS: t.Final[t.Mapping[str, type[ProcessorObject]]] = {
    cls.kind: cls
    for cls in (
        Customer,
        PaymentMethod,
        Product,
        Price,
        Subscription,
        Invoice,
        InvoicePayment,
        PaymentIntent,
        SetupIntent,
        Charge,
        Refund,
        Dispute,
        CreditNote,
        SubscriptionSchedule,
        Coupon,
        PromotionCode,
        TaxId,
        CheckoutSession,
        EntitlementSummary,
        ConnectAccount,
        Transfer,
    )
}

__all__ = [
    "CATALOG",
    "KINDS",
    "NOBODYS",
    "UNSAID",
    "AccountLink",
    "Charge",
    "CheckoutSession",
    "ConnectAccount",
    "Coupon",
    "CreditNote",
    "Customer",
    "Discount",
    "DiscountAmount",
    "Dispute",
    "EntitlementSummary",
    "Invoice",
    "InvoiceItem",
    "InvoiceLine",
    "InvoicePayment",
    "MeterEvent",
    "PaymentIntent",
    "PaymentMethod",
    "Payout",
    "PhaseDiscount",
    "PortalConfiguration",
    "PortalSession",
    "Price",
    "ProcessorObject",
    "Product",
    "PromotionCode",
    "Raw",
    "Refund",
    "SchedulePhase",
    "SchedulePhaseItem",
    "SetupIntent",
    "Subscription",
    "SubscriptionItem",
    "SubscriptionSchedule",
    "TaxAmount",
    "TaxId",
    "Transfer",
    "Unsaid",
    "When",
]
