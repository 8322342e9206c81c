"""Schedules of subscriptions."""

from __future__ import annotations

import typing as t

from .. import objects
from . import fields
from .bodies import Raw

# What a phase says beside what is read of it by itself, and goes on in those that follow.
_TERMS: t.Final = (
    "application_fee_percent",
    "billing_thresholds",
    "collection_method",
    "default_payment_method",
    "default_tax_rates",
    "description",
    "invoice_settings",
    "on_behalf_of",
    "transfer_data",
)
_TERMS_OF_ITEM: t.Final = ("billing_thresholds", "discounts", "tax_rates")
_TERMS_OF_BILLED: t.Final = ("discounts", "period", "price", "quantity", "tax_rates")


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
        metadata=fields.metadata(raw),
        terms=_terms(raw, _TERMS) | _taxed_for(raw),
        proration=fields.text(raw, "proration_behavior") or "create_prorations",
        beginning=_beginning(raw),
        items=tuple(
            objects.SchedulePhaseItem(
                # Before 2020-08-27 an item named a plan.
                price=fields.reference(each, "price") or fields.required_reference(each, "plan"),
                quantity=fields.integer(each, "quantity"),
                terms=_terms(each, _TERMS_OF_ITEM) | _metadata(each),
            )
            for each in fields.rows(raw, "items") or ()
        ),
    )


def _terms(raw: Raw, names: t.Iterable[str]) -> Raw:
    """Return what is said of some things, as it's sent."""
    found = {name: _sent(raw.get(name)) for name in names}
    return {name: value for name, value in found.items() if not _is_nothing(value)}


def _beginning(raw: Raw) -> Raw:
    """Return what is said of the beginning of a phase alone, beside how it's prorated."""
    billed = [
        _terms(each, _TERMS_OF_BILLED) | _metadata(each)
        for each in fields.rows(raw, "add_invoice_items") or ()
    ]
    anchored = _terms(raw, ("billing_cycle_anchor",))
    return anchored | ({"add_invoice_items": billed} if billed else {})


def _taxed_for(raw: Raw) -> Raw:
    """Return for which account tax is reckoned, when it's another than the own."""
    tax = _terms(fields.part(raw, "automatic_tax"), ("enabled", "liability"))
    return {"automatic_tax": tax} if "liability" in tax else {}


def _metadata(raw: Raw) -> Raw:
    found = fields.metadata(raw)
    return {"metadata": found} if found else {}


def _sent(value: t.Any) -> t.Any:
    """Return what an answer holds as it's sent: objects by their ids, and nothing that isn't set."""
    if isinstance(value, list):
        return [_sent(each) for each in value]
    if isinstance(value, float):
        # A percentage; the ledger holds no floats, and a form has only strings.
        return str(value)
    if not isinstance(value, dict):
        return value
    if "object" in value:
        return fields.identifier(value)
    # To be due to oneself goes without saying.
    found = {name: _sent(each) for name, each in value.items() if each != {"type": "self"}}
    return {name: each for name, each in found.items() if not _is_nothing(each)}


def _is_nothing(value: t.Any) -> bool:
    return value is None or value in ({}, [])


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
