"""Payment intents and their charges: what happens when a card is asked for money."""

from __future__ import annotations

import dataclasses
import typing as t

from ...errors import InvalidRequest
from ...money import Money
from .. import objects
from . import cards, checkout_ends, disputes, labels
from .refusals import refused
from .transaction import Transaction

CONFIRMABLE: t.Final = frozenset(
    {"requires_payment_method", "requires_confirmation", "requires_action"}
)


def create(
    tx: Transaction,
    customer_id: str,
    amount: Money,
    *,
    invoice: str | None = None,
    description: str | None = None,
    metadata: t.Mapping[str, str] | None = None,
) -> objects.PaymentIntent:
    """Make an intent to collect an amount; nothing is asked of a card yet."""
    intent = tx.save(
        objects.PaymentIntent(
            processor_id=tx.new_id("pi"),
            created=tx.now,
            customer=customer_id,
            status="requires_payment_method",
            amount=amount.amount_minor,
            currency=amount.currency,
            invoice=invoice,
            description=description,
            metadata=labels.merged({}, metadata or {}),
        ),
        "payment_intent.created",
    )
    secret = f"{intent.processor_id}_secret_{tx.random_word(24)}"
    tx.aside(intent.processor_id)["client_secret"] = secret
    return intent


def client_secret(tx: Transaction, intent: objects.PaymentIntent | None) -> str | None:
    """Return what the customer's browser needs to go on, or ``None`` when nothing is left to do."""
    if intent is None or intent.status not in CONFIRMABLE:
        return None
    return t.cast(str, tx.aside(intent.processor_id)["client_secret"])


def attempt(
    tx: Transaction,
    intent: objects.PaymentIntent,
    method: objects.PaymentMethod | None,
    *,
    confirmed: bool = False,
) -> tuple[objects.PaymentIntent, objects.Charge | None]:
    """Ask a card for the money; return the intent, and the charge if the bank was asked.

    :param confirmed: the customer has just confirmed this payment.
    """
    if method is None:
        return intent, None
    verdict = _verdict(tx, method, confirmed)
    if verdict == "action":
        waiting = dataclasses.replace(
            intent,
            status="requires_action",
            payment_method=method.processor_id,
            error_code=None,
            error_decline_code=None,
        )
        return tx.save(waiting, "payment_intent.requires_action"), None
    if verdict is not None:
        return _refused(tx, intent, method, *verdict)
    return _succeeded(tx, intent, method, confirmed)


def fail_authentication(tx: Transaction, intent: objects.PaymentIntent) -> objects.PaymentIntent:
    """Let the customer's confirmation fail.

    :raises InvalidRequest: unless the intent waits for one.
    """
    if intent.status != "requires_action":
        raise unexpected(intent)
    return tx.save(
        dataclasses.replace(
            intent,
            status="requires_payment_method",
            payment_method=None,
            error_code="payment_intent_authentication_failure",
        ),
        "payment_intent.payment_failed",
    )


def cancel(tx: Transaction, intent: objects.PaymentIntent) -> None:
    """Give up an intent that hasn't succeeded."""
    if intent.status in CONFIRMABLE:
        canceled = dataclasses.replace(intent, status="canceled", canceled_at=tx.now)
        tx.save(canceled, "payment_intent.canceled")


def unexpected(intent: objects.PaymentIntent) -> InvalidRequest:
    """Return the error for a step that an intent's status doesn't allow."""
    return refused(
        f"This payment intent is {intent.status}, so this can't be done with it.",
        "payment_intent",
        "payment_intent_unexpected_state",
    )


def _verdict(
    tx: Transaction, method: objects.PaymentMethod, confirmed: bool
) -> t.Literal["action"] | tuple[str, str | None] | None:
    if tx.forced_decline is not None:
        forced, tx.forced_decline = tx.forced_decline, None
        return forced
    if cards.is_expired(method, tx.now):
        return cards.decline("expired_card")
    aside = tx.aside(method.processor_id)
    behavior: str = aside.get("behavior", cards.SUCCEED)
    if behavior.startswith("decline:"):
        return cards.decline(behavior.removeprefix("decline:"))
    if confirmed:
        aside["confirmed"] = True
        return None
    once = behavior == cards.AUTHENTICATE_ONCE and not aside.get("confirmed")
    return "action" if once or behavior == cards.AUTHENTICATE else None


def _charge(
    tx: Transaction, intent: objects.PaymentIntent, method: objects.PaymentMethod, status: str
) -> objects.Charge:
    return objects.Charge(
        processor_id=tx.new_id("ch"),
        created=tx.now,
        customer=intent.customer,
        status=status,
        amount=intent.amount,
        currency=intent.currency,
        captured=status == "succeeded",
        amount_captured=intent.amount if status == "succeeded" else 0,
        payment_intent=intent.processor_id,
        payment_method=method.processor_id,
        invoice=intent.invoice,
        metadata=dict(intent.metadata),
    )


def _succeeded(
    tx: Transaction,
    intent: objects.PaymentIntent,
    method: objects.PaymentMethod,
    confirmed: bool,
) -> tuple[objects.PaymentIntent, objects.Charge]:
    charge = tx.save(_charge(tx, intent, method, "succeeded"), "charge.succeeded")
    paid = dataclasses.replace(
        intent,
        status="succeeded",
        amount_received=intent.amount,
        payment_method=method.processor_id,
        latest_charge=charge.processor_id,
        error_code=None,
        error_decline_code=None,
    )
    tx.save(paid, "payment_intent.succeeded")
    checkout_ends.after_payment(tx, paid)
    # 2.9 % and 30 of the minor unit, as much as any processor's; told only when the charge is fetched.
    fee = Money(intent.amount, intent.currency).share(29, 1000).amount_minor + 30
    tx.aside(charge.processor_id)["fee"] = min(fee, intent.amount)
    if tx.aside(method.processor_id).get("behavior") == cards.DISPUTE:
        disputes.open_dispute(tx, charge, "fraudulent")
        charge = tx.get(objects.Charge, charge.processor_id)
    return paid, charge


def _refused(
    tx: Transaction,
    intent: objects.PaymentIntent,
    method: objects.PaymentMethod,
    code: str,
    decline_code: str | None,
) -> tuple[objects.PaymentIntent, objects.Charge]:
    failed = dataclasses.replace(
        _charge(tx, intent, method, "failed"), failure_code=code, decline_code=decline_code
    )
    charge = tx.save(failed, "charge.failed")
    waiting = dataclasses.replace(
        intent,
        status="requires_payment_method",
        payment_method=None,
        latest_charge=charge.processor_id,
        error_code=code,
        error_decline_code=decline_code,
    )
    return tx.save(waiting, "payment_intent.payment_failed"), charge
