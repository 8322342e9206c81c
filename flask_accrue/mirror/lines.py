"""The lines of an invoice."""

from __future__ import annotations

import collections.abc as c
import functools
import typing as t

import sqlalchemy as sa
from sqlalchemy import orm

from .. import models
from ..inserts import new_row, set_values
from ..locked_reads import one_of
from ..processors import objects
from ..unit_of_work import UnitOfWork

LineState: t.TypeAlias = dict[str, t.Any]


def write_lines(
    uow: UnitOfWork, row: models.Invoice, lines: c.Sequence[objects.InvoiceLine]
) -> tuple[list[LineState], list[LineState]]:
    """Write the lines by their place, so that one without an id isn't inserted again.

    :returns: how they were and how they are.
    """
    stored = _items(uow, row)
    before = [_told(item) for item in stored]
    known = {item.position: item for item in stored}
    for position, obj in enumerate(lines):
        item = known.pop(position, None)
        if item is None:
            place = {"invoice_id": row.id, "position": position}
            item = new_row(models.InvoiceItem, place)
            uow.add(item)
            stored.append(item)
        values = _values(obj)
        if orm.attributes.instance_state(item).session_id is None:
            set_values(item, {**values, "raw": dict(obj.raw)})
            continue
        for name, value in values.items():
            setattr(item, name, value)
        if item.raw != obj.raw:
            item.raw = dict(obj.raw)
    for item in known.values():
        uow.session.delete(item)
        stored.remove(item)
    after = [
        {
            "description": obj.description,
            "amount": obj.amount,
            "quantity": obj.quantity,
            "price": obj.price,
            "period_start": obj.period_start,
            "period_end": obj.period_end,
        }
        for obj in lines
    ]
    return before, after


def _values(obj: objects.InvoiceLine) -> dict[str, t.Any]:
    return {
        "processor_id": obj.processor_id,
        "invoice_item_processor_id": obj.invoice_item,
        "description": obj.description,
        "amount": obj.amount,
        "currency": obj.currency,
        "discount": obj.discount,
        "tax": obj.tax,
        "inclusive_tax": obj.inclusive_tax,
        "quantity": obj.quantity,
        "price_processor_id": obj.price,
        "subscription_processor_id": obj.subscription,
        "subscription_item_processor_id": obj.subscription_item,
        "period_start": obj.period_start,
        "period_end": obj.period_end,
        "proration": obj.proration,
    }


def stored_lines(uow: UnitOfWork, row: models.Invoice) -> list[LineState]:
    """Return the lines that there are, as the ledger tells them."""
    return [_told(item) for item in _items(uow, row)]


def read_lines_ahead(uow: UnitOfWork, rows: c.Collection[models.Invoice]) -> None:
    """Read the lines of several invoices at once. The lock keeps others away from them."""
    kept: dict[t.Any, list[models.InvoiceItem]] = {row.id: [] for row in rows}
    for item in uow.execute(_lines_of(uow.dialect), {"invoices": sorted(kept)}).scalars():
        kept[item.invoice_id].append(item)
    uow.kept.update(((models.InvoiceItem, id), items) for id, items in kept.items())


@functools.cache
def _lines_of(dialect: str) -> t.Any:
    return (
        sa.select(models.InvoiceItem)
        .where(one_of(models.InvoiceItem.invoice_id, "invoices", dialect))
        .order_by(models.InvoiceItem.position)
        .execution_options(populate_existing=True)
    )


def new_lines(uow: UnitOfWork, row: models.Invoice) -> None:
    """Note that an invoice is new, so that nobody looks for lines of it."""
    uow.kept[models.InvoiceItem, row.id] = []


def _items(uow: UnitOfWork, row: models.Invoice) -> list[models.InvoiceItem]:
    """Return the lines of an invoice by their place, also those that were added since they were read."""
    name = (models.InvoiceItem, row.id)
    if name not in uow.kept:
        read_lines_ahead(uow, [row])
    return t.cast("list[models.InvoiceItem]", uow.kept[name])


def _told(item: models.InvoiceItem) -> LineState:
    return {
        "description": item.description,
        "amount": item.amount,
        "quantity": item.quantity,
        "price": item.price_processor_id,
        "period_start": item.period_start,
        "period_end": item.period_end,
    }
