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
        reverse_transfer: bool = False,
        refund_application_fee: bool = False,
    ) -> Answer:
        """Give back a part of a charge, or with ``None`` all that is left.

        The answer holds the refund, then the charge, then the transfer that was taken back with it.

        :param reverse_transfer: take back the same part of what the charge moved to a connected account.
        :param refund_application_fee: give back the same part of what the platform kept of it; of what was
            moved, only together with that.
        """
        self._unsupported(Capability.REFUND)
