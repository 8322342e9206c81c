"""Invoices with their lines, and the payments laid against them.

Versions from 2025-03-31 on link an invoice to its money by invoice payments, which are objects with ids of
their own. Before, the invoice named one ``payment_intent`` and one ``charge``, and both of these named the
``invoice``. So nothing is made up for an old invoice: its payments are unsaid here, and the link is
read from the other side (:mod:`.reading_payments`), where every version that lacks the one has the other.
"""

from __future__ import annotations

from .. import objects
from . import fields
from .bodies import Raw


def read_invoice(raw: Raw) -> objects.Invoice:
    """Read an invoice that exists; a preview of the next one has no id.

    ``tax`` is all tax, inclusive and exclusive. ``discount`` adds up what each discount took off; where
    the body doesn't say it, it's what lies between subtotal, tax and total.
    """
    taxes = _taxes(raw, "total_taxes", "total_tax_amounts")
    subtotal, total = (
        fields.required_integer(raw, "subtotal"),
        fields.required_integer(raw, "total"),
    )
    said_tax = fields.integer(raw, "tax") or 0
    exclusive = said_tax if taxes is None else _exclusive(taxes)
    between = fields.bounded(subtotal + exclusive - total, "total")
    discounts = fields.rows(raw, "total_discount_amounts")
    transitions = fields.part(raw, "status_transitions")
    lines = fields.rows(raw, "lines")
    payments = fields.rows(raw, "payments")
    return objects.Invoice(
        **fields.common(raw),
        customer=fields.required_reference(raw, "customer"),
        status=fields.text(raw, "status") or "draft",
        currency=fields.required_currency(raw),
        subtotal=subtotal,
        total=total,
        amount_due=fields.required_integer(raw, "amount_due"),
        amount_paid=fields.required_integer(raw, "amount_paid"),
        amount_remaining=fields.required_integer(raw, "amount_remaining"),
        subscription=_subscription(raw),
        number=fields.text(raw, "number"),
        discount=between if discounts is None else fields.total(discounts),
        discount_amounts=tuple(_discount_amount(each) for each in discounts or ()),
        tax=said_tax if taxes is None else fields.total(taxes),
        inclusive_tax=0 if taxes is None else _inclusive(taxes),
        total_taxes=tuple(_tax_amount(tax) for tax in taxes or ()),
        automatic_tax_status=fields.text(fields.part(raw, "automatic_tax"), "status"),
        auto_advance=fields.flag(raw, "auto_advance"),
        description=fields.text(raw, "description"),
        starting_balance=fields.integer(raw, "starting_balance") or 0,
        ending_balance=fields.integer(raw, "ending_balance"),
        billing_reason=fields.text(raw, "billing_reason"),
        collection_method=fields.text(raw, "collection_method") or "charge_automatically",
        attempt_count=fields.integer(raw, "attempt_count") or 0,
        next_payment_attempt=fields.moment(raw, "next_payment_attempt"),
        due_date=fields.moment(raw, "due_date"),
        period_start=fields.moment(raw, "period_start"),
        period_end=fields.moment(raw, "period_end"),
        finalized_at=fields.moment(transitions, "finalized_at"),
        paid_at=fields.moment(transitions, "paid_at"),
        voided_at=fields.moment(transitions, "voided_at"),
        hosted_url=fields.text(raw, "hosted_invoice_url"),
        lines=objects.UNSAID if lines is None else tuple(read_line(line) for line in lines),
        payments=objects.UNSAID
        if payments is None
        else tuple(read_invoice_payment(payment) for payment in payments),
    )


def read_invoice_payment(raw: Raw) -> objects.InvoicePayment:
    """Read a payment laid against an invoice: of a payment intent, or of a charge without one."""
    payment = fields.part(raw, "payment")
    return objects.InvoicePayment(
        **fields.common(raw),
        invoice=fields.required_reference(raw, "invoice"),
        status=fields.required_text(raw, "status"),
        amount_requested=fields.integer(raw, "amount_requested"),
        amount_paid=fields.integer(raw, "amount_paid"),
        currency=fields.currency(raw),
        payment_intent=fields.reference(payment, "payment_intent"),
        charge=fields.reference(payment, "charge"),
        is_default=fields.flag(raw, "is_default", default=True),
        paid_at=fields.moment(fields.part(raw, "status_transitions"), "paid_at"),
    )


def read_line(raw: Raw) -> objects.InvoiceLine:
    """Read a line; ``discount`` includes its share of discounts on the whole invoice."""
    parent = fields.part(raw, "parent")
    origin = fields.part(parent, "subscription_item_details") or fields.part(
        parent, "invoice_item_details"
    )
    period = fields.part(raw, "period")
    return objects.InvoiceLine(
        processor_id=fields.text(raw, "id") or None,
        amount=fields.required_integer(raw, "amount"),
        currency=fields.required_currency(raw),
        description=fields.text(raw, "description"),
        quantity=fields.integer(raw, "quantity"),
        price=_line_price(raw),
        subscription=fields.reference(origin or raw, "subscription"),
        subscription_item=fields.reference(origin or raw, "subscription_item"),
        period_start=fields.moment(period, "start"),
        period_end=fields.moment(period, "end"),
        proration=fields.flag(origin or raw, "proration"),
        invoice_item=fields.reference(origin or raw, "invoice_item"),
        discount=fields.total(fields.rows(raw, "discount_amounts") or ()),
        tax=_exclusive(_taxes(raw, "taxes", "tax_amounts") or []),
        inclusive_tax=_inclusive(_taxes(raw, "taxes", "tax_amounts") or []),
        raw=raw,
    )


def _discount_amount(raw: Raw) -> objects.DiscountAmount:
    return objects.DiscountAmount(
        discount=fields.required_reference(raw, "discount"),
        amount=fields.required_integer(raw, "amount"),
    )


def _subscription(raw: Raw) -> str | None:
    parent = fields.part(fields.part(raw, "parent"), "subscription_details")
    return fields.reference(parent, "subscription") or fields.reference(raw, "subscription")


def _line_price(raw: Raw) -> str | None:
    pricing = fields.part(fields.part(raw, "pricing"), "price_details")
    return (
        fields.reference(pricing, "price")
        or fields.reference(raw, "price")
        or fields.reference(raw, "plan")
    )


def _taxes(raw: Raw, name: str, older: str) -> list[Raw] | None:
    taxes = fields.rows(raw, name)
    return fields.rows(raw, older) if taxes is None else taxes


def _exclusive(taxes: list[Raw]) -> int:
    """Add up what comes on top of the price."""
    return fields.total(tax for tax in taxes if not _is_inclusive(tax))


def _inclusive(taxes: list[Raw]) -> int:
    """Add up what the price holds already."""
    return fields.total(tax for tax in taxes if _is_inclusive(tax))


def _is_inclusive(tax: Raw) -> bool:
    """Tell whether the price holds a tax: ``inclusive`` told that before ``tax_behavior`` did."""
    return fields.flag(tax, "inclusive") or fields.text(tax, "tax_behavior") == "inclusive"


def _tax_amount(tax: Raw) -> objects.TaxAmount:
    return objects.TaxAmount(
        amount=fields.required_integer(tax, "amount"),
        inclusive=_is_inclusive(tax),
        taxable_amount=fields.integer(tax, "taxable_amount"),
        reason=fields.text(tax, "taxability_reason"),
    )


def read_credit_note(raw: Raw) -> objects.CreditNote:
    """Read a credit note. Since 2025-03-31 it has several ``refunds``; before, one ``refund``."""
    several = [fields.reference(each, "refund") for each in fields.rows(raw, "refunds") or ()]
    refunds = [*several, fields.reference(raw, "refund")]
    return objects.CreditNote(
        **fields.common(raw),
        customer=fields.required_reference(raw, "customer"),
        invoice=fields.required_reference(raw, "invoice"),
        status=fields.required_text(raw, "status"),
        currency=fields.required_currency(raw),
        subtotal=fields.required_integer(raw, "subtotal"),
        total=fields.required_integer(raw, "total"),
        number=fields.text(raw, "number"),
        reason=fields.text(raw, "reason"),
        memo=fields.text(raw, "memo"),
        pre_payment_amount=fields.integer(raw, "pre_payment_amount") or 0,
        post_payment_amount=fields.integer(raw, "post_payment_amount") or 0,
        out_of_band_amount=fields.integer(raw, "out_of_band_amount") or 0,
        voided_at=fields.moment(raw, "voided_at"),
        refunds=tuple(each for each in refunds if each is not None),
    )
