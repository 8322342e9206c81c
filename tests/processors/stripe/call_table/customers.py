"""Calls about what customers are, their cards, tax ids and balances."""

from __future__ import annotations

import typing as t

from tests.processors.stripe.call_table.call import Call

CALLS: t.Final[t.Mapping[str, Call]] = {
    "create_customer": Call(
        lambda stripe: stripe.create_customer(
            name="Ada",
            email="ada@example.com",
            preferred_locale="de-AT",
            metadata={"accrue_operation": "op"},
            key="key-1",
        ),
        "POST",
        "/v1/customers",
        {
            "name": "Ada",
            "email": "ada@example.com",
            "preferred_locales": ["de-AT"],
            "metadata": {"accrue_operation": "op"},
        },
        ("customer",),
    ),
    "update_customer": Call(
        lambda stripe: stripe.update_customer(
            "cus_1",
            {
                "name": None,
                "email": "ada@example.org",
                "preferred_locale": "de",
                "metadata": {"team": "", "plan": "pro"},
                "default_payment_method": "pm_1",
                "tax_location": {
                    "address": {"country": "DE", "postal_code": "10115"},
                    "ip_address": "203.0.113.7",
                },
                "tax_exempt": "reverse",
            },
            key="key-1",
        ),
        "POST",
        "/v1/customers/cus_1",
        {
            "name": "",
            "email": "ada@example.org",
            "preferred_locales": ["de"],
            "metadata": {"team": "", "plan": "pro"},
            "invoice_settings": {"default_payment_method": "pm_1"},
            "address": {
                "line1": "",
                "line2": "",
                "city": "",
                "state": "",
                "postal_code": "10115",
                "country": "DE",
            },
            "tax": {"validate_location": "immediately", "ip_address": "203.0.113.7"},
            "tax_exempt": "reverse",
        },
        ("customer",),
    ),
    "add_payment_method": Call(
        lambda stripe: stripe.add_payment_method("cus_1", "pm_card_visa", key="key-1"),
        "POST",
        "/v1/payment_methods/pm_card_visa/attach",
        {"customer": "cus_1"},
        ("payment_method",),
    ),
    "update_payment_method": Call(
        lambda stripe: stripe.update_payment_method(
            "pm_1", {"exp_month": 1, "exp_year": 2035, "metadata": {"a": "b"}}, key="key-1"
        ),
        "POST",
        "/v1/payment_methods/pm_1",
        {"card": {"exp_month": 1, "exp_year": 2035}, "metadata": {"a": "b"}},
        ("payment_method",),
    ),
    "remove_payment_method": Call(
        lambda stripe: stripe.remove_payment_method("pm_1", key="key-1"),
        "POST",
        "/v1/payment_methods/pm_1/detach",
        {},
        ("payment_method",),
    ),
    "adjust_balance": Call(
        lambda stripe: stripe.adjust_balance(
            "cus_1",
            amount=-500,
            currency="usd",
            description="Goodwill",
            metadata={"accrue_operation": "op"},
            key="key-1",
        ),
        "POST",
        "/v1/customers/cus_1/balance_transactions",
        {
            "amount": -500,
            "currency": "usd",
            "description": "Goodwill",
            "metadata": {"accrue_operation": "op"},
        },
        ("customer",),
    ),
    "create_tax_id": Call(
        lambda stripe: stripe.create_tax_id(
            "cus_1", type="eu_vat", value="DE123456789", key="key-1"
        ),
        "POST",
        "/v1/customers/cus_1/tax_ids",
        {"type": "eu_vat", "value": "DE123456789"},
        ("tax_id",),
    ),
    "delete_tax_id": Call(
        lambda stripe: stripe.delete_tax_id("cus_1", "txi_1", key="key-1"),
        "DELETE",
        "/v1/customers/cus_1/tax_ids/txi_1",
        {},
        (),
    ),
}
