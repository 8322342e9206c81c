"""Calls about cards, and whatever else a customer pays with."""

from __future__ import annotations

from ..answers import Answer, Json
from ..capabilities import Capability
from .base import Calls


class PaymentMethodCalls(Calls):
    """Calls about cards, and whatever else a customer pays with."""

    def list_payment_methods(self, customer: str) -> Answer:
        """Return all payment methods of a customer; ``objects`` may be empty."""
        self._unsupported(Capability.PAYMENT_METHODS)

    def add_payment_method(self, customer: str, token: str, *, key: str) -> Answer:
        """Attach a card, given as token, nonce or the processor's id, to a customer.

        :raises CardError: when the bank refuses it.
        """
        self._unsupported(Capability.PAYMENT_METHODS)

    def update_payment_method(
        self, payment_method: str, changes: dict[str, Json], *, key: str
    ) -> Answer:
        """Change ``exp_month``, ``exp_year`` or ``metadata`` of a card."""
        self._unsupported(Capability.PAYMENT_METHODS)

    def remove_payment_method(self, payment_method: str, *, key: str) -> Answer:
        """Detach a card; the answer holds it with ``customer=None``."""
        self._unsupported(Capability.PAYMENT_METHODS)
