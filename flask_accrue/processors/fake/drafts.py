"""Invoices that somebody writes by hand: drafted, filled, sent, deleted."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import typing as t

from ...money import Money
from .. import objects
from . import catalog, customers, invoices, items, labels, taxes, totals
from .refusals import check_integer, check_texts, refused
from .subscriptions import check_collection
from .transaction import Transaction, missing

PENDING: t.Final = ("include", "exclude")


def create(
    tx: Transaction,
    customer_id: str,
    *,
    subscription_id: str | None,
    currency: str | None,
    collection_method: str,
    due_date: int | None,
    days_until_due: int | None,
    auto_advance: bool,
    automatic_tax: bool,
    description: str | None,
    pending_items: str,
    metadata: c.Mapping[str, str],
) -> objects.Invoice:
    """Draft an invoice by hand.

    :raises InvalidRequest: for what can't be, such as another currency than the customer's.
    """
    customer = customers.living(tx, customer_id)
    check_texts({"description": description})
    check_collection(collection_method, days_until_due)
    if pending_items not in PENDING:
        raise refused(
            f"pending_invoice_items_behavior is one of {', '.join(PENDING)}, not {pending_items!r}.",
            "pending_invoice_items_behavior",
        )
    due = _due_date(tx, collection_method, due_date, days_until_due)
    if subscription_id is not None:
        subscription = tx.get(objects.Subscription, subscription_id, "subscription")
        if subscription.customer != customer_id:
            raise missing(objects.Subscription, subscription_id, "subscription")
        currency = currency or subscription.currency
    currency = currency or customer.currency
    if currency is None:
        raise refused(
            "This customer has no currency yet; name one.", "currency", "parameter_missing"
        )
    made = invoices.draft(
        tx,
        customer,
        currency=currency,
        reason="manual",
        lines=(),
        period=(tx.now, tx.now),
        subscription=subscription_id,
        collection_method=collection_method,
        pending=pending_items == "include",
        own_pending=subscription_id is None,
        automatic_tax=automatic_tax,
        auto_advance=auto_advance,
        due_date=due,
        description=description,
        metadata=labels.merged({}, metadata),
    )
    if auto_advance:
        tx.plan(made.processor_id, "finalize", tx.now + invoices.DRAFT_FOR)
    return made


def add_item(
    tx: Transaction,
    invoice_id: str,
    *,
    customer: str,
    amount: int | None,
    currency: str | None,
    price_id: str | None,
    quantity: int | None,
    description: str | None,
    tax_behavior: str | None,
    metadata: c.Mapping[str, str],
) -> objects.Invoice:
    """Add a line to a draft.

    :raises InvalidRequest: when it isn't a draft of that customer, or for what can't be a line of it.
    """
    invoice = _draft(tx, invoice_id, "changed")
    if invoice.customer != customer:
        raise missing(objects.Invoice, invoice_id, "invoice")
    check_texts({"description": description})
    if tax_behavior not in (None, *taxes.BEHAVIORS):
        raise refused(
            f"tax_behavior is one of {', '.join(taxes.BEHAVIORS)}, not {tax_behavior!r}.",
            "tax_behavior",
        )
    line = objects.InvoiceLine(
        processor_id=tx.new_id("il"),
        invoice_item=tx.new_id("ii"),
        currency=invoice.currency,
        subscription=invoice.subscription,
        period_start=tx.now,
        period_end=tx.now,
        tax_behavior=tax_behavior,
        **_cost(tx, invoice, amount, currency, price_id, quantity, description),
    )
    kept = labels.merged({}, metadata)
    operation = kept.get("accrue_operation")
    if operation is not None:
        tx.aside(invoice_id).setdefault("operations", []).append(operation)
    changed = totals.with_lines(tx, invoice, (*totals.lines_of(invoice), line))
    _tell(tx, "created", invoice, line, kept)
    return tx.save(changed, "invoice.updated")


def remove_item(tx: Transaction, invoice_id: str, item_id: str) -> objects.Invoice:
    """Take back from a draft what was added to it; what is gone already is no error."""
    invoice = _draft(tx, invoice_id, "changed")
    lines = totals.lines_of(invoice)
    gone = [line for line in lines if line.invoice_item == item_id]
    if not gone:
        return invoice
    kept = tuple(line for line in lines if line.invoice_item != item_id)
    _tell(tx, "deleted", invoice, gone[0], {})
    return tx.save(totals.with_lines(tx, invoice, kept), "invoice.updated")


def send(tx: Transaction, invoice_id: str) -> objects.Invoice:
    """Mail an invoice: nobody gets it, but the event says so."""
    invoice = tx.get(objects.Invoice, invoice_id, "invoice")
    if invoice.status != "open":
        raise invoices.wrong_status(invoice, "sent")
    if invoice.collection_method != "send_invoice":
        raise refused(
            f"The invoice {invoice_id!r} is charged automatically, so it can't be sent.",
            "invoice",
            "invoice_not_sendable",
        )
    tx.emit("invoice.sent", invoice)
    return invoice


def delete(tx: Transaction, invoice_id: str) -> objects.Invoice:
    """Delete a draft; what a subscription is billed with has to be finalized and voided instead."""
    gone = tx.get(objects.Invoice, invoice_id, "invoice")
    if gone.deleted:
        return gone
    invoice = _draft(tx, invoice_id, "deleted")
    if invoice.subscription is not None:
        raise refused(
            f"The draft {invoice_id!r} is of a subscription; finalize it and void it instead.",
            "invoice",
            "invoice_not_editable",
        )
    tx.forget(invoice_id)
    return tx.save(dataclasses.replace(invoice, deleted=True), "invoice.deleted")


def made_by(tx: Transaction, invoice_id: str, operation: str) -> objects.Invoice | None:
    """Return an invoice if that operation has added a line to it."""
    invoice = tx.peek(objects.Invoice, invoice_id)
    if invoice is None or operation not in tx.aside(invoice_id).get("operations", ()):
        return None
    return invoice


def _draft(tx: Transaction, invoice_id: str, what: str) -> objects.Invoice:
    invoice = tx.get(objects.Invoice, invoice_id, "invoice")
    if invoice.deleted:
        raise missing(objects.Invoice, invoice_id, "invoice")
    if invoice.status != "draft":
        raise invoices.wrong_status(invoice, what)
    return invoice


def _due_date(
    tx: Transaction, collection_method: str, due_date: int | None, days_until_due: int | None
) -> datetime.datetime | None:
    if due_date is None and days_until_due is None:
        if collection_method == "send_invoice":
            raise refused(
                "An invoice that is sent needs due_date or days_until_due.", "days_until_due"
            )
        return None
    if collection_method != "send_invoice" or None not in (due_date, days_until_due):
        raise refused(
            "One of due_date and days_until_due is for an invoice that is sent.", "due_date"
        )
    if days_until_due is not None:
        return tx.now + datetime.timedelta(days=days_until_due)
    due = items.moment(due_date, "due_date")
    if due is not None and due <= tx.now:
        raise refused("due_date must be in the future.", "due_date")
    return due


def _cost(
    tx: Transaction,
    invoice: objects.Invoice,
    amount: int | None,
    currency: str | None,
    price_id: str | None,
    quantity: int | None,
    description: str | None,
) -> dict[str, t.Any]:
    """Return what a line costs, by its amount or its price."""
    if price_id is None:
        if amount is None or quantity is not None:
            raise refused("Give an amount, or a price and a quantity.", "amount")
        _check_currency(invoice, currency)
        said = check_integer(amount, "amount")
        return {"amount": said, "quantity": 1, "description": description}
    if amount is not None:
        raise refused("Give an amount or a price, not both.", "amount")
    price = tx.get(objects.Price, price_id, "pricing[price]")
    if not price.active or price.interval is not None:
        raise refused(f"The price {price_id!r} isn't an active one-time price.", "pricing[price]")
    _check_currency(invoice, price.currency)
    number = 1 if quantity is None else check_integer(quantity, "quantity")
    if number < 0:
        raise refused("A quantity is at least 0.", "quantity", "parameter_invalid_integer")
    cost = Money((price.unit_amount or 0) * number, price.currency)
    return {
        "amount": cost.amount_minor,
        "quantity": number,
        "price": price_id,
        "description": description or catalog.product_name(tx, price),
    }


def _check_currency(invoice: objects.Invoice, currency: str | None) -> None:
    if currency != invoice.currency:
        raise refused(
            f"The invoice is in {invoice.currency.upper()}; this is in {(currency or '?').upper()}.",
            "currency",
            "currency_mismatch",
        )


def _tell(
    tx: Transaction,
    what: str,
    invoice: objects.Invoice,
    line: objects.InvoiceLine,
    metadata: c.Mapping[str, str],
) -> None:
    item = objects.InvoiceItem(
        processor_id=t.cast(str, line.invoice_item),
        created=tx.now,
        deleted=what == "deleted",
        customer=invoice.customer,
        invoice=invoice.processor_id,
        amount=line.amount,
        currency=line.currency,
        quantity=line.quantity,
        price=line.price,
        description=line.description,
        metadata=metadata,
    )
    tx.emit(f"invoiceitem.{what}", item)
