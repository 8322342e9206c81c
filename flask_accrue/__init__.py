"""Billing that a Flask application can operate and trust.

These are the public names; see :class:`Accrue` for where to begin.
"""

from __future__ import annotations

from .billable import Billable
from .entitlements import (
    entitled,
    entitlement_quantity,
    features_for,
    guard_blueprint,
    has_active_plan,
    require_feature,
    require_plan,
)
from .errors import (
    AccrueError,
    ActionRequired,
    CardError,
    ConfigError,
    InvalidRequest,
    InvalidState,
)
from .extension import Accrue
from .money import Money

__all__ = [
    "Accrue",
    "AccrueError",
    "ActionRequired",
    "Billable",
    "CardError",
    "ConfigError",
    "InvalidRequest",
    "InvalidState",
    "Money",
    "entitled",
    "entitlement_quantity",
    "features_for",
    "guard_blueprint",
    "has_active_plan",
    "require_feature",
    "require_plan",
]
