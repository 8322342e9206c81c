"""Calls about what is read."""

from __future__ import annotations

import typing as t

from tests.processors.stripe.call_table.call import Call

CALLS: t.Final[t.Mapping[str, Call]] = {
    "fetch": Call(
        lambda stripe: stripe.fetch("customer", "cus_1"),
        "GET",
        "/v1/customers/cus_1",
        {},
        ("customer",),
    ),
    "fetch_entitlement_summary": Call(
        lambda stripe: stripe.fetch("entitlement_summary", "cus_1"),
        "GET",
        "/v1/entitlements/active_entitlements",
        {"customer": "cus_1", "limit": 100},
        ("entitlement_summary",),
    ),
    "list_payment_methods": Call(
        lambda stripe: stripe.list_payment_methods("cus_1"),
        "GET",
        "/v1/customers/cus_1/payment_methods",
        {"limit": 100},
        ("payment_method",),
    ),
    "list_tax_ids": Call(
        lambda stripe: stripe.list_tax_ids("cus_1"),
        "GET",
        "/v1/customers/cus_1/tax_ids",
        {"limit": 100},
        ("tax_id",),
    ),
    "list_catalog": Call(
        lambda stripe: stripe.list_catalog(),
        "GET",
        "/v1/products",
        {"limit": 100},
        ("product", "price", "price"),
    ),
    "page": Call(
        lambda stripe: stripe.page("customer", email="ada@example.com").answer,
        "GET",
        "/v1/customers",
        {"limit": 100, "email": "ada@example.com"},
        ("customer",),
    ),
}
