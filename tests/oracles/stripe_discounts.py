"""The discounts of a subscription: redeemed from coupons and promotion codes, kept, or cleared."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.oracles.new_objects import NewObjects

Json = dict[str, Any]


def give_discounts(
    new: NewObjects,
    keep: Callable[[Json], None],
    lookup: Callable[[list[str], str], Json],
    subscription: Json,
    params: Json,
) -> None:
    """Set a subscription's, or an invoice's, discounts to what was asked for: an empty string clears them."""
    wanted = params["discounts"]
    if wanted == "":
        subscription["discounts"] = []
    elif wanted:
        subscription["discounts"] = [
            each["discount"]
            if each.get("discount")
            else _redeemed(new, keep, lookup, subscription, each)
            for each in wanted
        ]


def _redeemed(
    new: NewObjects,
    keep: Callable[[Json], None],
    lookup: Callable[[list[str], str], Json],
    subscription: Json,
    given: Json,
) -> str:
    discount = new.make("discount")
    coupon_id = given.get("coupon")
    if given.get("promotion_code"):
        code = lookup(["promotion_code"], given["promotion_code"])
        code["times_redeemed"] += 1
        coupon = code["promotion"]["coupon"]
        coupon_id = coupon if isinstance(coupon, str) else coupon["id"]
    lookup(["coupon"], str(coupon_id))["times_redeemed"] += 1
    discount.update(
        source={"type": "coupon", "coupon": coupon_id},
        promotion_code=given.get("promotion_code"),
        customer=subscription["customer"],
        subscription=subscription["id"] if subscription["object"] == "subscription" else None,
    )
    keep(discount)
    return str(discount["id"])
