"""Calls about payments in steps: made now, confirmed by the customer, captured or given up later."""

from __future__ import annotations

from ..answers import Answer, Json
from ..contract import PaymentIntentCalls
from .api import segment
from .calls import StripeCalls
from .gathering import INTENT_EXPANDED, Gathering, current
from .paying import INTENTS, ask_bank


class StripePaymentIntents(StripeCalls, PaymentIntentCalls):
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
        """Make a payment intent; with ``confirm`` ask the bank at once.

        The answer holds the intent, then its charge if the bank was asked. Ways to pay that lead the customer
        to another site are left out. Of a card's statement only the suffix can be chosen.

        :raises CardError: when the bank refuses; ``answer`` holds the same.
        """
        given: dict[str, Json] = {
            "customer": customer,
            "amount": amount,
            "currency": currency,
            "payment_method": payment_method,
            "capture_method": capture_method,
            "setup_future_usage": setup_future_usage,
            "description": description,
            "statement_descriptor_suffix": statement_descriptor,
            "metadata": metadata,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
        if confirm:
            # What the bank wants of the customer then is for Stripe.js to do, on a page of ours.
            given |= {"confirm": True, "use_stripe_sdk": True}
        return ask_bank(self._changing, INTENTS, given, key=key)

    def capture_payment(self, payment_intent: str, *, amount: int | None, key: str) -> Answer:
        """Take what a payment intent holds, or a part of it. The answer holds the intent, then its charge."""
        given: dict[str, Json] = {} if amount is None else {"amount_to_capture": amount}
        return self._end(payment_intent, "capture", given, key)

    def cancel_payment(self, payment_intent: str, *, reason: str | None, key: str) -> Answer:
        """Give a payment intent up. The answer holds the intent, then its charge if there is one."""
        given: dict[str, Json] = {} if reason is None else {"cancellation_reason": reason}
        return self._end(payment_intent, "cancel", given, key)

    def _end(self, payment_intent: str, step: str, given: dict[str, Json], key: str) -> Answer:
        api = self._changing
        given = {**given, "expand": list(INTENT_EXPANDED)}
        reply = api.post(f"{INTENTS}/{segment(payment_intent)}/{step}", given, key=key)
        reply = current(api, reply, INTENTS, *INTENT_EXPANDED)
        gathering = Gathering(api)
        gathering.put_intent(reply.body, reply)
        return gathering.answer()
