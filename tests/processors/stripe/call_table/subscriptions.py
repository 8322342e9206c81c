"""Calls about subscriptions, their usage, and previews of what they bill."""

from __future__ import annotations

import typing as t

from tests.processors.stripe.call_table.call import NOW, SUBSCRIPTION_EXPANDED, Call

CALLS: t.Final[t.Mapping[str, Call]] = {
    "create_subscription": Call(
        lambda stripe: stripe.create_subscription(
            "cus_1",
            items=[{"price": "price_pro", "quantity": 0}, {"price": "price_team"}],
            trial_end=1798761600,
            payment_method="pm_1",
            collection_method="charge_automatically",
            billing_cycle_anchor=1798761600,
            metadata={"accrue_operation": "op"},
            discounts=[{"coupon": "TEN"}, {"promotion_code": "promo_1"}],
            automatic_tax=True,
            cancel_at=1830297600,
            currency="eur",
            key="key-1",
        ),
        "POST",
        "/v1/subscriptions",
        {
            "customer": "cus_1",
            "items": [{"price": "price_pro", "quantity": 0}, {"price": "price_team"}],
            "trial_end": 1798761600,
            "default_payment_method": "pm_1",
            "collection_method": "charge_automatically",
            "billing_cycle_anchor": 1798761600,
            "automatic_tax": {"enabled": True},
            "cancel_at": 1830297600,
            "currency": "eur",
            "proration_behavior": "none",
            "payment_behavior": "allow_incomplete",
            "metadata": {"accrue_operation": "op"},
            "discounts": [{"coupon": "TEN"}, {"promotion_code": "promo_1"}],
            "expand": SUBSCRIPTION_EXPANDED,
        },
        ("subscription",),
    ),
    "update_subscription": Call(
        lambda stripe: stripe.update_subscription(
            "sub_1",
            {
                "items": [{"id": "si_1", "price": "price_team", "quantity": 3}],
                "proration": "always_invoice",
                "proration_date": 1767225700,
                "payment_behavior": "error_if_incomplete",
                "default_payment_method": "pm_1",
                "metadata": {"a": "b"},
                "discounts": [{"discount": "di_1"}, {"coupon": "TEN"}],
                "automatic_tax": False,
            },
            key="key-1",
        ),
        "POST",
        "/v1/subscriptions/sub_1",
        {
            "items": [{"id": "si_1", "price": "price_team", "quantity": 3}],
            "proration_behavior": "always_invoice",
            "proration_date": 1767225700,
            "payment_behavior": "error_if_incomplete",
            "default_payment_method": "pm_1",
            "metadata": {"a": "b"},
            "discounts": [{"discount": "di_1"}, {"coupon": "TEN"}],
            "automatic_tax": {"enabled": False},
            "expand": SUBSCRIPTION_EXPANDED,
        },
        ("subscription",),
    ),
    "preview_invoice": Call(
        lambda stripe: stripe.preview_invoice(
            "sub_1",
            {
                "items": [
                    {"id": "si_1", "deleted": True},
                    {"price": "price_team", "quantity": 3},
                ],
                "proration": "always_invoice",
                "proration_date": 1767225700,
                "cancel_at_period_end": False,
                "cancel_at": None,
                "discounts": [{"discount": "di_1"}, {"promotion_code": "promo_1"}],
            },
        ),
        "POST",
        "/v1/invoices/create_preview",
        {
            "subscription": "sub_1",
            "subscription_details": {
                "items": [
                    {"id": "si_1", "deleted": True},
                    {"price": "price_team", "quantity": 3},
                ],
                "proration_behavior": "always_invoice",
                "proration_date": 1767225700,
                "cancel_at_period_end": False,
            },
            "discounts": [{"discount": "di_1"}, {"promotion_code": "promo_1"}],
        },
        ("invoice",),
    ),
    "cancel_subscription": Call(
        lambda stripe: stripe.cancel_subscription(
            "sub_1", invoice_now=True, prorate=True, key="key-1"
        ),
        "DELETE",
        "/v1/subscriptions/sub_1",
        {"invoice_now": True, "prorate": True, "expand": SUBSCRIPTION_EXPANDED},
        ("subscription",),
    ),
    "create_meter_event": Call(
        lambda stripe: stripe.create_meter_event(
            "cus_1",
            event_name="api_calls",
            value=-3,
            identifier="batch:1",
            timestamp=NOW,
            key="key-1",
        ),
        "POST",
        "/v1/billing/meter_events",
        {
            "event_name": "api_calls",
            "payload": {"stripe_customer_id": "cus_1", "value": "-3"},
            "identifier": "batch:1",
            "timestamp": NOW,
        },
        ("meter_event",),
    ),
}
