"""How a subscription ends: now, as it was scheduled, or because its first payment never came."""

from __future__ import annotations

import dataclasses

from .. import objects
from . import agenda, customers, discounts, invoices, items
from .transaction import Transaction, missing


def cancel_now(
    tx: Transaction, subscription_id: str, *, invoice_now: bool, prorate: bool
) -> tuple[objects.Subscription, objects.Invoice | None]:
    """End a subscription at this moment; with ``invoice_now`` draft what waits for an invoice.

    One that never began expires instead, as it does at Stripe.

    :raises NotFound: when it has ended, as the processor says it then.
    """
    subscription = tx.get(objects.Subscription, subscription_id, "subscription")
    if subscription.status in agenda.ENDED:
        raise missing(objects.Subscription, subscription_id, "subscription")
    if subscription.status == "incomplete":
        return expire(tx, subscription), None
    if prorate and subscription.status != "trialing":
        invoices.add_pending(tx, subscription_id, unused_time(tx, subscription))
    last = None
    if invoice_now:
        subscription, last = bill_last(tx, subscription)
    else:
        invoices.move_pending(tx, subscription)
    return end(tx, subscription), last


def unused_time(tx: Transaction, subscription: objects.Subscription) -> list[objects.InvoiceLine]:
    """Return the lines that give back what was billed for the time from now on."""
    given_back = (
        items.credit(tx, subscription.processor_id, item.processor_id, tx.now)
        for item in subscription.items
    )
    return [line for line in given_back if line is not None]


def end(
    tx: Transaction, subscription: objects.Subscription, *, failed: bool = False
) -> objects.Subscription:
    """Make a subscription ``canceled``; nothing more of it is collected by itself.

    :param failed: it ends because it wasn't paid.
    """
    stop(tx, subscription)
    ended = dataclasses.replace(
        subscription,
        status="canceled",
        canceled_at=subscription.canceled_at or tx.now,
        ended_at=tx.now,
    )
    tx.save(ended)
    tx.emit("customer.subscription.deleted", ended)
    _close_schedule(tx, ended, failed)
    return ended


def _close_schedule(tx: Transaction, ended: objects.Subscription, failed: bool) -> None:
    """Let the schedule of a subscription be over too; ``aborted`` when nobody paid."""
    schedule_id = tx.aside(ended.processor_id).pop("schedule", None)
    schedule = tx.peek(objects.SubscriptionSchedule, schedule_id)
    if schedule is None:
        return
    tx.forget(schedule.processor_id)
    canceled = dataclasses.replace(
        schedule,
        status="canceled",
        canceled_at=tx.now,
        current_phase_start=None,
        current_phase_end=None,
    )
    what = "aborted" if failed else "canceled"
    tx.save(canceled, f"subscription_schedule.{what}")


def end_as_scheduled(tx: Transaction, subscription: objects.Subscription) -> None:
    """End a subscription whose time has come; what still waits for an invoice is billed."""
    subscription, last = bill_last(tx, subscription)
    end(tx, subscription)
    if last is not None:
        tx.plan(last.processor_id, "finalize", tx.now + invoices.DRAFT_FOR)


def bill_last(
    tx: Transaction, subscription: objects.Subscription
) -> tuple[objects.Subscription, objects.Invoice | None]:
    """Draft what waits for an invoice of a subscription that ends, and what was used, if there is any."""
    _add_usage(tx, subscription)
    return _bill_pending(tx, subscription)


def _add_usage(tx: Transaction, subscription: objects.Subscription) -> None:
    """Let what was used since the period began wait for the last invoice."""
    used = [line for line in items.usage_lines(tx, subscription) if line.amount]
    if used:
        invoices.add_pending(tx, subscription.processor_id, used)


def _bill_pending(
    tx: Transaction, subscription: objects.Subscription
) -> tuple[objects.Subscription, objects.Invoice | None]:
    if not invoices.has_pending(tx, subscription.processor_id):
        return subscription, None
    assert subscription.currency is not None
    invoice = invoices.draft(
        tx,
        tx.get(objects.Customer, subscription.customer),
        currency=subscription.currency,
        reason="subscription_update",
        lines=(),
        period=(subscription.current_period_start or tx.now, tx.now),
        subscription=subscription.processor_id,
        collection_method=subscription.collection_method,
    )
    return discounts.billed(tx, subscription, invoice), invoice


def expire(tx: Transaction, subscription: objects.Subscription) -> objects.Subscription:
    """Give up a subscription whose first payment didn't come, and void its invoice."""
    stop(tx, subscription)
    expired = dataclasses.replace(
        subscription, status="incomplete_expired", canceled_at=tx.now, ended_at=tx.now
    )
    tx.save(expired, "customer.subscription.updated")
    for invoice in of_subscription(tx, subscription):
        if invoice.status in invoices.UNPAID:
            invoices.dismiss(tx, invoice, "void")
    return expired


def stop(tx: Transaction, subscription: objects.Subscription) -> None:
    """Take a subscription and the collection of its invoices off the agenda."""
    tx.forget(subscription.processor_id)
    for invoice in of_subscription(tx, subscription):
        tx.forget(invoice.processor_id)
        if invoice.next_payment_attempt is not None:
            tx.save(dataclasses.replace(invoice, next_payment_attempt=None), "invoice.updated")


def of_subscription(tx: Transaction, subscription: objects.Subscription) -> list[objects.Invoice]:
    """Return the invoices of a subscription, oldest first."""
    return [
        invoice
        for invoice in tx.all(objects.Invoice, subscription.customer)
        if invoice.subscription == subscription.processor_id
    ]


def delete_customer(tx: Transaction, customer_id: str) -> objects.Customer:
    """End a customer's subscriptions, detach the cards, and keep no more than that there was one."""
    customer = customers.living(tx, customer_id)
    for subscription in tx.all(objects.Subscription, customer_id):
        if subscription.status not in agenda.ENDED:
            end(tx, subscription)
    for method in tx.all(objects.PaymentMethod, customer_id):
        tx.save(dataclasses.replace(method, customer=None), "payment_method.detached")
    gone = objects.Customer(
        processor_id=customer_id, created=customer.created, deleted=True, metadata=customer.metadata
    )
    tx.save(gone)
    tx.emit("customer.deleted", gone)
    return gone
