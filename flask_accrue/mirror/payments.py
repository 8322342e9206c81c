"""Payment intents, charges and refunds."""

from __future__ import annotations

from .. import models
from ..ids import new_id
from ..processors import objects
from ..unit_of_work import UnitOfWork
from .changes import draft, record, said
from .failures import note_failed_charge
from .freshness import Source
from .links import invoice_paid


def write_payment_intent(
    uow: UnitOfWork, customer: models.Customer, obj: objects.PaymentIntent, source: Source
) -> models.PaymentIntent:
    """Write a payment intent, without its client secret."""
    row = uow.find(models.PaymentIntent, customer.processor, obj.processor_id)
    invoice = _invoice(uow, customer, obj.invoice, row, obj.processor_id, obj.latest_charge)
    made = draft(
        uow,
        models.PaymentIntent,
        customer.processor,
        obj,
        source,
        {
            "status": obj.status,
            "amount": obj.amount,
            "amount_received": obj.amount_received,
            "currency": obj.currency,
            "capture_method": obj.capture_method,
            "amount_capturable": obj.amount_capturable,
            "payment_method_processor_id": obj.payment_method,
            "latest_charge_processor_id": obj.latest_charge,
            "invoice_processor_id": invoice,
            "error_code": obj.error_code,
            "error_decline_code": obj.error_decline_code,
            "canceled_at": obj.canceled_at,
            "cancellation_reason": obj.cancellation_reason,
        },
        row=row,
        id=new_id(),
        customer_id=customer.id,
    )
    if made.is_change:
        verb = obj.status if made.created or "status" in made.after else "updated"
        record(uow, "payment_intent", verb, made, customer)
    return made.row


def write_charge(
    uow: UnitOfWork, customer: models.Customer, obj: objects.Charge, source: Source
) -> models.Charge:
    """Write a charge; what an expansion told once isn't forgotten when it's left out."""
    row = uow.find(models.Charge, customer.processor, obj.processor_id)
    invoice = _invoice(uow, customer, obj.invoice, row, obj.payment_intent, obj.processor_id)
    made = draft(
        uow,
        models.Charge,
        customer.processor,
        obj,
        source,
        {
            "status": obj.status,
            "amount": obj.amount,
            "amount_captured": obj.amount_captured,
            "amount_refunded": obj.amount_refunded,
            "currency": obj.currency,
            "captured": obj.captured,
            "disputed": obj.disputed,
            "payment_intent_processor_id": obj.payment_intent,
            "payment_method_processor_id": obj.payment_method,
            "invoice_processor_id": invoice,
            "failure_code": obj.failure_code,
            "decline_code": obj.decline_code,
            "receipt_url": obj.receipt_url,
            "capture_before": obj.capture_before,
            "transfer_processor_id": said(
                obj.transfer, row.transfer_processor_id if row is not None else None
            ),
            "application_fee": obj.application_fee,
            "fee": said(obj.fee, row.fee if row is not None else None),
            "net": said(obj.net, row.net if row is not None else None),
        },
        row=row,
        id=new_id(),
        customer_id=customer.id,
    )
    if made.is_change:
        record(uow, "charge", _charge_verb(made.row, made.created, made.after), made, customer)
        note_failed_charge(uow, customer, made.row)
    return made.row


def write_refund(
    uow: UnitOfWork, customer: models.Customer, obj: objects.Refund, source: Source
) -> models.Refund:
    """Write a refund. How much of the charge is left is the charge's own news."""
    row = uow.find(models.Refund, customer.processor, obj.processor_id)
    made = draft(
        uow,
        models.Refund,
        customer.processor,
        obj,
        source,
        {
            "charge_processor_id": obj.charge,
            "payment_intent_processor_id": obj.payment_intent,
            "status": obj.status,
            "amount": obj.amount,
            "currency": obj.currency,
            "reason": obj.reason,
            "failure_reason": obj.failure_reason,
            "fee": said(obj.fee, row.fee if row is not None else None),
            "net": said(obj.net, row.net if row is not None else None),
        },
        row=row,
        id=new_id(),
        customer_id=customer.id,
    )
    if made.is_change:
        verb = "created" if made.created else _refund_verb(made.row, made.after)
        record(uow, "refund", verb, made, customer)
    return made.row


def _invoice(
    uow: UnitOfWork,
    customer: models.Customer,
    stated: str | objects.Unsaid | None,
    row: models.PaymentIntent | models.Charge | None,
    payment_intent: str | None,
    charge: str | None,
) -> str | None:
    """Return the invoice a payment belongs to: as stated, as known, or by the invoice's payments."""
    if isinstance(stated, str):
        return stated
    if row is not None and row.invoice_processor_id is not None:
        return row.invoice_processor_id
    return invoice_paid(uow, customer.processor, payment_intent, charge)


def _charge_verb(row: models.Charge, created: bool, after: dict[str, object]) -> str:
    if created or "status" in after:
        return row.status
    if "captured" in after:
        return "captured"
    if "amount_refunded" in after:
        # What was held and isn't taken counts as refunded, too.
        return "refunded" if row.captured else "released"
    return "disputed" if "disputed" in after else "updated"


def _refund_verb(row: models.Refund, after: dict[str, object]) -> str:
    if "status" not in after:
        return "updated"
    return row.status if row.is_failed or row.is_succeeded else "updated"
