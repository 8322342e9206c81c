"""The items of a subscription. One that the processor dropped keeps its row, for invoices that name it.

Of a dropped item ``removed_at`` tells up to when there were news of it. So it's the same whether the news
that no longer had it came after those that did or before.
"""

from __future__ import annotations

import collections.abc as c
import datetime
import functools
import json
import typing as t

import sqlalchemy as sa
from sqlalchemy import orm

from .. import models
from ..inserts import new_row, set_values
from ..locked_reads import one_of
from ..processors import objects
from ..unit_of_work import UnitOfWork

ItemState: t.TypeAlias = dict[str, t.Any]


def write_items(
    uow: UnitOfWork,
    row: models.Subscription,
    items: c.Sequence[objects.SubscriptionItem],
    last_seen: datetime.datetime,
    account: str | None,
) -> tuple[list[ItemState], list[ItemState]]:
    """Write the items that there are now; return how they were and how they are.

    :param account: the connected account in which the subscription is, or ``None``.
    :param last_seen: when the news came that the row was written from until now.
    """
    known = {item.processor_id: item for item in _items(uow, row)}
    before = _told(known.values())
    for position, obj in enumerate(items):
        item = known.pop(obj.processor_id, None) or _new(uow, row, obj, account)
        _set(item, obj, position, removed_at=None)
    for item in known.values():
        if item.removed_at is None:
            item.removed_at = last_seen
    after = [
        {"id": each.processor_id, "price": each.price, "quantity": each.quantity} for each in items
    ]
    return before, after


def note_past_items(
    uow: UnitOfWork,
    row: models.Subscription,
    items: c.Sequence[objects.SubscriptionItem],
    seen: datetime.datetime,
    account: str | None,
) -> None:
    """Keep items that old news still have, so that invoices which name them find them.

    :param seen: when these news came.
    """
    known = {item.processor_id: item for item in _items(uow, row)}
    for position, obj in enumerate(items):
        item = known.get(obj.processor_id)
        if item is None:
            item = _new(uow, row, obj, account)
            _set(item, obj, position, removed_at=seen)
        elif item.removed_at is not None and _order(seen, obj.raw) > _order(
            item.removed_at, item.raw
        ):
            _set(item, obj, position, removed_at=seen)


def stored_items(uow: UnitOfWork, row: models.Subscription) -> list[ItemState]:
    """Return the items that there are, as the ledger tells them."""
    return _told(_items(uow, row))


def _new(
    uow: UnitOfWork,
    row: models.Subscription,
    obj: objects.SubscriptionItem,
    account: str | None,
) -> models.SubscriptionItem:
    names = {"processor": row.processor, "processor_id": obj.processor_id}
    item = new_row(
        models.SubscriptionItem, {"subscription_id": row.id, "account": account, **names}
    )
    uow.add(item)
    _items(uow, row).append(item)
    return item


def _set(
    item: models.SubscriptionItem,
    obj: objects.SubscriptionItem,
    position: int,
    *,
    removed_at: datetime.datetime | None,
) -> None:
    values: dict[str, t.Any] = {
        "position": position,
        "price_processor_id": obj.price,
        "product_processor_id": obj.product,
        "quantity": obj.quantity,
        "current_period_start": obj.current_period_start,
        "current_period_end": obj.current_period_end,
        "removed_at": removed_at,
    }
    if orm.attributes.instance_state(item).session_id is None:
        set_values(item, {**values, "raw": dict(obj.raw)})
        return
    for name, value in values.items():
        setattr(item, name, value)
    if item.raw != obj.raw:
        item.raw = dict(obj.raw)


def _order(seen: datetime.datetime, raw: t.Mapping[str, t.Any]) -> tuple[datetime.datetime, str]:
    """Return what decides between two news of an item, also those of one second."""
    return seen, json.dumps(raw, sort_keys=True)


@functools.cache
def _items_of(dialect: str) -> t.Any:
    return (
        sa.select(models.SubscriptionItem)
        .where(one_of(models.SubscriptionItem.subscription_id, "subscriptions", dialect))
        .execution_options(populate_existing=True)
    )


def read_items_ahead(uow: UnitOfWork, rows: c.Collection[models.Subscription]) -> None:
    """Read the items of several subscriptions at once. The lock keeps others away from them."""
    kept: dict[t.Any, list[models.SubscriptionItem]] = {row.id: [] for row in rows}
    for item in uow.execute(_items_of(uow.dialect), {"subscriptions": sorted(kept)}).scalars():
        kept[item.subscription_id].append(item)
    uow.kept.update(((models.SubscriptionItem, id), items) for id, items in kept.items())


def new_items(uow: UnitOfWork, row: models.Subscription) -> None:
    """Note that a subscription is new, so that nobody looks for items of it."""
    uow.kept[models.SubscriptionItem, row.id] = []


def _items(uow: UnitOfWork, row: models.Subscription) -> list[models.SubscriptionItem]:
    """Return all items of a subscription, also those that were added since they were read."""
    name = (models.SubscriptionItem, row.id)
    if name not in uow.kept:
        read_items_ahead(uow, [row])
    return t.cast("list[models.SubscriptionItem]", uow.kept[name])


def _told(items: t.Iterable[models.SubscriptionItem]) -> list[ItemState]:
    live = sorted((each for each in items if each.removed_at is None), key=lambda i: i.position)
    return [
        {"id": each.processor_id, "price": each.price_processor_id, "quantity": each.quantity}
        for each in live
    ]
