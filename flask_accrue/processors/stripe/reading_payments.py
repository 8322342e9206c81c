"""Payment and setup intents, charges, refunds, disputes and checkout sessions.

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
        amount_capturable=fields.integer(raw, "amount_capturable") or 0,
        setup_future_usage=fields.text(raw, "setup_future_usage"),
        error_code=fields.text(error, "code"),
        error_decline_code=fields.text(error, "decline_code"),
        canceled_at=fields.moment(raw, "canceled_at"),
        cancellation_reason=fields.text(raw, "cancellation_reason"),
        description=fields.text(raw, "description"),
        statement_descriptor=fields.text(raw, "statement_descriptor_suffix"),
    )


def read_setup_intent(raw: Raw) -> objects.SetupIntent:
    """Read a setup intent."""
    error = fields.part(raw, "last_setup_error")
    return objects.SetupIntent(
        **fields.common(raw),
        customer=fields.reference(raw, "customer"),
        status=fields.required_text(raw, "status"),
        usage=fields.text(raw, "usage") or "off_session",
        payment_method=fields.reference(raw, "payment_method"),
        error_code=fields.text(error, "code"),
        error_decline_code=fields.text(error, "decline_code"),
        cancellation_reason=fields.text(raw, "cancellation_reason"),
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
    paid_by = fields.part(fields.part(raw, "payment_method_details"), "card")
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
        capture_before=fields.moment(paid_by, "capture_before"),
        # Of a charge that isn't shared many bodies say nothing at all.
        transfer=fields.reference(raw, "transfer") if "transfer" in raw else objects.UNSAID,
        application_fee=_application_fee(raw),
        fee=fee,
        net=net,
    )


def read_refund(raw: Raw) -> objects.Refund:
    """Read a refund; one without a status isn't done yet."""
    currency = fields.required_currency(raw)
    fee, net = _fee_and_net(raw, currency)
    return objects.Refund(
        **fields.common(raw),
        charge=fields.reference(raw, "charge"),
        status=fields.text(raw, "status") or "pending",
        amount=fields.required_integer(raw, "amount"),
        currency=currency,
        payment_intent=fields.reference(raw, "payment_intent"),
        reason=fields.text(raw, "reason"),
        failure_reason=fields.text(raw, "failure_reason"),
        fee=fee,
        net=net,
    )


def read_dispute(raw: Raw) -> objects.Dispute:
    """Read a dispute."""
    return objects.Dispute(
        **fields.common(raw),
        charge=fields.required_reference(raw, "charge"),
        status=fields.required_text(raw, "status"),
        amount=fields.required_integer(raw, "amount"),
        currency=fields.required_currency(raw),
        reason=fields.required_text(raw, "reason"),
        payment_intent=fields.reference(raw, "payment_intent"),
        evidence_due_by=fields.moment(fields.part(raw, "evidence_details"), "due_by"),
        is_charge_refundable=fields.flag(raw, "is_charge_refundable"),
    )


def read_checkout_session(raw: Raw) -> objects.CheckoutSession:
    """Read a checkout session; before 2022-03 it didn't say how it stands until it was paid."""
    payment_status = fields.text(raw, "payment_status") or "unpaid"
    return objects.CheckoutSession(
        **fields.common(raw),
        customer=fields.reference(raw, "customer"),
        mode=fields.text(raw, "mode") or "payment",
        status=fields.text(raw, "status") or ("open" if payment_status == "unpaid" else "complete"),
        payment_status=payment_status,
        currency=fields.currency(raw),
        amount_total=fields.integer(raw, "amount_total"),
        subscription=fields.reference(raw, "subscription"),
        payment_intent=fields.reference(raw, "payment_intent"),
        setup_intent=fields.reference(raw, "setup_intent"),
        invoice=fields.reference(raw, "invoice"),
        client_reference_id=fields.text(raw, "client_reference_id"),
        expires_at=fields.moment(raw, "expires_at"),
        url=fields.text(raw, "url"),
    )


def _fee_and_net(raw: Raw, currency: str) -> tuple[int | objects.Unsaid, int | objects.Unsaid]:
    """Return what the expanded balance transaction tells.

    It is in the currency of the account's balance; if that isn't the charge's, nothing is told.
    """
    balance = raw.get("balance_transaction")
    if not isinstance(balance, dict) or fields.currency(balance) != currency:
        return objects.UNSAID, objects.UNSAID
    return fields.required_integer(balance, "fee"), fields.required_integer(balance, "net")


def _application_fee(raw: Raw) -> int | None:
    """Return what was agreed on, else what the expanded fee tells."""
    agreed = fields.integer(raw, "application_fee_amount")
    fee = raw.get("application_fee")
    return fields.integer(fee, "amount") if agreed is None and isinstance(fee, dict) else agreed


def _invoice(raw: Raw) -> str | objects.Unsaid | None:
    return fields.reference(raw, "invoice") if "invoice" in raw else objects.UNSAID
