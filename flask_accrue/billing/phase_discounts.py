"""What phases of a schedule take off, settled before they are sent."""

from __future__ import annotations

import collections.abc as c
import typing as t

import sqlalchemy as sa

from .. import clock, models
from ..processors import Capability, Processor
from ..state import current_state
from .changes import as_it_is
from .current import sync
from .discounts import kept
from .phases import Discounts, Phase
from .promotions import find_coupon, known_codes

#: A coupon or a code, by the processor's id.
_Name: t.TypeAlias = tuple[str, str]


def require_phases(
    gateway: Processor, phases: c.Sequence[Phase], automatic_tax: bool | None = None
) -> None:
    """Refuse phases with what a processor can't do.

    :raises UnsupportedByProcessor: naming it.
    """
    gateway.require(Capability.SCHEDULES)
    if any(each.coupon is not None or each.promotion_code is not None for each in phases):
        gateway.require(Capability.COUPONS)
    if automatic_tax or any(each.automatic_tax for each in phases):
        gateway.require(Capability.TAX)


def settled(schedule: models.SubscriptionSchedule, phases: c.Sequence[Phase]) -> list[Discounts]:
    """Return what each of a schedule's new phases takes off, checked; may call the processor.

    What the subscription has by the current phase already goes on there, instead of being redeemed anew; and
    what was spent in it isn't given a second time.

    :raises InvalidRequest: for a coupon or code that can't be redeemed.
    """
    held, spent = _held(schedule), _spent(schedule)
    given: list[Discounts] = []
    for number, phase in enumerate(phases):
        names = _names(schedule.customer, phase) if number == 0 else set()
        going_on = [id for name, id in held.items() if name in names]
        if going_on:
            given.append([{"discount": going_on[0]}])
        elif names & spent:
            given.append(None)
        else:
            given.append(phase.to_redeem(schedule.customer))
    return given


def with_those_before(
    row: models.Subscription, phases: c.Sequence[Phase], *, keep: bool
) -> tuple[list[dict[str, str]], list[Discounts]]:
    """Return the discounts that a subscription has now, and those of each phase that follows.

    :param keep: whether those that it has go on in the phases; theirs come after them.
    :raises InvalidRequest: for a coupon or code that can't be redeemed.
    """
    before = kept(row)
    have = {name for each in row.discounts or [] for name in _of(each)}
    given: list[Discounts] = []
    for phase in phases:
        own: Discounts = None
        if not (keep and have & _names(row.customer, phase)):
            own = phase.to_redeem(row.customer)
        # A word that wasn't known here is now.
        if keep and have & _names(row.customer, phase):
            own = None
        given.append([*(before if keep else ()), *(own or ())])
    return before, given


def known(row: models.Subscription) -> models.Subscription:
    """Return a subscription as it is, once it's known which discounts it has."""
    now = as_it_is(row.id)
    return (sync(now) or now) if now.discounts is None else now


def _held(schedule: models.SubscriptionSchedule) -> dict[_Name, str]:
    subscription = schedule.subscription
    discounts = [] if subscription is None else subscription.discounts or []
    return {name: each["id"] for each in discounts for name in _of(each)}


def _of(discount: c.Mapping[str, t.Any]) -> c.Iterator[_Name]:
    for kind in ("coupon", "promotion_code"):
        if discount.get(kind) is not None:
            yield kind, discount[kind]


def _spent(schedule: models.SubscriptionSchedule) -> set[_Name]:
    """Return what the subscription had in the current phase, and is used up.

    The phase itself doesn't tell: what is spent is no longer named once the schedule was changed.
    """
    if schedule.current_phase_start is None or schedule.subscription_processor_id is None:
        return set()
    begins = schedule.current_phase_start.isoformat()
    went_on = [
        each["discount"]
        for phase in schedule.phases
        if phase["start"] == begins
        for each in phase.get("discounts", ())
        if each.get("discount") is not None
    ]
    redemptions = models.Redemption
    of_phase = redemptions.redeemed_at >= schedule.current_phase_start
    rows = current_state().db.session.scalars(
        sa.select(redemptions).where(
            redemptions.processor == schedule.processor,
            redemptions.subscription_processor_id == schedule.subscription_processor_id,
            sa.or_(of_phase, redemptions.discount_processor_id.in_(went_on)),
        )
    )
    return {name for each in rows.all() if _is_used_up(each) for name in _of_redemption(each)}


def _is_used_up(redemption: models.Redemption) -> bool:
    """Tell whether a discount that a subscription no longer has was spent, rather than taken away."""
    if redemption.ends_at is not None:
        return redemption.ends_at <= clock.now()
    coupon = find_coupon(
        redemption.processor, redemption.coupon_processor_id, redemption.customer.account
    )
    # One that nothing is known of may hold once.
    return coupon is None or coupon.duration != "forever"


def _of_redemption(redemption: models.Redemption) -> c.Iterator[_Name]:
    yield "coupon", redemption.coupon_processor_id
    if redemption.promotion_code_processor_id is not None:
        yield "promotion_code", redemption.promotion_code_processor_id


def _names(payer: models.Customer, phase: Phase) -> set[_Name]:
    """Return by which names a processor may know what a phase takes off: a code also by its coupon."""
    names: set[_Name] = set()
    if isinstance(phase.coupon, models.Coupon):
        names.add(("coupon", phase.coupon.processor_id))
    elif isinstance(phase.coupon, str):
        names.add(("coupon", phase.coupon))
    codes: list[models.PromotionCode] = []
    if isinstance(phase.promotion_code, models.PromotionCode):
        codes = [phase.promotion_code]
    elif isinstance(phase.promotion_code, str):
        codes = known_codes(payer, phase.promotion_code.strip())
    names |= {("promotion_code", each.processor_id) for each in codes}
    # An earlier code of the word may have been for another coupon.
    meant = [each for each in codes if each.is_active] or codes
    return names | {("coupon", each.coupon_processor_id) for each in meant}
