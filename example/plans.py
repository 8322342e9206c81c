"""What Tidemark sells, and what each plan opens."""

from __future__ import annotations

import dataclasses

from flask_accrue.money import Money
from flask_accrue.processors.fake import FakeProcessor


@dataclasses.dataclass(frozen=True)
class Plan:
    """A plan as the pricing page shows it. ``price`` is its id at the processor; Free has none."""

    name: str
    title: str
    price: str | None
    monthly: Money
    pitch: str
    points: tuple[str, ...]
    per_seat: bool = False


PLANS = (
    Plan(
        "free",
        "Free",
        None,
        Money(0, "usd"),
        "For a site that is finding its feet.",
        ("Live dashboard", "Four weeks of history", "One person"),
    ),
    Plan(
        "pro",
        "Pro",
        "price_pro",
        Money(1900, "usd"),
        "For whoever answers for the numbers.",
        ("Everything in Free", "Weekly reports and goals", "Twelve weeks of history"),
    ),
    Plan(
        "team",
        "Team",
        "price_team",
        Money(4900, "usd"),
        "For people who look at them together.",
        ("Everything in Pro", "A seat for each colleague", "Exports as CSV", "A year of history"),
        per_seat=True,
    ),
)

TRIAL_DAYS = 14


def put_into(processor: FakeProcessor) -> None:
    """Make sure that the simulated processor sells the plans; a real one has them already.

    A card that failed for good leaves a subscription unpaid instead of ending it, so that whoever plays
    with the clock can still mend it.
    """
    processor.configure(terminal_action="mark_unpaid")
    for plan in PLANS:
        if plan.price:
            product = processor.create_product(f"Tidemark {plan.title}", f"prod_{plan.name}")
            processor.create_price(product, plan.monthly, "month", plan.price)


#: What Accrue's gates go by; see the documentation of ACCRUE_ENTITLEMENTS.
ENTITLEMENTS = {
    "plans": {
        "pro": {
            "prices": ["price_pro"],
            "features": ["reports"],
            "limits": {"history_weeks": 12},
        },
        "team": {
            "prices": ["price_team"],
            "features": ["reports", "exports", "team"],
            "limits": {"history_weeks": 52, "seats": {"per_seat": True, "max": 100}},
        },
    },
    # While a failing card is being chased, the gates stay open as long as the campaign lasts.
    "past_due_grace": "dunning",
}

#: The smallest plan that opens each feature, for the page that says so.
OPENED_BY = {"reports": "pro", "exports": "team", "team": "team"}


def named(name: str) -> Plan | None:
    """Return the plan of that name."""
    return next((plan for plan in PLANS if plan.name == name), None)


def of_price(price: str | None) -> Plan:
    """Return the plan that a price belongs to; Free where no plan has it."""
    return next((plan for plan in PLANS if plan.price == price), PLANS[0])
