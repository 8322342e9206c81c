"""Invoices with their lines and payments, and the credit notes that lower them."""

from __future__ import annotations

import dataclasses

from .base import UNSAID, ProcessorObject, Raw, Unsaid, When
from .discounts import DiscountAmount


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaxAmount:
    """A part of a tax: ``amount`` of ``taxable_amount``, within the price (inclusive) or on top of it.

    ``reason`` is why it's as much, such as ``standard_rated`` or ``reverse_charge``.
    """

    amount: int
    inclusive: bool
    taxable_amount: int | None = None
    reason: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class InvoiceLine:
    """A row of an invoice. ``processor_id`` is ``None`` where the processor gives none.

    ``amount`` is before discounts; ``discount`` and the taxes are of this line alone; ``tax`` is
    what comes on top (exclusive), ``inclusive_tax`` what the amount holds. ``invoice_item`` is what it
    was added as, if it was added by itself.
    """

    processor_id: str | None
    amount: int
    currency: str
    description: str | None = None
    quantity: int | None = None
    price: str | None = None
    subscription: str | None = None
    subscription_item: str | None = None
    period_start: When | None = None
    period_end: When | None = None
    proration: bool = False
    invoice_item: str | None = None
    discount: int = 0
    tax: int = 0
    inclusive_tax: int = 0
    tax_behavior: str | None = None
    raw: Raw = dataclasses.field(default_factory=dict, repr=False, compare=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class InvoiceItem(ProcessorObject):
    """What was added to an invoice by itself, as an event tells it; on the invoice it's a line."""

    kind = "invoice_item"

    customer: str
    invoice: str | None
    amount: int
    currency: str
    quantity: int | None = None
    price: str | None = None
    description: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class InvoicePayment(ProcessorObject):
    """A payment laid against an invoice: ``open``, ``paid`` or ``canceled``."""

    kind = "invoice_payment"

    invoice: str
    status: str
    amount_requested: int | None = None
    amount_paid: int | None = None
    currency: str | None = None
    payment_intent: str | None = None
    charge: str | None = None
    is_default: bool = True
    paid_at: When | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Invoice(ProcessorObject):
    """A bill: ``draft``, ``open``, ``paid``, ``uncollectible`` or ``void``.

    ``tax`` is all of it, ``inclusive_tax`` what of that the prices hold already;
    ``total`` = ``subtotal`` - ``discount`` + ``tax`` - ``inclusive_tax``.
    ``starting_balance`` is the customer's balance when it was finalized (below 0: credit).
    ``discount_amounts`` tell what each discount took off.
    ``automatic_tax_status`` is ``complete``, ``requires_location_inputs`` or ``failed``, and ``None`` where
    tax isn't reckoned automatically.
    """

    kind = "invoice"

    customer: str
    status: str
    currency: str
    subtotal: int
    total: int
    amount_due: int
    amount_paid: int
    amount_remaining: int
    subscription: str | None = None
    number: str | None = None
    discount: int = 0
    discount_amounts: tuple[DiscountAmount, ...] = ()
    tax: int = 0
    inclusive_tax: int = 0
    total_taxes: tuple[TaxAmount, ...] = ()
    automatic_tax_status: str | None = None
    auto_advance: bool = False
    description: str | None = None
    starting_balance: int = 0
    ending_balance: int | None = None
    billing_reason: str | None = None
    collection_method: str = "charge_automatically"
    attempt_count: int = 0
    next_payment_attempt: When | None = None
    due_date: When | None = None
    period_start: When | None = None
    period_end: When | None = None
    finalized_at: When | None = None
    paid_at: When | None = None
    voided_at: When | None = None
    hosted_url: str | None = None
    lines: tuple[InvoiceLine, ...] | Unsaid = UNSAID
    payments: tuple[InvoicePayment, ...] | Unsaid = UNSAID


@dataclasses.dataclass(frozen=True, kw_only=True)
class CreditNote(ProcessorObject):
    """What an invoice was lowered by after it was finalized: ``issued`` or ``void``.

    ``total`` is what it lowers the invoice by: ``pre_payment_amount`` of what was left to pay, and
    ``post_payment_amount`` was given back, of which ``out_of_band_amount`` elsewhere.
    """

    kind = "credit_note"

    customer: str
    invoice: str
    status: str
    currency: str
    subtotal: int
    total: int
    number: str | None = None
    reason: str | None = None
    memo: str | None = None
    pre_payment_amount: int = 0
    post_payment_amount: int = 0
    out_of_band_amount: int = 0
    voided_at: When | None = None
    refunds: tuple[str, ...] = ()
