"""Subscriptions as their customer sees them: how they stand, and what can be done."""

from __future__ import annotations

import dataclasses
import typing as t

from .. import models
from ..billing.changes import ends_with_comp
from ..pages import format_date
from . import queries


class Step(t.NamedTuple):
    """Something that can be done, and what its button says."""

    do: str
    label: str


_CANCEL: t.Final = Step("cancel", "Cancel at the end of the period")
_END: t.Final = Step("cancel", "Cancel now")
_KEEP: t.Final = Step("resume", "Keep the subscription")
_PAUSE: t.Final = Step("pause", "Pause payments")
_GO_ON: t.Final = Step("unpause", "Go on with the subscription")


@dataclasses.dataclass(frozen=True)
class Held:
    """A subscription as its customer sees it."""

    id: str
    name: str
    prices: str
    said: str
    step: Step | None


def held(row: models.Subscription, flow: str | None, locale: str | None) -> Held:
    """Return how a subscription stands, and what the flow of a link lets its customer do."""
    said, step = _standing(row, locale)
    if flow == "subscription_pause":
        step = _pausing(row)
    elif flow not in (None, "subscription_cancel"):
        step = None
    return Held(str(row.id), row.name, names_of(row), said, step)


def may_be_done(row: models.Subscription, do: str) -> bool:
    """Tell whether a subscription can be paused, or go on, as it stands now."""
    step = _pausing(row)
    return step is not None and step.do == do


def may_be_kept(row: models.Subscription) -> bool:
    """Tell whether its customer may take the end of a subscription back."""
    return not ends_with_comp(row)


def names_of(row: models.Subscription) -> str:
    """Return what a subscription is for."""
    ids = [each.price_processor_id for each in row.items]
    prices = queries.prices_of(row.customer, ids)
    return ", ".join(name_of(prices.get(id), id) for id in ids)


def name_of(price: models.Price | None, id: str) -> str:
    """Return what a price is for, as far as that is known."""
    if price is None:
        return id
    return price.nickname or (id if price.product is None else price.product.name)


def _standing(row: models.Subscription, locale: str | None) -> tuple[str, Step | None]:
    zone = row.customer.preferred_timezone
    if row.is_canceling:
        said = f"Ends on {format_date(row.ends_at, locale, zone)}."
        if row.is_paused:
            # Keeping it would end the pause as well, which isn't said.
            return f"{said} Payments are paused.", None
        # What is free of charge until then can't be kept for nothing.
        return said, _KEEP if may_be_kept(row) else None
    if row.is_past_due:
        # Its period was never paid, so there is none to wait for.
        return "The last payment failed.", _END
    if row.is_paused:
        return _paused(row, locale, zone), _CANCEL
    if row.is_trialing:
        return f"On trial until {format_date(row.trial_end, locale, zone)}.", _CANCEL
    if row.is_active:
        return f"Renews on {format_date(row.current_period_end, locale, zone)}.", _CANCEL
    return "The first payment isn't made yet.", None


def _paused(row: models.Subscription, locale: str | None, zone: str | None) -> str:
    if row.pause_behavior is None:
        return "Paused: its trial ended without a card."
    if row.pause_resumes_at is None:
        return "Payments are paused; nothing is charged meanwhile."
    day = format_date(row.pause_resumes_at, locale, zone)
    return f"Payments are paused until {day}; nothing is charged meanwhile."


def _pausing(row: models.Subscription) -> Step | None:
    if row.is_canceling or row.is_past_due:
        return None
    if row.is_paused:
        return None if row.pause_behavior is None else _GO_ON
    return _PAUSE if row.is_active else None
