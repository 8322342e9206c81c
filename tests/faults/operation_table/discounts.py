"""Operations on coupons, promotion codes and discounts."""

from __future__ import annotations

import typing as t

from flask_accrue import billing, models
from tests.faults.operation_table.operation import Operation, on_subscription
from tests.faults.operation_table.preparing import (
    discounted,
    with_code,
    with_coupon,
    with_inactive_code,
)

OPERATIONS: t.Final[t.Mapping[str, Operation]] = {
    "create_coupon": Operation(
        lambda shop, id: billing.create_coupon(percent_off="12.5", operation_id=id),
        ("POST", "^/v1/coupons$"),
        ("coupon.created",),
        ("coupon",),
    ),
    "update_coupon": Operation(
        lambda shop, id: billing.update_coupon(
            shop.only(models.Coupon), name="Spring", operation_id=id
        ),
        ("POST", "^/v1/coupons/TEN$"),
        ("coupon.updated",),
        prepare=with_coupon,
    ),
    "delete_coupon": Operation(
        lambda shop, id: billing.delete_coupon(shop.only(models.Coupon), operation_id=id),
        ("DELETE", "^/v1/coupons/TEN$"),
        ("coupon.deleted",),
        prepare=with_coupon,
        beside={"coupon": -1},
    ),
    "create_promotion_code": Operation(
        lambda shop, id: billing.create_promotion_code("TEN", "WELCOME", operation_id=id),
        ("POST", "^/v1/promotion_codes$"),
        ("promotion_code.created",),
        ("promotion_code",),
        prepare=with_coupon,
    ),
    "activate_promotion_code": Operation(
        lambda shop, id: billing.activate_promotion_code(
            shop.only(models.PromotionCode), operation_id=id
        ),
        ("POST", "^/v1/promotion_codes/[^/]+$"),
        ("promotion_code.updated",),
        prepare=with_inactive_code,
    ),
    "deactivate_promotion_code": Operation(
        lambda shop, id: billing.deactivate_promotion_code(
            shop.only(models.PromotionCode), operation_id=id
        ),
        ("POST", "^/v1/promotion_codes/[^/]+$"),
        ("promotion_code.updated",),
        prepare=with_code,
    ),
    "apply_coupon": on_subscription(
        "subscription.discounted",
        lambda row, id: billing.apply_coupon(row, "TEN", operation_id=id),
        prepare=with_coupon,
        beside={"discount": 1},
    ),
    "apply_promotion_code": on_subscription(
        "subscription.discounted",
        lambda row, id: billing.apply_promotion_code(row, "WELCOME", operation_id=id),
        prepare=with_code,
        beside={"discount": 1},
    ),
    "remove_discount": on_subscription(
        "subscription.discount_removed",
        lambda row, id: billing.remove_discount(row, operation_id=id),
        prepare=discounted,
    ),
}
