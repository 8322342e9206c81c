"""Customers: found by name, e-mail address, owner or id; their page holds all that is theirs."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa
from sqlalchemy import orm

from ... import models
from ...money import Money
from ...pages import card_text, expiry_text
from ..cells import Badge, Code, Link, Noted, Value
from ..filters import Choice, Search, period
from ..resource import Column, Detail, Notice, RelatedTab, Resource, Scope, TextTab, TimelineTab
from ..wording import customer_text, data_texts, day, owner_text
from .money import CHARGES, INVOICES, PAYMENT_METHODS
from .subscriptions import SUBSCRIPTIONS, processor_filter

_customers = models.Customer


def balance(row: models.Customer) -> Money | None:
    """Return what a customer owes or has as credit, as far as there is a currency."""
    return None if row.currency is None else Money(row.balance, row.currency)


def _note(row: models.Customer) -> str | None:
    email = row.email if row.name and row.email else None
    return ", ".join(filter(None, ("Deleted" if row.is_deleted else None, email))) or None


def _card(row: models.Customer) -> Value:
    card = row.default_payment_method
    return None if card is None else Noted(card_text(card), expiry_text(card))


def _entitled(row: models.Customer) -> list[tuple[str, Value]]:
    """Return what the processor says itself that a customer may use, if it's mirrored."""
    summary = row.entitlement_summary
    if summary is None or summary.deleted_at is not None:
        return []
    note = "For information: gates go by your own plans."
    return [("Features at the processor", Noted(", ".join(summary.lookup_keys) or "None", note))]


def _facts(row: models.Customer) -> list[tuple[str, Value]]:
    return [
        ("Owner", owner_text(row)),
        ("E-mail", row.email),
        ("Default card", _card(row)),
        ("Balance", balance(row)),
        *_entitled(row),
        ("Currency", row.currency.upper() if row.currency else None),
        ("Locale", row.preferred_locale),
        ("Time zone", row.preferred_timezone),
        ("Created", row.created),
        ("Processor", row.processor),
        ("Processor id", Code(row.processor_id)),
    ]


def _notices(row: models.Customer) -> list[Notice]:
    if row.is_deleted:
        text = f"Deleted at the processor on {day(row.deleted_at)}; the next use makes a new one."
        return [Notice(text, "neutral")]
    if row.currency is not None and row.balance < 0:
        credit = Money(-row.balance, row.currency).format()
        return [Notice(f"{credit} of credit reduce the next invoices.", "info")]
    return []


CUSTOMERS: t.Final[Resource[models.Customer]] = Resource(
    name="customers",
    title="Customers",
    singular="customer",
    group="Billing",
    icon="customers",
    model=_customers,
    scope=Scope.CUSTOMER,
    moment=_customers.created,
    columns=(
        Column(
            label="Customer",
            cell=lambda row: Noted(Link(customer_text(row) or "", "customers", row.id), _note(row)),
        ),
        Column(label="Owner", cell=owner_text),
        Column(label="Deleted", kind="time", cell=lambda row: row.deleted_at, exported_only=True),
        Column(label="Balance", kind="money", cell=balance),
        Column(label="Created", kind="time", cell=lambda row: row.created),
        Column(label="Processor id", kind="code", cell=lambda row: Code(row.processor_id)),
    ),
    filters=(
        Search(name="q", label="Name, e-mail, owner or id begins with", where=_customers.begins),
        Choice(
            name="state",
            label="State",
            options={
                "living": ("Not deleted", lambda: sa.not_(_customers.is_deleted)),
                "deleted": ("Deleted", lambda: _customers.is_deleted),
            },
        ),
        processor_filter(_customers),
        *period(_customers.created),
    ),
    detail=Detail(
        title=lambda row: customer_text(row) or "",
        badge=lambda row: Badge("Deleted") if row.is_deleted else None,
        note=lambda row: row.email if row.name else None,
        notices=_notices,
        facts=_facts,
        options=(
            orm.joinedload(_customers.default_payment_method),
            orm.joinedload(_customers.entitlement_summary),
        ),
        tabs=(
            RelatedTab(
                name="subscriptions",
                label="Subscriptions",
                table=SUBSCRIPTIONS,
                without=frozenset({"Customer"}),
                where=lambda row: models.Subscription.customer_id == row.id,
            ),
            RelatedTab(
                name="invoices",
                label="Invoices",
                table=INVOICES,
                where=lambda row: models.Invoice.customer_id == row.id,
            ),
            RelatedTab(
                name="charges",
                label="Charges",
                table=CHARGES,
                where=lambda row: models.Charge.customer_id == row.id,
            ),
            RelatedTab(
                name="payment-methods",
                label="Payment methods",
                table=PAYMENT_METHODS,
                where=lambda row: models.PaymentMethod.customer_id == row.id,
            ),
            TimelineTab(
                name="events",
                label="Events",
                where=lambda row: models.LedgerEntry.customer_id == row.id,
            ),
            TextTab(name="metadata", label="Metadata", texts=data_texts),
        ),
    ),
    empty=("No customers yet.", "The first one is made when somebody subscribes or adds a card."),
)
