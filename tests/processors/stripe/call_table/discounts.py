"""Calls about coupons, promotion codes and discounts."""

from __future__ import annotations

import typing as t

from tests.processors.stripe.call_table.call import COUPON_EXPANDED, NOW, Call

CALLS: t.Final[t.Mapping[str, Call]] = {
    "create_coupon": Call(
        lambda stripe: stripe.create_coupon(
            id="SPRING",
            name="Spring",
            percent_off=None,
            amount_off=500,
            currency="usd",
            currency_options={"jpy": 700, "kwd": 1500, "huf": 180000, "isk": 60000},
            duration="repeating",
            duration_in_months=3,
            max_redemptions=100,
            redeem_by=NOW,
            products=["prod_1"],
            metadata={"accrue_operation": "op"},
            key="key-1",
        ),
        "POST",
        "/v1/coupons",
        {
            "id": "SPRING",
            "name": "Spring",
            "amount_off": 500,
            "currency": "usd",
            "currency_options": {
                "jpy": {"amount_off": 700},
                "kwd": {"amount_off": 1500},
                "huf": {"amount_off": 180000},
                "isk": {"amount_off": 60000},
            },
            "duration": "repeating",
            "duration_in_months": 3,
            "max_redemptions": 100,
            "redeem_by": NOW,
            "applies_to": {"products": ["prod_1"]},
            "metadata": {"accrue_operation": "op"},
            "expand": COUPON_EXPANDED,
        },
        ("coupon",),
    ),
    "update_coupon": Call(
        lambda stripe: stripe.update_coupon(
            "TEN",
            {"name": None, "metadata": {"a": "b"}, "currency_options": {"eur": 450}},
            key="key-1",
        ),
        "POST",
        "/v1/coupons/TEN",
        {
            "name": "",
            "metadata": {"a": "b"},
            "currency_options": {"eur": {"amount_off": 450}},
            "expand": COUPON_EXPANDED,
        },
        ("coupon",),
    ),
    "delete_coupon": Call(
        lambda stripe: stripe.delete_coupon("TEN", key="key-1"),
        "DELETE",
        "/v1/coupons/TEN",
        {},
        (),
    ),
    "create_promotion_code": Call(
        lambda stripe: stripe.create_promotion_code(
            "TEN",
            code="SPRING-10",
            customer="cus_1",
            active=False,
            expires_at=NOW,
            max_redemptions=3,
            first_time_transaction=True,
            minimum_amount=1000,
            minimum_amount_currency="usd",
            currency_options={"jpy": 1500},
            metadata={"accrue_operation": "op"},
            key="key-1",
        ),
        "POST",
        "/v1/promotion_codes",
        {
            "promotion": {"type": "coupon", "coupon": "TEN"},
            "code": "SPRING-10",
            "customer": "cus_1",
            "active": False,
            "expires_at": NOW,
            "max_redemptions": 3,
            "restrictions": {
                "first_time_transaction": True,
                "minimum_amount": 1000,
                "minimum_amount_currency": "usd",
                "currency_options": {"jpy": {"minimum_amount": 1500}},
            },
            "metadata": {"accrue_operation": "op"},
        },
        ("promotion_code",),
    ),
    "update_promotion_code": Call(
        lambda stripe: stripe.update_promotion_code(
            "promo_1",
            {"active": False, "metadata": {"a": "b"}, "currency_options": {"jpy": 1500}},
            key="key-1",
        ),
        "POST",
        "/v1/promotion_codes/promo_1",
        {
            "active": False,
            "metadata": {"a": "b"},
            "restrictions": {"currency_options": {"jpy": {"minimum_amount": 1500}}},
        },
        ("promotion_code",),
    ),
    "look_up_promotion_code": Call(
        lambda stripe: stripe.look_up_promotion_code("WELCOME"),
        "GET",
        "/v1/promotion_codes",
        {
            "code": "WELCOME",
            "limit": 100,
            "expand": ["data.promotion.coupon.applies_to"],
        },
        ("promotion_code", "coupon"),
    ),
    "remove_customer_discount": Call(
        lambda stripe: stripe.remove_customer_discount("cus_1", key="key-1"),
        "DELETE",
        "/v1/customers/cus_1/discount",
        {},
        ("customer",),
    ),
}
