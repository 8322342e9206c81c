"""The lines of an invoice."""

from __future__ import annotations

import collections.abc as c
import typing as t

import sqlalchemy as sa

from .. import models
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
            item = models.InvoiceItem(invoice_id=row.id, position=position)
            uow.session.add(item)
        item.processor_id = obj.processor_id
        item.invoice_item_processor_id = obj.invoice_item
        item.description = obj.description
        item.amount = obj.amount
        item.currency = obj.currency
        item.discount = obj.discount
        item.tax = obj.tax
        item.inclusive_tax = obj.inclusive_tax
        item.quantity = obj.quantity
        item.price_processor_id = obj.price
        item.subscription_processor_id = obj.subscription
        item.subscription_item_processor_id = obj.subscription_item
        item.period_start = obj.period_start
        item.period_end = obj.period_end
        item.proration = obj.proration
        if item.raw != obj.raw:
            item.raw = dict(obj.raw)
    for item in known.values():
        uow.session.delete(item)
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


def stored_lines(uow: UnitOfWork, row: models.Invoice) -> list[LineState]:
    """Return the lines that there are, as the ledger tells them."""
    return [_told(item) for item in _items(uow, row)]


def _items(uow: UnitOfWork, row: models.Invoice) -> list[models.InvoiceItem]:
    return list(
        uow.scalars(
            sa.select(models.InvoiceItem)
            .where(models.InvoiceItem.invoice_id == row.id)
            .order_by(models.InvoiceItem.position)
        )
    )


def _told(item: models.InvoiceItem) -> LineState:
    return {
        "description": item.description,
        "amount": item.amount,
        "quantity": item.quantity,
        "price": item.price_processor_id,
        "period_start": item.period_start,
        "period_end": item.period_end,
    }
