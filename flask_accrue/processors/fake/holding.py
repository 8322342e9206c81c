"""Money that a bank holds: captured, let go, or let go by itself when nobody captures it in time."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from .. import objects
from . import payments
from .refusals import check_choice, check_integer, refused
from .transaction import Transaction

REASONS: t.Final = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")

Result: t.TypeAlias = c.Sequence[objects.ProcessorObject | None]


def capture(tx: Transaction, intent_id: str, amount: int | None) -> Result:
    """Take what is held, or a part of it; the rest is let go. Return the intent and its charge.

    What is let go counts as refunded.

    :raises InvalidRequest: when nothing is held, or less than that.
    """
    intent = tx.get(objects.PaymentIntent, intent_id, "payment_intent")
    if intent.status != "requires_capture":
        raise payments.unexpected(intent)
    held = intent.amount_capturable
    wanted = held if amount is None else check_integer(amount, "amount_to_capture")
    if not 0 < wanted <= held:
        raise refused(
            f"What can be captured is an amount from 1 to {held} of {intent.currency.upper()}'s minor "
            f"unit, not {wanted}.",
            "amount_to_capture",
            "amount_too_large" if wanted > held else "parameter_invalid_integer",
        )
    charge = tx.get(objects.Charge, intent.latest_charge)
    taken = dataclasses.replace(
        charge,
        captured=True,
        amount_captured=wanted,
        amount_refunded=charge.amount - wanted,
        capture_before=None,
    )
    tx.save(taken, "charge.captured")
    payments.keep_fee(tx, taken)
    tx.plan(intent_id, "release", None)
    paid = dataclasses.replace(
        intent, status="succeeded", amount_capturable=0, amount_received=wanted
    )
    return tx.save(paid, "payment_intent.succeeded"), taken


def cancel(tx: Transaction, intent_id: str, reason: str | None) -> Result:
    """Give up a payment, and let go of what is held for it. Return the intent and its charge.

    :raises InvalidRequest: when it has ended, or is an invoice's.
    """
    intent = tx.get(objects.PaymentIntent, intent_id, "payment_intent")
    if reason is not None:
        check_choice(reason, REASONS, "cancellation_reason")
    if isinstance(intent.invoice, str):
        raise refused(
            "This payment intent is an invoice's; void that instead.",
            "payment_intent",
            "payment_intent_unexpected_state",
        )
    if intent.status not in (*payments.CONFIRMABLE, "requires_capture"):
        raise payments.unexpected(intent)
    return _let_go(tx, intent, reason, "charge.refunded")


def release(tx: Transaction, intent: objects.PaymentIntent) -> None:
    """Let go of what was held for as long as the bank holds it."""
    if intent.status == "requires_capture":
        _let_go(tx, intent, "automatic", "charge.expired")


def _let_go(
    tx: Transaction, intent: objects.PaymentIntent, reason: str | None, event: str
) -> Result:
    charge = None
    if intent.status == "requires_capture":
        held = tx.get(objects.Charge, intent.latest_charge)
        charge = tx.save(
            dataclasses.replace(
                held, amount_refunded=held.amount, refunded=True, capture_before=None
            ),
            event,
        )
    tx.plan(intent.processor_id, "release", None)
    return payments.cancel(tx, intent, reason), charge
