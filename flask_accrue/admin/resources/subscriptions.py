"""Subscriptions: their state in plain words, what they are for, and how they are ended or kept."""

from __future__ import annotations

import collections.abc as c
import typing as t

import sqlalchemy as sa
from sqlalchemy import orm

from ... import billing, models
from ...billing.changes import comp_end_after, ends_with_comp
from ...billing.endings import is_on_hold
from ...clock import from_unix
from ...models.beginnings import begins_like, begins_with
from ...pages import card_text
from ...processors import Capability
from ...state import current_state
from ..actions import Action, Asked, Confirmation, Option
from ..cells import Code, Day, Link, Noted, Value
from ..filters import Choice, Condition, Search, period
from ..resource import (
    Column,
    Detail,
    FixedTab,
    Notice,
    RelatedTab,
    Resource,
    Scope,
    TextTab,
    TimelineTab,
)
from ..wording import (
    customer_text,
    data_texts,
    day,
    plan_text,
    price_text,
    subscription_badge,
    subscription_notices,
)
from .money import INVOICES

_subscriptions = models.Subscription
_items = models.SubscriptionItem


def processor_filter(model: type[models.Mirrored] | type[models.WebhookEvent]) -> Choice:
    """Return a filter by processor. All known ones are offered, so that nothing depends on an app."""
    names = {"stripe": "Stripe", "braintree": "Braintree", "fake": "Fake"}
    return Choice(
        name="processor",
        label="Processor",
        options={
            name: (label, lambda name=name: model.processor == name)  # type: ignore[misc]
            for name, label in names.items()
        },
    )


def _matches(text: str) -> Condition:
    customers = models.Customer
    theirs = sa.select(customers.id).where(
        sa.or_(begins_like(customers.name, text), begins_like(customers.email, text))
    )
    # Not "or": each part then has an index of its own.
    found = sa.union_all(
        sa.select(_subscriptions.id).where(_subscriptions.customer_id.in_(theirs)),
        sa.select(_subscriptions.id).where(begins_with(_subscriptions.processor_id, text)),
    )
    return _subscriptions.id.in_(found)


def _is_canceling() -> Condition:
    # The first part follows from the second; it's what an index can hold.
    has_end = sa.or_(_subscriptions.cancel_at.is_not(None), _subscriptions.cancel_at_period_end)
    return sa.and_(has_end, _subscriptions.is_canceling)


def _end(row: models.Subscription) -> Value:
    if row.ends_at is not None:
        return Noted(Day(row.ends_at), "Ended" if row.is_ended else "Ends")
    if row.current_period_end is None or not row.is_active:
        return None
    return Noted(Day(row.current_period_end), "Trial ends" if row.is_trialing else "Renews")


def _facts(row: models.Subscription) -> list[tuple[str, Value]]:
    period_end = row.current_period_end
    return [
        ("Customer", Link(customer_text(row.customer) or "", "customers", row.customer_id)),
        ("Name", row.name),
        ("Started", row.start_date or row.created),
        ("Period since", row.current_period_start and Day(row.current_period_start)),
        ("Period until", period_end and Day(period_end)),
        ("Trial until", row.trial_end and Day(row.trial_end)),
        ("Collected", _collected(row)),
        ("Card", card_text(row.default_payment_method) or "The customer's default"),
        ("Processor", row.processor),
        ("Processor id", Code(row.processor_id)),
    ]


def _collected(row: models.Subscription) -> str:
    words = {"charge_automatically": "From the card", "send_invoice": "By invoice"}
    return words.get(row.collection_method, row.collection_method)


def _item_row(row: models.Subscription, item: models.SubscriptionItem) -> tuple[Value, ...]:
    price = item.price
    return (
        price_text(price) or Code(item.price_processor_id),
        item.quantity,
        price.money_in(row.currency) if price is not None else None,
        _interval(price),
        Code(item.price_processor_id),
    )


def _interval(price: models.Price | None) -> str | None:
    if price is None or price.interval is None:
        return None
    if price.interval_count == 1:
        return f"a {price.interval}"
    return f"every {price.interval_count} {price.interval}s"


def _notices(row: models.Subscription) -> list[Notice]:
    return subscription_notices(row, current_state().settings.entitlements.policy)


# -- actions ---------------------------------------------------------------------------------------


def _confirm_cancel(rows: c.Sequence[models.Subscription]) -> Confirmation:
    row = rows[0]
    now = Option("now", "Now", "Access ends at once. Nothing is refunded by itself.")
    text = (
        f"{plan_text(row)} of {customer_text(row.customer)}. The processor is asked at once, and "
        "the ledger keeps that it was you."
    )
    if row.is_incomplete or row.is_past_due:
        # billing.cancel_at_period_end() would end it now as well: its period was never paid.
        note = "It ends at once: its current period was never paid. Nothing is refunded by itself."
        options: tuple[Option, ...] = (Option("now", "Now", note),)
    elif row.is_canceling or not _can(row, Capability.CANCEL_AT_PERIOD_END):
        options = (now,)
    else:
        what = "trial" if row.is_trialing else "period"
        moment = row.trial_end if row.is_trialing else row.current_period_end
        later = Option(
            "period_end",
            f"At the end of the {what}",
            f"All stays as it is until {day(moment)}, then it ends and isn't billed again.",
        )
        options = (later, now)
    return Confirmation("Cancel this subscription?", text, "Cancel the subscription", options)


def _cancel(rows: c.Sequence[models.Subscription], asked: Asked) -> str:
    row = rows[0]
    if asked.choice == "period_end":
        row = billing.cancel_at_period_end(row, operation_id=asked.operation_id)
    else:
        row = billing.cancel(row, operation_id=asked.operation_id)
    if row.is_ended:
        return "The subscription has ended."
    return f"The subscription ends on {day(row.ends_at)}."


def _confirm_resume(rows: c.Sequence[models.Subscription]) -> Confirmation:
    row = rows[0]
    if is_on_hold(row):
        text = "Its first period begins now, and is charged for."
    elif row.pause_behavior is not None:
        text = "Payments are collected again from now on."
    elif (later := comp_end_after(row)) is not None:
        text = (
            f"It ends on {day(from_unix(later))} again, when it's no longer to be free of charge."
        )
    elif ends_with_comp(row):
        text = f"The end on {day(row.ends_at)} is withdrawn, and it goes on free of charge."
    elif row.is_trialing:
        text = f"The trial goes on until {day(row.trial_end)}, then the first payment is due."
    else:
        text = f"The end on {day(row.ends_at)} is withdrawn, and it renews as before."
    return Confirmation(
        "Resume this subscription?",
        f"{plan_text(row)} of {customer_text(row.customer)}. {text}",
        "Resume the subscription",
    )


def _resume(rows: c.Sequence[models.Subscription], asked: Asked) -> str:
    row = billing.resume(rows[0], operation_id=asked.operation_id)
    return f"The subscription goes on. {_notices(row)[0].text}"


def _can_resume(row: models.Subscription) -> bool:
    return not row.is_ended and (row.ends_at is not None or row.is_paused)


def _can(row: models.Subscription, capability: Capability) -> bool:
    gateway = current_state().processors.get(row.processor)
    return gateway is not None and gateway.can(capability)


SUBSCRIPTIONS: t.Final[Resource[models.Subscription]] = Resource(
    name="subscriptions",
    title="Subscriptions",
    singular="subscription",
    group="Billing",
    icon="subscriptions",
    model=_subscriptions,
    scope=Scope.BY_CUSTOMER,
    moment=_subscriptions.created,
    options=(
        orm.joinedload(_subscriptions.customer),
        orm.selectinload(_subscriptions.items)
        .joinedload(_items.price)
        .joinedload(models.Price.product),
    ),
    columns=(
        Column(
            label="Subscription",
            cell=lambda row: Noted(
                Link(plan_text(row), "subscriptions", row.id),
                None if row.name == "default" else row.name,
            ),
        ),
        Column(
            label="Customer",
            cell=lambda row: Link(customer_text(row.customer) or "", "customers", row.customer_id),
        ),
        Column(label="State", kind="status", cell=subscription_badge),
        Column(label="Renews or ends", kind="time", cell=_end),
        Column(label="Created", kind="time", cell=lambda row: row.created),
        Column(
            label="Processor id",
            kind="code",
            cell=lambda row: Code(row.processor_id),
            exported_only=True,
        ),
    ),
    filters=(
        Search(name="q", label="Customer or id begins with", where=_matches),
        Choice(
            name="state",
            label="State",
            options={
                "active": ("Active", lambda: _subscriptions.is_active),
                "recurring": ("Renewing", lambda: _subscriptions.is_recurring),
                "trialing": ("Trialing", lambda: _subscriptions.is_trialing),
                "canceling": ("Canceling", _is_canceling),
                "past_due": (
                    "Past due",
                    lambda: sa.and_(_subscriptions.is_past_due, sa.not_(_subscriptions.is_ended)),
                ),
                "paused": (
                    "Paused",
                    lambda: sa.and_(_subscriptions.is_paused, sa.not_(_subscriptions.is_ended)),
                ),
                "incomplete": (
                    "Incomplete",
                    lambda: sa.and_(_subscriptions.is_incomplete, sa.not_(_subscriptions.is_ended)),
                ),
                "ended": ("Ended", lambda: _subscriptions.is_ended),
            },
        ),
        processor_filter(_subscriptions),
        *period(_subscriptions.created),
    ),
    detail=Detail(
        title=plan_text,
        badge=subscription_badge,
        note=lambda row: customer_text(row.customer),
        notices=_notices,
        facts=_facts,
        options=(
            orm.joinedload(_subscriptions.customer),
            orm.joinedload(_subscriptions.default_payment_method),
            orm.selectinload(_subscriptions.items)
            .joinedload(_items.price)
            .joinedload(models.Price.product),
        ),
        tabs=(
            FixedTab(
                name="items",
                label="Items",
                columns=(
                    ("Price", "text"),
                    ("Quantity", "number"),
                    ("Each", "money"),
                    ("Billed", "text"),
                    ("Price id", "code"),
                ),
                rows=lambda row: [_item_row(row, item) for item in row.items],
                empty=("No items.", "The processor has removed all of them."),
            ),
            RelatedTab(
                name="invoices",
                label="Invoices",
                table=INVOICES,
                where=lambda row: sa.and_(
                    models.Invoice.processor == row.processor,
                    models.Invoice.subscription_processor_id == row.processor_id,
                ),
            ),
            TimelineTab(
                name="timeline",
                label="Timeline",
                where=lambda row: sa.and_(
                    models.LedgerEntry.subject_type == "subscription",
                    models.LedgerEntry.subject_id == str(row.id),
                ),
            ),
            TextTab(name="metadata", label="Metadata", texts=data_texts),
        ),
    ),
    actions=(
        Action(
            name="resume",
            label="Resume",
            offered=_can_resume,
            capability=None,
            confirm=_confirm_resume,
            perform=_resume,
            records="subscription.resume_requested",
        ),
        Action(
            name="cancel",
            label="Cancel",
            offered=lambda row: not row.is_ended,
            capability=Capability.CANCEL_NOW,
            confirm=_confirm_cancel,
            perform=_cancel,
            destructive=True,
            records="subscription.cancel_requested",
        ),
    ),
    empty=("No subscriptions yet.", None),
)
