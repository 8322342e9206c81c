"""The phases of a schedule: when each begins and ends, what it consists of, and on which terms."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import typing as t

from ...clock import to_unix
from .. import objects
from . import calendar, discounts, items, labels
from .refusals import check_integer, check_known, refused
from .transaction import Transaction

PRORATIONS: t.Final = ("create_prorations", "none", "always_invoice")
#: Stripe takes no more (https://docs.stripe.com/billing/subscriptions/subscription-schedules).
MOST: t.Final = 10

_KNOWN: t.Final = frozenset(
    {
        "items", "start_date", "end_date", "duration", "trial", "trial_end", "proration", "metadata",
        "discounts", "automatic_tax", "currency",
    }
)  # fmt: skip

Laid: t.TypeAlias = tuple[objects.SchedulePhase, ...]
#: What the subscription takes on with each phase: ``{"metadata": …}``.
Terms: t.TypeAlias = list[dict[str, t.Any]]


def lay_out(
    tx: Transaction, wanted: c.Sequence[c.Mapping[str, t.Any]], begins: datetime.datetime
) -> tuple[Laid, Terms]:
    """Return phases one after the other from a moment on, and their terms.

    :raises NotFound: for a price that isn't there.
    :raises InvalidRequest: for a phase that can't be.
    """
    if not 1 <= len(wanted) <= MOST:
        raise refused(f"A schedule has from 1 to {MOST} phases, not {len(wanted)}.", "phases")
    laid: list[objects.SchedulePhase] = []
    terms: Terms = []
    for number, phase in enumerate(wanted):
        param = f"phases[{number}]"
        check_known(phase, _KNOWN, "phase")
        end = _end(tx, phase, begins, param)
        if end <= max(begins, tx.now):
            raise refused("A phase ends after it has begun, and ahead.", f"{param}[end_date]")
        proration = phase.get("proration", "create_prorations")
        if proration not in PRORATIONS:
            raise refused(
                f"proration is one of {', '.join(PRORATIONS)}, not {proration!r}.",
                f"{param}[proration_behavior]",
            )
        laid.append(
            objects.SchedulePhase(
                start=begins,
                end=end,
                trial_end=_trial_end(phase, begins, end, param),
                items=_items(tx, phase.get("items") or (), param),
                discounts=_discounts(tx, phase.get("discounts") or (), param),
                automatic_tax=phase.get("automatic_tax"),
                proration=proration,
            )
        )
        terms.append({"metadata": labels.merged({}, phase.get("metadata", {}))})
        begins = end
    currencies = {tx.get(objects.Price, each.price).currency for ph in laid for each in ph.items}
    if len(currencies) > 1:
        raise refused(
            "All phases of a schedule are in one currency.", "phases", "currency_mismatch"
        )
    [sold] = currencies
    for number, phase in enumerate(wanted):
        items.check_currency(sold, phase.get("currency"), f"phases[{number}][currency]")
    return tuple(laid), terms


def _end(
    tx: Transaction, phase: c.Mapping[str, t.Any], begins: datetime.datetime, param: str
) -> datetime.datetime:
    duration, end = phase.get("duration"), phase.get("end_date")
    if (duration is None) == (end is None):
        raise refused("A phase has either a duration or an end_date.", f"{param}[end_date]")
    if duration is None:
        moment = items.moment(end, f"{param}[end_date]")
        assert moment is not None
        return moment
    interval, count = duration.get("interval"), duration.get("interval_count", 1)
    if interval not in calendar.INTERVALS:
        raise refused(
            f"A duration's interval is one of {', '.join(calendar.INTERVALS)}, not {interval!r}.",
            f"{param}[duration][interval]",
        )
    if check_integer(count, f"{param}[duration][interval_count]") < 1:
        raise refused("A duration is at least 1.", f"{param}[duration][interval_count]")
    return calendar.boundary(begins, interval, count, 1, tx.rules.calendar_zone)


def _trial_end(
    phase: c.Mapping[str, t.Any], begins: datetime.datetime, end: datetime.datetime, param: str
) -> datetime.datetime | None:
    trial_end = items.moment(phase.get("trial_end"), f"{param}[trial_end]")
    if phase.get("trial"):
        if trial_end not in (None, end):
            raise refused("A phase that is a trial as a whole ends with it.", f"{param}[trial_end]")
        return end
    if trial_end is not None and not begins < trial_end <= end:
        raise refused("A trial ends within its phase.", f"{param}[trial_end]")
    return trial_end


def _items(
    tx: Transaction, wanted: c.Sequence[c.Mapping[str, t.Any]], param: str
) -> tuple[objects.SchedulePhaseItem, ...]:
    made = tuple(
        items.new_item(
            tx, items.sellable(tx, each.get("price"), f"{param}[items]"), each.get("quantity")
        )
        for each in wanted
    )
    items.check_together(tx, made)
    return tuple(
        objects.SchedulePhaseItem(price=each.price, quantity=each.quantity) for each in made
    )


def _discounts(
    tx: Transaction, wanted: c.Sequence[c.Mapping[str, t.Any]], param: str
) -> tuple[objects.PhaseDiscount, ...]:
    """Return what a phase takes off, once each coupon and code is known to be there."""
    named = []
    for number, each in enumerate(wanted):
        kind, name = discounts.named(each, number)
        where = f"{param}[discounts][{number}][{kind}]"
        if kind == "coupon":
            tx.get(objects.Coupon, name, where)
        elif kind == "promotion_code":
            tx.get(objects.PromotionCode, name, where)
        named.append(objects.PhaseDiscount(**{kind: name}))
    if len(set(named)) < len(named):
        raise refused("The same coupon can't be applied twice.", f"{param}[discounts]")
    return tuple(named)


def to_give(phase: objects.SchedulePhase) -> list[dict[str, str]]:
    """Return the discounts of a phase as they are given to a subscription."""
    return [
        {name: value for name, value in dataclasses.asdict(each).items() if value is not None}
        for each in phase.discounts
    ]


def chosen(phase: objects.SchedulePhase) -> list[dict[str, t.Any]]:
    """Return the items of a phase as those of a new subscription are chosen."""
    return [{"price": each.price, "quantity": each.quantity} for each in phase.items]


def swaps(
    subscription: objects.Subscription, phase: objects.SchedulePhase
) -> list[dict[str, t.Any]]:
    """Return the changes that give a subscription the items of a phase; one item stays the same one."""
    wanted = {each.price: each.quantity for each in phase.items}
    present = {each.price: each for each in subscription.items}
    if len(wanted) == len(present) == 1:
        [item], [(price, quantity)] = subscription.items, wanted.items()
        if (item.price, item.quantity) == (price, quantity):
            return []
        return [{"id": item.processor_id, "price": price, "quantity": quantity}]
    changes: list[dict[str, t.Any]] = []
    for price, item in present.items():
        if price not in wanted:
            changes.append({"id": item.processor_id, "deleted": True})
        elif item.quantity != wanted[price]:
            changes.append({"id": item.processor_id, "quantity": wanted[price]})
    new = [price for price in wanted if price not in present]
    return [*changes, *({"price": price, "quantity": wanted[price]} for price in new)]


def unix(moment: datetime.datetime | None) -> int | None:
    """Return a moment in Unix seconds; ``None`` stays."""
    return None if moment is None else to_unix(moment)
