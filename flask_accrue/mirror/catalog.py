"""Products and prices, which belong to no customer."""

from __future__ import annotations

import dataclasses
import typing as t

from .. import models
from ..ids import new_id
from ..processors import objects
from ..unit_of_work import UnitOfWork
from .changes import draft, record
from .freshness import Source

_CatalogRow = t.TypeVar("_CatalogRow", models.Product, models.Price)


def write_product(
    uow: UnitOfWork,
    processor: str,
    obj: objects.Product,
    source: Source,
    account: str | None = None,
) -> models.Product:
    """Write a product; its system chain must be locked."""
    row = uow.find(models.Product, processor, obj.processor_id, account)
    values: dict[str, object] = {
        "active": obj.active and not obj.deleted,
        "name": obj.name,
        "description": obj.description,
    }
    return _written(uow, models.Product, processor, obj, source, values, row, account)


def write_price(
    uow: UnitOfWork,
    processor: str,
    obj: objects.Price,
    source: Source,
    account: str | None = None,
) -> models.Price:
    """Write a price; its system chain must be locked."""
    row = uow.find(models.Price, processor, obj.processor_id, account)
    options = None if row is None else row.raw.get(models.CURRENCY_OPTIONS)
    if obj.lacks_currencies and options is not None:
        obj = dataclasses.replace(obj, raw={**obj.raw, models.CURRENCY_OPTIONS: options})
    values: dict[str, object] = {
        "active": obj.active and not obj.deleted,
        "product_processor_id": obj.product,
        "nickname": obj.nickname,
        "lookup_key": obj.lookup_key,
        "currency": obj.currency,
        "unit_amount": obj.unit_amount,
        "interval": obj.interval,
        "interval_count": obj.interval_count,
        "usage_type": obj.usage_type,
        "tax_behavior": obj.tax_behavior,
    }
    return _written(uow, models.Price, processor, obj, source, values, row, account)


def _written(
    uow: UnitOfWork,
    model: type[_CatalogRow],
    processor: str,
    obj: objects.ProcessorObject,
    source: Source,
    values: dict[str, object],
    row: _CatalogRow | None,
    account: str | None,
) -> _CatalogRow:
    """Write what is sold, on the platform or in an account, and tell of it."""
    made = draft(
        uow,
        model,
        processor,
        obj,
        source,
        values,
        row=row,
        id=new_id(),
        account_key=account or "",
    )
    if made.is_change:
        record(uow, obj.kind, _verb(made.created, obj), made, None)
    return made.row


def _verb(created: bool, obj: objects.ProcessorObject) -> str:
    if obj.deleted:
        return "deleted"
    return "created" if created else "updated"
