"""Schedules of subscriptions."""

from __future__ import annotations

from .. import objects
from . import fields
from .bodies import Raw


def read_schedule(raw: Raw) -> objects.SubscriptionSchedule:
    """Read a schedule. One that was released names the subscription that it has let go of."""
    phase = fields.part(raw, "current_phase")
    return objects.SubscriptionSchedule(
        **fields.common(raw),
        customer=fields.required_reference(raw, "customer"),
        status=fields.required_text(raw, "status"),
        subscription=fields.reference(raw, "subscription")
        or fields.reference(raw, "released_subscription"),
        default_payment_method=fields.reference(
            fields.part(raw, "default_settings"), "default_payment_method"
        ),
        end_behavior=fields.text(raw, "end_behavior") or "release",
        phases=tuple(_read_phase(each) for each in fields.rows(raw, "phases") or ()),
        current_phase_start=fields.moment(phase, "start_date"),
        current_phase_end=fields.moment(phase, "end_date"),
        canceled_at=fields.moment(raw, "canceled_at"),
        completed_at=fields.moment(raw, "completed_at"),
        released_at=fields.moment(raw, "released_at"),
    )


def _read_phase(raw: Raw) -> objects.SchedulePhase:
    start = fields.moment(raw, "start_date")
    if start is None:
        raise fields.wrong("start_date", "a time in Unix seconds", start)
    return objects.SchedulePhase(
        start=start,
        end=fields.moment(raw, "end_date"),
        trial_end=fields.moment(raw, "trial_end"),
        discounts=_discounts(raw),
        automatic_tax=None
        if raw.get("automatic_tax") is None
        else fields.flag(fields.part(raw, "automatic_tax"), "enabled"),
        items=tuple(
            objects.SchedulePhaseItem(
                # Before 2020-08-27 an item named a plan.
                price=fields.reference(each, "price") or fields.required_reference(each, "plan"),
                quantity=fields.integer(each, "quantity"),
            )
            for each in fields.rows(raw, "items") or ()
        ),
    )


def _discounts(raw: Raw) -> tuple[objects.PhaseDiscount, ...]:
    """Read what a phase takes off; before 2024 that was one coupon, by its name."""
    named = fields.rows(raw, "discounts")
    if not named:
        coupon = fields.reference(raw, "coupon")
        return () if coupon is None else (objects.PhaseDiscount(coupon=coupon),)
    return tuple(
        objects.PhaseDiscount(
            coupon=fields.reference(each, "coupon"),
            promotion_code=fields.reference(each, "promotion_code"),
            discount=fields.reference(each, "discount"),
        )
        for each in named
    )
