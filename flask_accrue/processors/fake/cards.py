"""Test cards: what each token stands for, and what the bank says to it.

The names are Stripe's where it has one (https://docs.stripe.com/testing); ``tok_…`` works like ``pm_card_…``:

=========================================  ========================================================
``pm_card_visa``, ``pm_card_mastercard``,  a card of that brand that always pays
… (:data:`BRANDS`)
``pm_card_expiresSoon``                    pays until the end of this month, then is expired
``pm_card_chargeDeclined``, …              refused when it's attached, with the code of
                                           :data:`DECLINES`
``pm_card_chargeCustomerFail``             can be attached; every payment is refused
``pm_card_chargeCustomerFail_<decline>``   the same, with that decline code
``pm_card_authenticationRequired``         every payment has to be confirmed by the customer
``pm_card_authenticationRequiredOnSetup``  the first payment has to be confirmed, later ones pass; once it was
                                           confirmed by a setup intent, all pass
``pm_card_pendingRefund``                  pays; refunds are pending for a day, then succeed
``pm_card_refundFail``                     pays; refunds succeed, and fail a day later
=========================================  ========================================================
"""

from __future__ import annotations

import datetime
import typing as t

from .. import objects

#: Brand and last four digits of the cards that pay.
BRANDS: t.Final[t.Mapping[str, tuple[str, str]]] = {
    "visa": ("visa", "4242"),
    "visa_debit": ("visa", "5556"),
    "mastercard": ("mastercard", "4444"),
    "mastercard_debit": ("mastercard", "3222"),
    "amex": ("amex", "8431"),
    "discover": ("discover", "1117"),
    "diners": ("diners", "0004"),
    "jcb": ("jcb", "0505"),
    "unionpay": ("unionpay", "0005"),
}

#: Code and decline code of the cards that are refused when they are attached.
DECLINES: t.Final[t.Mapping[str, tuple[str, str | None]]] = {
    "chargeDeclined": ("card_declined", "generic_decline"),
    "chargeDeclinedInsufficientFunds": ("card_declined", "insufficient_funds"),
    "chargeDeclinedLostCard": ("card_declined", "lost_card"),
    "chargeDeclinedStolenCard": ("card_declined", "stolen_card"),
    "chargeDeclinedFraudulent": ("card_declined", "fraudulent"),
    "visa_chargeDeclinedVelocityLimitExceeded": ("card_declined", "card_velocity_exceeded"),
    "chargeDeclinedExpiredCard": ("expired_card", None),
    "chargeDeclinedIncorrectCvc": ("incorrect_cvc", None),
    "chargeDeclinedProcessingError": ("processing_error", None),
}

#: Decline codes that are codes of their own.
_OWN_CODES: t.Final = frozenset({"expired_card", "incorrect_cvc", "processing_error"})

#: What the bank may say, kept beside a card as its behavior: ``succeed``, ``authenticate``,
#: ``authenticate_once``, ``dispute``, ``pending_refund``, ``refund_fails`` or ``decline:<decline code>``.
SUCCEED: t.Final = "succeed"
AUTHENTICATE: t.Final = "authenticate"
AUTHENTICATE_ONCE: t.Final = "authenticate_once"
DISPUTE: t.Final = "dispute"
PENDING_REFUND: t.Final = "pending_refund"
REFUND_FAILS: t.Final = "refund_fails"
BEHAVIORS: t.Final = (
    SUCCEED,
    AUTHENTICATE,
    AUTHENTICATE_ONCE,
    DISPUTE,
    PENDING_REFUND,
    REFUND_FAILS,
)

_FAILS_LATER: t.Final = "chargeCustomerFail"

_MESSAGES: t.Final = {
    "card_declined": "Your card was declined.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
}


class Card(t.NamedTuple):
    """What a token stands for."""

    brand: str
    last4: str
    behavior: str = SUCCEED
    refused: tuple[str, str | None] | None = None
    expires_soon: bool = False


def card(token: str) -> Card | None:
    """Return the card that a token stands for, or ``None`` when there is no such token."""
    for prefix in ("pm_card_", "tok_"):
        if token.startswith(prefix):
            return _card(token.removeprefix(prefix))
    return None


def _card(name: str) -> Card | None:
    if name in BRANDS:
        return Card(*BRANDS[name])
    if name in DECLINES:
        return Card("visa", "0002", refused=DECLINES[name])
    if name == "expiresSoon":
        return Card("visa", "1881", expires_soon=True)
    if name == _FAILS_LATER:
        return Card("visa", "0341", "decline:generic_decline")
    if name.startswith(f"{_FAILS_LATER}_"):
        decline = name.removeprefix(f"{_FAILS_LATER}_")
        return Card("visa", "0341", f"decline:{decline}") if decline.isidentifier() else None
    if name in ("authenticationRequired", "threeDSecure2Required", "threeDSecureRequired"):
        return Card("visa", "3184", AUTHENTICATE)
    if name == "authenticationRequiredOnSetup":
        return Card("visa", "3155", AUTHENTICATE_ONCE)
    if name == "createDispute":
        return Card("visa", "0259", DISPUTE)
    if name == "pendingRefund":
        return Card("visa", "7726", PENDING_REFUND)
    if name == "refundFail":
        return Card("visa", "5126", REFUND_FAILS)
    return None


def decline(decline_code: str) -> tuple[str, str | None]:
    """Return code and decline code with which a payment is refused."""
    if decline_code in _OWN_CODES:
        return decline_code, None
    return "card_declined", decline_code


def message(code: str) -> str:
    """Return the sentence that a customer may read."""
    return _MESSAGES.get(code, _MESSAGES["card_declined"])


def is_expired(method: objects.PaymentMethod, now: datetime.datetime) -> bool:
    """Tell whether the card's month is over."""
    if method.exp_year is None or method.exp_month is None:
        return False
    return (method.exp_year, method.exp_month) < (now.year, now.month)
