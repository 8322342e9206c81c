"""Payments that somebody asks for: a charge, an invoice paid by hand, a confirmation."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from ...money import Money
from .. import objects
from . import (
    collection,
    customers,
    invoices,
    payment_methods,
    payments,
    refunds,
    standing,
    transfers,
)
from .refusals import refused
from .transaction import Transaction, missing

Result = c.Sequence[objects.ProcessorObject | None]


class Declined(Exception):
    """The bank said no to a payment whose attempt stands.

    :ivar objects: what there is of it, the object that was asked for first.
    """

    def __init__(self, every: Result, intent: objects.PaymentIntent | objects.SetupIntent) -> None:
        super().__init__(intent.processor_id)
        self.objects = every
        self.error = payment_methods.refusal(
            intent.error_code or "card_declined", intent.error_decline_code
        )


def charge(
    tx: Transaction,
    customer_id: str,
    amount: Money,
    method_id: str | None,
    terms: payments.Terms,
    *,
    confirm: bool,
    split: c.Mapping[str, t.Any] | None = None,
) -> Result:
    """Make a payment of a customer; return the intent, the charge if the bank was asked, and its transfer if
    it made one.

    :param confirm: ask the bank now.
    :param split: how it's shared with a connected account.
    :raises Declined: when the bank refuses.
    """
    customer = customers.living(tx, customer_id)
    method = None
    if method_id is not None:
        method = payment_methods.of_customer(tx, customer, method_id)
    elif confirm:
        raise refused(
            "A payment that is confirmed at once needs a payment method.",
            "payment_method",
            "parameter_missing",
        )
    if amount.amount_minor <= 0:
        raise refused(
            f"An amount to charge is at least 1, not {amount.amount_minor}.",
            "amount",
            "parameter_invalid_integer",
        )
    intent = payments.create(tx, customer_id, amount, terms=terms)
    if not confirm:
        if method is not None:
            waiting = dataclasses.replace(
                intent, status="requires_confirmation", payment_method=method.processor_id
            )
            intent = tx.save(waiting)
        return [intent]
    if split is not None:
        tx.aside(intent.processor_id)["split"] = dict(split)
    intent, attempted = payments.attempt(tx, intent, method)
    made = transfers.of_charge(tx, attempted.processor_id) if split and attempted else []
    return _ended(intent, attempted, *made)


def finalize_invoice(tx: Transaction, invoice_id: str, auto_advance: bool | None) -> Result:
    """Make a draft a bill, which may be collected by itself. Return invoice, intent, subscription."""
    invoice = tx.get(objects.Invoice, invoice_id, "invoice")
    if auto_advance is not None:
        invoice = dataclasses.replace(invoice, auto_advance=auto_advance)
    invoice = collection.finalize(tx, invoice)
    if invoice.auto_advance and invoice.status == "open":
        if invoice.collection_method == "send_invoice":
            tx.emit("invoice.sent", invoice)
        else:
            tx.plan(invoice_id, "retry", tx.now)
    return [invoice, invoices.intent_of(tx, invoice), _subscription(tx, invoice)]


def dismiss_invoice(tx: Transaction, invoice_id: str, status: str) -> Result:
    """Give an invoice up: ``void`` or ``uncollectible``. Return invoice, intent, subscription."""
    invoice = tx.get(objects.Invoice, invoice_id, "invoice")
    invoice = standing.dismiss(tx, invoice, status)
    return [invoice, invoices.intent_of(tx, invoice), _subscription(tx, invoice)]


def pay_invoice(
    tx: Transaction, invoice_id: str, method_id: str | None, *, out_of_band: bool = False
) -> Result:
    """Collect an invoice now; a draft is finalized first. Return invoice, intent, charge, subscription.

    :param out_of_band: it was paid elsewhere, and no card is asked.
    :raises Declined: when the bank refuses.
    :raises InvalidRequest: when there is nothing to pay, or no card.
    """
    invoice = tx.get(objects.Invoice, invoice_id, "invoice")
    method = None
    if method_id is not None:
        customer = customers.living(tx, invoice.customer)
        method = payment_methods.of_customer(tx, customer, method_id)
    if invoice.status not in ("draft", *invoices.UNPAID):
        raise invoices.wrong_status(invoice, "paid")
    if invoice.status == "draft":
        invoice = collection.finalize(tx, invoice)
    if invoice.status == "paid":
        return [invoice, _subscription(tx, invoice)]
    if out_of_band:
        invoice = collection.settle_elsewhere(tx, invoice)
        return [invoice, _subscription(tx, invoice)]
    if method is None and collection.default_method(tx, invoice) is None:
        raise refused(
            "This customer has no payment method; name one, or add one first.",
            "payment_method",
            "resource_missing",
        )
    collected = collection.collect(tx, invoice, method, automatic=False)
    every = [*collected.objects, _subscription(tx, invoice)]
    if collected.intent is not None and collected.intent.status == "requires_payment_method":
        raise Declined(every, collected.intent)
    return every


def confirm(tx: Transaction, intent_id: str, method_id: str | None) -> Result:
    """Let the customer confirm a payment, or pay with another card.

    Return the intent, its charge, and the invoice and subscription that hang on it.

    :raises Declined: when the bank refuses.
    :raises InvalidRequest: when nothing is left to confirm.
    """
    intent = tx.get(objects.PaymentIntent, intent_id, "payment_intent")
    if intent.status not in payments.CONFIRMABLE:
        raise payments.unexpected(intent)
    method_id_now = method_id or intent.payment_method
    if method_id_now is None or intent.customer is None:
        raise refused(
            "This payment needs a payment method: the last one was refused.",
            "payment_method",
            "payment_intent_unexpected_state",
        )
    customer = customers.living(tx, intent.customer)
    method = payment_methods.of_customer(tx, customer, method_id_now)
    confirmed = intent.status == "requires_action" and method_id_now == intent.payment_method
    if not isinstance(intent.invoice, str):
        return _ended(*payments.attempt(tx, intent, method, confirmed=confirmed))
    collected = collection.collect(
        tx,
        tx.get(objects.Invoice, intent.invoice),
        method,
        automatic=False,
        confirmed=confirmed,
    )
    return _ended(
        collected.intent or intent,
        collected.charge,
        collected.invoice,
        _subscription(tx, collected.invoice),
    )


def fail_authentication(tx: Transaction, intent_id: str) -> Result:
    """Let the customer's confirmation of a payment fail."""
    intent = tx.get(objects.PaymentIntent, intent_id, "payment_intent")
    intent = payments.fail_authentication(tx, intent)
    if isinstance(intent.invoice, str):
        invoice = tx.get(objects.Invoice, intent.invoice)
        return [intent, collection.fail(tx, invoice, intent, scheduled=False)]
    return [intent]


def told(tx: Transaction, each: objects.ProcessorObject) -> objects.ProcessorObject:
    """Return an object as a fetch tells it: a charge or refund with its fee, anything else as it is.

    :raises NotFound: for a card that was detached, or a draft that was deleted.
    """
    if isinstance(each, objects.Invoice | objects.TaxId) and each.deleted:
        raise missing(type(each), each.processor_id, each.kind)
    if isinstance(each, objects.PaymentMethod) and each.customer is None:
        raise missing(objects.PaymentMethod, each.processor_id, "payment_method")
    if isinstance(each, objects.Refund):
        return refunds.with_fee(each)
    if not isinstance(each, objects.Charge):
        return each
    fee = tx.aside(each.processor_id).get("fee")
    if fee is None:
        return each
    return dataclasses.replace(each, fee=fee, net=each.amount_captured - fee)


def _ended(
    intent: objects.PaymentIntent,
    attempted: objects.Charge | None,
    *others: objects.ProcessorObject | None,
) -> Result:
    every = (intent, attempted, *others)
    if intent.status == "requires_payment_method":
        raise Declined(every, intent)
    return every


def _subscription(tx: Transaction, invoice: objects.Invoice) -> objects.Subscription | None:
    if invoice.subscription is None:
        return None
    return tx.peek(objects.Subscription, invoice.subscription)
