"""The host's product policy: plans, what they hold, and what past due and paused mean for access."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import functools
import re
import typing as t

from .readers import Problems, choice, is_whole, mapping, names, shown

#: The longest grace, in days: so long that a longer one is a mistake.
LONGEST_GRACE: t.Final = 3650


@dataclasses.dataclass(frozen=True)
class EntitlementPolicy:
    """What past due and paused mean for access.

    :ivar grace: how long after the first failure a past-due subscription still grants; ``None``: not.
    :ivar paused_by_behavior: a paused subscription grants what its pause behavior stands for.
    """

    grace: datetime.timedelta | None = None
    paused_by_behavior: bool = False


@dataclasses.dataclass(frozen=True)
class Limit:
    """How much a plan allows. Per seat: the item's quantity, at most ``max``. ``None``: no limit."""

    max: int | None
    per_seat: bool = False


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a plan's prices stand for.

    :ivar prices: pairs of a processor and a price's id there; ``None`` stands for every processor.
    """

    name: str
    prices: frozenset[tuple[str | None, str]]
    features: frozenset[str]
    limits: t.Mapping[str, Limit]


@dataclasses.dataclass(frozen=True)
class Entitlements:
    """What ``ACCRUE_ENTITLEMENTS`` says.

    :ivar unmapped: ``deny`` or ``raise``: what a price that no plan holds does.
    """

    plans: t.Mapping[str, Plan] = dataclasses.field(default_factory=dict)
    unmapped: str = "deny"
    policy: EntitlementPolicy = EntitlementPolicy()

    def plan_of(self, processor: str, price_id: str) -> Plan | None:
        """Return the plan that a processor's price belongs to, or ``None`` for an unmapped one."""
        by_price = self._by_price
        return by_price.get((processor, price_id)) or by_price.get((None, price_id))

    @functools.cached_property
    def features(self) -> frozenset[str]:
        """Every feature that some plan has."""
        return frozenset().union(*(plan.features for plan in self.plans.values()))

    @functools.cached_property
    def limits(self) -> frozenset[str]:
        """Every limit that some plan has."""
        return frozenset().union(*(plan.limits for plan in self.plans.values()))

    @functools.cached_property
    def _by_price(self) -> dict[tuple[str | None, str], Plan]:
        return {price: plan for plan in self.plans.values() for price in plan.prices}


def read_entitlements(
    key: str, value: t.Any, problems: Problems, *, dunning: datetime.timedelta
) -> Entitlements:
    """Read ``ACCRUE_ENTITLEMENTS``.

    :param dunning: the grace that ``past_due_grace = "dunning"`` stands for.
    """
    found = mapping(
        key,
        value,
        problems,
        example='{"plans": {…}}',
        known=("plans", "unmapped", "past_due_grace", "paused"),
    )
    unmapped = choice("deny", "raise")(
        f"{key}['unmapped']", found.get("unmapped", "deny"), problems
    )
    paused = choice("deny", "by_behavior")(
        f"{key}['paused']", found.get("paused", "deny"), problems
    )
    grace = found.get("past_due_grace", "none")
    span = dunning if grace == "dunning" else _grace(f"{key}['past_due_grace']", grace, problems)
    return Entitlements(
        plans=_plans(f"{key}['plans']", found.get("plans", {}), problems),
        unmapped=unmapped or "deny",
        policy=EntitlementPolicy(grace=span, paused_by_behavior=paused == "by_behavior"),
    )


def _grace(key: str, value: t.Any, problems: Problems) -> datetime.timedelta | None:
    if value == "none":
        return None
    if is_whole(value) and 0 <= value <= LONGEST_GRACE:
        return datetime.timedelta(days=value)
    fix = f"Use 'none', 'dunning' or a whole number of days, at most {LONGEST_GRACE}."
    problems.add(key, f"is {shown(value)}", fix)
    return None


def _plans(key: str, value: t.Any, problems: Problems) -> dict[str, Plan]:
    plans: dict[str, Plan] = {}
    for name, body in mapping(key, value, problems, example='{"team": {"prices": […]}}').items():
        where = f"{key}[{name!r}]"
        found = mapping(
            where,
            body,
            problems,
            example='{"prices": ["price_team"], "features": ["reports"]}',
            known=("prices", "features", "limits"),
        )
        plans[name] = Plan(
            name=name,
            prices=_prices(f"{where}['prices']", found.get("prices", ()), problems),
            features=frozenset(names(f"{where}['features']", found.get("features", ()), problems)),
            limits=_limits(f"{where}['limits']", found.get("limits", {}), problems),
        )
    _check_that_no_price_is_in_two(plans, key, problems)
    return plans


def _prices(key: str, value: t.Any, problems: Problems) -> frozenset[tuple[str | None, str]]:
    prices: set[tuple[str | None, str]] = set()
    for written in names(key, value, problems):
        processor, colon, price_id = written.partition(":")
        if not colon:
            prices.add((None, written))
        elif re.fullmatch(r"[a-z][a-z0-9_]*", processor) and price_id.strip():
            prices.add((processor, price_id))
        else:
            fix = "Use a price's id, alone or after its processor, such as 'braintree:team'."
            problems.add(key, f"holds {shown(written)}", fix)
    return frozenset(prices)


def _check_that_no_price_is_in_two(
    plans: c.Mapping[str, Plan], key: str, problems: Problems
) -> None:
    seen: dict[str, list[tuple[str | None, str]]] = {}
    for plan in plans.values():
        for processor, price_id in sorted(plan.prices, key=str):
            for other_processor, other in seen.get(price_id, ()):
                same = other_processor == processor or None in (other_processor, processor)
                if same and other != plan.name:
                    problems.add(
                        f"{key}[{plan.name!r}]['prices']",
                        f"holds {price_id!r}, which plan {other!r} holds too",
                        "A price belongs to one plan; make another price for the other.",
                    )
            seen.setdefault(price_id, []).append((processor, plan.name))


def _limits(key: str, value: t.Any, problems: Problems) -> dict[str, Limit]:
    limits: dict[str, Limit] = {}
    for name, limit in mapping(key, value, problems, example='{"projects": 10}').items():
        where, most = f"{key}[{name!r}]", limit
        per_seat: t.Any = False
        if isinstance(limit, c.Mapping):
            body = mapping(
                where,
                limit,
                problems,
                example='{"per_seat": True, "max": 100}',
                known=("max", "per_seat"),
            )
            most, per_seat = body.get("max"), body.get("per_seat", False)
            if "max" not in body and per_seat is not True:
                problems.add(where, f"is {shown(limit)}", "Say how much: {'max': 100}.")
                continue
        if not isinstance(per_seat, bool):
            problems.add(f"{where}['per_seat']", f"is {shown(per_seat)}", "Use True or False.")
        elif most is not None and (not is_whole(most) or most < 0):
            fix = "Use a whole number, at least 0, or None for no limit."
            problems.add(where, f"is {shown(limit)}", fix)
        else:
            limits[name] = Limit(max=most, per_seat=per_seat)
    return limits
