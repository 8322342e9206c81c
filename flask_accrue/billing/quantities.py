"""How many of its price a subscription is for."""

from __future__ import annotations

import collections.abc as c
import datetime
import typing as t

from .. import models
from ..errors import InvalidRequest, InvalidState
from ..gateways import gateway_of
from ..processors import Answer, Capability, objects
from .changes import ItemName, chosen_item, item_name, terms, update
from .prices import check_quantity


def update_quantity(
    subscription: models.Subscription,
    quantity: int,
    *,
    item: ItemName | None = None,
    proration: str = "create_prorations",
    proration_date: datetime.datetime | None = None,
    payment_behavior: str = "allow_incomplete",
    operation_id: str | None = None,
) -> models.Subscription:
    """Change how many of its price a subscription is for, at least 1.

    :param item: which item, where there are several: its row or its price.
    :param proration_date: as for :func:`swap_plan`.
    :raises InvalidRequest: for a metered price, which has no quantity.
    :raises MultiItemSubscription: when there are several items and none is named.
    """
    check_quantity(quantity, least=1)
    said = terms(subscription, Capability.QUANTITY, proration, payment_behavior, proration_date)
    return _requantify(
        subscription, "update_quantity", quantity, lambda _: quantity, item, said, operation_id
    )


def increment(
    subscription: models.Subscription,
    by: int = 1,
    *,
    item: ItemName | None = None,
    proration: str = "create_prorations",
    payment_behavior: str = "allow_incomplete",
    operation_id: str | None = None,
) -> models.Subscription:
    """Add to the quantity.

    :param item: which item, where there are several: its row or its price.
    :raises OperationInProgress: while another process adds or takes: both are counted, one by one.
    :raises InvalidState: with the code ``quantity_changed`` when the answer to the one before was lost,
        and that one turns out to be counted. Nothing is added then: this may be the same wish.
    """
    check_quantity(by, least=1)
    said = terms(subscription, Capability.QUANTITY, proration, payment_behavior, None)
    return _requantify(
        subscription, "increment", by, lambda now: now + by, item, said, operation_id
    )


def decrement(
    subscription: models.Subscription,
    by: int = 1,
    *,
    item: ItemName | None = None,
    proration: str = "create_prorations",
    payment_behavior: str = "allow_incomplete",
    operation_id: str | None = None,
) -> models.Subscription:
    """Take from the quantity, down to 1. Otherwise as :func:`increment`."""
    check_quantity(by, least=1)
    said = terms(subscription, Capability.QUANTITY, proration, payment_behavior, None)
    return _requantify(
        subscription,
        "decrement",
        by,
        lambda now: min(now, max(1, now - by)),
        item,
        said,
        operation_id,
    )


def recounted(item: models.SubscriptionItem, quantity: c.Callable[[int], int]) -> dict[str, t.Any]:
    """Return the change that gives an item another quantity.

    :raises InvalidRequest: for a metered price.
    """
    if item.quantity is None or (item.price is not None and item.price.is_metered):
        raise InvalidRequest(
            "This price is billed by usage and has no quantity.",
            code="parameter_invalid",
            param="quantity",
        )
    return {"id": item.processor_id, "quantity": quantity(item.quantity)}


def _requantify(
    subscription: models.Subscription,
    kind: str,
    number: int,
    wanted: c.Callable[[int], int],
    item: ItemName | None,
    said: dict[str, t.Any],
    operation_id: str | None,
) -> models.Subscription:
    gateway = gateway_of(subscription)
    named, processor_id = item_name(item), subscription.processor_id
    found_made = False

    def trace(arguments: dict[str, t.Any]) -> Answer | None:
        nonlocal found_made
        answer = gateway.fetch("subscription", processor_id)
        made = _has_quantities(answer, arguments["changes"]["items"])
        found_made = found_made or made
        return answer if made else None

    def changes(now: models.Subscription) -> dict[str, t.Any]:
        found = chosen_item(now, named)
        if found_made:
            raise InvalidState(
                "The answer to an earlier change of this quantity was lost, and it was made: the "
                f"quantity is {found.quantity}. Look whether yours is still wanted, then repeat it.",
                code="quantity_changed",
            )
        return {"items": [recounted(found, wanted)], **said}

    return update(
        subscription,
        kind,
        {"quantity": number, "item": named, **said},
        changes,
        operation_id,
        # Two who add at once would both start from the same number.
        guard=f"quantity:{subscription.id}" if kind != "update_quantity" else None,
        trace=trace,
    )


def _has_quantities(answer: Answer, wanted: list[dict[str, t.Any]]) -> bool:
    """Tell whether a subscription has the quantities that were asked for."""
    found = answer.main
    assert isinstance(found, objects.Subscription)
    quantities = {each.processor_id: each.quantity for each in found.items}
    return all(quantities.get(each["id"]) == each["quantity"] for each in wanted)
