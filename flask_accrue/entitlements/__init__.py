"""Who may do what: plans, limits and gates."""

from __future__ import annotations

from .guards import (
    AccessDenied,
    current_owner,
    entitled_in_template,
    guard_blueprint,
    require_feature,
    require_plan,
)
from .memory import forget
from .resolver import entitled, entitlement_quantity, features_for, has_active_plan

__all__ = [
    "AccessDenied",
    "current_owner",
    "entitled",
    "entitled_in_template",
    "entitlement_quantity",
    "features_for",
    "forget",
    "guard_blueprint",
    "has_active_plan",
    "require_feature",
    "require_plan",
]
