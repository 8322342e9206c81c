"""Calls about schedules of subscriptions."""

from __future__ import annotations

import typing as t

from tests.processors.stripe.call_table.call import NOW, SCHEDULE_EXPANDED, Call

CALLS: t.Final[t.Mapping[str, Call]] = {
    "create_schedule": Call(
        lambda stripe: stripe.create_schedule(
            "cus_1",
            phases=[
                {
                    "items": [{"price": "price_pro", "quantity": 2}],
                    "duration": {"interval": "month", "interval_count": 3},
                    "trial_end": NOW + 86400,
                    "metadata": {"accrue_name": "default"},
                    "discounts": [{"coupon": "TEN"}, {"promotion_code": "promo_1"}],
                },
                {
                    "items": [{"price": "price_team"}],
                    "end_date": NOW + 400 * 86400,
                    "trial": True,
                    "proration": "none",
                    "automatic_tax": False,
                    "currency": "eur",
                },
            ],
            start_date=NOW,
            end_behavior="cancel",
            payment_method="pm_1",
            collection_method="send_invoice",
            metadata={"accrue_operation": "op"},
            automatic_tax=True,
            days_until_due=14,
            key="key-1",
        ),
        "POST",
        "/v1/subscription_schedules",
        {
            "customer": "cus_1",
            "start_date": NOW,
            "end_behavior": "cancel",
            "phases": [
                {
                    "items": [{"price": "price_pro", "quantity": 2}],
                    "duration": {"interval": "month", "interval_count": 3},
                    "trial_end": NOW + 86400,
                    "metadata": {"accrue_name": "default"},
                    "discounts": [{"coupon": "TEN"}, {"promotion_code": "promo_1"}],
                },
                {
                    "items": [{"price": "price_team"}],
                    "end_date": NOW + 400 * 86400,
                    "trial": True,
                    "proration_behavior": "none",
                    "automatic_tax": {"enabled": False},
                    "currency": "eur",
                },
            ],
            "default_settings": {
                "collection_method": "send_invoice",
                "default_payment_method": "pm_1",
                "invoice_settings": {"days_until_due": 14},
                "automatic_tax": {"enabled": True},
            },
            "metadata": {"accrue_operation": "op"},
            "expand": SCHEDULE_EXPANDED,
        },
        ("subscription_schedule", "subscription"),
    ),
    "create_schedule_from": Call(
        lambda stripe: stripe.create_schedule_from("sub_1", key="key-1"),
        "POST",
        "/v1/subscription_schedules",
        {"from_subscription": "sub_1", "expand": SCHEDULE_EXPANDED},
        ("subscription_schedule", "subscription"),
    ),
    "update_schedule": Call(
        lambda stripe: stripe.update_schedule(
            "sub_sched_1",
            {
                "phases": [
                    {
                        "items": [{"price": "price_team", "quantity": 2}],
                        "start_date": NOW,
                        "duration": {"interval": "year", "interval_count": 1},
                        "discounts": [{"discount": "di_1"}],
                    }
                ],
                "proration": "always_invoice",
                "end_behavior": "cancel",
                "metadata": {"a": "b"},
                "automatic_tax": True,
                "default_payment_method": "pm_1",
            },
            key="key-1",
        ),
        "POST",
        "/v1/subscription_schedules/sub_sched_1",
        {
            "phases": [
                {
                    "items": [{"price": "price_team", "quantity": 2}],
                    "start_date": NOW,
                    "duration": {"interval": "year", "interval_count": 1},
                    "discounts": [{"discount": "di_1"}],
                }
            ],
            "proration_behavior": "always_invoice",
            "end_behavior": "cancel",
            "metadata": {"a": "b"},
            "default_settings": {
                "automatic_tax": {"enabled": True},
                "default_payment_method": "pm_1",
            },
            "expand": SCHEDULE_EXPANDED,
        },
        ("subscription_schedule", "subscription"),
    ),
    "release_schedule": Call(
        lambda stripe: stripe.release_schedule("sub_sched_1", keep_cancel_date=True, key="key-1"),
        "POST",
        "/v1/subscription_schedules/sub_sched_1/release",
        {"preserve_cancel_date": True},
        ("subscription_schedule", "subscription"),
    ),
    "cancel_schedule": Call(
        lambda stripe: stripe.cancel_schedule(
            "sub_sched_1", invoice_now=True, prorate=False, key="key-1"
        ),
        "POST",
        "/v1/subscription_schedules/sub_sched_1/cancel",
        {"invoice_now": True, "prorate": False, "expand": SCHEDULE_EXPANDED},
        ("subscription_schedule", "subscription"),
    ),
}
