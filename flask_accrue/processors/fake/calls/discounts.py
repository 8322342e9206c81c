"""Calls about coupons, promotion codes, and the discounts that they give."""

from __future__ import annotations

from ...answers import Answer, Json
from ...contract import DiscountCalls
from .. import coupons, discounts
from .base import FakeCalls


class FakeDiscounts(FakeCalls, DiscountCalls):
    """Calls about coupons, promotion codes, and the discounts that they give."""

    def create_coupon(
        self,
        *,
        id: str | None,
        name: str | None,
        percent_off: str | None,
        amount_off: int | None,
        currency: str | None,
        currency_options: dict[str, int] | None,
        duration: str,
        duration_in_months: int | None,
        max_redemptions: int | None,
        redeem_by: int | None,
        products: list[str] | None,
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Make a coupon."""
        given: dict[str, Json] = {
            "id": id,
            "name": name,
            "percent_off": percent_off,
            "amount_off": amount_off,
            "currency": currency,
            "currency_options": currency_options,
            "duration": duration,
            "duration_in_months": duration_in_months,
            "max_redemptions": max_redemptions,
            "redeem_by": redeem_by,
            "products": products,
            "metadata": metadata,
        }
        return self._engine.call(
            "create_coupon", key, given, lambda tx: [coupons.create(tx, given)]
        )

    def update_coupon(self, coupon: str, changes: dict[str, Json], *, key: str) -> Answer:
        """Change a coupon."""
        return self._engine.call(
            "update_coupon",
            key,
            {"coupon": coupon, "changes": changes},
            lambda tx: [coupons.update(tx, coupon, changes)],
        )

    def delete_coupon(self, coupon: str, *, key: str) -> Answer:
        """Delete a coupon."""
        return self._engine.call(
            "delete_coupon", key, {"coupon": coupon}, lambda tx: [coupons.delete(tx, coupon)]
        )

    def create_promotion_code(
        self,
        coupon: str,
        *,
        code: str | None,
        customer: str | None,
        active: bool,
        expires_at: int | None,
        max_redemptions: int | None,
        first_time_transaction: bool,
        minimum_amount: int | None,
        minimum_amount_currency: str | None,
        currency_options: dict[str, int] | None,
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Make a promotion code."""
        given: dict[str, Json] = {
            "code": code,
            "customer": customer,
            "active": active,
            "expires_at": expires_at,
            "max_redemptions": max_redemptions,
            "first_time_transaction": first_time_transaction,
            "minimum_amount": minimum_amount,
            "minimum_amount_currency": minimum_amount_currency,
            "currency_options": currency_options,
            "metadata": metadata,
        }
        return self._engine.call(
            "create_promotion_code",
            key,
            {"coupon": coupon, **given},
            lambda tx: [coupons.create_code(tx, coupon, given)],
        )

    def update_promotion_code(
        self, promotion_code: str, changes: dict[str, Json], *, key: str
    ) -> Answer:
        """Change a promotion code."""
        return self._engine.call(
            "update_promotion_code",
            key,
            {"promotion_code": promotion_code, "changes": changes},
            lambda tx: [coupons.update_code(tx, promotion_code, changes)],
        )

    def look_up_promotion_code(self, code: str) -> Answer:
        """Return the promotion codes with that word, then their coupons."""
        return self._engine.look("look_up_promotion_code", lambda tx: coupons.look_up(tx, code))

    def remove_customer_discount(self, customer: str, *, key: str) -> Answer:
        """Take away a customer's discount."""
        return self._engine.call(
            "remove_customer_discount",
            key,
            {"customer": customer},
            lambda tx: [discounts.take_from_customer(tx, customer)],
        )
