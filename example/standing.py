"""Where an organization stands with its plan, in words that a customer reads."""

from __future__ import annotations

import dataclasses
import datetime

from flask_accrue import clock
from flask_accrue.models import Subscription
from flask_accrue.money import Money

from . import plans


@dataclasses.dataclass(frozen=True)
class Standing:
    """A plan's title, a badge with its tone, and one sentence."""

    plan: plans.Plan
    badge: str
    tone: str
    sentence: str

    @property
    def is_free(self) -> bool:
        """Whether nothing is being paid for."""
        return self.plan.price is None


def standing(subscription: Subscription | None, grace: datetime.timedelta) -> Standing:
    """Say how a subscription stands.

    :param grace: how long a failing card is put up with, counted from the first failure.
    """
    if subscription is None:
        return Standing(plans.PLANS[0], "Free", "neutral", "You are on Free. It costs nothing.")
    plan = plan_of(subscription)
    if subscription.is_ended:
        ended = _day(subscription.ends_at)
        return Standing(
            plans.PLANS[0], "Ended", "neutral", f"{plan.title} ended on {ended}; you are on Free."
        )
    badge, tone, sentence = _running(subscription, plan, grace)
    return Standing(plan, badge, tone, sentence)


def _running(
    subscription: Subscription, plan: plans.Plan, grace: datetime.timedelta
) -> tuple[str, str, str]:
    cost, renews = _cost(subscription, plan), _day(subscription.current_period_end)
    if subscription.is_incomplete:
        return (
            "Waiting for payment",
            "warn",
            f"{plan.title} opens as soon as its first payment, {cost}, went through.",
        )
    if subscription.is_past_due:
        return (
            "Payment failed",
            "bad",
            f"We couldn't take {cost}. {_grace(subscription, plan, grace)}",
        )
    if subscription.is_paused:
        return "Paused", "warn", f"Nothing is charged while {plan.title} is paused."
    if subscription.is_canceling:
        return "Ending", "warn", f"{plan.title} stays open until {_day(subscription.ends_at)}."
    if subscription.is_trialing:
        return (
            "Trial",
            "info",
            f"Free until {_day(subscription.trial_end)}, then {cost} a month.",
        )
    return "Active", "good", f"The next payment, {cost}, is due on {renews}."


def _grace(subscription: Subscription, plan: plans.Plan, grace: datetime.timedelta) -> str:
    since = subscription.past_due_since
    if since is None or since + grace <= clock.now():
        return f"{plan.title} is closed until it is paid."
    return f"{plan.title} stays open until {_day(since + grace)}."


def plan_of(subscription: Subscription) -> plans.Plan:
    """Return the plan of the first price that we sell."""
    found = [plans.of_price(item.price_processor_id) for item in subscription.items]
    return next((plan for plan in found if plan.price), plans.PLANS[0])


def seats_of(subscription: Subscription) -> int:
    """Return how many seats are paid for."""
    return next((item.quantity or 0 for item in subscription.items), 0)


def _cost(subscription: Subscription, plan: plans.Plan) -> str:
    seats = max(1, seats_of(subscription)) if plan.per_seat else 1
    return Money(plan.monthly.amount_minor * seats, plan.monthly.currency).format()


def _day(moment: datetime.datetime | None) -> str:
    return f"{moment:%-d %B %Y}" if moment else "a day that isn't known yet"
