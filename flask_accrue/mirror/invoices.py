"""Invoices and their payments."""

from __future__ import annotations

import datetime
import typing as t

from .. import models
from ..ids import new_id
from ..processors import objects
from ..unit_of_work import UnitOfWork
from .changes import Draft, draft, record
from .failures import date_by_event, date_without_event, record_failure
from .freshness import Source
from .lines import new_lines, stored_lines, write_lines
from .links import link
from .subscriptions import derive_from_invoices


def write_invoice(
    uow: UnitOfWork,
    customer: models.Customer,
    obj: objects.Invoice,
    source: Source,
    *,
    failed_at: datetime.datetime | None = None,
    attempt: int | None = None,
    looked_up: bool = False,
) -> models.Invoice:
    """Write an invoice with its lines and payments, and what its subscription has from it.

    :param failed_at: when collecting it failed, where the event says that it did.
    :param attempt: how many attempts there had been by then; by default as many as the invoice says.
    :param looked_up: no event or call tells of it, so that a failure which none has told is dated.
    """
    row = uow.find(models.Invoice, customer.processor, obj.processor_id)
    values: dict[str, t.Any] = {
        "subscription_processor_id": obj.subscription,
        "status": obj.status,
        "number": obj.number,
        "currency": obj.currency,
        "subtotal": obj.subtotal,
        "discount": obj.discount,
        "discount_amounts": [dict(vars(each)) for each in obj.discount_amounts],
        "tax": obj.tax,
        "inclusive_tax": obj.inclusive_tax,
        "total_taxes": [dict(vars(each)) for each in obj.total_taxes],
        "automatic_tax_status": obj.automatic_tax_status,
        "total": obj.total,
        "starting_balance": obj.starting_balance,
        "ending_balance": obj.ending_balance,
        "amount_due": obj.amount_due,
        "amount_paid": obj.amount_paid,
        "amount_remaining": obj.amount_remaining,
        "billing_reason": obj.billing_reason,
        "collection_method": obj.collection_method,
        "auto_advance": obj.auto_advance,
        "description": obj.description,
        "attempt_count": obj.attempt_count,
        "next_payment_attempt": obj.next_payment_attempt,
        "due_date": obj.due_date,
        "period_start": obj.period_start,
        "period_end": obj.period_end,
        "finalized_at": obj.finalized_at,
        "paid_at": obj.paid_at,
        "voided_at": obj.voided_at,
        "hosted_url": obj.hosted_url,
    }
    seen = row.fresh_to if row is not None and row.attempt_count else None
    made = draft(
        uow,
        models.Invoice,
        customer.processor,
        obj,
        source,
        values,
        row=row,
        id=new_id(),
        customer_id=customer.id,
    )
    told = False
    attempt = obj.attempt_count if attempt is None else attempt
    if failed_at is not None:
        told = date_by_event(uow, made, failed_at, attempt, seen)
    elif looked_up:
        date_without_event(uow, made)
    if made.created:
        uow.flush()
        new_lines(uow, made.row)
    if obj.lines is not objects.UNSAID:
        before, lines = write_lines(uow, made.row, obj.lines)
        if not made.created:
            made.note("lines", before, lines)
    else:
        lines = stored_lines(uow, made.row)
    if made.is_change:
        verb = _verb(made, told)
        if verb == "payment_failed":
            which = (attempt, failed_at) if told else (made.row.attempt_count, None)
            record_failure(uow, customer, made, lines, *which)
            told = False
        else:
            record(uow, "invoice", verb, made, customer, lines=lines)
    if told and not made.row.is_paid:
        # It was dated before by what else told of it, or something else happened that comes first.
        record_failure(uow, customer, Draft(made.row, created=False), lines, attempt, failed_at)
    if obj.payments is not objects.UNSAID:
        for payment in obj.payments:
            _write_embedded_payment(uow, customer, payment, source)
    if obj.subscription is not None and made.is_change:
        uow.flush()
        derive_from_invoices(uow, customer, obj.subscription)
    return made.row


def note_failure(
    uow: UnitOfWork,
    customer: models.Customer,
    row: models.Invoice,
    failed_at: datetime.datetime,
    attempt: int,
) -> None:
    """Note a failure of an invoice that an event tells which is stale.

    :param attempt: how many attempts there had been by then.
    """
    made = Draft(row, created=False)
    seen = row.fresh_to if row.attempt_count else None
    told = date_by_event(uow, made, failed_at, attempt, seen)
    if told and not row.is_paid:
        record_failure(uow, customer, made, stored_lines(uow, row), attempt, failed_at)
    elif made.is_change:
        record(uow, "invoice", "updated", made, customer, lines=stored_lines(uow, row))
    if made.is_change and row.subscription_processor_id is not None:
        uow.flush()
        derive_from_invoices(uow, customer, row.subscription_processor_id)


def write_invoice_payment(
    uow: UnitOfWork, customer: models.Customer, obj: objects.InvoicePayment, source: Source
) -> models.InvoicePayment:
    """Write a payment, and link its intent and charge to the invoice."""
    row = uow.find(models.InvoicePayment, customer.processor, obj.processor_id)
    made = draft(
        uow,
        models.InvoicePayment,
        customer.processor,
        obj,
        source,
        {
            "invoice_processor_id": obj.invoice,
            "status": obj.status,
            "amount_requested": obj.amount_requested,
            "amount_paid": obj.amount_paid,
            "currency": obj.currency,
            "payment_intent_processor_id": obj.payment_intent,
            "charge_processor_id": obj.charge,
            "is_default": obj.is_default,
            "paid_at": obj.paid_at,
        },
        row=row,
        id=new_id(),
        customer_id=customer.id,
    )
    if made.is_change:
        record(uow, "invoice_payment", "created" if made.created else "updated", made, customer)
        link(uow, customer, made.row)
    return made.row


def record_sent(uow: UnitOfWork, customer: models.Customer, row: models.Invoice) -> None:
    """Write that an invoice was mailed to the customer. The invoice itself hasn't changed."""
    unchanged = Draft(row, created=False)
    record(uow, "invoice", "sent", unchanged, customer, lines=stored_lines(uow, row))


def _write_embedded_payment(
    uow: UnitOfWork, customer: models.Customer, obj: objects.InvoicePayment, source: Source
) -> None:
    """Write a payment that came inside its invoice, unless its own row may be newer.

    Each payment that is made has an event of its own, so what is left alone here isn't missed.
    """
    row = uow.find(models.InvoicePayment, customer.processor, obj.processor_id)
    if row is not None and row.fresh_to is not None:
        both_answered = source.event is None and row.fresh_event is None
        older = (
            row.fresh_to <= source.fresh_to if both_answered else row.fresh_to < source.fresh_from
        )
        if not older:
            return
    write_invoice_payment(uow, customer, obj, source)


def _verb(made: Draft[models.Invoice], told: bool) -> str:
    """Name what happened.

    :param told: an event tells of a failure that none has told of.
    """
    row, after = made.row, made.after
    if made.created:
        return "paid" if row.is_paid else "created"
    if after.get("deleted_at") is not None:
        return "deleted"
    if "status" in after:
        if row.is_open:
            return "finalized"
        if row.is_void:
            return "voided"
        return "marked_uncollectible" if row.is_uncollectible else after["status"]
    # An attempt shows in the count, and the first one in its event too, which may come later: that one
    # tells of it, so that one failure is told once.
    dated = "first_failed_at" in after
    again = "attempt_count" in after and not dated and row.first_failed_at is not None
    return "payment_failed" if (told or again) and not row.is_paid else "updated"
