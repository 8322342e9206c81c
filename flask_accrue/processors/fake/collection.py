"""Collecting an invoice: the first attempt, the retries, and what comes of each."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from .. import objects
from . import invoices, payments, standing
from .transaction import Transaction


class Collected(t.NamedTuple):
    """An invoice after an attempt, with the intent and the charge of that attempt."""

    invoice: objects.Invoice
    intent: objects.PaymentIntent | None = None
    charge: objects.Charge | None = None

    @property
    def is_paid(self) -> bool:
        """Whether nothing is left to pay."""
        return self.invoice.status == "paid"

    @property
    def objects(self) -> tuple[objects.ProcessorObject, ...]:
        """The invoice, then what there is of intent and charge."""
        return tuple(each for each in self if each is not None)


def finalize(tx: Transaction, invoice: objects.Invoice) -> objects.Invoice:
    """Finalize a draft, which may settle it at once."""
    finalized = invoices.finalize(tx, invoice)
    if finalized.status == "paid":
        standing.after_payment(tx, finalized)
    return finalized


def issue(tx: Transaction, invoice: objects.Invoice) -> Collected:
    """Finalize a draft and collect it, unless it's only sent."""
    finalized = finalize(tx, invoice)
    if finalized.status == "paid":
        return Collected(finalized)
    if finalized.collection_method == "send_invoice":
        return Collected(finalized, invoices.intent_of(tx, finalized))
    return collect(tx, finalized, automatic=True)


def hold_or_plan(
    tx: Transaction, subscription: objects.Subscription, invoice: objects.Invoice
) -> objects.Invoice:
    """Let a draft be collected in an hour, or do with it what the pause of its subscription says."""
    if subscription.pause_behavior == "void":
        return invoices.discard(tx, invoice)
    if subscription.pause_behavior == "mark_uncollectible":
        finalized = finalize(tx, invoice)
        if finalized.status == "paid":
            return finalized
        return standing.dismiss(tx, finalized, "uncollectible")
    if subscription.pause_behavior is None and subscription.status != "unpaid":
        tx.plan(invoice.processor_id, "finalize", tx.now + invoices.DRAFT_FOR)
    return invoice


def collect(
    tx: Transaction,
    invoice: objects.Invoice,
    method: objects.PaymentMethod | None = None,
    *,
    automatic: bool,
    confirmed: bool = False,
) -> Collected:
    """Ask a card for what an invoice leaves to pay.

    :param method: the card; by default the subscription's, else the customer's.
    :param automatic: it was the schedule's turn, so that the schedule goes on when this fails.
    """
    if invoice.status not in invoices.UNPAID:
        raise invoices.wrong_status(invoice, "paid")
    intent = invoices.intent_of(tx, invoice)
    assert intent is not None
    method = method or default_method(tx, invoice)
    intent, charge = payments.attempt(tx, intent, method, confirmed=confirmed)
    first = automatic or invoice.attempt_count == 0
    invoice = dataclasses.replace(invoice, attempt_count=invoice.attempt_count + first)
    if intent.status == "succeeded":
        invoice = invoices.settle(tx, invoice, charge)
        standing.after_payment(tx, invoice)
    else:
        invoice = fail(tx, invoice, intent, scheduled=first)
    return Collected(invoice, intent, charge)


def settle_elsewhere(tx: Transaction, invoice: objects.Invoice) -> objects.Invoice:
    """Mark an invoice as paid by other means than the processor's; its own payment is given up."""
    intent = invoices.intent_of(tx, invoice)
    if intent is not None:
        payments.cancel(tx, intent)
    return standing.settle_without_payment(tx, invoice)


def fail(
    tx: Transaction,
    invoice: objects.Invoice,
    intent: objects.PaymentIntent,
    *,
    scheduled: bool,
) -> objects.Invoice:
    """Write down that an invoice couldn't be collected, and when that is tried again."""
    last = False
    if scheduled and invoice.status == "open" and _is_retried(tx, invoice):
        # An invoice that waited for its customer had no attempt before; it starts at the beginning.
        days = tx.rules.retry_days[max(0, invoice.attempt_count - 1) :][:1]
        last = not days
        again = tx.now + datetime.timedelta(days=days[0]) if days else None
        invoice = dataclasses.replace(invoice, next_payment_attempt=again)
        tx.plan(invoice.processor_id, "retry", again)
    tx.save(invoice, "invoice.updated")
    if intent.status == "requires_action":
        tx.emit("invoice.payment_action_required", invoice)
    tx.emit("invoice.payment_failed", invoice)
    standing.after_failure(tx, invoice, last=last)
    return tx.get(objects.Invoice, invoice.processor_id)


def default_method(tx: Transaction, invoice: objects.Invoice) -> objects.PaymentMethod | None:
    """Return the card that pays an invoice: the subscription's, else the customer's."""
    customer = tx.get(objects.Customer, invoice.customer)
    method_id = customer.default_payment_method
    if invoice.subscription is not None:
        subscription = tx.get(objects.Subscription, invoice.subscription)
        method_id = subscription.default_payment_method or method_id
    return None if method_id is None else tx.get(objects.PaymentMethod, method_id)


def _is_retried(tx: Transaction, invoice: objects.Invoice) -> bool:
    if invoice.subscription is None:
        return False
    subscription = tx.get(objects.Subscription, invoice.subscription)
    return subscription.status in ("trialing", "active", "past_due")
