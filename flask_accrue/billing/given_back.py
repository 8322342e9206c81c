"""What was given back of a bill already, by refunds and by credit notes, and what is left."""

from __future__ import annotations

import sqlalchemy as sa

from .. import models
from ..state import current_state


def left_of(invoice: models.Invoice) -> int:
    """Return how much of what was paid for an invoice wasn't given back yet, in minor units.

    Paid is what the balance settled, too; given back is what went to a card, to the balance or elsewhere.
    """
    lowered = sum(each.pre_payment_amount for each in _notes(invoice))
    settled = max(invoice.amount_paid, invoice.total - invoice.amount_remaining - lowered)
    charges = models.Charge
    refunded = current_state().db.session.scalars(
        sa.select(charges.amount_refunded).where(
            charges.processor == invoice.processor,
            charges.invoice_processor_id == invoice.processor_id,
        )
    )
    return max(0, settled - sum(refunded) - elsewhere(invoice))


def elsewhere(invoice: models.Invoice) -> int:
    """Return what credit notes gave back otherwise than by refunds: to the balance, or out of band."""
    notes = _notes(invoice)
    refunds = models.Refund
    by_refunds = current_state().db.session.scalars(
        sa.select(refunds.amount).where(
            refunds.processor == invoice.processor,
            refunds.processor_id.in_(named_refunds(invoice)),
        )
    )
    return sum(each.post_payment_amount for each in notes) - sum(by_refunds)


def named_refunds(invoice: models.Invoice) -> set[str]:
    """Return the processor's ids of the refunds that credit notes of an invoice tell of."""
    return {id for each in _notes(invoice) for id in each.refund_processor_ids or ()}


def credited(invoice: models.Invoice) -> int:
    """Return the sum of an invoice's credit notes."""
    return sum(each.total for each in _notes(invoice))


def left_of_charge(charge: models.Charge) -> int:
    """Return how much of a charge can be refunded: no more than is left of the invoice that it paid."""
    invoice = current_state().db.session.scalar(
        sa.select(models.Invoice).where(
            models.Invoice.processor == charge.processor,
            models.Invoice.processor_id == charge.invoice_processor_id,
        )
    )
    # Without such notes a charge tells by itself what is left of it.
    if invoice is None or not elsewhere(invoice):
        return charge.amount_refundable
    return min(charge.amount_refundable, left_of(invoice))


def _notes(invoice: models.Invoice) -> list[models.CreditNote]:
    notes = models.CreditNote
    return list(
        current_state().db.session.scalars(
            sa.select(notes).where(
                notes.processor == invoice.processor,
                notes.invoice_processor_id == invoice.processor_id,
                sa.not_(notes.is_void),
            )
        )
    )
