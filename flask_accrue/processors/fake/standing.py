"""What an invoice's fate means for its subscription."""

from __future__ import annotations

import dataclasses

from .. import objects
from . import agenda, endings, invoices
from .transaction import Transaction


def after_payment(tx: Transaction, invoice: objects.Invoice) -> None:
    """Bring a subscription back, or to life, when the invoice that it hangs on is settled."""
    subscription = _waiting_on(tx, invoice)
    if subscription is not None:
        _set(tx, subscription, "active")
    _resume(tx, invoice)


def settle_without_payment(tx: Transaction, invoice: objects.Invoice) -> objects.Invoice:
    """Mark an invoice as paid that nothing more is collected for, and go on from there."""
    laid = tuple(
        dataclasses.replace(each, status="canceled") for each in invoices.payments_of(invoice)
    )
    for payment in laid:
        tx.save(payment)
    paid = invoices.settle(tx, dataclasses.replace(invoice, payments=()))
    paid = tx.save(dataclasses.replace(paid, payments=laid))
    after_payment(tx, paid)
    return paid


def after_failure(tx: Transaction, invoice: objects.Invoice, *, last: bool) -> None:
    """Let a subscription be ``past_due``, and after the ``last`` retry what the rules say."""
    subscription = _of(tx, invoice)
    if subscription is None or subscription.status not in agenda.LIVE:
        return
    overdue = invoice.collection_method == "send_invoice"
    if (overdue or _is_latest(tx, invoice)) and subscription.status != "unpaid":
        subscription = _set(tx, subscription, "past_due")
    if not last or subscription.status != "past_due":
        return
    if tx.rules.terminal_action == "cancel":
        endings.end(tx, subscription, failed=True)
    elif tx.rules.terminal_action == "mark_unpaid":
        _set(tx, subscription, "unpaid")


def dismiss(tx: Transaction, invoice: objects.Invoice, status: str) -> objects.Invoice:
    """Give an invoice up (``void`` or ``uncollectible``), which no longer holds its subscription back.

    A subscription whose first invoice is given up never begins.
    """
    dismissed = invoices.dismiss(tx, invoice, status)
    subscription = _waiting_on(tx, invoice)
    if subscription is not None and subscription.status == "incomplete":
        endings.expire(tx, subscription)
    elif subscription is not None:
        _set(tx, subscription, "active")
    if status == "uncollectible":
        _resume(tx, invoice)
    return dismissed


def _resume(tx: Transaction, invoice: objects.Invoice) -> None:
    """Let a subscription go on that waits for the bill by which it's taken up."""
    subscription = _of(tx, invoice)
    if subscription is None or subscription.status != "paused":
        return
    if tx.aside(subscription.processor_id).get("resumption") == invoice.processor_id:
        tx.emit("customer.subscription.resumed", _set(tx, subscription, "active"))


def _of(tx: Transaction, invoice: objects.Invoice) -> objects.Subscription | None:
    if invoice.subscription is None:
        return None
    return tx.peek(objects.Subscription, invoice.subscription)


def _is_latest(tx: Transaction, invoice: objects.Invoice) -> bool:
    assert invoice.subscription is not None
    latest: str | None = tx.aside(invoice.subscription).get("latest_finalized")
    return latest == invoice.processor_id


def _waiting_on(tx: Transaction, invoice: objects.Invoice) -> objects.Subscription | None:
    """Return the subscription whose standing hangs on this invoice, if one's does.

    It hangs on the latest one that was finalized, and on the last one that isn't paid.
    """
    subscription = _of(tx, invoice)
    if subscription is None or subscription.status not in ("incomplete", "past_due", "unpaid"):
        return None
    if _is_latest(tx, invoice):
        return subscription
    others = (
        each.status == "open" and each.processor_id != invoice.processor_id
        for each in endings.of_subscription(tx, subscription)
    )
    return None if any(others) else subscription


def _set(tx: Transaction, subscription: objects.Subscription, status: str) -> objects.Subscription:
    if subscription.status == status:
        return subscription
    changed = dataclasses.replace(subscription, status=status)
    tx.save(changed, "customer.subscription.updated")
    agenda.plan(tx, changed)
    return changed
