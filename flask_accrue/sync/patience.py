"""Calls that may be turned away for a while: a run of hours outlasts a busy minute of the processor's."""

from __future__ import annotations

import collections.abc as c
import typing as t

from ..errors import ProcessorUnavailable, RateLimited

_TRIES: t.Final = 8
_LONGEST: t.Final = 120.0

T = t.TypeVar("T")


def patiently(call: c.Callable[[], T], wait: c.Callable[[float], None]) -> T:
    """Return what a question to the processor brings, asking again later where it's too busy.

    :param wait: waits for some seconds of real time.
    :raises ProcessorError: what it says in the end.
    """
    tries = 0
    while True:
        tries += 1
        try:
            return call()
        except (RateLimited, ProcessorUnavailable) as error:
            if tries >= _TRIES:
                raise
            asked = getattr(error, "retry_after", None)
            wait(min(asked if asked is not None else 2.0 ** (tries - 1), _LONGEST))
