"""What phases of a schedule keep of the current one without being told: tax rates, fees, transfers.

A phase has what it's sent with, and Stripe unsets the rest
(https://docs.stripe.com/billing/subscriptions/subscription-schedules).
"""

from __future__ import annotations

import collections.abc as c
import datetime
import typing as t

from .. import models
from ..errors import InvalidRequest
from .current import sync
from .subscriptions import unix

#: A phase as the mirror has it, or as it's sent.
_Phase: t.TypeAlias = c.Mapping[str, t.Any]

#: The card of a phase among its terms.
_CARD: t.Final = "default_payment_method"
#: What an item keeps with another price. The rest is about the price that it had.
_WITH_ANY_PRICE: t.Final = ("discounts", "metadata", "tax_rates")


def with_terms(
    phases: c.Iterable[_Phase], current: _Phase, *, keep_discounts: bool = True
) -> list[dict[str, t.Any]]:
    """Return phases, as they are sent, with what the current one says beside.

    :param current: as the mirror has it.
    :param keep_discounts: whether the discounts of single items go on.
    :raises InvalidRequest: with the code ``tax_rates_unclear`` for a new item beside several whose tax rates
        aren't the same.
    """
    terms = current.get("terms")
    return [
        {
            **phase,
            "items": [
                _with(item, _terms_of(item, phase["items"], current["items"], keep_discounts))
                for item in phase["items"]
            ],
            **({"terms": terms} if terms else {}),
        }
        for phase in phases
    ]


def as_sent(phase: _Phase, discounts: list[dict[str, str]]) -> dict[str, t.Any]:
    """Return a mirrored phase, which has begun, as it's sent to stay as it is.

    :param discounts: that it has left.
    """
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
        "proration": "none",
    }
    if phase.get("metadata"):
        kept["metadata"] = phase["metadata"]
    if discounts:
        # Without them Stripe would take them away: a phase has what it names.
        kept["discounts"] = discounts
    return kept if trial_end is None else {**kept, "trial_end": trial_end}


def phases_left(schedule: models.SubscriptionSchedule) -> list[_Phase]:
    """Return the phases of a schedule from the current one on."""
    begins = current_phase(schedule)["start"]
    return [each for each in schedule.phases if each["start"] >= begins]


def own_cards(schedule: models.SubscriptionSchedule) -> set[str]:
    """Return the cards that phases name themselves, which go before the schedule's."""
    named = {(each.get("terms") or {}).get(_CARD) for each in phases_left(schedule)}
    return {each for each in named if each is not None}


def with_card(phases: c.Iterable[_Phase], card: str) -> list[dict[str, t.Any]]:
    """Return phases, as they are sent, with another card in those that name one."""
    return [
        {**phase, "terms": {**phase["terms"], _CARD: card}}
        if _CARD in (phase.get("terms") or {})
        else dict(phase)
        for phase in phases
    ]


def resent(schedule: models.SubscriptionSchedule) -> list[dict[str, t.Any]]:
    """Return the phases of a schedule from the current one on, as they are sent to stay as they are."""
    sent: list[dict[str, t.Any]] = []
    subscription = schedule.subscription
    for number, phase in enumerate(phases_left(schedule)):
        # What the current one gives was given: named by its coupon it would be redeemed anew.
        if number == 0 and subscription is not None:
            discounts = [{"discount": each["id"]} for each in subscription.discounts or []]
        else:
            discounts = [_discount(each) for each in phase.get("discounts") or []]
        [whole] = with_terms([as_sent(phase, discounts)], phase)
        if phase.get("automatic_tax") is not None:
            whole["automatic_tax"] = phase["automatic_tax"]
        if number > 0 or schedule.is_waiting:
            # What it's to begin with is still ahead. The current one's was billed, and isn't sent again.
            whole["proration"] = phase.get("proration", "create_prorations")
            if phase.get("beginning"):
                whole["terms"] = {**whole.get("terms", {}), **phase["beginning"]}
        sent.append(whole)
    return sent


def _discount(named: _Phase) -> dict[str, str]:
    """Return the discount of a phase by the one name that tells most of it."""
    name = next(each for each in ("discount", "promotion_code", "coupon") if named.get(each))
    return {name: named[name]}


def current_phase(schedule: models.SubscriptionSchedule) -> _Phase:
    """Return the phase that a schedule is in, or the first of one that hasn't begun."""
    begins = schedule.current_phase_start
    started = [
        each
        for each in schedule.phases
        if begins is not None and each["start"] == begins.isoformat()
    ]
    found: _Phase = (started or schedule.phases)[0]
    return found


def with_known_terms(schedule: models.SubscriptionSchedule) -> models.SubscriptionSchedule:
    """Return a schedule once its terms are known; may call the processor."""
    if "terms" in current_phase(schedule):
        return schedule
    # It was written by an earlier version.
    return sync(schedule) or schedule


def _terms_of(
    item: _Phase, beside: c.Sequence[_Phase], present: c.Sequence[_Phase], keep_discounts: bool
) -> dict[str, t.Any]:
    same = [each for each in present if each["price"] == item["price"]]
    if same:
        terms = dict(same[0].get("terms") or {})
    elif len(beside) == len(present) == 1:
        # One item stays the same one when its price changes.
        before = present[0].get("terms") or {}
        terms = {name: before[name] for name in _WITH_ANY_PRICE if name in before}
    else:
        terms = _tax_rates_of_all(item["price"], present)
    if not keep_discounts:
        terms.pop("discounts", None)
    return terms


def _tax_rates_of_all(price: str, present: c.Sequence[_Phase]) -> dict[str, t.Any]:
    rates = [(each.get("terms") or {}).get("tax_rates", []) for each in present]
    if any(each != rates[0] for each in rates):
        raise InvalidRequest(
            f"The tax rates of {price!r} can't be told: the items that the subscription has now aren't all "
            "taxed alike. Add it to the subscription first, with its tax rates at the processor, or give "
            "the subscription default tax rates instead of those of its items.",
            code="tax_rates_unclear",
            param="phases",
        )
    return {"tax_rates": rates[0]} if rates and rates[0] else {}


def _with(item: _Phase, terms: dict[str, t.Any]) -> dict[str, t.Any]:
    return {**item, "terms": terms} if terms else dict(item)
