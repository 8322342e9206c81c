"""Subscriptions that change by a schedule: phases, one after the other."""

from __future__ import annotations

import collections.abc as c
import datetime
import typing as t

import sqlalchemy as sa

from .. import clock, mirror, models, operations
from ..errors import InvalidState
from ..gateways import gateway_of
from ..metadata import validate_metadata
from ..processors import Capability
from ..state import current_state
from .authentication import payment_outcome
from .changes import as_it_is, one_of, open_schedule, require_changeable
from .customers import OPERATION_KEY, customer, get_customer
from .payment_methods import check_token
from .perform import Plan, perform, seen
from .phases import END_BEHAVIORS, Phase, beginning, frozen_phases, said_phases
from .schedule_changes import update_as
from .subscriptions import card_to_charge, check_name, refuse_second, said_method, unix


def subscribe_via_schedule(
    owner: t.Any,
    phases: c.Sequence[Phase],
    *,
    name: str = "default",
    start: datetime.datetime | None = None,
    end_behavior: str = "release",
    payment_method: models.PaymentMethod | str | None = None,
    collection_method: str = "charge_automatically",
    metadata: c.Mapping[str, str] | None = None,
    operation_id: str | None = None,
) -> models.SubscriptionSchedule:
    """Subscribe a billable by a schedule, such as three months at half the price::

        billing.subscribe_via_schedule(
            org, [Phase("price_half", lasts=(3, "month")), Phase("price_pro", lasts=(1, "year"))]
        )

    The first invoice of such a subscription is a draft for an hour, as those of renewals are: it's active at
    once, and past due when that payment fails.

    :param phases: from 1 to 10, each beginning when the one before ends.
    :param start: when the first begins; now by default.
    :param end_behavior: after the last phase the subscription goes on as it is (``release``), or ends with
        it (``cancel``).
    :param payment_method: the card to charge, a row or a token; the default card otherwise.
    :param metadata: the schedule's, and its subscription's.
    :raises InvalidState: with the code ``already_subscribed`` while a subscription of this name hasn't
        ended, or is going to begin by another schedule.
    :raises InvalidRequest: for phases that can't be, or a beginning that isn't ahead.
    """
    check_name(name)
    one_of("end_behavior", end_behavior, END_BEHAVIORS)
    one_of("collection_method", collection_method, ("charge_automatically", "send_invoice"))
    if payment_method is not None and not isinstance(payment_method, models.PaymentMethod):
        check_token(payment_method)
    extra = validate_metadata(metadata or {})
    begins = None if start is None else unix(start)
    said = said_phases(phases)
    payer = customer(owner)
    gateway = gateway_of(payer)
    gateway.require(Capability.SCHEDULES)
    for phase in phases:
        phase.check_sale(payer)
    subject = f"customer:{payer.id}:{name}"
    id = operations.operation_id(operation_id, "subscribe_via_schedule", subject)
    card = None
    if not operations.is_known(id):
        refuse_second(payer, name)
        frozen_phases(phases, beginning(begins), {})
        card = card_to_charge(
            payer, payment_method, operation_id=operations.shortened(f"{id}:card")
        )
    processor_id = payer.processor_id

    def request(id: str) -> dict[str, t.Any]:
        named = {**extra, mirror.NAME_KEY: name}
        return {
            "customer": processor_id,
            "phases": frozen_phases(phases, beginning(begins), named),
            "start_date": begins,
            "end_behavior": end_behavior,
            "payment_method": card,
            "collection_method": collection_method,
            "metadata": {**named, OPERATION_KEY: id},
        }

    plan: Plan[models.SubscriptionSchedule] = Plan(
        kind="subscribe_via_schedule",
        subject=subject,
        processor=gateway,
        arguments={
            "phases": said,
            "name": name,
            "start": begins,
            "end_behavior": end_behavior,
            "payment_method": said_method(payment_method),
            "collection_method": collection_method,
            "metadata": extra,
        },
        method="create_schedule",
        request=request,
        result="subscription_schedule",
        customer_id=payer.id,
        check=lambda: refuse_second(payer, name),
        # The one that subscribe() takes: either makes a subscription of that name.
        guard=operations.shortened(f"subscribe:{payer.id}:{name}"),
        find=("subscription_schedule", processor_id),
        rivals={
            "subscribe": ("subscription", processor_id),
            "complete_checkout_session": ("subscription", processor_id),
        },
        outcome=payment_outcome,
    )
    return perform(plan, id)


def schedule_subscription(
    subscription: models.Subscription,
    phases: c.Sequence[Phase],
    *,
    end_behavior: str = "release",
    metadata: c.Mapping[str, str] | None = None,
    operation_id: str | None = None,
) -> models.SubscriptionSchedule:
    """Let a running subscription change by a schedule: it stays as it is until its period ends, and the
    phases follow::

        billing.schedule_subscription(subscription, [Phase("price_small", lasts=(1, "month"))])

    :raises InvalidState: with the code ``subscription_scheduled`` when it's under a schedule already.
    """
    one_of("end_behavior", end_behavior, END_BEHAVIORS)
    extra = validate_metadata(metadata or {})
    said_phases(phases)
    gateway = gateway_of(subscription)
    gateway.require(Capability.SCHEDULES)
    for phase in phases:
        phase.check_sale(subscription.customer)
    subject = f"subscription:{subscription.id}"
    id = operations.operation_id(operation_id, "schedule_subscription", subject)
    if not operations.is_known(id):
        frozen_phases(phases, subscription.current_period_end or clock.now(), {})
    made = _put_under_schedule(subscription, id)
    # Stripe takes no phases with that: the schedule is made as the subscription is, and changed then.
    current = {**made.phases[0], "proration": "none"}
    return update_as(
        made,
        "schedule_subscription_phases",
        {"phases": said_phases(phases), "end_behavior": end_behavior, "metadata": extra},
        lambda now: {
            "phases": [_kept(current), *frozen_phases(phases, _ends(now), {})],
            "end_behavior": end_behavior,
            "proration": "none",
            "metadata": {**extra, mirror.NAME_KEY: subscription.name},
        },
        operations.shortened(f"{id}:phases"),
    )


def list_schedules(owner: t.Any) -> list[models.SubscriptionSchedule]:
    """Return all schedules of an owner, newest first. Never calls the processor."""
    payer = get_customer(owner)
    if payer is None:
        return []
    schedules = models.SubscriptionSchedule
    return list(
        current_state().db.session.scalars(
            sa.select(schedules)
            .where(schedules.customer_id == payer.id)
            .order_by(schedules.created.desc(), schedules.id.desc())
            .execution_options(autoflush=False)
        )
    )


# -- shared ----------------------------------------------------------------------------------------


def _put_under_schedule(
    subscription: models.Subscription, operation_id: str
) -> models.SubscriptionSchedule:
    id, processor_id = subscription.id, subscription.processor_id

    def request(_: str) -> dict[str, t.Any]:
        now = as_it_is(id)
        require_changeable(now)
        if open_schedule(now) is not None:
            raise InvalidState(
                "This subscription is under a schedule already; change that one.",
                code="subscription_scheduled",
            )
        plan.seen |= seen(now)
        return {"subscription": processor_id}

    plan: Plan[models.SubscriptionSchedule] = Plan(
        kind="schedule_subscription",
        subject=f"subscription:{id}",
        processor=gateway_of(subscription),
        arguments={},
        method="create_schedule_from",
        request=request,
        result="subscription_schedule",
        customer_id=subscription.customer_id,
    )
    return perform(plan, operation_id)


def _ends(schedule: models.SubscriptionSchedule) -> datetime.datetime:
    assert schedule.current_phase_end is not None
    return schedule.current_phase_end


def _kept(phase: c.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return a mirrored phase as it's sent to stay as it is."""
    start, end, trial_end = (
        None if phase[name] is None else unix(datetime.datetime.fromisoformat(phase[name]))
        for name in ("start", "end", "trial_end")
    )
    kept: dict[str, t.Any] = {
        "items": [
            {name: each[name] for name in ("price", "quantity") if each[name] is not None}
            for each in phase["items"]
        ],
        "start_date": start,
        "end_date": end,
        "proration": phase["proration"],
    }
    return kept if trial_end is None else {**kept, "trial_end": trial_end}
