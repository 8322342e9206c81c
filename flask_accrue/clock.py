"""Billing time: the one clock that tests and the Fake can move.

Predicates, gates, trials, grace, dunning, back-off, ledger times and checkout sessions read
``current_state().clock.now()``. Leases, signature age, step-up and key generation use real time.
"""

from __future__ import annotations

import datetime
import typing as t

from flask import current_app

UTC = datetime.UTC


class Clock(t.Protocol):
    """Something that tells billing time."""

    def now(self) -> datetime.datetime:
        """Return the billing time, aware, in UTC."""
        ...


class SystemClock:
    """Billing time is real time."""

    def now(self) -> datetime.datetime:
        """Return the real time in UTC."""
        return datetime.datetime.now(UTC)


def real_now() -> datetime.datetime:
    """Return the real time in UTC: for leases and signature ages, which no test may move."""
    return datetime.datetime.now(UTC)


def from_unix(seconds: int | float | None) -> datetime.datetime | None:
    """Return an aware UTC time from Unix seconds, as processors send them; ``None`` stays."""
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds, UTC)


def to_unix(moment: datetime.datetime) -> int:
    """Return whole Unix seconds, rounded down."""
    return int(moment.timestamp() // 1)


def now() -> datetime.datetime:
    """Return the billing time of the current app, aware, in UTC."""
    return t.cast(Clock, current_app.extensions["accrue"].clock).now()
