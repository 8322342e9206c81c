"""Webhooks: receive, store, apply, tell the host's handlers."""

from __future__ import annotations

from .dead_letters import prune, replay, select_events
from .handlers import Context, Event
from .process import work_on_due
from .receive import blueprint
from .tallies import OTHER_MODE, unstored

__all__ = [
    "OTHER_MODE",
    "Context",
    "Event",
    "blueprint",
    "prune",
    "replay",
    "select_events",
    "unstored",
    "work_on_due",
]
