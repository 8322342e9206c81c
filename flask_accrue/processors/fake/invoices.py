"""Invoices: drafted with their lines, finalized with a number, and the lines that wait for one."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ...errors import InvalidRequest
from ...money import Money
from .. import objects
from . import customers, discounting, discounts, documents, metering, payments, taxes, totals
from .refusals import refused
from .transaction import Transaction

#: How long an invoice stays a draft when nobody is waiting for it.
DRAFT_FOR: t.Final = datetime.timedelta(hours=1)

UNPAID: t.Final = frozenset({"open", "uncollectible"})


def draft(
    tx: Transaction,
    customer: objects.Customer,
    *,
    currency: str,
    reason: str,
    lines: t.Sequence[objects.InvoiceLine],
    period: tuple[datetime.datetime, datetime.datetime],
    subscription: str | None = None,
    collection_method: str = "charge_automatically",
    pending: bool = True,
    own_pending: bool = True,
    automatic_tax: bool = False,
    invoice_id: str | None = None,
    **details: t.Any,
) -> objects.Invoice:
    """Make a draft of those lines, and of all that wait for an invoice of this subscription or customer.

    :param invoice_id: its id, where that was told already.
    :param pending: whether what waits is taken in; ``own_pending``: the customer's own, too.
    :param details: further fields of the invoice.
    """
    customer = customers.bill_in(tx, customer, currency)
    waiting = [] if subscription is None or not pending else _take_pending(tx, subscription)
    if pending and own_pending:
        waiting += _take_pending(tx, customer.processor_id)
    empty = objects.Invoice(
        processor_id=invoice_id or tx.new_id("in"),
        created=tx.now,
        customer=customer.processor_id,
        subscription=subscription,
        status="draft",
        currency=currency,
        subtotal=0,
        total=0,
        amount_due=0,
        amount_paid=0,
        amount_remaining=0,
        billing_reason=reason,
        collection_method=collection_method,
        period_start=period[0],
        period_end=period[1],
        lines=(),
        payments=(),
        **details,
    )
    tx.save(empty)
    applicable = discounting.applicable(tx, customer.processor_id, subscription)
    if applicable:
        tx.aside(empty.processor_id)["discounts"] = [documents.write(one) for one in applicable]
    if automatic_tax or taxes.is_automatic(tx, subscription):
        tx.aside(empty.processor_id)["automatic_tax"] = True
    invoice = totals.with_lines(tx, empty, (*waiting, *lines))
    discounts.spend(tx, tx.get(objects.Customer, invoice.customer), invoice)
    return tx.save(invoice, "invoice.created")


def finalize(tx: Transaction, invoice: objects.Invoice) -> objects.Invoice:
    """Give a draft its number, lay the customer's balance against it, and make it ``open``.

    One with nothing to pay is ``paid`` at once; any other gets a payment intent.
    """
    if invoice.status != "draft":
        raise wrong_status(invoice, "finalized")
    invoice = totals.with_lines(tx, invoice, metering.with_late_usage(tx, invoice))
    _spend_discounts(tx, invoice)
    if invoice.automatic_tax_status == taxes.NO_LOCATION:
        raise refused(
            "Tax can't be reckoned: nobody knows where this customer is.",
            "automatic_tax",
            taxes.INVALID_LOCATION,
        )
    customer = tx.get(objects.Customer, invoice.customer)
    due = totals.due(customer, invoice.total)
    ending = customer.balance + invoice.total if due["amount_due"] == 0 else 0
    finalized = dataclasses.replace(
        invoice,
        status="open",
        number=_number(tx, customer),
        finalized_at=tx.now,
        starting_balance=customer.balance,
        ending_balance=ending,
        due_date=invoice.due_date or _due_date(tx, invoice),
        **due,
    )
    tx.plan(invoice.processor_id, "finalize", None)
    tx.plan(invoice.processor_id, "overdue", finalized.due_date)
    if invoice.subscription is not None:
        tx.aside(invoice.subscription)["latest_finalized"] = invoice.processor_id
    if customer.balance != ending:
        tx.aside(invoice.processor_id)["applied"] = customer.balance - ending
        customers.change_balance(tx, customer, ending)
    if finalized.amount_due > 0:
        finalized = _with_intent(tx, finalized)
    tx.save(finalized, "invoice.finalized")
    if finalized.amount_due == 0:
        finalized = settle(tx, finalized)
    return finalized


def _due_date(tx: Transaction, invoice: objects.Invoice) -> datetime.datetime | None:
    """Return until when an invoice that is sent now is to be paid."""
    if invoice.collection_method != "send_invoice":
        return None
    terms = {} if invoice.subscription is None else tx.aside(invoice.subscription)
    return tx.now + datetime.timedelta(days=terms.get("days_until_due", tx.rules.days_until_due))


def settle(
    tx: Transaction, invoice: objects.Invoice, charge: objects.Charge | None = None
) -> objects.Invoice:
    """Mark an invoice as paid, by that charge if there was one to make."""
    laid = tuple(
        dataclasses.replace(
            payment,
            status="paid",
            amount_paid=invoice.amount_due,
            charge=None if charge is None else charge.processor_id,
            paid_at=tx.now,
        )
        for payment in payments_of(invoice)
    )
    for payment in laid:
        tx.save(payment, "invoice_payment.paid")
    paid = dataclasses.replace(
        invoice,
        status="paid",
        amount_paid=invoice.amount_due,
        amount_remaining=0,
        paid_at=tx.now,
        next_payment_attempt=None,
        payments=laid,
    )
    tx.forget(invoice.processor_id)
    tx.save(paid, "invoice.updated")
    tx.emit("invoice.paid", paid)
    tx.emit("invoice.payment_succeeded", paid)
    return paid


def dismiss(tx: Transaction, invoice: objects.Invoice, status: str) -> objects.Invoice:
    """Give an invoice up: ``void`` or ``uncollectible``.

    :raises InvalidRequest: when it isn't open, or an uncollectible one that is to be voided.
    """
    allowed = {"void": UNPAID, "uncollectible": frozenset({"open"})}[status]
    if invoice.status not in allowed:
        raise wrong_status(invoice, "voided" if status == "void" else "marked as uncollectible")
    dismissed = dataclasses.replace(
        invoice,
        status=status,
        next_payment_attempt=None,
        voided_at=tx.now if status == "void" else None,
    )
    tx.forget(invoice.processor_id)
    if status == "uncollectible":
        return tx.save(dismissed, "invoice.marked_uncollectible")
    intent = intent_of(tx, invoice)
    if intent is not None:
        payments.cancel(tx, intent)
    laid = tuple(dataclasses.replace(each, status="canceled") for each in payments_of(invoice))
    for payment in laid:
        tx.save(payment)
    applied = tx.aside(invoice.processor_id).pop("applied", 0)
    if applied:
        customer = tx.get(objects.Customer, invoice.customer)
        customers.change_balance(tx, customer, customer.balance + applied)
    return tx.save(dataclasses.replace(dismissed, payments=laid), "invoice.voided")


def discard(tx: Transaction, invoice: objects.Invoice) -> objects.Invoice:
    """Void a draft that was made while collection is paused; it never touches the balance."""
    voided = dataclasses.replace(invoice, status="void", voided_at=tx.now)
    return tx.save(voided, "invoice.voided")


def add_pending(tx: Transaction, owner: str, lines: t.Iterable[objects.InvoiceLine]) -> None:
    """Let lines wait for the next invoice of a subscription, or of a customer."""
    tx.aside(owner).setdefault("pending", []).extend(documents.write(line) for line in lines)


def move_pending(tx: Transaction, subscription: objects.Subscription) -> None:
    """Let what waits for an invoice of a subscription wait for one of its customer instead."""
    add_pending(tx, subscription.customer, _take_pending(tx, subscription.processor_id))


def has_pending(tx: Transaction, owner: str) -> bool:
    """Tell whether lines wait for the next invoice of a subscription or customer."""
    return bool(tx.aside(owner).get("pending"))


def pending(tx: Transaction, subscription: objects.Subscription) -> list[objects.InvoiceLine]:
    """Return the lines that wait for the next invoice of a subscription."""
    return [
        documents.read(objects.InvoiceLine, line)
        for owner in (subscription.processor_id, subscription.customer)
        for line in tx.aside(owner).get("pending", [])
    ]


def intent_of(tx: Transaction, invoice: objects.Invoice) -> objects.PaymentIntent | None:
    """Return the payment intent of a finalized invoice, if it has one."""
    for payment in payments_of(invoice):
        if payment.payment_intent is not None:
            return tx.get(objects.PaymentIntent, payment.payment_intent)
    return None


def payments_of(invoice: objects.Invoice) -> tuple[objects.InvoicePayment, ...]:
    """Return what was laid against an invoice; the Fake always says."""
    assert not isinstance(invoice.payments, objects.Unsaid)
    return invoice.payments


def wrong_status(invoice: objects.Invoice, what: str) -> InvalidRequest:
    """Return the error for a step that an invoice's status doesn't allow."""
    return refused(
        f"The invoice {invoice.processor_id!r} is {invoice.status}, so it can't be {what}.",
        "invoice",
        "invoice_already_paid" if invoice.status == "paid" else "invoice_not_editable",
    )


def _spend_discounts(tx: Transaction, invoice: objects.Invoice) -> None:
    """Let what holds once be spent by what came onto a draft since it was made."""
    if invoice.subscription is not None:
        discounts.spend(tx, tx.get(objects.Subscription, invoice.subscription), invoice)
    discounts.spend(tx, tx.get(objects.Customer, invoice.customer), invoice)


def _take_pending(tx: Transaction, owner: str) -> list[objects.InvoiceLine]:
    waiting = tx.aside(owner).pop("pending", [])
    return [documents.read(objects.InvoiceLine, each) for each in waiting]


def _number(tx: Transaction, customer: objects.Customer) -> str:
    aside = tx.aside(customer.processor_id)
    if "prefix" not in aside:
        aside["prefix"] = tx.random_word(8).upper()
    aside["invoices"] = aside.get("invoices", 0) + 1
    return f"{aside['prefix']}-{aside['invoices']:04}"


def _with_intent(tx: Transaction, invoice: objects.Invoice) -> objects.Invoice:
    amount = Money(invoice.amount_due, invoice.currency)
    intent = payments.create(tx, invoice.customer, amount, invoice=invoice.processor_id)
    payment = objects.InvoicePayment(
        processor_id=tx.new_id("inpay"),
        created=tx.now,
        invoice=invoice.processor_id,
        status="open",
        amount_requested=invoice.amount_due,
        currency=invoice.currency,
        payment_intent=intent.processor_id,
    )
    return dataclasses.replace(invoice, payments=(tx.save(payment),))
