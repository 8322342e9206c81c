"""Calls about links to Stripe's portal."""

from __future__ import annotations

import typing as t

from tests.processors.stripe.call_table.call import Call

CALLS: t.Final[t.Mapping[str, Call]] = {
    "create_portal_session": Call(
        lambda stripe: stripe.create_portal_session(
            "cus_1",
            return_url="https://host.example/",
            flow={
                "type": "subscription_update_confirm",
                "subscription": "sub_1",
                "items": [{"id": "si_1", "price": "price_team", "quantity": 2}],
                "discounts": [{"coupon": "TEN"}],
            },
            configuration="bpc_1",
            locale="de",
            key="key-1",
        ),
        "POST",
        "/v1/billing_portal/sessions",
        {
            "customer": "cus_1",
            "return_url": "https://host.example/",
            "configuration": "bpc_1",
            "locale": "de",
            "flow_data": {
                "type": "subscription_update_confirm",
                "after_completion": {
                    "type": "redirect",
                    "redirect": {"return_url": "https://host.example/"},
                },
                "subscription_update_confirm": {
                    "subscription": "sub_1",
                    "items": [{"id": "si_1", "price": "price_team", "quantity": 2}],
                    "discounts": [{"coupon": "TEN"}],
                },
            },
        },
        ("portal_session",),
    ),
    "create_retention_session": Call(
        lambda stripe: stripe.create_portal_session(
            "cus_1",
            return_url="https://host.example/",
            flow={
                "type": "subscription_cancel",
                "subscription": "sub_1",
                "retention_coupon": "TEN",
                "message": "See you.",
            },
            configuration=None,
            locale=None,
            key="key-1",
        ),
        "POST",
        "/v1/billing_portal/sessions",
        {
            "customer": "cus_1",
            "return_url": "https://host.example/",
            "flow_data": {
                "type": "subscription_cancel",
                "after_completion": {
                    "type": "hosted_confirmation",
                    "hosted_confirmation": {"custom_message": "See you."},
                },
                "subscription_cancel": {
                    "subscription": "sub_1",
                    "retention": {"type": "coupon_offer", "coupon_offer": {"coupon": "TEN"}},
                },
            },
        },
        ("portal_session",),
    ),
    "create_pause_session": Call(
        lambda stripe: stripe.create_portal_session(
            "cus_1",
            return_url="https://host.example/",
            flow={"type": "subscription_pause", "subscription": "sub_1"},
            configuration=None,
            locale=None,
            key="key-1",
        ),
        "POST",
        "/v1/billing_portal/sessions",
        {
            "customer": "cus_1",
            "return_url": "https://host.example/",
            "flow_data": {
                "type": "subscription_pause",
                "after_completion": {
                    "type": "redirect",
                    "redirect": {"return_url": "https://host.example/"},
                },
                "subscription_pause": {"subscription": "sub_1"},
            },
        },
        ("portal_session",),
    ),
    "create_portal_configuration": Call(
        lambda stripe: stripe.create_portal_configuration(
            features={
                "invoice_history": {"enabled": True},
                "payment_method_update": {"enabled": True},
            },
            options={
                "headline": "Billing of Acme",
                "terms_of_service_url": "https://host.example/terms",
                "privacy_policy_url": "https://host.example/privacy",
                "return_url": "https://host.example/",
                "metadata": {"a": "b"},
            },
            key="key-1",
        ),
        "POST",
        "/v1/billing_portal/configurations",
        {
            "features": {
                "invoice_history": {"enabled": True},
                "payment_method_update": {"enabled": True},
            },
            "business_profile": {
                "headline": "Billing of Acme",
                "terms_of_service_url": "https://host.example/terms",
                "privacy_policy_url": "https://host.example/privacy",
            },
            "default_return_url": "https://host.example/",
            "metadata": {"a": "b"},
        },
        ("portal_configuration",),
    ),
}
