"""How a schedule is changed, and ended before its time."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from .. import objects
from . import (
    agenda,
    collection,
    customers,
    endings,
    items,
    labels,
    payment_methods,
    schedule_phases,
    schedules,
)
from .refusals import check_known, refused
from .schedules import Result
from .transaction import Transaction

CHANGEABLE: t.Final = frozenset(
    {"phases", "proration", "end_behavior", "metadata", "automatic_tax", "default_payment_method"}
)


def update(tx: Transaction, schedule_id: str, changes: c.Mapping[str, t.Any]) -> Result:
    """Change a schedule; see the contract for what ``changes`` may hold.

    :raises InvalidRequest: when it's over, or for phases that don't go on from where it stands.
    """
    schedule = _open(tx, schedule_id, "changed")
    check_known(changes, CHANGEABLE, "schedule")
    if changes.get("proration", "none") not in schedule_phases.PRORATIONS:
        raise refused(
            f"proration is one of {', '.join(schedule_phases.PRORATIONS)}, "
            f"not {changes['proration']!r}.",
            "proration_behavior",
        )
    if "metadata" in changes:
        merged = labels.merged(schedule.metadata, changes["metadata"])
        schedule = dataclasses.replace(schedule, metadata=merged)
    if "end_behavior" in changes:
        schedules.check_end_behavior(changes["end_behavior"])
        schedule = dataclasses.replace(schedule, end_behavior=changes["end_behavior"])
    if "automatic_tax" in changes:
        tx.aside(schedule_id)["automatic_tax"] = bool(changes["automatic_tax"])
    if "default_payment_method" in changes:
        card = changes["default_payment_method"]
        payer = customers.living(tx, schedule.customer)
        payment_methods.of_customer(tx, payer, card, "default_settings[default_payment_method]")
        schedule = dataclasses.replace(schedule, default_payment_method=card)
    if "phases" in changes:
        schedule = _with_phases(tx, schedule, changes["phases"])
    if schedule.status == "not_started":
        tx.save(schedule, "subscription_schedule.updated")
        schedules.plan(tx, schedule)
        return [schedule]
    if not changes.keys() & {"phases", "end_behavior", "automatic_tax", "default_payment_method"}:
        return [tx.save(schedule, "subscription_schedule.updated")]
    proration = changes.get("proration", "create_prorations")
    current = schedules.number_of_current(schedule)
    return schedules.enter(
        tx,
        schedule,
        current,
        proration,
        anew="phases" in changes,
        card="default_payment_method" in changes,
    )


def _with_phases(
    tx: Transaction,
    schedule: objects.SubscriptionSchedule,
    wanted: c.Sequence[c.Mapping[str, t.Any]],
) -> objects.SubscriptionSchedule:
    start = items.moment((wanted[0] if wanted else {}).get("start_date"), "phases[0][start_date]")
    if start is None:
        raise refused("The first phase has a start_date.", "phases[0][start_date]")
    if schedule.status == "not_started":
        if start <= tx.now:
            raise refused("start_date must be in the future.", "phases[0][start_date]")
    elif start != schedule.current_phase_start:
        raise refused(
            "The first phase is the current one, with the start_date that it has: "
            f"{schedule_phases.unix(schedule.current_phase_start)}.",
            "phases[0][start_date]",
        )
    phases, terms = schedule_phases.lay_out(tx, wanted, start)
    tx.aside(schedule.processor_id)["terms"] = terms
    return dataclasses.replace(schedule, phases=phases)


def release(tx: Transaction, schedule_id: str, *, keep_cancel_date: bool) -> Result:
    """Let the subscription go on by itself.

    :raises InvalidRequest: when the schedule is over.
    """
    schedule = _open(tx, schedule_id, "released")
    ends = tx.aside(schedule_id).pop("ends", False)
    released = schedules.close(tx, schedule, "released", "subscription_schedule.released")
    if schedule.subscription is None:
        return [released]
    subscription = tx.get(objects.Subscription, schedule.subscription)
    if ends and not keep_cancel_date:
        subscription = dataclasses.replace(subscription, cancel_at=None, canceled_at=None)
        tx.save(subscription, "customer.subscription.updated")
        agenda.plan(tx, subscription)
    return [released, subscription]


def cancel(tx: Transaction, schedule_id: str, *, invoice_now: bool, prorate: bool) -> Result:
    """End a schedule, and its subscription at once.

    :raises InvalidRequest: when the schedule is over.
    """
    schedule = _open(tx, schedule_id, "canceled")
    canceled = schedules.close(tx, schedule, "canceled", "subscription_schedule.canceled")
    if schedule.subscription is None:
        return [canceled]
    ended, last = endings.cancel_now(
        tx, schedule.subscription, invoice_now=invoice_now, prorate=prorate
    )
    collected = None if last is None else collection.issue(tx, last)
    return [canceled, ended, *(collected.objects if collected else ())]


def _open(tx: Transaction, schedule_id: str, what: str) -> objects.SubscriptionSchedule:
    schedule = tx.get(objects.SubscriptionSchedule, schedule_id, "schedule")
    if schedule.status not in ("not_started", "active"):
        raise refused(
            f"The schedule {schedule_id!r} is {schedule.status}, so it can't be {what}.", "schedule"
        )
    return schedule
