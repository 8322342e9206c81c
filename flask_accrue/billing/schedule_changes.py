"""Changing, releasing and canceling schedules."""

from __future__ import annotations

import collections.abc as c
import datetime
import typing as t
import uuid

import sqlalchemy as sa

from .. import mirror, models
from ..errors import InvalidRequest, InvalidState
from ..gateways import gateway_of
from ..metadata import change_of_metadata
from ..processors import Capability
from ..state import current_state
from .arguments import one_of
from .authentication import payment_outcome
from .changes import PRORATIONS
from .current import sync
from .payment_methods import chosen_card, require_attached
from .perform import Plan, perform, seen
from .phase_discounts import require_phases, settled
from .phase_terms import (
    current_phase,
    own_cards,
    resent,
    with_card,
    with_known_terms,
    with_terms,
)
from .phases import (
    END_BEHAVIORS,
    Discounts,
    Phase,
    beginning,
    frozen_phases,
    said_phases,
    with_currency,
)
from .subscriptions import unix


def update_schedule(
    schedule: models.SubscriptionSchedule,
    phases: c.Sequence[Phase] | None = None,
    *,
    start: datetime.datetime | None = None,
    end_behavior: str | None = None,
    proration: str = "create_prorations",
    automatic_tax: bool | None = None,
    payment_method: models.PaymentMethod | None = None,
    metadata: c.Mapping[str, str] | None = None,
    operation_id: str | None = None,
) -> models.SubscriptionSchedule:
    """Change a schedule that isn't over.

    A phase has the discounts that it names, and no others. What the current one has taken off already goes on
    when it's named again, and what was used up in it isn't given a second time.

    What the processor holds of the current phase and can't be named here goes on in all of them: tax rates,
    fees, transfers, a card of its own, and discounts of single items.

    :param phases: all of them from the current one on, which keeps its beginning; ``None``: as they are.
    :param start: of a schedule that hasn't begun, when it's to begin; its phases have to be given, too.
    :param proration: how a change of the current phase's items is billed.
    :param automatic_tax: whether the processor reckons the tax, in each phase that doesn't say otherwise.
    :param payment_method: the card to charge from now on, also in phases that name one of their own.
    :raises NotAttached: when that isn't a card of this customer.
    :raises InvalidState: with the code ``schedule_over`` when it was completed, released or canceled.
    :raises InvalidRequest: for a coupon or code that can't be redeemed, or with the code
        ``tax_rates_unclear`` for a new item beside several that aren't taxed alike.
    """
    one_of("proration", proration, PRORATIONS)
    if end_behavior is not None:
        one_of("end_behavior", end_behavior, END_BEHAVIORS)
    extra = None if metadata is None else change_of_metadata(metadata, schedule)
    begins = None if start is None else unix(start)
    if begins is not None and phases is None:
        raise InvalidRequest(
            "Give the phases together with a new start: theirs follow from it.",
            code="parameter_missing",
            param="phases",
        )
    said = None if phases is None else said_phases(phases)
    gateway = gateway_of(schedule)
    require_phases(gateway, phases or (), automatic_tax)
    for phase in phases or ():
        phase.check_sale(schedule.customer)
    defaults = _defaults(automatic_tax, payment_method)
    given: list[Discounts] = []

    card = defaults.get("default_payment_method")

    def settle() -> None:
        require_attached(schedule.customer, payment_method)
        now = with_known_terms(_now(schedule.id))
        given.extend(settled(now, phases or ()))
        if phases is None and own_cards(now):
            # All of it is sent again: what changed elsewhere a moment ago is to stay.
            for row in (now, now.subscription):
                if row is not None:
                    sync(row)

    def changes(now: models.SubscriptionSchedule) -> dict[str, t.Any]:
        wanted = _laid(now, phases, begins, given, proration, card)
        if end_behavior is not None:
            wanted["end_behavior"] = end_behavior
        if extra is not None:
            wanted["metadata"] = extra
        wanted.update(defaults)
        if not wanted:
            raise InvalidRequest("Nothing was said that is to change.", code="parameter_missing")
        return wanted

    asked = {
        "phases": said,
        "start": begins,
        "end_behavior": end_behavior,
        "proration": proration,
        "metadata": extra,
    }
    asked |= defaults
    return update_as(
        schedule,
        "update_schedule",
        asked,
        changes,
        operation_id,
        settle=None if phases is None and card is None else settle,
    )


def release_schedule(
    schedule: models.SubscriptionSchedule,
    *,
    keep_cancel_date: bool = False,
    operation_id: str | None = None,
) -> models.SubscriptionSchedule:
    """Let the subscription of a schedule go on by itself, as it is now.

    :param keep_cancel_date: whether an end that the schedule has set stays.
    :raises InvalidState: with the code ``schedule_over`` when it was completed, released or canceled.
    """
    options = {"keep_cancel_date": bool(keep_cancel_date)}
    return _change_as(schedule, "release_schedule", "release_schedule", options, operation_id)


def cancel_schedule(
    schedule: models.SubscriptionSchedule,
    *,
    invoice_now: bool = False,
    prorate: bool = False,
    operation_id: str | None = None,
) -> models.SubscriptionSchedule:
    """End a schedule and, if it has begun, its subscription now.

    :param invoice_now: bill what hasn't been billed yet.
    :param prorate: give credit for the rest of the period.
    :raises InvalidState: with the code ``schedule_over`` when it was completed, released or canceled.
    """
    options = {"invoice_now": bool(invoice_now), "prorate": bool(prorate)}
    return _change_as(schedule, "cancel_schedule", "cancel_schedule", options, operation_id)


def update_as(
    schedule: models.SubscriptionSchedule,
    kind: str,
    said: c.Mapping[str, t.Any],
    changes: c.Callable[[models.SubscriptionSchedule], dict[str, t.Any]],
    operation_id: str | None,
    *,
    settle: c.Callable[[], None] | None,
) -> models.SubscriptionSchedule:
    """Change a schedule, as the operation ``kind``.

    :param said: what the caller asked for, as it's kept with the operation.
    :param changes: gives what is sent from the schedule as it is now.
    :param settle: finds out first what ``changes`` needs besides rows.
    """
    return _change_as(
        schedule,
        kind,
        "update_schedule",
        lambda now: {"changes": changes(now)},
        operation_id,
        said=said,
        settle=settle,
    )


def _change_as(
    schedule: models.SubscriptionSchedule,
    kind: str,
    method: str,
    options: dict[str, t.Any] | c.Callable[[models.SubscriptionSchedule], dict[str, t.Any]],
    operation_id: str | None,
    *,
    said: c.Mapping[str, t.Any] | None = None,
    settle: c.Callable[[], None] | None = None,
) -> models.SubscriptionSchedule:
    """Change a schedule at the processor, as the operation ``kind``.

    :param options: what is sent beside its name, or what gives that from the schedule as it is now.
    """
    gateway = gateway_of(schedule)
    gateway.require(Capability.SCHEDULES)
    id, processor_id = schedule.id, schedule.processor_id

    def request(_: str) -> dict[str, t.Any]:
        now = _now(id)
        if not now.is_open:
            raise InvalidState(
                f"This schedule is {now.status}, so there is nothing left of it to change.",
                code="schedule_over",
            )
        plan.seen |= seen(now, now.subscription)
        given = options(now) if callable(options) else options
        return {"schedule": processor_id, **given}

    plan: Plan[models.SubscriptionSchedule] = Plan(
        kind=kind,
        subject=f"subscription_schedule:{id}",
        processor=gateway,
        arguments=said if said is not None else t.cast("dict[str, t.Any]", options),
        method=method,
        request=request,
        result="subscription_schedule",
        customer_id=schedule.customer_id,
        settle=settle,
        outcome=payment_outcome,
    )
    return perform(plan, operation_id)


def _laid(
    now: models.SubscriptionSchedule,
    phases: c.Sequence[Phase] | None,
    begins: int | None,
    given: list[Discounts],
    proration: str,
    card: str | None,
) -> dict[str, t.Any]:
    """Return the phases that a schedule is to have, as they are sent; nothing where they stay as they are."""
    if phases is not None:
        begin = _start_of(now, begins)
        laid = frozen_phases(phases, begin, {mirror.NAME_KEY: now.name}, given)
        laid = with_terms([{**laid[0], "start_date": unix(begin)}, *laid[1:]], current_phase(now))
    elif card is not None and own_cards(now):
        laid, proration = resent(now), "none"
    else:
        return {}
    laid = with_currency(now.customer, laid if card is None else with_card(laid, card))
    return {"phases": laid, "proration": proration}


def _defaults(
    automatic_tax: bool | None, payment_method: models.PaymentMethod | None
) -> dict[str, t.Any]:
    """Return what holds in all phases that don't say it themselves, as far as it was named."""
    named: dict[str, t.Any] = {}
    if automatic_tax is not None:
        named["automatic_tax"] = bool(automatic_tax)
    if payment_method is not None:
        named["default_payment_method"] = chosen_card(payment_method)
    return named


def _now(id: uuid.UUID) -> models.SubscriptionSchedule:
    schedules = models.SubscriptionSchedule
    found: models.SubscriptionSchedule = (
        current_state()
        .db.session.scalars(
            sa.select(schedules).where(schedules.id == id).execution_options(populate_existing=True)
        )
        .one()
    )
    return found


def _start_of(schedule: models.SubscriptionSchedule, begins: int | None) -> datetime.datetime:
    """Return when the first of a schedule's new phases begins, or has begun."""
    if schedule.is_waiting:
        if begins is not None:
            return beginning(begins)
        return datetime.datetime.fromisoformat(schedule.phases[0]["start"])
    if begins is not None:
        raise InvalidState(
            "This schedule has begun; its current phase keeps its beginning.",
            code="schedule_begun",
        )
    assert schedule.current_phase_start is not None
    return schedule.current_phase_start
