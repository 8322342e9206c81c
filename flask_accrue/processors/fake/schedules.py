"""How a schedule begins, goes on to its next phase, and comes to its end.

The first invoice of a subscription that a schedule makes is a draft for an hour, as those of renewals
are, and the subscription is active from the first moment
(https://docs.stripe.com/billing/subscriptions/subscription-schedules).
"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import typing as t

from ...errors import ProcessorError
from .. import objects
from . import (
    agenda,
    customers,
    discounting,
    discounts,
    item_changes,
    items,
    labels,
    payment_methods,
    schedule_phases,
    subscriptions,
)
from .refusals import refused
from .transaction import Transaction

END_BEHAVIORS: t.Final = ("release", "cancel")
#: How long before its end a schedule says so.
EXPIRY_WARNING: t.Final = datetime.timedelta(days=7)

Result: t.TypeAlias = list[objects.ProcessorObject]


def create(
    tx: Transaction,
    customer_id: str,
    *,
    chosen: c.Sequence[c.Mapping[str, t.Any]],
    start_date: int | None,
    end_behavior: str,
    payment_method: str | None,
    collection_method: str,
    metadata: c.Mapping[str, str],
    automatic_tax: bool = False,
    days_until_due: int | None = None,
) -> Result:
    """Subscribe a customer by a schedule; see the contract.

    :raises NotFound: for a customer or price that isn't there.
    :raises InvalidRequest: for phases that can't be, or a beginning in the past.
    """
    customer = customers.living(tx, customer_id)
    if payment_method is not None:
        payment_methods.of_customer(tx, customer, payment_method, "default_payment_method")
    subscriptions.check_collection(collection_method, days_until_due)
    check_end_behavior(end_behavior)
    begins = items.moment(start_date, "start_date") or tx.now
    if begins < tx.now:
        raise refused("The Fake's schedules don't begin in the past.", "start_date")
    phases, terms = schedule_phases.lay_out(tx, chosen, begins)
    schedule = objects.SubscriptionSchedule(
        processor_id=tx.new_id("sub_sched"),
        created=tx.now,
        customer=customer_id,
        status="not_started",
        default_payment_method=payment_method,
        end_behavior=end_behavior,
        phases=phases,
        metadata=labels.merged({}, metadata),
    )
    tx.save(schedule, "subscription_schedule.created")
    tx.aside(schedule.processor_id).update(
        terms=terms,
        collection_method=collection_method,
        automatic_tax=automatic_tax,
        days_until_due=days_until_due,
    )
    if begins > tx.now:
        plan(tx, schedule)
        return [schedule]
    return _begin(tx, schedule)


def create_from(tx: Transaction, subscription_id: str) -> Result:
    """Put a subscription under a schedule, whose one phase is its current period.

    :raises InvalidRequest: when it has one already, or has ended.
    """
    subscription = tx.get(objects.Subscription, subscription_id, "from_subscription")
    if schedule_of(tx, subscription_id) is not None:
        raise refused(
            f"The subscription {subscription_id!r} is attached to a schedule already.",
            "from_subscription",
        )
    start, end = subscription.current_period_start, subscription.current_period_end
    if subscription.status not in agenda.LIVE or start is None or end is None:
        raise refused(
            f"A subscription that is {subscription.status} can't be put under a schedule.",
            "from_subscription",
        )
    phase = objects.SchedulePhase(
        start=start,
        end=end,
        trial_end=subscription.trial_end if subscription.status == "trialing" else None,
        items=tuple(
            objects.SchedulePhaseItem(price=each.price, quantity=each.quantity)
            for each in subscription.items
        ),
        discounts=tuple(
            objects.PhaseDiscount(discount=each.processor_id)
            for each in discounting.in_force(tx, subscription)
        ),
        automatic_tax=subscription.automatic_tax is True,
    )
    schedule = objects.SubscriptionSchedule(
        processor_id=tx.new_id("sub_sched"),
        created=tx.now,
        customer=subscription.customer,
        status="active",
        subscription=subscription_id,
        default_payment_method=subscription.default_payment_method,
        end_behavior="cancel" if subscription.cancel_at is not None else "release",
        phases=(phase,),
        current_phase_start=start,
        current_phase_end=end,
    )
    tx.save(schedule, "subscription_schedule.created")
    terms: schedule_phases.Terms = [{"metadata": {}}]
    tx.aside(schedule.processor_id).update(
        terms=terms, automatic_tax=subscription.automatic_tax is True
    )
    tx.aside(subscription_id)["schedule"] = schedule.processor_id
    plan(tx, schedule)
    return [schedule, subscription]


def go_on(tx: Transaction, schedule: objects.SubscriptionSchedule) -> None:
    """Let the next phase begin, or the schedule end: its time has come."""
    if schedule.status == "not_started":
        try:
            _begin(tx, schedule, by_itself=True)
        except ProcessorError:
            # Nobody is there to be told: the price was retired, or the customer is gone.
            close(tx, schedule, "canceled", "subscription_schedule.aborted")
        return
    following = [number for number, phase in enumerate(schedule.phases) if phase.start >= tx.now]
    if following:
        enter(tx, schedule, following[0], by_itself=True)
    else:
        close(tx, schedule, "completed", "subscription_schedule.completed")


def enter(
    tx: Transaction,
    schedule: objects.SubscriptionSchedule,
    number: int,
    proration: str | None = None,
    *,
    anew: bool = True,
    card: bool = False,
    by_itself: bool = False,
) -> Result:
    """Give the subscription the items of a phase, and bill the difference as the phase says.

    :param proration: instead of the phase's own.
    :param anew: whether it gets the phase's discounts; else it has those that are left of them.
    :param card: whether it gets the schedule's card, as it does with ``anew``.
    :param by_itself: nobody has asked for it, so that discounts which can't be given any more are left out.
    :returns: the schedule, the subscription, and what was billed at once.
    """
    phase, terms = schedule.phases[number], tx.aside(schedule.processor_id)["terms"][number]
    before = tx.get(objects.Subscription, schedule.subscription)
    wanted: dict[str, t.Any] = {
        "items": schedule_phases.swaps(before, phase),
        "proration": proration or phase.proration,
    }
    is_ahead = phase.trial_end is not None and phase.trial_end > tx.now
    if is_ahead and phase.trial_end != before.trial_end:
        wanted["trial_end"] = schedule_phases.unix(phase.trial_end)
    merged = labels.merged(before.metadata, terms["metadata"])
    changed = with_end(tx, schedule, dataclasses.replace(before, metadata=merged), phase)
    changed = dataclasses.replace(changed, automatic_tax=_taxed(tx, schedule, phase))
    if (anew or card) and schedule.default_payment_method is not None:
        changed = dataclasses.replace(
            changed, default_payment_method=schedule.default_payment_method
        )
    if anew:
        changed = _discounted(tx, changed, phase, by_itself)
    changed, collected = item_changes.apply(tx, before, changed, wanted)
    schedule = _at(tx, schedule, phase)
    return [schedule, changed, *(collected.objects if collected else ())]


def with_end(
    tx: Transaction,
    schedule: objects.SubscriptionSchedule,
    subscription: objects.Subscription,
    phase: objects.SchedulePhase,
) -> objects.Subscription:
    """Return the subscription with the end that its schedule has set: that of the last phase, or none."""
    aside = tx.aside(schedule.processor_id)
    ends = schedule.end_behavior == "cancel" and phase == schedule.phases[-1]
    if ends:
        aside["ends"] = True
        return dataclasses.replace(
            subscription, cancel_at=phase.end, cancel_at_period_end=False, canceled_at=tx.now
        )
    if aside.pop("ends", False):
        return dataclasses.replace(subscription, cancel_at=None, canceled_at=None)
    return subscription


def plan(tx: Transaction, schedule: objects.SubscriptionSchedule) -> None:
    """Note when a schedule begins or goes on, and when it says that it's about to end."""
    begun = schedule.status != "not_started"
    due = schedule.current_phase_end if begun else schedule.phases[0].start
    tx.plan(schedule.processor_id, "phase", due)
    end = t.cast(datetime.datetime, schedule.phases[-1].end)
    warning = end - EXPIRY_WARNING
    tx.plan(schedule.processor_id, "expiring", warning if warning > tx.now else None)


def announce_end(tx: Transaction, schedule: objects.SubscriptionSchedule) -> None:
    """Say that a schedule is about to end."""
    tx.emit("subscription_schedule.expiring", schedule)


def close(
    tx: Transaction, schedule: objects.SubscriptionSchedule, status: str, event: str
) -> objects.SubscriptionSchedule:
    """Let a schedule be over: ``completed``, ``released`` or ``canceled``."""
    tx.forget(schedule.processor_id)
    if schedule.subscription is not None:
        tx.aside(schedule.subscription).pop("schedule", None)
    closed = dataclasses.replace(
        schedule,
        status=status,
        current_phase_start=None,
        current_phase_end=None,
        completed_at=tx.now if status == "completed" else None,
        released_at=tx.now if status == "released" else None,
        canceled_at=tx.now if status == "canceled" else None,
    )
    return tx.save(closed, event)


def number_of_current(schedule: objects.SubscriptionSchedule) -> int:
    """Return which phase an active schedule is in."""
    starts = [phase.start for phase in schedule.phases]
    return starts.index(t.cast(datetime.datetime, schedule.current_phase_start))


def follow(tx: Transaction, subscription: objects.Subscription) -> None:
    """Let the current phase have the items and the tax that its subscription was given by itself."""
    schedule = schedule_of(tx, subscription.processor_id)
    if schedule is None:
        return
    number = number_of_current(schedule)
    phase = dataclasses.replace(
        schedule.phases[number],
        items=tuple(
            objects.SchedulePhaseItem(price=each.price, quantity=each.quantity)
            for each in subscription.items
        ),
    )
    if subscription.automatic_tax != _taxed(tx, schedule, phase):
        phase = dataclasses.replace(phase, automatic_tax=subscription.automatic_tax is True)
    phases = (*schedule.phases[:number], phase, *schedule.phases[number + 1 :])
    tx.save(dataclasses.replace(schedule, phases=phases), "subscription_schedule.updated")


def schedule_of(tx: Transaction, subscription_id: str) -> objects.SubscriptionSchedule | None:
    """Return the schedule that a subscription is under, if any."""
    return tx.peek(objects.SubscriptionSchedule, tx.aside(subscription_id).get("schedule"))


def check_end_behavior(end_behavior: t.Any) -> None:
    if end_behavior not in END_BEHAVIORS:
        raise refused(
            f"end_behavior is one of {', '.join(END_BEHAVIORS)}, not {end_behavior!r}.",
            "end_behavior",
        )


def _begin(
    tx: Transaction, schedule: objects.SubscriptionSchedule, *, by_itself: bool = False
) -> Result:
    """Make the subscription, with the items of the first phase.

    :param by_itself: nobody has asked for it now, as in :func:`enter`.
    """
    aside, phase = tx.aside(schedule.processor_id), schedule.phases[0]
    wanted: c.Sequence[c.Mapping[str, str]] = schedule_phases.to_give(phase)
    if by_itself:
        buying = objects.Subscription(
            processor_id="",
            customer=schedule.customer,
            status="incomplete",
            items=_bought(phase),
            currency=tx.get(objects.Price, phase.items[0].price).currency,
        )
        wanted = discounts.those_left(tx, buying, wanted)
    subscription, collected = subscriptions.create(
        tx,
        schedule.customer,
        chosen=schedule_phases.chosen(phase),
        trial_end=schedule_phases.unix(phase.trial_end),
        payment_method=schedule.default_payment_method,
        collection_method=aside["collection_method"],
        days_until_due=aside.get("days_until_due"),
        billing_cycle_anchor=None,
        metadata=aside["terms"][0]["metadata"],
        discounts=wanted,
        automatic_tax=_taxed(tx, schedule, phase),
        at_once=False,
    )
    tx.aside(subscription.processor_id)["schedule"] = schedule.processor_id
    schedule = dataclasses.replace(schedule, subscription=subscription.processor_id)
    ended = with_end(tx, schedule, subscription, phase)
    if ended != subscription:
        subscription = tx.save(ended, "customer.subscription.updated")
        agenda.plan(tx, subscription)
    return [_at(tx, schedule, phase), subscription, *collected.objects]


def _taxed(
    tx: Transaction, schedule: objects.SubscriptionSchedule, phase: objects.SchedulePhase
) -> bool:
    """Tell whether tax is reckoned automatically in a phase."""
    if phase.automatic_tax is not None:
        return phase.automatic_tax
    return bool(tx.aside(schedule.processor_id).get("automatic_tax"))


def _discounted(
    tx: Transaction,
    subscription: objects.Subscription,
    phase: objects.SchedulePhase,
    by_itself: bool,
) -> objects.Subscription:
    """Return the subscription with the discounts of a phase; those that the phase doesn't name are over."""
    wanted: c.Sequence[c.Mapping[str, str]] = schedule_phases.to_give(phase)
    buying = dataclasses.replace(subscription, items=_bought(phase))
    if by_itself:
        wanted = discounts.those_left(tx, buying, wanted)
    return dataclasses.replace(discounts.give(tx, buying, wanted), items=subscription.items)


def _bought(phase: objects.SchedulePhase) -> tuple[objects.SubscriptionItem, ...]:
    """Return the items of a phase, of which a code may ask what they come to."""
    return tuple(
        objects.SubscriptionItem(processor_id="", price=each.price, quantity=each.quantity)
        for each in phase.items
    )


def _at(
    tx: Transaction, schedule: objects.SubscriptionSchedule, phase: objects.SchedulePhase
) -> objects.SubscriptionSchedule:
    schedule = dataclasses.replace(
        schedule,
        status="active",
        current_phase_start=phase.start,
        current_phase_end=phase.end,
    )
    tx.save(schedule, "subscription_schedule.updated")
    plan(tx, schedule)
    return schedule
