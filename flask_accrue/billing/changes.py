"""Changing a subscription: its plan and its trial, and what every change shares."""

from __future__ import annotations

import collections.abc as c
import datetime
import typing as t
import uuid

import sqlalchemy as sa

from .. import clock, models
from ..errors import InvalidRequest, InvalidState, MultiItemSubscription
from ..gateways import gateway_of
from ..processors import Answer, Capability
from ..state import current_state
from .arguments import one_of
from .authentication import payment_outcome
from .early_ends import is_in_the_way, moved_to_the_period_end
from .perform import Plan, perform, seen
from .prices import check_countable, check_currency, check_quantity, find_price
from .subscriptions import Trial, check_trial, trial_end, unix

PRORATIONS: t.Final = ("create_prorations", "none", "always_invoice")
PAYMENT_BEHAVIORS: t.Final = ("allow_incomplete", "error_if_incomplete")

#: The key of a subscription's metadata that holds until when it's free of charge, in Unix seconds.
COMP_END_KEY: t.Final = "accrue_comp_ends"

#: An item of a subscription: its row, or its price, which no other has.
ItemName: t.TypeAlias = models.SubscriptionItem | str


def swap_plan(
    subscription: models.Subscription,
    price: str,
    *,
    proration: str,
    quantity: int | None = None,
    item: ItemName | None = None,
    proration_date: datetime.datetime | None = None,
    payment_behavior: str = "allow_incomplete",
    operation_id: str | None = None,
) -> models.Subscription:
    """Change the price of a subscription, or of one of its items.

    A scheduled end is withdrawn, a running trial goes on, and the quantity stays; coming from a metered
    price it becomes 1. An end within the running period that was prorated otherwise than this is to be is put
    off to that period's end first, by a call of its own, and stays so when the swap fails.

    :param proration: ``create_prorations`` (the difference is on the next invoice), ``always_invoice``
        (it's billed now) or ``none``. There is no default: it's a decision about money.
    :param item: which item, where there are several: its row, or the price that it has now.
    :param proration_date: from when on the difference is reckoned; what
        :func:`preview_upcoming_invoice` gave, so that the bill is what it said.
    :param payment_behavior: with ``allow_incomplete`` the change stands when its payment fails, the
        subscription is past due, and the error is raised; with ``error_if_incomplete`` nothing changes.
    :raises CardError: when the bank declines what is billed now.
    :raises ActionRequired: when the customer has to confirm it.
    :raises InvalidState: for a subscription that is incomplete or has ended, and for a price that another
        of its items has.
    """
    said = terms(subscription, Capability.SWAP, proration, payment_behavior, proration_date)
    named = item_name(item)

    def changes(now: models.Subscription) -> dict[str, t.Any]:
        return {"items": [swapped(now, named, price, quantity)], **said, **without_end(now)}

    def ends_wrongly(now: models.Subscription) -> bool:
        return bool(without_end(now)) and is_in_the_way(now, prorated=proration != "none")

    asked = {"price": price, "quantity": quantity, "item": named, **said}
    first = billed_as_a_whole_first(subscription, ends_wrongly, changes)
    return update(subscription, "swap_plan", asked, changes, operation_id, settle=first)


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


def terms(
    subscription: models.Subscription,
    capability: Capability,
    proration: str,
    payment_behavior: str,
    proration_date: datetime.datetime | None,
) -> dict[str, t.Any]:
    """Return how a change is to be billed, as it's sent, or say what is wrong with that.

    :raises UnsupportedByProcessor: when the processor can't do it, or not with that proration.
    """
    one_of("proration", proration, PRORATIONS)
    one_of("payment_behavior", payment_behavior, PAYMENT_BEHAVIORS)
    gateway = gateway_of(subscription)
    gateway.require(capability)
    if proration == "always_invoice":
        gateway.require(Capability.INVOICE_NOW)
    said: dict[str, t.Any] = {"proration": proration, "payment_behavior": payment_behavior}
    if proration_date is not None:
        said["proration_date"] = unix(proration_date)
    return said


def item_name(item: t.Any) -> str | None:
    """Return the name of an item as it's frozen: the processor's id of a row, a price as it's given."""
    if isinstance(item, models.SubscriptionItem):
        return item.processor_id
    if item is None or (isinstance(item, str) and item):
        return item
    raise InvalidRequest(
        f"An item is named by its row or by its price, such as 'price_pro', not {item!r}.",
        code="parameter_invalid",
        param="item",
    )


def chosen_item(subscription: models.Subscription, named: str | None) -> models.SubscriptionItem:
    """Return the item of that name; the only one where none is given.

    :raises MultiItemSubscription: when there are several and none is named.
    :raises InvalidRequest: with the code ``item_missing`` when there is none of that name.
    """
    items = subscription.items
    if named is None:
        if len(items) != 1:
            raise MultiItemSubscription(
                f"This subscription has {len(items)} items; name the one that is meant."
            )
        return items[0]
    for item in items:
        if named in (item.processor_id, item.price_processor_id):
            return item
    prices = ", ".join(repr(item.price_processor_id) for item in items)
    raise InvalidRequest(
        f"This subscription has no item {named!r}; it has {prices}.",
        code="item_missing",
        param="item",
    )


def refuse_duplicate(
    subscription: models.Subscription, price: str, but: models.SubscriptionItem | None = None
) -> None:
    """Refuse a price that the subscription has already, in another item.

    :raises InvalidState: with the code ``duplicate_price``.
    """
    for item in subscription.items:
        if item is not but and item.price_processor_id == price:
            raise InvalidState(
                f"This subscription has the price {price!r} already; change its quantity instead.",
                code="duplicate_price",
            )


def swapped(
    now: models.Subscription, named: str | None, price: str, quantity: int | None
) -> dict[str, t.Any]:
    """Return the change that gives an item another price, or refuse it."""
    item = chosen_item(now, named)
    check_currency(now.customer, price)
    refuse_duplicate(now, price, item)
    changed: dict[str, t.Any] = {"id": item.processor_id, "price": price}
    wanted = _quantity_after_swap(now, item, price, quantity)
    if wanted is not None:
        changed["quantity"] = wanted
    return changed


def without_end(now: models.Subscription) -> dict[str, t.Any]:
    """Return what takes back a scheduled end, unless that is its schedule's, or that of what is free of
    charge until then. An earlier end than that gives way to it."""
    undone: dict[str, t.Any] = {}
    if ends_with_comp(now) or open_schedule(now) is not None:
        return undone
    if now.ends_at is not None and (later := comp_end_after(now)) is not None:
        return {"cancel_at": later}
    if now.cancel_at_period_end:
        undone["cancel_at_period_end"] = False
    if now.cancel_at is not None:
        undone["cancel_at"] = None
    return undone


def ends_with_comp(now: models.Subscription) -> bool:
    """Tell whether a subscription ends when it's no longer to be free of charge."""
    if now.cancel_at is None:
        return False
    return bool(now.meta.get(COMP_END_KEY) == str(unix(now.cancel_at)))


def comp_end_after(now: models.Subscription) -> int | None:
    """Return when what is free of charge was to end, in Unix seconds, if that is after the end that it has
    now; else it would go on without one, and never be billed."""
    noted = now.meta.get(COMP_END_KEY, "")
    if not now.is_complimentary or not noted.isdecimal() or now.ends_at is None:
        return None
    return int(noted) if int(noted) > unix(now.ends_at) else None


def billed_as_a_whole_first(
    subscription: models.Subscription,
    is_needed: c.Callable[[models.Subscription], bool],
    changes: c.Callable[[models.Subscription], dict[str, t.Any]],
) -> c.Callable[[], None]:
    """Return what lets a subscription end with its period first, if that is needed before a change.

    So it's billed as if there had been no end within the period. Should the change then fail, it still ends.
    """
    id = subscription.id

    def settle() -> None:
        now = as_it_is(id)
        if is_needed(now):
            require_changeable(now)
            # What is refused leaves the end where it is.
            changes(now)
            update(now, "cancel_at_period_end", {}, moved_to_the_period_end, None)

    return settle


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
    check: c.Callable[[], None] | None = None,
    settle: c.Callable[[], None] | None = None,
    basis: c.Callable[[], t.Any] | None = None,
) -> models.Subscription:
    """Change a subscription at the processor, as the operation ``kind``.

    :param said: what the caller asked for; a repeat has to ask for the same.
    :param changes: gives what is sent, from the subscription as it is now, or refuses. It isn't asked
        again by a repeat, which finds the subscription changed already.
    :param guard: keeps others of its kind away; then ``trace`` is needed too.
    :param needs_begun: whether it's refused for a subscription that is incomplete or has ended.
    :param check: refuses what isn't legal now, once the guard is held; it may ask the processor.
    :param basis: gives what ``changes`` were reckoned from, to be kept with them.
    :param settle: finds out first what ``changes`` needs besides rows; it may ask the processor, too.
    """
    processor_id, id = subscription.processor_id, subscription.id

    def request(_: str) -> dict[str, t.Any]:
        now = as_it_is(id)
        if needs_begun:
            require_changeable(now)
        plan.seen |= seen(now)
        wanted = changes(now)
        if wanted.keys() & {"cancel_at", "cancel_at_period_end"}:
            _leave_end_to_schedule(now)
        return {"subscription": processor_id, "changes": wanted}

    plan: Plan[models.Subscription] = Plan(
        kind=kind,
        subject=f"subscription:{id}",
        processor=gateway_of(subscription),
        arguments=said,
        method="update_subscription",
        request=request,
        result="subscription",
        customer_id=subscription.customer_id,
        guard=guard,
        trace=trace,
        basis=basis,
        settle=settle,
        check=check,
        outcome=payment_outcome,
    )
    return perform(plan, operation_id)


def as_it_is(id: uuid.UUID) -> models.Subscription:
    """Read a subscription anew: the caller's may be as old as the page that it was shown on."""
    subscriptions = models.Subscription
    statement = sa.select(subscriptions).where(subscriptions.id == id)
    found: models.Subscription = (
        current_state()
        .db.session.scalars(statement.execution_options(populate_existing=True))
        .one()
    )
    return found


def open_schedule(subscription: models.Subscription) -> models.SubscriptionSchedule | None:
    """Return the schedule that a subscription is under, or ``None``."""
    schedules = models.SubscriptionSchedule
    return (
        current_state()
        .db.session.scalars(
            sa.select(schedules).where(
                schedules.processor == subscription.processor,
                schedules.subscription_processor_id == subscription.processor_id,
                schedules.is_open,
            )
        )
        .first()
    )


def _leave_end_to_schedule(subscription: models.Subscription) -> None:
    schedule = open_schedule(subscription)
    if schedule is not None:
        raise InvalidState(
            f"This subscription is under the schedule {schedule.processor_id!r}, which decides when it "
            "ends. Use billing.update_schedule(), cancel_schedule() or release_schedule() first.",
            code="subscription_scheduled",
        )


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


def _quantity_after_swap(
    subscription: models.Subscription,
    item: models.SubscriptionItem,
    price: str,
    quantity: int | None,
) -> int | None:
    if check_countable(find_price(subscription.customer, price), quantity):
        if quantity is not None:
            return check_quantity(quantity, least=1)
        return 1 if item.quantity is None else item.quantity
    return None
