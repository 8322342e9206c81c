"""What the back office shows: a file a resource."""

from __future__ import annotations

import typing as t

from ..resource import Resource
from .customers import CUSTOMERS
from .events import EVENTS
from .subscriptions import SUBSCRIPTIONS
from .webhooks import WEBHOOKS

#: In the order of the navigation.
RESOURCES: t.Final[tuple[Resource[t.Any], ...]] = (CUSTOMERS, SUBSCRIPTIONS, WEBHOOKS, EVENTS)

__all__ = ["CUSTOMERS", "EVENTS", "RESOURCES", "SUBSCRIPTIONS", "WEBHOOKS"]
