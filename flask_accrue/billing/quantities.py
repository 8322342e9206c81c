"""How many of its price a subscription is for."""

from __future__ import annotations

import collections.abc as c
import datetime
import functools
import typing as t

from .. import models, operations
from ..errors import InvalidRequest, InvalidState
from ..gateways import gateway_of
from ..processors import Answer, Capability, objects
from ..state import current_state
from .changes import ItemName, chosen_item, item_name, terms, update
from .current import sync
from .prices import check_quantity

#: How often a quantity is reckoned anew that was changed elsewhere meanwhile.
_TRIES: t.Final = 3


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
    """Add to the quantity that the processor has, which is asked for right before.

    No processor adds by itself. A change that is made elsewhere in the instant between the question and the
    answer can't be seen; here one adds after the other.

    :param item: which item, where there are several: its row or its price.
    :raises OperationInProgress: while another process adds or takes: both are counted, one by one.
    :raises InvalidState: with the code ``quantity_changed`` when the answer to the one before was lost,
        and that one turns out to be counted. Nothing is added then: this may be the same wish. Also when
        the quantity is changed elsewhere again and again.
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


class _Moved(Exception):
    """The processor has another quantity than the one that was reckoned from."""


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
    id = operations.operation_id(operation_id, kind, f"subscription:{subscription.id}")
    base: dict[str, int | None] | None = None

    def trace(arguments: dict[str, t.Any]) -> Answer | None:
        nonlocal found_made
        answer = gateway.fetch("subscription", processor_id)
        made = _has_quantities(answer, arguments["changes"]["items"])
        found_made = found_made or made
        return answer if made else None

    def changes(now: models.Subscription) -> dict[str, t.Any]:
        nonlocal base
        found = chosen_item(now, named)
        if found_made:
            raise InvalidState(
                "The answer to an earlier change of this quantity was lost, and it was made: the "
                f"quantity is {found.quantity}. Look whether yours is still wanted, then repeat it.",
                code="quantity_changed",
            )
        base = {found.processor_id: found.quantity}
        return {"items": [recounted(found, wanted)], **said}

    def check() -> None:
        session = current_state().db.session
        row = session.get_one(models.Operation, id, populate_existing=True)
        sent = row.request["arguments"]["changes"]["items"] if row.sent_at is not None else None
        session.rollback()
        found = _quantities(gateway.fetch("subscription", processor_id))
        if sent is None:
            if base is None or not base.items() <= found.items():
                raise _Moved
        elif not all(_may_follow(found.get(each["id"]), each["quantity"], wanted) for each in sent):
            # It was made and changed since, or wasn't made: sent again it would undo that change.
            raise _changed_since(id, sent, found)

    change = functools.partial(
        update,
        subscription,
        kind,
        {"quantity": number, "item": named, **said},
        changes,
        id,
        # Two who add at once would both start from the same number.
        guard=f"quantity:{subscription.id}" if kind != "update_quantity" else None,
        trace=trace,
    )
    if kind == "update_quantity":
        return change()
    for _ in range(_TRIES):
        try:
            return change(check=check)
        except _Moved:
            sync(subscription)
    raise _changed()


def _has_quantities(answer: Answer, wanted: list[dict[str, t.Any]]) -> bool:
    """Tell whether a subscription has the quantities that were asked for."""
    quantities = _quantities(answer)
    return all(quantities.get(each["id"]) == each["quantity"] for each in wanted)


def _quantities(answer: Answer) -> dict[str, int | None]:
    found = answer.main
    assert isinstance(found, objects.Subscription)
    return {each.processor_id: each.quantity for each in found.items}


def _may_follow(quantity: int | None, sent: int, wanted: c.Callable[[int], int]) -> bool:
    """Tell whether a quantity is as a request leaves it, or as it can have been reckoned from."""
    return quantity is not None and sent in (quantity, wanted(quantity))


def _changed_since(
    id: str, sent: list[dict[str, t.Any]], found: dict[str, int | None]
) -> InvalidState:
    wanted = ", ".join(str(each["quantity"]) for each in sent)
    now = ", ".join(str(found.get(each["id"], "gone")) for each in sent)
    return InvalidState(
        f"The answer to this change, to {wanted}, was lost, and the quantity was changed elsewhere since: "
        f"it's {now}. It may have been made before that, or not at all, and wasn't sent again. Look in the "
        f"processor's log of requests for the idempotency key {id!r}, or at the subscription's events. "
        "Only if it wasn't made and is still wanted, repeat it under another operation id.",
        code="quantity_changed",
    )


def _changed() -> InvalidState:
    return InvalidState(
        "The quantity was changed elsewhere meanwhile, so this change was left out. Look whether it's still "
        "wanted, then repeat it under another operation id.",
        code="quantity_changed",
    )
