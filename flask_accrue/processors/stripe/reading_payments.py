"""Payment intents, charges and refunds.

Before 2025-03-31 payment intents and charges name their ``invoice``; since then they don't speak of it.
"""

from __future__ import annotations

from .. import objects
from . import fields
from .bodies import Raw


def read_payment_intent(raw: Raw) -> objects.PaymentIntent:
    """Read a payment intent. Before 2022-11-15 it held its ``charges``, the latest first."""
    charges = fields.rows(raw, "charges") or []
    error = fields.part(raw, "last_payment_error")
    return objects.PaymentIntent(
        **fields.common(raw),
        customer=fields.reference(raw, "customer"),
        status=fields.required_text(raw, "status"),
        amount=fields.required_integer(raw, "amount"),
        currency=fields.required_currency(raw),
        amount_received=fields.integer(raw, "amount_received") or 0,
        payment_method=fields.reference(raw, "payment_method") or fields.reference(raw, "source"),
        latest_charge=fields.reference(raw, "latest_charge")
        or (fields.identifier(charges[0]) if charges else None),
        invoice=_invoice(raw),
        capture_method=fields.text(raw, "capture_method") or "automatic",
        error_code=fields.text(error, "code"),
        error_decline_code=fields.text(error, "decline_code"),
        canceled_at=fields.moment(raw, "canceled_at"),
    )


def read_charge(raw: Raw) -> objects.Charge:
    """Read a charge."""
    status, amount = fields.required_text(raw, "status"), fields.required_integer(raw, "amount")
    captured, captured_amount = fields.flag(raw, "captured"), fields.integer(raw, "amount_captured")
    if captured_amount is None:  # a field of August 2020
        captured_amount = amount if captured else 0
    currency = fields.required_currency(raw)
    fee, net = _fee_and_net(raw, currency)
    outcome = fields.part(raw, "outcome")
    return objects.Charge(
        **fields.common(raw),
        customer=fields.reference(raw, "customer"),
        status=status,
        amount=amount,
        currency=currency,
        amount_captured=captured_amount,
        amount_refunded=fields.integer(raw, "amount_refunded") or 0,
        captured=captured,
        refunded=fields.flag(raw, "refunded"),
        disputed=fields.flag(raw, "disputed"),
        payment_intent=fields.reference(raw, "payment_intent"),
        payment_method=fields.reference(raw, "payment_method") or fields.reference(raw, "source"),
        invoice=_invoice(raw),
        failure_code=fields.text(raw, "failure_code"),
        decline_code=fields.text(outcome, "reason") if status == "failed" else None,
        receipt_url=fields.text(raw, "receipt_url"),
        fee=fee,
        net=net,
    )


def read_refund(raw: Raw) -> objects.Refund:
    """Read a refund; one without a status isn't done yet."""
    return objects.Refund(
        **fields.common(raw),
        charge=fields.reference(raw, "charge"),
        status=fields.text(raw, "status") or "pending",
        amount=fields.required_integer(raw, "amount"),
        currency=fields.required_currency(raw),
        payment_intent=fields.reference(raw, "payment_intent"),
        reason=fields.text(raw, "reason"),
        failure_reason=fields.text(raw, "failure_reason"),
    )


def _fee_and_net(raw: Raw, currency: str) -> tuple[int | objects.Unsaid, int | objects.Unsaid]:
    """Return what the expanded balance transaction tells.

    It is in the currency of the account's balance; if that isn't the charge's, nothing is told.
    """
    balance = raw.get("balance_transaction")
    if not isinstance(balance, dict) or fields.currency(balance) != currency:
        return objects.UNSAID, objects.UNSAID
    return fields.required_integer(balance, "fee"), fields.required_integer(balance, "net")


def _invoice(raw: Raw) -> str | objects.Unsaid | None:
    return fields.reference(raw, "invoice") if "invoice" in raw else objects.UNSAID
