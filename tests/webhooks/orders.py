"""The orders in which the events of a story arrive."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_Event = TypeVar("_Event")

SHUFFLES = {f"shuffled with {seed}": seed for seed in range(20)}
_ORDERLY: dict[str, Callable[[list[Any]], list[Any]]] = {
    "in order": lambda events: events,
    "in reverse": lambda events: events[::-1],
    "doubled": lambda events: [each for event in events for each in (event, event)],
    "twice over": lambda events: events + events,
}
#: What an order comes to is the mirror's doing and hardly the database's, and PostgreSQL takes twice as long.
_SHUFFLES_ON_POSTGRESQL = 4


def orders(database_url: str) -> list[str]:
    """Return the names of the orders to try on a database."""
    shuffles = list(SHUFFLES)
    if not database_url.startswith("sqlite"):
        shuffles = shuffles[:_SHUFFLES_ON_POSTGRESQL]
    return [*_ORDERLY, *shuffles]


def in_order(name: str, events: list[_Event]) -> list[_Event]:
    """Return events as they arrive in the order of that name."""
    if name in _ORDERLY:
        return _ORDERLY[name](events)
    return random.Random(SHUFFLES[name]).sample(events, len(events))
