"""The questions that a host asks about an owner's access.

The only way to ``True`` is an affirmative match. No owner, no customer, a price of no plan, a name that no
plan declares, a database that doesn't answer: all of these deny.
"""

from __future__ import annotations

import collections.abc as c
import logging
import typing as t

from werkzeug.local import LocalProxy

from ..billable import Billable, owner_reference
from ..errors import ConfigError, InvalidState
from ..models import Customer
from ..plans import Entitlements, Limit, Plan
from ..state import current_state
from .holdings import Holding
from .memory import holdings_of

logger = logging.getLogger(__name__)

#: How many different warnings are remembered, so that names that come from outside can't fill memory.
_MOST_WARNINGS: t.Final = 200


def entitled(owner: t.Any, feature: str) -> bool:
    """Tell whether a plan that the owner holds now has the feature.

    :param owner: a billable, its customer, or ``None``.
    :raises ConfigError: when nothing held has it, something held is in no plan, and
        ``ACCRUE_ENTITLEMENTS["unmapped"]`` is ``"raise"``.
    """
    entitlements = _entitlements()
    if not _is_declared("feature", feature, entitlements.features):
        return False
    return _any_plan(owner, entitlements, lambda plan: feature in plan.features)


def has_active_plan(owner: t.Any, plan: str) -> bool:
    """Tell whether the owner holds the plan now: paid, on trial, or within grace.

    :param plan: its name in ``ACCRUE_ENTITLEMENTS``, not the id of a price.
    :raises ConfigError: as :func:`entitled` does.
    """
    entitlements = _entitlements()
    if not _is_declared("plan", plan, entitlements.plans):
        return False
    return _any_plan(owner, entitlements, lambda held: held.name == plan)


def features_for(owner: t.Any) -> frozenset[str]:
    """Return every feature of the plans that the owner holds now.

    :raises ConfigError: when something held is in no plan and ``unmapped`` is ``"raise"``.
    """
    entitlements = _entitlements()
    plans = [plan for _, plan in _granting(owner, entitlements)]
    return frozenset().union(*(plan.features for plan in _mapped(plans, entitlements)))


def entitlement_quantity(owner: t.Any, key: str) -> int | None:
    """Return how much the owner may use: the largest limit of the plans that they hold now.

    A limit per seat is the item's quantity, at most its ``max``; an item without a quantity is one seat.

    :return: 0 when no plan held has the limit, ``None`` when one has it without an end.
    :raises ConfigError: when something held is in no plan and ``unmapped`` is ``"raise"``.
    """
    entitlements = _entitlements()
    if not _is_declared("limit", key, entitlements.limits):
        return 0
    granting = list(_granting(owner, entitlements))
    _mapped([plan for _, plan in granting], entitlements)
    most = 0
    for holding, plan in granting:
        limit = plan.limits.get(key) if plan is not None else None
        if limit is None:
            continue
        allowed = _allowed(limit, holding)
        if allowed is None:
            return None
        most = max(most, allowed)
    return most


def _allowed(limit: Limit, holding: Holding) -> int | None:
    if not limit.per_seat:
        return limit.max
    seats = 1 if holding.quantity is None else holding.quantity
    return seats if limit.max is None else min(seats, limit.max)


def _any_plan(owner: t.Any, entitlements: Entitlements, matches: c.Callable[[Plan], bool]) -> bool:
    plans = [plan for _, plan in _granting(owner, entitlements)]
    if any(plan is not None and matches(plan) for plan in plans):
        return True
    _mapped(plans, entitlements)
    return False


def _granting(owner: t.Any, entitlements: Entitlements) -> c.Iterator[tuple[Holding, Plan | None]]:
    """Yield each holding that grants now, with its plan; ``None`` for a price of no plan."""
    reference = _reference(owner)
    if reference is None:
        return
    for holding in holdings_of(reference, owner) or ():
        if not holding.grants(entitlements.policy):
            continue
        plan = entitlements.plan_of(holding.processor, holding.price_id)
        if plan is None:
            warn_once(
                f"The price {holding.price_id!r} of {holding.processor} is in no plan of "
                "ACCRUE_ENTITLEMENTS, so whoever pays it gets nothing. Add it to a plan's prices.",
            )
        yield holding, plan


def _mapped(plans: c.Sequence[Plan | None], entitlements: Entitlements) -> list[Plan]:
    mapped = [plan for plan in plans if plan is not None]
    if len(mapped) < len(plans) and entitlements.unmapped == "raise":
        error = ConfigError(
            "A price that this owner pays is in no plan, so their access can't be told. Add it to a "
            "plan in ACCRUE_ENTITLEMENTS, or set its 'unmapped' to 'deny'."
        )
        error.code = "price_unmapped"
        raise error
    return mapped


def _reference(owner: t.Any) -> tuple[str, str] | None:
    if isinstance(owner, LocalProxy):
        owner = owner._get_current_object()
    if isinstance(owner, Customer):
        return owner.owner_type, owner.owner_id
    if isinstance(owner, Billable):
        try:
            return owner_reference(owner)
        except InvalidState:
            return None  # Not saved yet, so nobody can have billed it.
    if owner is not None and getattr(owner, "is_anonymous", False) is not True:
        warn_once(
            f"A gate was asked about a {type(owner).__name__}, which isn't a Billable, and denies."
        )
    return None


def _is_declared(kind: str, name: str, declared: c.Collection[str]) -> bool:
    if name in declared:
        return True
    known = ", ".join(map(repr, sorted(declared))) or "none"
    warn_once(
        f"No plan in ACCRUE_ENTITLEMENTS declares the {kind} {name!r}, so it is denied to everybody. "
        f"Declared: {known}."
    )
    return False


def warn_once(message: str) -> None:
    """Log a warning, unless this app has logged the same before."""
    warned = current_state().warned
    if message not in warned and len(warned) < _MOST_WARNINGS:
        warned.add(message)
        logger.warning("accrue: %s", message)


def _entitlements() -> Entitlements:
    return current_state().settings.entitlements
