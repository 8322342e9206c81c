"""What a subscription would be billed next."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from ...errors import InvalidRequest
from .. import objects
from . import agenda, changes, endings, invoices, lifecycle
from .refusals import check_known, refused
from .transaction import Transaction

CHANGEABLE: t.Final = frozenset(
    {"items", "proration", "proration_date", "cancel_at_period_end", "cancel_at", "discounts"}
)


def preview(
    tx: Transaction, subscription_id: str, wanted: c.Mapping[str, t.Any]
) -> objects.Invoice:
    """Return the invoice that a change would bring at once, else that of the next period, or the last one of
    a subscription that ends before: what waits for it, and what was used until now.

    It's made as a real one is, in a step that has to be undone; so the two can't differ.

    :raises InvalidRequest: with the code ``invoice_upcoming_none`` when there won't be one.
    """
    check_known(wanted, CHANGEABLE, "preview")
    subscription = tx.get(objects.Subscription, subscription_id, "subscription")
    if wanted:
        subscription, collected = changes.update(tx, subscription_id, wanted)
        if collected is not None:
            return _imagined(collected.invoice)
    end = subscription.current_period_end
    if end is None or subscription.status in (*agenda.ENDED, "incomplete", "paused"):
        raise _none(subscription)
    leaves = (
        subscription.cancel_at if subscription.cancel_at and subscription.cancel_at <= end else None
    )
    now, tx.now = tx.now, leaves or end
    try:
        last: objects.Invoice | None
        if leaves is None:
            last = lifecycle.renew(tx, subscription)
        else:
            _, last = endings.bill_last(tx, subscription)
    finally:
        tx.now = now
    if last is None:
        raise _none(subscription)
    return _imagined(last)


def _imagined(invoice: objects.Invoice) -> objects.Invoice:
    """Return an invoice as it is before anybody has paid it, without the ids of what won't exist."""
    lines = t.cast("tuple[objects.InvoiceLine, ...]", invoice.lines)
    return dataclasses.replace(
        invoice,
        processor_id="",
        status="draft",
        number=None,
        amount_paid=0,
        amount_remaining=invoice.amount_due,
        ending_balance=None,
        attempt_count=0,
        next_payment_attempt=invoice.period_end and invoice.period_end + invoices.DRAFT_FOR,
        finalized_at=None,
        paid_at=None,
        voided_at=None,
        lines=tuple(dataclasses.replace(line, processor_id=None) for line in lines),
        payments=(),
    )


def _none(subscription: objects.Subscription) -> InvalidRequest:
    return refused(
        f"Nothing more will be billed for the subscription {subscription.processor_id!r}.",
        "subscription",
        "invoice_upcoming_none",
    )
