"""Calls about coupons, promotion codes, and the discounts that they give."""

from __future__ import annotations

from ..answers import Answer, Json
from ..capabilities import Capability
from .base import Calls


class DiscountCalls(Calls):
    """Calls about coupons, promotion codes, and the discounts that they give.

    A subscription's discounts are set by :meth:`SubscriptionCalls.create_subscription` and
    :meth:`SubscriptionCalls.update_subscription`.
    """

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
        """Make a coupon, of percents (in decimals, such as ``"12.5"``) or of an amount.

        :raises InvalidRequest: with the code ``resource_already_exists`` when the id is taken.
        """
        self._unsupported(Capability.COUPONS)

    def update_coupon(self, coupon: str, changes: dict[str, Json], *, key: str) -> Answer:
        """Change ``name``, ``metadata`` or ``currency_options`` of a coupon; its terms never change."""
        self._unsupported(Capability.COUPONS)

    def delete_coupon(self, coupon: str, *, key: str) -> Answer:
        """Let nobody redeem a coupon any more; whoever has it keeps it. The answer says that it's gone.

        What is gone already is no error.
        """
        self._unsupported(Capability.COUPONS)

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
        """Make a word that customers type to have a coupon; ``None`` lets the processor think of one.

        :param customer: the only one who may use it.
        :param currency_options: the least amounts in currencies other than ``minimum_amount_currency``.
        """
        self._unsupported(Capability.COUPONS)

    def update_promotion_code(
        self, promotion_code: str, changes: dict[str, Json], *, key: str
    ) -> Answer:
        """Change ``active``, ``metadata`` or ``currency_options`` of a promotion code."""
        self._unsupported(Capability.COUPONS)

    def look_up_promotion_code(self, code: str) -> Answer:
        """Return the promotion codes with that word, in whatever case, then their coupons.

        ``objects`` may be empty.
        """
        self._unsupported(Capability.COUPONS)

    def remove_customer_discount(self, customer: str, *, key: str) -> Answer:
        """Take away the discount that holds for all subscriptions of a customer, who is the answer.

        :raises NotFound: when there is none.
        """
        self._unsupported(Capability.COUPONS)
