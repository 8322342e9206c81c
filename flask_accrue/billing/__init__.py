"""What a host calls: ``from flask_accrue import billing``.

Each function takes a billable or its customer, returns model rows, and raises typed errors. One that changes
something owns its transactions: it commits ``db.session`` first, and what the processor did is committed even
when the call then raises. ``operation_id=`` names an operation, so that repeating it returns what it did.
"""

from __future__ import annotations

from .authentication import action_required, confirmation_url
from .catalog import list_prices, list_products, sync_catalog
from .changes import end_trial, extend_trial, swap_plan
from .charged_cards import set_subscription_payment_method, use_payment_method
from .charges import charge, list_charges, refund
from .checkout import (
    Checkout,
    complete_checkout_session,
    create_checkout_session,
    expire_checkout_session,
    get_checkout_session,
    sync_checkout,
)
from .checkout_codes import type_promotion_code
from .complimentary import comp_subscription
from .coupon_lists import list_coupons, list_promotion_codes, list_redemptions
from .coupons import (
    activate_promotion_code,
    create_coupon,
    create_promotion_code,
    deactivate_promotion_code,
    delete_coupon,
    update_coupon,
)
from .credit_notes import (
    adjust_balance,
    create_credit_note,
    list_credit_notes,
    void_credit_note,
)
from .current import sync
from .customers import (
    create_customer,
    customer,
    get_customer,
    search,
    sync_customer,
    update_customer,
)
from .data import patch_data, put_data
from .discounts import apply_coupon, apply_promotion_code, remove_discount
from .drafts import add_invoice_item, create_invoice, remove_invoice_item
from .endings import cancel, cancel_at, cancel_at_period_end, pause, resume
from .invoice_steps import finalize_invoice, mark_uncollectible, send_invoice, void_invoice
from .invoices import list_invoices, pay_invoice, retry_payment
from .items import add_item, remove_item
from .page_links import open_link, use_up
from .payment_intents import cancel_payment_intent, capture, client_secret, create_payment_intent
from .payment_methods import (
    add_payment_method,
    list_payment_methods,
    remove_payment_method,
    set_default_payment_method,
    sync_payment_methods,
    update_payment_method,
)
from .payments import confirm_payment, sync_payment
from .phases import Phase
from .portal_links import (
    PortalLink,
    create_billing_portal_session,
    create_portal_configuration,
)
from .previews import InvoicePreview, preview_upcoming_invoice
from .quantities import decrement, increment, update_quantity
from .schedule_changes import cancel_schedule, release_schedule, update_schedule
from .schedules import list_schedules, schedule_subscription, subscribe_via_schedule
from .setup_intents import (
    cancel_setup_intent,
    confirm_setup_intent,
    create_setup_intent,
    sync_setup_intent,
)
from .subscriptions import list_subscriptions, subscribe, subscription
from .taxes import (
    add_tax_id,
    list_tax_ids,
    remove_tax_id,
    set_automatic_tax,
    set_tax_exempt,
    update_customer_tax_location,
)
from .usage import Usage, report_usage, report_usage_in_bulk, usage_summary

__all__ = [
    "Checkout",
    "InvoicePreview",
    "Phase",
    "PortalLink",
    "Usage",
    "action_required",
    "activate_promotion_code",
    "add_invoice_item",
    "add_item",
    "add_payment_method",
    "add_tax_id",
    "adjust_balance",
    "apply_coupon",
    "apply_promotion_code",
    "cancel",
    "cancel_at",
    "cancel_at_period_end",
    "cancel_payment_intent",
    "cancel_schedule",
    "cancel_setup_intent",
    "capture",
    "charge",
    "client_secret",
    "comp_subscription",
    "complete_checkout_session",
    "confirm_payment",
    "confirm_setup_intent",
    "confirmation_url",
    "create_billing_portal_session",
    "create_checkout_session",
    "create_coupon",
    "create_credit_note",
    "create_customer",
    "create_invoice",
    "create_payment_intent",
    "create_portal_configuration",
    "create_promotion_code",
    "create_setup_intent",
    "customer",
    "deactivate_promotion_code",
    "decrement",
    "delete_coupon",
    "end_trial",
    "expire_checkout_session",
    "extend_trial",
    "finalize_invoice",
    "get_checkout_session",
    "get_customer",
    "increment",
    "list_charges",
    "list_coupons",
    "list_credit_notes",
    "list_invoices",
    "list_payment_methods",
    "list_prices",
    "list_products",
    "list_promotion_codes",
    "list_redemptions",
    "list_schedules",
    "list_subscriptions",
    "list_tax_ids",
    "mark_uncollectible",
    "open_link",
    "patch_data",
    "pause",
    "pay_invoice",
    "preview_upcoming_invoice",
    "put_data",
    "refund",
    "release_schedule",
    "remove_discount",
    "remove_invoice_item",
    "remove_item",
    "remove_payment_method",
    "remove_tax_id",
    "report_usage",
    "report_usage_in_bulk",
    "resume",
    "retry_payment",
    "schedule_subscription",
    "search",
    "send_invoice",
    "set_automatic_tax",
    "set_default_payment_method",
    "set_subscription_payment_method",
    "set_tax_exempt",
    "subscribe",
    "subscribe_via_schedule",
    "subscription",
    "swap_plan",
    "sync",
    "sync_catalog",
    "sync_checkout",
    "sync_customer",
    "sync_payment",
    "sync_payment_methods",
    "sync_setup_intent",
    "type_promotion_code",
    "update_coupon",
    "update_customer",
    "update_customer_tax_location",
    "update_payment_method",
    "update_quantity",
    "update_schedule",
    "usage_summary",
    "use_payment_method",
    "use_up",
    "void_credit_note",
    "void_invoice",
]
