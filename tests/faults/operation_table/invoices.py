"""Operations on invoices and credit notes."""

from __future__ import annotations

import typing as t

from flask_accrue import billing, models
from flask_accrue.money import Money
from tests.faults.operation_table.operation import Operation, on_invoice
from tests.faults.operation_table.preparing import billed, credited, drafted, owing

OPERATIONS: t.Final[t.Mapping[str, Operation]] = {
    "pay_invoice": Operation(
        lambda shop, id: billing.pay_invoice(shop.only(models.Invoice), operation_id=id),
        ("POST", "/pay$"),
        ("invoice.paid", "subscription.updated"),
        prepare=owing,
    ),
    "create_invoice": Operation(
        lambda shop, id: billing.create_invoice(shop.org, currency="usd", operation_id=id),
        ("POST", "^/v1/invoices$"),
        ("invoice.created",),
        ("invoice",),
    ),
    "add_invoice_item": Operation(
        lambda shop, id: billing.add_invoice_item(
            shop.only(models.Invoice), Money(200, "usd"), operation_id=id
        ),
        ("POST", "^/v1/invoiceitems$"),
        ("invoice.updated",),
        beside={"invoiceitem": 1},
        prepare=drafted,
    ),
    "remove_invoice_item": Operation(
        lambda shop, id: billing.remove_invoice_item(
            shop.only(models.Invoice), shop.line(), operation_id=id
        ),
        ("DELETE", "^/v1/invoiceitems/"),
        ("invoice.updated",),
        beside={"invoiceitem": -1},
        prepare=drafted,
    ),
    "finalize_invoice": on_invoice("finalize", "finalized", billing.finalize_invoice, drafted),
    "send_invoice": on_invoice("send", "sent", billing.send_invoice),
    "void_invoice": on_invoice("void", "voided", billing.void_invoice),
    "mark_uncollectible": on_invoice(
        "mark_uncollectible", "marked_uncollectible", billing.mark_uncollectible
    ),
    "create_credit_note": Operation(
        lambda shop, id: billing.create_credit_note(
            shop.only(models.Invoice), Money(200, "usd"), operation_id=id
        ),
        ("POST", "^/v1/credit_notes$"),
        ("credit_note.created",),
        ("credit_note",),
        prepare=billed,
    ),
    "void_credit_note": Operation(
        lambda shop, id: billing.void_credit_note(shop.only(models.CreditNote), operation_id=id),
        ("POST", "^/v1/credit_notes/[^/]+/void$"),
        ("credit_note.voided",),
        prepare=credited,
    ),
}
