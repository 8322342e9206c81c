"""Calls that charge a card, and give back."""

from __future__ import annotations

from ..answers import Answer
from ..capabilities import Capability
from .base import Calls


class ChargeCalls(Calls):
    """Calls that charge a card, and give back."""

    def create_charge(
        self,
        customer: str,
        *,
        amount: int,
        currency: str,
        payment_method: str,
        description: str | None,
        metadata: dict[str, str],
        key: str,
        statement_descriptor: str | None = None,
    ) -> Answer:
        """Charge a card now; the answer holds a payment intent, then its charge if there is one.

        :raises CardError: when the bank refuses; ``answer`` then holds the intent and the charge.
        """
        self._unsupported(Capability.CHARGE)

    def confirm_payment(
        self, payment_intent: str, *, payment_method: str | None, key: str
    ) -> Answer:
        """Carry on with a payment on the customer's word, where that isn't done in the browser."""
        self._unsupported(Capability.CUSTOMER_AUTHENTICATION)

    def create_refund(
        self,
        charge: str,
        *,
        amount: int | None,
        reason: str | None,
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Give back a part of a charge, or with ``None`` all that is left.

        The answer holds the refund, then the charge.
        """
        self._unsupported(Capability.REFUND)
