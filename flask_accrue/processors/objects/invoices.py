"""Invoices with their lines and payments, and the credit notes that lower them."""

from __future__ import annotations

import dataclasses

from .base import UNSAID, ProcessorObject, Raw, Unsaid, When
from .discounts import DiscountAmount


@dataclasses.dataclass(frozen=True, kw_only=True)
class InvoiceLine:
    """A row of an invoice. ``processor_id`` is ``None`` where the processor gives none.

    ``amount`` is before discounts; ``discount`` and ``tax`` are of this line alone; ``tax`` is
    what comes on top (exclusive).
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
    discount: int = 0
    tax: int = 0
    raw: Raw = dataclasses.field(default_factory=dict, repr=False, compare=False)


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

    ``total`` = ``subtotal`` - ``discount`` + ``tax`` (the exclusive part of ``tax``);
    ``starting_balance`` is the customer's balance when it was finalized (below 0: credit).
    ``discount_amounts`` tell what each discount took off.
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

    ``total`` is what it lowers the invoice by; ``out_of_band_amount`` was given back elsewhere.
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
    out_of_band_amount: int = 0
    voided_at: When | None = None
    refunds: tuple[str, ...] = ()
