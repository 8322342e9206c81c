"""What happens to subscriptions and invoices by itself when its time has come."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from .. import objects
from . import (
    agenda,
    collection,
    discounting,
    discounts,
    endings,
    invoices,
    items,
    standing,
    taxes,
    totals,
)
from .transaction import Transaction

# -- subscriptions -------------------------------------------------------------------------------


def _resume_collection(tx: Transaction, subscription: objects.Subscription) -> None:
    tx.save(
        dataclasses.replace(subscription, pause_behavior=None, pause_resumes_at=None),
        "customer.subscription.updated",
    )


def _trial_will_end(tx: Transaction, subscription: objects.Subscription) -> None:
    tx.emit("customer.subscription.trial_will_end", subscription)


def _upcoming(tx: Transaction, subscription: objects.Subscription) -> None:
    """Announce the next invoice, which has no id since it doesn't exist yet."""
    if subscription.pause_behavior is not None or subscription.status == "unpaid":
        return
    customer = tx.get(objects.Customer, subscription.customer)
    end = t.cast(datetime.datetime, subscription.current_period_end)
    lines = [
        *invoices.pending(tx, subscription),
        *items.usage_lines(tx, subscription),
        *(items.plain_line(tx, subscription.processor_id, each) for each in subscription.items),
    ]
    now, tx.now = tx.now, end
    applicable = discounting.applicable(tx, subscription.customer, subscription.processor_id)
    tx.now = now
    currency = t.cast(str, subscription.currency)
    discounted, amounts = discounting.taken_off(tx, applicable, lines, currency)
    taxed: taxes.Taxed = discounted, (), None
    if taxes.is_automatic(tx, subscription.processor_id):
        taxed = taxes.reckoned(tx, customer, discounted)
    every, parts, tax_status = taxed
    subtotal = sum(line.amount for line in every)
    discount = sum(each.amount for each in amounts)
    exclusive, inclusive = (
        sum(line.tax for line in every),
        sum(line.inclusive_tax for line in every),
    )
    total = subtotal - discount + exclusive
    due = max(0, total + customer.balance)
    announced = objects.Invoice(
        processor_id="",
        customer=subscription.customer,
        subscription=subscription.processor_id,
        status="draft",
        currency=currency,
        subtotal=subtotal,
        discount=discount,
        discount_amounts=amounts,
        tax=exclusive + inclusive,
        inclusive_tax=inclusive,
        total_taxes=parts,
        automatic_tax_status=tax_status,
        total=total,
        amount_due=due,
        amount_paid=0,
        amount_remaining=due,
        starting_balance=customer.balance,
        billing_reason="upcoming",
        collection_method=subscription.collection_method,
        next_payment_attempt=end + invoices.DRAFT_FOR,
        period_start=subscription.current_period_start,
        period_end=end,
    )
    tx.emit("invoice.upcoming", announced)


def _turn(tx: Transaction, subscription: objects.Subscription) -> None:
    """Renew a subscription at the end of its period, or end it as it was scheduled."""
    if subscription.cancel_at is not None and subscription.cancel_at <= tx.now:
        endings.end_as_scheduled(tx, subscription)
    elif subscription.status == "trialing" and _lacks_card(tx, subscription):
        _end_trial_without_card(tx, subscription)
    else:
        renew(tx, subscription)


def renew(tx: Transaction, subscription: objects.Subscription) -> objects.Invoice:
    """Begin the next period and draft its invoice, which is collected an hour later."""
    price = tx.get(objects.Price, subscription.items[0].price)
    anchor = t.cast(datetime.datetime, subscription.billing_cycle_anchor)
    whole = items.period_at(tx, price, anchor, tx.now)
    ended = subscription.current_period_start or tx.now
    renewed = dataclasses.replace(
        subscription,
        status="active" if subscription.status == "trialing" else subscription.status,
        **_leaving(subscription, whole),
    )
    period = (tx.now, t.cast(datetime.datetime, renewed.current_period_end))
    # What was used is billed after the period, the rest before.
    lines = items.usage_lines(tx, subscription)
    lines += [
        items.bill(
            tx,
            subscription.processor_id,
            each,
            period,
            whole=None if period == whole else whole,
        )
        for each in renewed.items
        if not items.is_metered(tx, each)
    ]
    invoice = invoices.draft(
        tx,
        tx.get(objects.Customer, subscription.customer),
        currency=t.cast(str, subscription.currency),
        reason="subscription_cycle",
        lines=lines,
        period=(ended, tx.now),
        subscription=subscription.processor_id,
        collection_method=subscription.collection_method,
    )
    renewed = discounts.billed(tx, renewed, invoice)
    tx.save(renewed, "customer.subscription.updated")
    agenda.plan(tx, renewed)
    return collection.hold_or_plan(tx, renewed, invoice)


def _leaving(subscription: objects.Subscription, whole: items.Period) -> dict[str, t.Any]:
    """Return the next period, which is cut short where the subscription ends within it."""
    start, end = whole
    previous_end = t.cast(datetime.datetime, subscription.current_period_end)
    start = max(start, previous_end)
    if subscription.cancel_at is not None:
        end = min(end, subscription.cancel_at)
    period = (start, end)
    return {
        "items": items.with_period(subscription.items, period),
        "current_period_start": start,
        "current_period_end": end,
    }


def _lacks_card(tx: Transaction, subscription: objects.Subscription) -> bool:
    customer = tx.get(objects.Customer, subscription.customer)
    has_card = subscription.default_payment_method or customer.default_payment_method
    return (
        has_card is None
        and subscription.collection_method == "charge_automatically"
        and tx.rules.trial_without_card != "create_invoice"
    )


def _end_trial_without_card(tx: Transaction, subscription: objects.Subscription) -> None:
    if tx.rules.trial_without_card == "cancel":
        endings.end(tx, subscription)
        return
    paused = dataclasses.replace(subscription, status="paused")
    tx.save(paused, "customer.subscription.updated")
    tx.emit("customer.subscription.paused", paused)
    agenda.plan(tx, paused)


# -- invoices ------------------------------------------------------------------------------------


def _finalize(tx: Transaction, invoice: objects.Invoice) -> None:
    if invoice.status != "draft":
        return
    lines = totals.lines_of(invoice)
    if totals.with_lines(tx, invoice, lines).automatic_tax_status == taxes.NO_LOCATION:
        tx.emit("invoice.finalization_failed", invoice)
        return
    collection.issue(tx, invoice)


def _retry(tx: Transaction, invoice: objects.Invoice) -> None:
    collection.collect(tx, invoice, automatic=True)


def _overdue(tx: Transaction, invoice: objects.Invoice) -> None:
    """Let a sent invoice that wasn't paid in time hold its subscription back."""
    tx.emit("invoice.overdue", invoice)
    standing.after_failure(tx, invoice, last=False)


Step: t.TypeAlias = t.Callable[[Transaction, t.Any], object]

OF_SUBSCRIPTION: t.Final[t.Mapping[str, Step]] = {
    "resume_collection": _resume_collection,
    "expire": endings.expire,
    "trial_will_end": _trial_will_end,
    "discount_ends": discounts.end,
    "upcoming": _upcoming,
    "turn": _turn,
}

OF_INVOICE: t.Final[t.Mapping[str, Step]] = {
    "finalize": _finalize,
    "retry": _retry,
    "overdue": _overdue,
}
