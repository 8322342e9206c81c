"""What customers read about a payment. It never claims what didn't happen."""

from __future__ import annotations

import typing as t

from .. import models
from ..pages import card_text, expiry_text


class Said(t.NamedTuple):
    """How something stands: a heading, a sentence and a tone."""

    title: str
    text: str
    tone: str


def said_of(
    intent: models.PaymentIntent,
    invoice: models.Invoice | None,
    amount: str,
    has_another_card: bool,
) -> Said:
    """Say how a payment stands.

    :param amount: as the customer reads amounts.
    """
    if intent.is_succeeded:
        return Said(
            "Payment complete", f"You paid {amount}. {_what_it_opened(invoice)}".strip(), "good"
        )
    if is_too_late(invoice):
        return Said(
            "Too late for this payment",
            "It wasn't confirmed within 23 hours, so it was withdrawn, and nothing was charged. The "
            "subscription didn't begin. If you still want it, please subscribe again.",
            "neutral",
        )
    if intent.is_canceled:
        return Said("Payment withdrawn", "It was withdrawn, and nothing was charged.", "neutral")
    if invoice is not None and invoice.is_void:
        return Said(
            "Invoice withdrawn", "There is nothing left to pay, and nothing was charged.", "neutral"
        )
    if intent.requires_capture:
        return Said(
            "Payment approved",
            f"Your bank holds {amount} for this payment. It wasn't charged yet, and there is nothing left "
            "for you to do.",
            "good",
        )
    if intent.requires_confirmation:
        return Said(
            "Confirm your payment", "Nothing was charged yet. It will be when you confirm.", "info"
        )
    if intent.requires_action:
        return Said(
            "Confirm your payment",
            "Your bank wants you to confirm this payment. Nothing was charged yet.",
            "info",
        )
    if intent.requires_payment_method:
        code = intent.error_decline_code or intent.error_code
        why = decline_text(code) if code else "It waits for a card."
        onward = "Choose a card to pay with." if has_another_card else "Add another card to go on."
        return Said("Payment not made", f"{why} Nothing was charged. {onward}", "warn")
    return Said(
        "Payment in progress",
        "The payment is being processed. There is nothing for you to do; reload in a minute.",
        "info",
    )


def decline_text(code: str | None) -> str:
    """Say why a card was refused, as far as a customer should know."""
    return _DECLINES.get(code or "", "The bank declined the card.")


#: Banks ask not to tell a customer that a card is reported lost, stolen or used in fraud.
_DECLINES: t.Final[t.Mapping[str, str]] = {
    "insufficient_funds": "The bank declined the card: there isn't enough money on it.",
    "expired_card": "The card has expired.",
    "incorrect_cvc": "The card's security code is wrong.",
    "card_velocity_exceeded": "The bank declined the card: its limit is reached.",
    "processing_error": "The bank couldn't process the card just now.",
    "payment_intent_authentication_failure": "The payment wasn't confirmed with the bank.",
    "setup_intent_authentication_failure": "The card wasn't confirmed with the bank.",
}


def card_choice(card: models.PaymentMethod) -> str:
    """Return a card as one chooses it, such as ``Visa •••• 4242, 04/2028``."""
    return ", ".join(filter(None, (card_text(card), expiry_text(card))))


def is_too_late(invoice: models.Invoice | None) -> bool:
    """Tell whether it was the first payment of a subscription that never began."""
    if invoice is None or invoice.subscription is None:
        return False
    return invoice.subscription.is_expired and not invoice.is_paid


def _what_it_opened(invoice: models.Invoice | None) -> str:
    if invoice is None or invoice.subscription is None:
        return ""
    return "Your subscription is active." if invoice.subscription.is_active else ""
