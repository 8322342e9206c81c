"""What happened to an organization's billing, told from the ledger for its own people."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from flask_accrue.ledger import timeline_of_customer
from flask_accrue.models import Customer, LedgerEntry
from flask_accrue.money import Money

from . import plans

#: How many entries the page shows.
SHOWN = 14

#: What each entry means to a customer, and its tone. Others are for operators.
MEANINGS = {
    "payment_method.attached": ("Card added", None),
    "payment_method.detached": ("Card removed", None),
    "subscription.created": ("Subscribed", "info"),
    "subscription.trial_ended": ("Trial over", "info"),
    "subscription.activated": ("Plan active", "good"),
    "subscription.recovered": ("Payment recovered", "good"),
    "subscription.past_due": ("Payment overdue", "warn"),
    "subscription.canceled": ("Plan ended", "warn"),
    "subscription.cancellation_scheduled": ("Cancellation scheduled", "warn"),
    "subscription.cancellation_withdrawn": ("Cancellation withdrawn", "good"),
    "subscription.paused": ("Paused", "warn"),
    "subscription.resumed": ("Resumed", "good"),
    "subscription.plan_changed": ("Plan changed", "info"),
    "subscription.item_added": ("Added to the plan", "info"),
    "subscription.item_removed": ("Removed from the plan", "info"),
    "subscription.quantity_changed": ("Seats changed", "info"),
    "subscription.renewed": ("New period", None),
    "invoice.paid": ("Invoice paid", "good"),
    "invoice.payment_failed": ("Payment failed", "bad"),
    "invoice.voided": ("Invoice withdrawn", None),
    "charge.refunded": ("Refunded", "info"),
    "charge.disputed": ("Payment disputed", "bad"),
}


@dataclasses.dataclass(frozen=True)
class Moment:
    """A line of the timeline."""

    title: str
    time: datetime.datetime
    tone: str | None
    text: str | None
    meta: str | None
    url: None = None


def of(customer: Customer | None) -> list[Moment]:
    """Return the newest moments that a customer would want to know of, newest first."""
    if customer is None:
        return []
    entries = timeline_of_customer(customer.id)
    told: list[Moment] = []
    for entry in entries:
        if entry.type in MEANINGS and not _is_about_nothing(entry):
            moment = _moment(entry)
            # Two webhooks may tell of one thing, each with an entry of its own.
            if not told or (told[-1].title, told[-1].time) != (moment.title, moment.time):
                told.append(moment)
    return told[: -SHOWN - 1 : -1]


def _is_about_nothing(entry: LedgerEntry) -> bool:
    """Tell the invoice of a trial, which is for no money, from the others."""
    return entry.subject_type == "invoice" and (entry.state or {}).get("total") == 0


def _moment(entry: LedgerEntry) -> Moment:
    title, tone = MEANINGS[entry.type]
    return Moment(
        title=title,
        time=entry.occurred_at or entry.recorded_at,
        tone=tone,
        text=_text(entry),
        meta="by your team" if entry.actor_type == "user" else None,
    )


def _text(entry: LedgerEntry) -> str | None:
    state: dict[str, Any] = entry.state or {}
    kind = entry.subject_type
    if kind == "invoice":
        return f"{Money(state['total'], state['currency']).format()}, {state['number'] or 'draft'}"
    if kind == "payment_method":
        return f"{(state['brand'] or 'card').capitalize()} ending in {state['last4']}"
    if kind == "charge":
        return Money(state["amount"], state["currency"]).format()
    if kind == "subscription":
        items = [item for item in state.get("items", ()) if item.get("price")]
        titles = [plans.of_price(item["price"]).title for item in items]
        return ", ".join(titles) or None
    return None
