"""What phases of a schedule keep of the current one without being told: tax rates, fees, transfers.

A phase has what it's sent with, and Stripe unsets the rest
(https://docs.stripe.com/billing/subscriptions/subscription-schedules).
"""

from __future__ import annotations

import collections.abc as c
import typing as t

from .. import models
from ..errors import InvalidRequest
from .current import sync

#: A phase as the mirror has it, or as it's sent.
_Phase: t.TypeAlias = c.Mapping[str, t.Any]

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
