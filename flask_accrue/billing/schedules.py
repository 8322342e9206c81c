"""Subscriptions that change by a schedule: phases, one after the other."""

from __future__ import annotations

import collections.abc as c
import datetime
import typing as t

import sqlalchemy as sa

from .. import clock, mirror, models, operations
from ..errors import InvalidRequest, InvalidState
from ..gateways import gateway_of
from ..metadata import validate_metadata
from ..state import current_state
from .arguments import check_collection, one_of
from .authentication import payment_outcome
from .changes import as_it_is, open_schedule, require_changeable
from .customers import OPERATION_KEY, customer, get_customer
from .payment_methods import check_token
from .perform import Plan, perform, seen, settle_session
from .phase_discounts import known, require_phases, with_those_before
from .phase_terms import as_sent, with_known_terms, with_terms
from .phases import (
    END_BEHAVIORS,
    Discounts,
    Phase,
    beginning,
    frozen_phases,
    said_phases,
    with_currency,
)
from .schedule_changes import release_schedule, update_as
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
    days_until_due: int | None = None,
    automatic_tax: bool = False,
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
    :param collection_method: and ``days_until_due``, as :func:`subscribe` takes them.
    :param automatic_tax: the processor reckons the tax by where the customer is, in each phase that doesn't
        say otherwise.
    :param metadata: the schedule's, and its subscription's.
    :raises InvalidState: with the code ``already_subscribed`` while a subscription of this name hasn't
        ended, or is going to begin by another schedule.
    :raises InvalidRequest: for phases that can't be, a beginning that isn't ahead, or a coupon or code that
        can't be redeemed, as :func:`apply_coupon` and :func:`apply_promotion_code` say it.
    """
    check_name(name)
    one_of("end_behavior", end_behavior, END_BEHAVIORS)
    check_collection(collection_method, days_until_due)
    if payment_method is not None and not isinstance(payment_method, models.PaymentMethod):
        check_token(payment_method)
    extra = validate_metadata(metadata or {}, ours=2)
    days = {} if days_until_due is None else {"days_until_due": days_until_due}
    begins = None if start is None else unix(start)
    said = said_phases(phases)
    payer = customer(owner)
    gateway = gateway_of(payer)
    require_phases(gateway, phases, automatic_tax)
    for phase in phases:
        phase.check_sale(payer)
    subject = f"customer:{payer.id}:{name}"
    id = operations.operation_id(operation_id, "subscribe_via_schedule", subject)
    card: str | None = None
    discounts: list[Discounts] = []

    def settle() -> None:
        nonlocal card, discounts
        refuse_second(payer, name)
        frozen_phases(phases, beginning(begins), {})
        discounts = [each.to_redeem(payer) for each in phases]
        card = card_to_charge(
            payer, payment_method, operation_id=operations.shortened(f"{id}:card")
        )

    processor_id = payer.processor_id

    def request(id: str) -> dict[str, t.Any]:
        named = {**extra, mirror.NAME_KEY: name}
        return {
            "customer": processor_id,
            "phases": with_currency(
                payer, frozen_phases(phases, beginning(begins), named, discounts)
            ),
            "start_date": begins,
            "end_behavior": end_behavior,
            "payment_method": card,
            "collection_method": collection_method,
            "metadata": {**named, OPERATION_KEY: id},
            "automatic_tax": bool(automatic_tax),
            **days,
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
            **({"automatic_tax": True} if automatic_tax else {}),
            **days,
        },
        method="create_schedule",
        request=request,
        result="subscription_schedule",
        customer_id=payer.id,
        settle=settle,
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
    keep_discounts: bool = True,
    metadata: c.Mapping[str, str] | None = None,
    operation_id: str | None = None,
) -> models.SubscriptionSchedule:
    """Let a running subscription change by a schedule: it stays as it is until its period ends, and the
    phases follow::

        billing.schedule_subscription(subscription, [Phase("price_small", lasts=(1, "month"))])

    Its tax goes on being reckoned as it is now, in each phase that doesn't say otherwise. What else the
    processor holds of it goes on in all phases: tax rates, fees, transfers, a card of its own, and the like.
    An item that gets another price keeps its tax rates, and a new one has those that all others have.

    :param keep_discounts: whether the discounts that it has go on in the phases, whose own come after them;
        otherwise they are over with its period.
    :raises InvalidState: with the code ``subscription_scheduled`` when it's under a schedule already, or
        ``subscription_canceling`` while it's to end.
    :raises InvalidRequest: for a coupon or code that can't be redeemed; with the code ``tax_rates_unclear``
        for a new item beside several that aren't taxed alike. It's under no schedule then.
    """
    one_of("end_behavior", end_behavior, END_BEHAVIORS)
    extra = validate_metadata(metadata or {}, ours=1)
    said_phases(phases)
    gateway = gateway_of(subscription)
    require_phases(gateway, phases)
    for phase in phases:
        phase.check_sale(subscription.customer)
    subject = f"subscription:{subscription.id}"
    id = operations.operation_id(operation_id, "schedule_subscription", subject)
    if not operations.is_known(id):
        frozen_phases(phases, subscription.current_period_end or clock.now(), {})
    following = operations.shortened(f"{id}:phases")
    taxed: bool | None = None
    before: list[dict[str, str]] = []
    given: list[Discounts] = []
    if not operations.is_known(following):
        # Before the schedule is made: what can't be redeemed is refused with nothing changed.
        settle_session()
        with_those_before(known(subscription), phases, keep=keep_discounts)
    made = _put_under_schedule(subscription, id)

    def settle() -> None:
        nonlocal made, taxed, before, given
        # Its answer holds the subscription: of a discount given elsewhere the event may be on its way.
        row = known(subscription)
        taxed = row.automatic_tax
        before, given = with_those_before(row, phases, keep=keep_discounts)
        made = with_known_terms(made)
        try:
            with_terms(frozen_phases(phases, _ends(made.phases[0]), {}), made.phases[0])
        except InvalidRequest:
            if made.is_open:
                release_schedule(made, operation_id=operations.shortened(f"{id}:release"))
            raise

    # Stripe takes no phases with that: the schedule is made as the subscription is, and changed then.
    asked = {"phases": said_phases(phases), "end_behavior": end_behavior, "metadata": extra}

    def changes(now: models.SubscriptionSchedule) -> dict[str, t.Any]:
        current = now.phases[0]
        following = frozen_phases(phases, _ends(current), {}, given)
        return {
            "phases": with_currency(
                now.customer,
                [
                    *with_terms([as_sent(current, before)], current),
                    *with_terms(following, current, keep_discounts=keep_discounts),
                ],
            ),
            "end_behavior": end_behavior,
            "proration": "none",
            "metadata": {**extra, mirror.NAME_KEY: subscription.name},
            # Of all phases that don't say it; said in each, it couldn't be switched for all of them.
            **({} if taxed is None else {"automatic_tax": taxed}),
        }

    return update_as(
        made,
        "schedule_subscription_phases",
        asked if keep_discounts else {**asked, "keep_discounts": False},
        changes,
        following,
        settle=settle,
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
        if now.ends_at is not None:
            raise InvalidState(
                f"This subscription ends on {now.ends_at:%Y-%m-%d %H:%M}, so that no phase would follow. "
                "Take that back with billing.resume() first.",
                code="subscription_canceling",
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


def _ends(phase: c.Mapping[str, t.Any]) -> datetime.datetime:
    return datetime.datetime.fromisoformat(phase["end"])
