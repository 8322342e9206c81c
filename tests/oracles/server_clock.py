"""The clock of an oracle: real time until a test sets it."""

from __future__ import annotations

import datetime as dt
import time
from email.utils import formatdate


class ServerClock:
    """Tell the server's time, which its ``Date`` headers and new objects carry."""

    def __init__(self) -> None:
        self._fixed: float | None = None
        self._offset = 0.0

    def now(self) -> float:
        """Return seconds since the epoch."""
        return time.time() + self._offset if self._fixed is None else self._fixed

    def http_date(self) -> str:
        """Return the time as a ``Date`` header."""
        return formatdate(self.now(), usegmt=True)

    def set(self, at: dt.datetime | float | None, *, ticking: bool = False) -> None:
        """Stop the clock at a time, or let it run on from there; None is real time again.

        :param at: an aware datetime, or seconds since the epoch.
        """
        self._fixed, self._offset = None, 0.0
        if at is None:
            return
        seconds = at.timestamp() if isinstance(at, dt.datetime) else float(at)
        if ticking:
            self._offset = seconds - time.time()
        else:
            self._fixed = seconds
