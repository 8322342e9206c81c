"""Adding items to a subscription, and taking them away."""

from __future__ import annotations

import datetime
import typing as t

from .. import models
from ..errors import InvalidState
from ..processors import Capability
from .changes import ItemName, chosen_item, item_name, refuse_duplicate, terms, update
from .prices import check_countable, check_currency, check_quantity, find_price


def add_item(
    subscription: models.Subscription,
    price: str,
    *,
    proration: str,
    quantity: int | None = None,
    proration_date: datetime.datetime | None = None,
    payment_behavior: str = "allow_incomplete",
    operation_id: str | None = None,
) -> models.Subscription:
    """Add a price to a subscription.

    :param quantity: how many; 1 by default. A metered price has none.
    :param proration: as for :func:`swap_plan`; there is no default.
    :raises InvalidState: with the code ``duplicate_price`` when it has that price already.
    :raises CardError: when the bank declines what is billed now; the item is added.
    """
    check_quantity(quantity if quantity is not None else 1)
    said = terms(
        subscription, Capability.MULTIPLE_ITEMS, proration, payment_behavior, proration_date
    )

    def changes(now: models.Subscription) -> dict[str, t.Any]:
        return {"items": [added(now, price, quantity)], **said}

    asked = {"price": price, "quantity": quantity, **said}
    return update(subscription, "add_item", asked, changes, operation_id)


def remove_item(
    subscription: models.Subscription,
    item: ItemName,
    *,
    proration: str,
    proration_date: datetime.datetime | None = None,
    payment_behavior: str = "allow_incomplete",
    operation_id: str | None = None,
) -> models.Subscription:
    """Take an item away. It entitles to nothing from then on; old invoices still name it.

    :param item: its row or its price.
    :param proration: as for :func:`swap_plan`; with ``none`` the rest of its period isn't given back.
    :raises InvalidState: with the code ``last_item`` for the only one: cancel the subscription instead.
    """
    named = item_name(item)
    said = terms(
        subscription, Capability.MULTIPLE_ITEMS, proration, payment_behavior, proration_date
    )

    def changes(now: models.Subscription) -> dict[str, t.Any]:
        found = chosen_item(now, named)
        if len(now.items) == 1:
            raise InvalidState(
                "The last item of a subscription can't be removed; cancel the subscription instead.",
                code="last_item",
            )
        return {"items": [removed(found)], **said}

    return update(subscription, "remove_item", {"item": named, **said}, changes, operation_id)


def added(now: models.Subscription, price: str, quantity: int | None) -> dict[str, t.Any]:
    """Return the change that adds an item, or refuse it."""
    check_currency(now.customer, price)
    refuse_duplicate(now, price)
    check_countable(find_price(now.customer, price), quantity)
    return {"price": price} | ({} if quantity is None else {"quantity": quantity})


def removed(item: models.SubscriptionItem) -> dict[str, t.Any]:
    """Return the change that takes an item away."""
    return {"id": item.processor_id, "deleted": True}
