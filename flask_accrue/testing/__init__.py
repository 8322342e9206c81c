"""For a host's own tests: a Fake per test, its clock, events through the real endpoint, subscriptions in
every state, and assertions. No network, no sleeping.

With the package installed, pytest has the fixture ``accrue_kit``; it needs the host's ``app`` fixture, built
with ``TESTING``.
"""

from __future__ import annotations

from .kit import Kit
from .states import STATES

__all__ = ["STATES", "Kit"]
