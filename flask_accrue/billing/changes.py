"""Changing a subscription: its plan, its quantity, its trial."""

from __future__ import annotations

import collections.abc as c
import datetime
import typing as t
import uuid

import sqlalchemy as sa

from .. import clock, models
from ..errors import InvalidRequest, InvalidState, MultiItemSubscription
from ..processors import Answer, Capability, objects
from ..state import current_state
from .authentication import payment_outcome
from .perform import Plan, perform, seen
from .subscriptions import (
    Trial,
    check_currency,
    check_quantity,
    check_trial,
    find_price,
    trial_end,
    unix,
)

PRORATIONS: t.Final = ("create_prorations", "none", "always_invoice")
PAYMENT_BEHAVIORS: t.Final = ("allow_incomplete", "error_if_incomplete")


def swap_plan(
    subscription: models.Subscription,
    price: str,
    *,
    proration: str,
    quantity: int | None = None,
    proration_date: datetime.datetime | None = None,
    payment_behavior: str = "allow_incomplete",
    operation_id: str | None = None,
) -> models.Subscription:
    """Change the price of a subscription of one item.

    A scheduled end is withdrawn, a running trial goes on, and the quantity stays; coming from a metered
    price it becomes 1.

    :param proration: ``create_prorations`` (the difference is on the next invoice), ``always_invoice``
        (it's billed now) or ``none``. There is no default: it's a decision about money.
    :param payment_behavior: with ``allow_incomplete`` the change stands when its payment fails, the
        subscription is past due, and the error is raised; with ``error_if_incomplete`` nothing changes.
    :raises CardError: when the bank declines what is billed now.
    :raises ActionRequired: when the customer has to confirm it.
    :raises InvalidState: for a subscription that is incomplete or has ended.
    """
    one_of("proration", proration, PRORATIONS)
    one_of("payment_behavior", payment_behavior, PAYMENT_BEHAVIORS)
    gateway = current_state().processor(subscription.processor)
    gateway.require(Capability.SWAP)
    if proration == "always_invoice":
        gateway.require(Capability.INVOICE_NOW)
    said: dict[str, t.Any] = {"proration": proration, "payment_behavior": payment_behavior}
    if proration_date is not None:
        said["proration_date"] = unix(proration_date)

    def changes(now: models.Subscription) -> dict[str, t.Any]:
        item = single_item(now)
        check_currency(now.customer, price)
        changed: dict[str, t.Any] = {"id": item.processor_id, "price": price}
        wanted = _quantity_after_swap(now, item, price, quantity)
        if wanted is not None:
            changed["quantity"] = wanted
        undone: dict[str, t.Any] = {}
        if now.cancel_at_period_end:
            undone["cancel_at_period_end"] = False
        if now.cancel_at is not None:
            undone["cancel_at"] = None
        return {"items": [changed], **said, **undone}

    asked = {"price": price, "quantity": quantity, **said}
    return update(subscription, "swap_plan", asked, changes, operation_id)


def update_quantity(
    subscription: models.Subscription,
    quantity: int,
    *,
    proration: str = "create_prorations",
    payment_behavior: str = "allow_incomplete",
    operation_id: str | None = None,
) -> models.Subscription:
    """Change how many of its price a subscription is for, at least 1.

    :raises InvalidRequest: for a metered price, which has no quantity.
    """
    check_quantity(quantity, least=1)
    return _requantify(
        subscription,
        "update_quantity",
        quantity,
        lambda _: quantity,
        proration,
        payment_behavior,
        operation_id,
    )


def increment(
    subscription: models.Subscription,
    by: int = 1,
    *,
    proration: str = "create_prorations",
    payment_behavior: str = "allow_incomplete",
    operation_id: str | None = None,
) -> models.Subscription:
    """Add to the quantity.

    :raises OperationInProgress: while another process adds or takes: both are counted, one by one.
    :raises InvalidState: with the code ``quantity_changed`` when the answer to the one before was lost,
        and that one turns out to be counted. Nothing is added then: this may be the same wish.
    """
    check_quantity(by, least=1)
    return _requantify(
        subscription,
        "increment",
        by,
        lambda now: now + by,
        proration,
        payment_behavior,
        operation_id,
    )


def decrement(
    subscription: models.Subscription,
    by: int = 1,
    *,
    proration: str = "create_prorations",
    payment_behavior: str = "allow_incomplete",
    operation_id: str | None = None,
) -> models.Subscription:
    """Take from the quantity, down to 1. Otherwise as :func:`increment`."""
    check_quantity(by, least=1)
    return _requantify(
        subscription,
        "decrement",
        by,
        lambda now: min(now, max(1, now - by)),
        proration,
        payment_behavior,
        operation_id,
    )


def _requantify(
    subscription: models.Subscription,
    kind: str,
    number: int,
    wanted: c.Callable[[int], int],
    proration: str,
    payment_behavior: str,
    operation_id: str | None,
) -> models.Subscription:
    one_of("proration", proration, PRORATIONS)
    one_of("payment_behavior", payment_behavior, PAYMENT_BEHAVIORS)
    gateway = current_state().processor(subscription.processor)
    gateway.require(Capability.QUANTITY)
    said = {"proration": proration, "payment_behavior": payment_behavior}
    processor_id = subscription.processor_id
    found_made = False

    def trace(arguments: dict[str, t.Any]) -> Answer | None:
        nonlocal found_made
        answer = gateway.fetch("subscription", processor_id)
        made = _has_quantities(answer, arguments["changes"]["items"])
        found_made = found_made or made
        return answer if made else None

    def changes(now: models.Subscription) -> dict[str, t.Any]:
        item = single_item(now)
        if found_made:
            raise InvalidState(
                "The answer to an earlier change of this quantity was lost, and it was made: the "
                f"quantity is {item.quantity}. Look whether yours is still wanted, then repeat it.",
                code="quantity_changed",
            )
        _require_licensed(item)
        assert item.quantity is not None
        return {"items": [{"id": item.processor_id, "quantity": wanted(item.quantity)}], **said}

    return update(
        subscription,
        kind,
        {"quantity": number, **said},
        changes,
        operation_id,
        # Two who add at once would both start from the same number.
        guard=f"quantity:{subscription.id}" if kind != "update_quantity" else None,
        trace=trace,
    )


def extend_trial(
    subscription: models.Subscription, trial: Trial, *, operation_id: str | None = None
) -> models.Subscription:
    """Prolong a trial: a timedelta from its end (or from now), or until a time.

    :raises InvalidState: when it has ended.
    """
    check_trial(trial)

    def changes(row: models.Subscription) -> dict[str, t.Any]:
        now = clock.now()
        begins = max(now, row.trial_end or now)
        return {"trial_end": trial_end(trial, begins), "proration": "none"}

    return update(subscription, "extend_trial", {"trial": trial}, changes, operation_id)


def end_trial(
    subscription: models.Subscription, *, operation_id: str | None = None
) -> models.Subscription:
    """End a trial now and bill the first period.

    :raises InvalidState: when it isn't on trial.
    :raises CardError: when the bank declines; the subscription is past due.
    """

    def changes(now: models.Subscription) -> dict[str, t.Any]:
        if not now.is_trialing:
            raise InvalidState("This subscription isn't on trial.", code="not_trialing")
        return {"trial_end": "now"}

    return update(subscription, "end_trial", {}, changes, operation_id)


# -- shared ----------------------------------------------------------------------------------------


def single_item(subscription: models.Subscription) -> models.SubscriptionItem:
    """Return the only item of a subscription.

    :raises MultiItemSubscription: when it has several.
    """
    items = subscription.items
    if len(items) != 1:
        raise MultiItemSubscription(
            f"This subscription has {len(items)} items; name the one that is meant."
        )
    return items[0]


def update(
    subscription: models.Subscription,
    kind: str,
    said: c.Mapping[str, t.Any],
    changes: c.Callable[[models.Subscription], dict[str, t.Any]],
    operation_id: str | None,
    *,
    guard: str | None = None,
    trace: c.Callable[[dict[str, t.Any]], Answer | None] | None = None,
    needs_begun: bool = True,
) -> models.Subscription:
    """Change a subscription at the processor, as the operation ``kind``.

    :param said: what the caller asked for; a repeat has to ask for the same.
    :param changes: gives what is sent, from the subscription as it is now, or refuses. It isn't asked
        again by a repeat, which finds the subscription changed already.
    :param guard: keeps others of its kind away; then ``trace`` is needed too.
    :param needs_begun: whether it's refused for a subscription that is incomplete or has ended.
    """
    processor_id, id = subscription.processor_id, subscription.id

    def request(_: str) -> dict[str, t.Any]:
        now = _as_it_is(id)
        if needs_begun:
            require_changeable(now)
        plan.seen |= seen(now)
        return {"subscription": processor_id, "changes": changes(now)}

    plan: Plan[models.Subscription] = Plan(
        kind=kind,
        subject=f"subscription:{id}",
        processor=current_state().processor(subscription.processor),
        arguments=said,
        method="update_subscription",
        request=request,
        result="subscription",
        customer_id=subscription.customer_id,
        guard=guard,
        trace=trace,
        outcome=payment_outcome,
    )
    return perform(plan, operation_id)


def _as_it_is(id: uuid.UUID) -> models.Subscription:
    """Read a subscription anew: the caller's may be as old as the page that it was shown on."""
    subscriptions = models.Subscription
    statement = sa.select(subscriptions).where(subscriptions.id == id)
    found: models.Subscription = (
        current_state()
        .db.session.scalars(statement.execution_options(populate_existing=True))
        .one()
    )
    return found


def require_changeable(subscription: models.Subscription) -> None:
    if subscription.is_ended:
        raise InvalidState(
            "This subscription has ended; subscribe again instead.", code="subscription_ended"
        )
    if subscription.is_incomplete:
        raise InvalidState(
            "The first payment of this subscription isn't made yet; complete or cancel it first.",
            code="subscription_incomplete",
        )


def _require_licensed(item: models.SubscriptionItem) -> None:
    if item.quantity is None or (item.price is not None and item.price.is_metered):
        raise InvalidRequest(
            "This price is billed by usage and has no quantity.",
            code="parameter_invalid",
            param="quantity",
        )


def _has_quantities(answer: Answer, wanted: list[dict[str, t.Any]]) -> bool:
    """Tell whether a subscription has the quantities that were asked for."""
    found = answer.main
    assert isinstance(found, objects.Subscription)
    quantities = {each.processor_id: each.quantity for each in found.items}
    return all(quantities.get(each["id"]) == each["quantity"] for each in wanted)


def _quantity_after_swap(
    subscription: models.Subscription,
    item: models.SubscriptionItem,
    price: str,
    quantity: int | None,
) -> int | None:
    known = find_price(subscription.processor, price)
    if known is not None and known.is_metered:
        if quantity is not None:
            raise InvalidRequest(
                f"The price {price!r} is billed by usage and has no quantity.",
                code="parameter_invalid",
                param="quantity",
            )
        return None
    if quantity is not None:
        return check_quantity(quantity, least=1)
    return 1 if item.quantity is None else item.quantity


def one_of(name: str, value: t.Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InvalidRequest(
            f"{name} is {value!r}; use one of {', '.join(map(repr, choices))}.",
            code="parameter_invalid",
            param=name,
        )
