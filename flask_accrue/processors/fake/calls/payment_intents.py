"""Calls about payments in steps: made now, confirmed by the customer, captured or given up later."""

from __future__ import annotations

from ....money import Money
from ...answers import Answer, Json
from ...contract import PaymentIntentCalls
from .. import charging, holding, payments
from .base import FakeCalls


class FakePaymentIntents(FakeCalls, PaymentIntentCalls):
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
        """Make a payment intent; with ``confirm`` ask the bank at once."""
        terms: dict[str, Json] = {
            "capture_method": capture_method,
            "setup_future_usage": setup_future_usage,
            "description": description,
            "statement_descriptor": statement_descriptor,
            "metadata": metadata,
        }
        given: dict[str, Json] = {
            "customer": customer,
            "amount": amount,
            "currency": currency,
            "payment_method": payment_method,
            "confirm": confirm,
            **terms,
        }
        return self._engine.call(
            "create_payment_intent",
            key,
            given,
            lambda tx: charging.charge(
                tx,
                customer,
                Money(amount, currency),
                payment_method,
                payments.Terms(**terms),
                confirm=confirm,
            ),
        )

    def capture_payment(self, payment_intent: str, *, amount: int | None, key: str) -> Answer:
        """Take what a payment intent holds, or a part of it."""
        return self._engine.call(
            "capture_payment",
            key,
            {"payment_intent": payment_intent, "amount": amount},
            lambda tx: holding.capture(tx, payment_intent, amount),
        )

    def cancel_payment(self, payment_intent: str, *, reason: str | None, key: str) -> Answer:
        """Give a payment intent up, and let go of what it holds."""
        return self._engine.call(
            "cancel_payment",
            key,
            {"payment_intent": payment_intent, "reason": reason},
            lambda tx: holding.cancel(tx, payment_intent, reason),
        )
