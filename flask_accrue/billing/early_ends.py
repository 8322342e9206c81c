"""An end within the running period: whether that is billed as a whole all the same, or up to the end only.

Stripe reckons what a change gives back, and what it bills, from one end to the other, whatever was billed. So
an end that left the bill as it was is noted, and taken back without billing anything again.
"""

from __future__ import annotations

import typing as t

from .. import models
from .subscriptions import unix

#: The key of a subscription's metadata that holds which end, in Unix seconds, lies within a period that is
#: billed as a whole, and when that period began: one that begins anew is billed up to the end only.
WHOLE_END_KEY: t.Final = "accrue_whole_until"


def is_whole(now: models.Subscription) -> bool:
    """Tell whether the running period is billed beyond the end that lies within it."""
    return _ends_within(now) and now.meta.get(WHOLE_END_KEY) == _mark(now, _end(now))


def is_cut(now: models.Subscription) -> bool:
    """Tell whether the running period is billed up to the end that lies within it, and no further."""
    return _ends_within(now) and not is_whole(now)


def is_in_the_way(now: models.Subscription, *, prorated: bool) -> bool:
    """Tell whether a change that moves the end would be reckoned wrongly from where it is.

    Prorated it would miss what was billed beyond the end, and without a proration what was given back for
    it would never be billed again.
    """
    return is_whole(now) if prorated else is_cut(now)


def set_to(now: models.Subscription, end: int, *, prorate: bool) -> dict[str, t.Any]:
    """Return what sets an end, in Unix seconds, and notes whether the period is still billed as a whole."""
    period_end = now.current_period_end
    is_within = period_end is not None and end < unix(period_end)
    if is_within and not prorate and not now.is_trialing:
        noted = {WHOLE_END_KEY: _mark(now, end)}
    else:
        noted = {WHOLE_END_KEY: ""} if WHOLE_END_KEY in now.meta else {}
    said = {"cancel_at": end, "proration": "create_prorations" if prorate else "none"}
    return {**said, "metadata": noted} if noted else said


def moved_to_the_period_end(now: models.Subscription) -> dict[str, t.Any]:
    """Return what lets a subscription end with its period, which is then billed as a whole."""
    if now.cancel_at is None or now.cancel_at_period_end:
        return {"cancel_at_period_end": True}
    return {"cancel_at_period_end": True, "cancel_at": None, **without_billing_again(now)}


def without_billing_again(now: models.Subscription) -> dict[str, t.Any]:
    """Return how taking back an end is billed: not at all, where nothing was given back for it."""
    return {"proration": "none"} if is_whole(now) else {}


def _ends_within(now: models.Subscription) -> bool:
    if now.cancel_at is None or now.current_period_end is None or now.is_trialing:
        # A trial costs nothing, so that there is nothing to give back of it.
        return False
    return not now.cancel_at_period_end and _end(now) < unix(now.current_period_end)


def _end(now: models.Subscription) -> int:
    assert now.cancel_at is not None
    return unix(now.cancel_at)


def _mark(now: models.Subscription, end: int) -> str:
    begun = now.current_period_start
    return f"{end} since {0 if begun is None else unix(begun)}"
