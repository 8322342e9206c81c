"""Calls about payments in steps: made now, confirmed by the customer, captured or given up later."""

from __future__ import annotations

from ..answers import Answer
from ..capabilities import Capability
from .base import Calls


class PaymentIntentCalls(Calls):
    """Calls about payments in steps: made now, confirmed by the customer, captured or given up later."""

    def create_payment_intent(
        self,
        customer: str,
        *,
        amount: int,
        currency: str,
        capture_method: str,
        payment_method: str | None,
        confirm: bool,
        setup_future_usage: str | None,
        description: str | None,
        statement_descriptor: str | None,
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Make a payment intent; with ``confirm`` ask the bank at once, as :meth:`create_charge` does.

        The answer holds the intent, then its charge if there is one.

        :param capture_method: ``automatic``, or ``manual`` to hold the money until it's captured.
        :param setup_future_usage: ``off_session`` or ``on_session`` to attach the card to the customer when
            it's paid, else ``None``.
        :param statement_descriptor: what the customer's statement says besides the account's own name.
        :raises CardError: when the bank refuses; ``answer`` then holds the intent and the charge.
        """
        self._unsupported(Capability.CAPTURE)

    def capture_payment(self, payment_intent: str, *, amount: int | None, key: str) -> Answer:
        """Take the money that a payment intent holds, or a part of it; what's left is let go.

        The answer holds the intent, then its charge.
        """
        self._unsupported(Capability.CAPTURE)

    def cancel_payment(self, payment_intent: str, *, reason: str | None, key: str) -> Answer:
        """Give a payment intent up, and let go of what it holds.

        The answer holds the intent, then its charge if there is one.
        """
        self._unsupported(Capability.CAPTURE)
