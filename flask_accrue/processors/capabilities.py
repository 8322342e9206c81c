"""What a processor may or may not be able to do."""

from __future__ import annotations

import enum


class Capability(enum.StrEnum):
    """What a processor may or may not be able to do."""

    CUSTOMERS = "customers"
    PAYMENT_METHODS = "payment_methods"
    SUBSCRIPTIONS = "subscriptions"
    CUSTOMER_AUTHENTICATION = "customer_authentication"
    SWAP = "swap"
    INVOICE_NOW = "invoice_now"
    PREVIEW = "preview"
    QUANTITY = "quantity"
    MULTIPLE_ITEMS = "multiple_items"
    CANCEL_NOW = "cancel_now"
    CANCEL_AT_PERIOD_END = "cancel_at_period_end"
    CANCEL_AT_DATE = "cancel_at_date"
    PAUSE = "pause"
    SCHEDULES = "schedules"
    CHARGE = "charge"
    REFUND = "refund"
    CAPTURE = "capture"
    SETUP_INTENTS = "setup_intents"
    INVOICES = "invoices"
    COUPONS = "coupons"
    CHECKOUT = "checkout"
    #: The processor has pages of its own for checkout and portal.
    HOSTED_PAGES = "hosted_pages"
    #: A mounted page of ours can sell in its name.
    MOUNTED_CHECKOUT = "mounted_checkout"
    METERING = "metering"
    TAX = "tax"
    CONNECT = "connect"
