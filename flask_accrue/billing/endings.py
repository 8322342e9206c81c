"""How a subscription ends, stops for a while, and goes on."""

from __future__ import annotations

import datetime
import typing as t

from .. import clock, mirror, models
from ..errors import InvalidRequest, InvalidState, NotFound
from ..gateways import gateway_of
from ..mirror import Source
from ..origins import Origin, current_actor
from ..processors import Capability
from ..state import current_state
from ..unit_of_work import UnitOfWork, write
from .arguments import one_of
from .changes import (
    COMP_END_KEY,
    billed_as_a_whole_first,
    comp_end_after,
    ends_with_comp,
    update,
)
from .early_ends import is_in_the_way, moved_to_the_period_end, set_to, without_billing_again
from .perform import Plan, perform, seen, settle_session
from .subscriptions import unix

PAUSES: t.Final = ("void", "keep_as_draft", "mark_uncollectible")


def cancel(
    subscription: models.Subscription,
    *,
    invoice_now: bool = False,
    prorate: bool = False,
    operation_id: str | None = None,
) -> models.Subscription:
    """End a subscription now. One that has ended already is returned as it is.

    :param invoice_now: bill what hasn't been billed yet.
    :param prorate: give credit for the rest of the period.
    """
    if subscription.is_ended and subscription.ended_at is not None:
        return subscription
    options = {"invoice_now": bool(invoice_now), "prorate": bool(prorate)}
    return _cancel_now(subscription, "cancel", options, operation_id)


def cancel_at_period_end(
    subscription: models.Subscription, *, operation_id: str | None = None
) -> models.Subscription:
    """Let a subscription run out: at the end of its period, or of its trial.

    One that is past due ends now: its period was never paid.

    :raises InvalidState: when it has ended.
    """
    if subscription.is_past_due:
        options = {"invoice_now": False, "prorate": False}
        return _cancel_now(subscription, "cancel_at_period_end", options, operation_id, said={})
    gateway_of(subscription).require(Capability.CANCEL_AT_PERIOD_END)

    return update(subscription, "cancel_at_period_end", {}, moved_to_the_period_end, operation_id)


def cancel_at(
    subscription: models.Subscription,
    when: datetime.datetime,
    *,
    prorate: bool = False,
    operation_id: str | None = None,
) -> models.Subscription:
    """Let a subscription end at a time. A period that begins later is billed up to it only.

    It costs what it would alone: one that it replaces, and that was prorated otherwise within the running
    period, is put off to that period's end first, by a call of its own.

    :param prorate: give credit for the rest of the running period when it ends within that: on its last
        invoice, and then in the customer's balance. Without, what was billed stays billed.
    :raises InvalidRequest: when that isn't ahead.
    """
    gateway_of(subscription).require(Capability.CANCEL_AT_DATE)
    seconds = unix(when)

    def changes(now: models.Subscription) -> dict[str, t.Any]:
        if seconds <= unix(clock.now()):
            raise InvalidRequest(
                f"{when:%Y-%m-%d %H:%M} isn't ahead; use billing.cancel() to end it now.",
                code="parameter_invalid",
                param="when",
            )
        return set_to(now, seconds, prorate=bool(prorate))

    def is_moved_wrongly(now: models.Subscription) -> bool:
        return is_in_the_way(now, prorated=bool(prorate))

    said = {"when": seconds, "prorate": bool(prorate)}
    first = billed_as_a_whole_first(subscription, is_moved_wrongly, changes)
    return update(subscription, "cancel_at", said, changes, operation_id, settle=first)


def pause(
    subscription: models.Subscription,
    behavior: str = "void",
    *,
    resumes_at: datetime.datetime | None = None,
    operation_id: str | None = None,
) -> models.Subscription:
    """Stop collecting. What happens to invoices meanwhile is the behavior: ``void``,
    ``keep_as_draft`` or ``mark_uncollectible``.

    The processor's status stays as it is; :attr:`~flask_accrue.models.Subscription.is_paused` tells.

    :param resumes_at: when collection goes on by itself.
    :raises InvalidRequest: when that isn't ahead.
    """
    one_of("behavior", behavior, PAUSES)
    gateway_of(subscription).require(Capability.PAUSE)
    until = None if resumes_at is None else unix(resumes_at)
    said = {"pause": {"behavior": behavior, "resumes_at": until}}

    def changes(_: models.Subscription) -> dict[str, t.Any]:
        if until is not None and until <= unix(clock.now()):
            raise InvalidRequest(
                f"{resumes_at:%Y-%m-%d %H:%M} isn't ahead, so there would be no pause.",
                code="parameter_invalid",
                param="resumes_at",
            )
        return dict(said)

    return update(subscription, "pause", said, changes, operation_id)


def resume(
    subscription: models.Subscription, *, operation_id: str | None = None
) -> models.Subscription:
    """Undo a scheduled end, a pause, or both. A running trial keeps its end.

    What :func:`cancel_at` has given back is billed again with the next invoice. What is free of charge until
    a later end (:func:`comp_subscription`) has that one again; only when that is undone it goes on without.

    One that the processor paused, since its trial ended without a card, is taken up: its first period begins
    now and is billed, and it stays paused until that is paid. Its end, if it has one, stays.

    :raises InvalidState: with the code ``nothing_to_resume`` when there is neither, or it has ended.
    :raises CardError: when the bank declines that first payment.
    :raises ActionRequired: when the customer has to confirm it.
    """

    def changes(now: models.Subscription) -> dict[str, t.Any]:
        undone: dict[str, t.Any] = {}
        if not now.is_ended and is_on_hold(now):
            return {"resume": True}
        if not now.is_ended:
            if (later := comp_end_after(now)) is not None:
                undone |= {"cancel_at": later, **without_billing_again(now)}
            elif ends_with_comp(now):
                undone |= {"cancel_at": None, "metadata": {COMP_END_KEY: ""}}
                undone |= without_billing_again(now)
            elif now.cancel_at_period_end:
                undone["cancel_at_period_end"] = False
            elif now.cancel_at is not None:
                undone |= {"cancel_at": None, **without_billing_again(now)}
            if now.pause_behavior is not None:
                undone["pause"] = None
        if not undone:
            what = "has ended" if now.is_ended else "has no scheduled end and isn't paused"
            raise InvalidState(
                f"There is nothing to resume: the subscription {what}.", code="nothing_to_resume"
            )
        return undone

    return update(subscription, "resume", {}, changes, operation_id, needs_begun=False)


def is_on_hold(now: models.Subscription) -> bool:
    """Tell whether the processor has paused a subscription itself, not the collection of its payments."""
    return now.is_paused and now.pause_behavior is None


def _cancel_now(
    subscription: models.Subscription,
    kind: str,
    options: dict[str, bool],
    operation_id: str | None,
    *,
    said: dict[str, bool] | None = None,
) -> models.Subscription:
    gateway = gateway_of(subscription)
    gateway.require(Capability.CANCEL_NOW)
    processor_id = subscription.processor_id
    plan: Plan[models.Subscription] = Plan(
        kind=kind,
        subject=f"subscription:{subscription.id}",
        processor=gateway,
        arguments=options if said is None else said,
        method="cancel_subscription",
        request=lambda id: {"subscription": processor_id, **options},
        result="subscription",
        customer_id=subscription.customer_id,
        seen=seen(subscription),
    )
    try:
        return perform(plan, operation_id)
    except NotFound:
        return _take_as_it_is(subscription)


def _take_as_it_is(subscription: models.Subscription) -> models.Subscription:
    """Mirror a subscription that the processor no longer lets us change."""
    settle_session()
    state = current_state()
    gateway = gateway_of(subscription)
    customer_id, processor_id, before = (
        subscription.customer_id,
        subscription.processor_id,
        seen(subscription),
    )
    state.db.session.rollback()
    try:
        answer = gateway.fetch("subscription", processor_id)
    except NotFound:
        answer = None

    def work(uow: UnitOfWork) -> models.Subscription:
        payer = uow.lock_customer(customer_id)
        row = uow.find(models.Subscription, gateway.name, processor_id)
        assert row is not None
        if answer is not None:
            mirror.write_answers(uow, payer, [answer], before)
        else:
            now = clock.now()
            mirror.mark_gone(uow, payer, row, Source(now, now))
        return row

    return write(work, origin=Origin(current_actor()))
