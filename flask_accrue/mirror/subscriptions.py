"""Subscriptions, and what is derived from their invoices."""

from __future__ import annotations

import collections.abc as c
import datetime
import functools
import typing as t

import sqlalchemy as sa

from .. import models
from ..ids import new_id
from ..locked_reads import one_of
from ..processors import objects
from ..unit_of_work import UnitOfWork
from .changes import Draft, draft, earlier, record, said
from .discounts import note_redemptions, stored_discounts
from .freshness import Source
from .items import new_items, stored_items, write_items

#: The key of a subscription's metadata that holds its name.
NAME_KEY: t.Final = "accrue_name"


def write_subscription(
    uow: UnitOfWork, customer: models.Customer, obj: objects.Subscription, source: Source
) -> models.Subscription:
    """Write a subscription with its items; an item that is missing is removed at once."""
    row = uow.find(models.Subscription, customer.processor, obj.processor_id)
    known = {each["id"] for each in (None if row is None else row.discounts) or ()}
    last_seen = row.fresh_to if row is not None and row.fresh_to is not None else source.fresh_from
    values: dict[str, t.Any] = {
        "name": obj.metadata.get(NAME_KEY, "default"),
        "status": obj.status,
        "currency": obj.currency,
        "collection_method": obj.collection_method,
        "start_date": obj.start_date,
        "billing_cycle_anchor": obj.billing_cycle_anchor,
        "current_period_start": obj.current_period_start,
        "current_period_end": obj.current_period_end,
        "trial_start": obj.trial_start,
        "trial_end": obj.trial_end,
        "cancel_at_period_end": obj.cancel_at_period_end,
        "cancel_at": obj.cancel_at,
        "canceled_at": obj.canceled_at,
        "ended_at": obj.ended_at,
        "pause_behavior": obj.pause_behavior,
        "pause_resumes_at": obj.pause_resumes_at,
        "default_payment_method_processor_id": obj.default_payment_method,
        "latest_invoice_processor_id": obj.latest_invoice,
        "discounts": stored_discounts(obj.discounts, None if row is None else row.discounts),
        "automatic_tax": said(obj.automatic_tax, None if row is None else row.automatic_tax),
    }
    if row is not None and row.automatic_tax is None and obj.automatic_tax is False:
        # Rows of earlier versions don't say it. That it was off all the time is no news.
        row.automatic_tax = False
    made = draft(
        uow,
        models.Subscription,
        customer.processor,
        obj,
        source,
        values,
        row=row,
        id=new_id(),
        customer_id=customer.id,
    )
    gone = [at for at in (made.row.deleted_at, customer.deleted_at) if at is not None]
    if gone and made.row.ended_at is None:
        # The news are from before, and came late.
        _end(made, min(gone))
    _derive(uow, made, paid=made.created)
    if made.created:
        uow.flush()
        new_items(uow, made.row)
    before, items = write_items(uow, made.row, obj.items, last_seen, customer.account)
    made.note("items", before, items)
    note_redemptions(uow, customer, obj.discounts, obj.processor_id)
    if made.is_change:
        record(uow, "subscription", _verb(made), made, customer, items=items)
    if _is_newly_complimentary(made, known):
        record(uow, "subscription", "comped", made, customer, items=items)
    return made.row


def end_subscription(
    uow: UnitOfWork,
    customer: models.Customer,
    row: models.Subscription,
    since: datetime.datetime,
    *,
    instead_of: datetime.datetime | None = None,
    deleted: bool = False,
) -> None:
    """Note that the processor no longer has a subscription, or its customer.

    :param instead_of: a time that was noted for the same reason, before the right one was known.
    :param deleted: it's the subscription that wasn't found.
    """
    made = Draft(row, created=False)
    if row.ended_at in (None, instead_of):
        _end(made, since, instead_of)
    if deleted:
        made.set(deleted_at=earlier(row.deleted_at, since))
    if made.is_change:
        record(uow, "subscription", "canceled", made, customer, items=stored_items(uow, row))


def _end(
    made: Draft[models.Subscription],
    since: datetime.datetime,
    instead_of: datetime.datetime | None = None,
) -> None:
    made.set(status="canceled", ended_at=since, past_due_since=None)
    if made.row.canceled_at in (None, instead_of):
        made.set(canceled_at=since)


def derive_from_invoices(
    uow: UnitOfWork, customer: models.Customer, subscription_processor_id: str
) -> None:
    """Work out again what a subscription has from its invoices, after one was written.

    While rows are gathered that waits until they're inserted.
    """
    if uow.gathers:
        waiting = uow.kept.setdefault(_DERIVE, {})
        waiting[subscription_processor_id] = customer
        return
    _derive_again(uow, customer, subscription_processor_id)


def _derive_again(
    uow: UnitOfWork, customer: models.Customer, subscription_processor_id: str
) -> None:
    row = uow.find(models.Subscription, customer.processor, subscription_processor_id)
    if row is None:
        return
    made = Draft(row, created=False)
    _derive(uow, made, paid=True)
    if made.is_change:
        verb = "past_due" if made.after.get("past_due_since") else "updated"
        record(uow, "subscription", verb, made, customer, items=stored_items(uow, row))


def derive_gathered(uow: UnitOfWork) -> None:
    """Work out what waited until rows were inserted that had been gathered."""
    waiting: dict[str, models.Customer] = uow.kept.pop(_DERIVE, {})
    by_processor: dict[str, list[str]] = {}
    for processor_id, customer in waiting.items():
        if uow.find(models.Subscription, customer.processor, processor_id) is not None:
            by_processor.setdefault(customer.processor, []).append(processor_id)
    for processor, processor_ids in by_processor.items():
        read_derived_ahead(uow, processor, processor_ids)
    with uow.gathering():
        for processor_id, customer in waiting.items():
            _derive_again(uow, customer, processor_id)


#: Of which subscriptions it has to be worked out again, with their customers.
_DERIVE: t.Final = "subscriptions to derive"


class _Derived(t.NamedTuple):
    """What a subscription has from its invoices.

    :ivar first_failure: when an open one wasn't paid first: charging it failed, or it was due.
    """

    first_failure: datetime.datetime | None
    paid_until: datetime.datetime | None


def read_derived_ahead(uow: UnitOfWork, processor: str, processor_ids: c.Collection[str]) -> None:
    """Read what several subscriptions have from their invoices; to be written before another invoice is."""
    parameters = {"processor": processor, "subscriptions": sorted(processor_ids)}
    with uow.session.no_autoflush:
        told = uow.execute(_derived_of(uow.dialect), parameters).all()
    found = {
        processor_id: _Derived(failed, paid) for processor_id, failed, paid in map(tuple, told)
    }
    for processor_id in processor_ids:
        known = found.get(processor_id, _Derived(None, None))
        uow.kept[_Derived, processor, processor_id] = known


@functools.cache
def _derived_of(dialect: str) -> t.Any:
    invoices, lines = models.Invoice, models.InvoiceItem
    of = invoices.subscription_processor_id
    # Of one that is sent nobody attempts anything; whoever tries to pay it early owes it no sooner.
    is_sent = sa.and_(invoices.collection_method == "send_invoice", invoices.due_date.is_not(None))
    since = sa.case((is_sent, invoices.due_date), else_=invoices.first_failed_at)
    return (
        sa.select(
            of,
            sa.func.min(sa.case((invoices.is_open, since))),
            sa.func.max(sa.case((invoices.is_paid, lines.period_end))),
        )
        .outerjoin(lines, lines.invoice_id == invoices.id)
        .where(
            invoices.processor == sa.bindparam("processor"), one_of(of, "subscriptions", dialect)
        )
        .group_by(of)
    )


def _derive(uow: UnitOfWork, made: Draft[models.Subscription], *, paid: bool) -> None:
    """Set ``past_due_since`` and, where an invoice may have been paid, ``paid_until``."""
    row = made.row
    if not (row.is_past_due or paid):
        made.set(past_due_since=None)
        return
    name = (_Derived, row.processor, row.processor_id)
    if name not in uow.kept:
        read_derived_ahead(uow, row.processor, [row.processor_id])
    # It's true until the next invoice is written.
    derived: _Derived = uow.kept.pop(name)
    made.set(past_due_since=derived.first_failure if row.is_past_due else None)
    if paid:
        made.set(paid_until=derived.paid_until)


def _verb(made: Draft[models.Subscription]) -> str:
    """Name what happened, the weightiest first."""
    if made.created:
        return "created"
    before, after, row = made.before, made.after, made.row
    if row.is_ended and ("status" in after or "ended_at" in after):
        return "canceled"
    if "status" in after:
        return _STATUS_VERBS.get((before["status"], after["status"]), after["status"])
    if "pause_behavior" in after:
        return "paused" if after["pause_behavior"] else "resumed"
    if "cancel_at_period_end" in after or "cancel_at" in after:
        return "cancellation_scheduled" if row.ends_at else "cancellation_withdrawn"
    if "items" in after:
        prices = ({item["price"] for item in side} for side in (before["items"], after["items"]))
        return _items_verb(*prices)
    if "trial_end" in after:
        return "trial_changed"
    if "current_period_start" in after:
        return "renewed"
    if "discounts" in after:
        return _discounts_verb(before["discounts"] or [], after["discounts"] or [])
    return "updated"


def _items_verb(before: set[str], after: set[str]) -> str:
    if before == after:
        return "quantity_changed"
    if before < after:
        return "item_added"
    return "item_removed" if after < before else "plan_changed"


def _is_newly_complimentary(made: Draft[models.Subscription], known: set[str]) -> bool:
    return any(
        each["id"] not in known and (each["coupon"] or "").startswith(models.COMP_COUPON)
        for each in made.row.discounts or []
    )


def _discounts_verb(before: list[t.Any], after: list[t.Any]) -> str:
    known, ids = ({each["id"] for each in side} for side in (before, after))
    if ids - known:
        return "discounted"
    return "discount_removed" if known - ids else "updated"


_STATUS_VERBS: t.Final[t.Mapping[tuple[str, str], str]] = {
    ("past_due", "active"): "recovered",
    ("unpaid", "active"): "recovered",
    ("incomplete", "active"): "activated",
    ("trialing", "active"): "trial_ended",
    ("incomplete", "trialing"): "activated",
}
