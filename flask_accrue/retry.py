"""Trying again: how often, how much later, and what is kept of why."""

from __future__ import annotations

import datetime
import random
import typing as t

import sqlalchemy as sa

from .errors import RateLimited

#: After that many tries what was tried is given up.
MOST_ATTEMPTS: t.Final = 25

_LONGEST: t.Final = datetime.timedelta(hours=6)
#: How far errors are followed that led to one another.
_DEEPEST: t.Final = 20
_FARTHEST: t.Final = datetime.timedelta(days=1)


def backoff(attempts: int) -> datetime.timedelta:
    """Return how long to wait after that many tries: 15 s, doubled each time, 6 h at most.

    It's moved at random by up to a fifth, so that what failed together doesn't come back together.
    """
    seconds = min(_LONGEST.total_seconds(), 15.0 * 2 ** min(attempts - 1, 20))
    return datetime.timedelta(seconds=seconds * random.uniform(0.8, 1.2))  # noqa: S311 - it guards nothing


def wait_after(error: Exception, attempts: int) -> datetime.timedelta:
    """Return how long to wait after an error; a processor that was asked too often says how long."""
    wait = backoff(attempts)
    if isinstance(error, RateLimited) and error.retry_after is not None:
        asked = min(max(error.retry_after, 0), _FARTHEST.total_seconds())
        wait = max(wait, datetime.timedelta(seconds=asked))
    return wait


def loggable(error: BaseException) -> BaseException:
    """Return an error as it may be logged with its traceback: a database's doesn't show its parameters then,
    which may be anybody's."""
    seen: BaseException | None = error
    for _ in range(_DEEPEST):
        if isinstance(seen, sa.exc.StatementError):
            seen.hide_parameters = True
        seen = None if seen is None else seen.__cause__ or seen.__context__
    return error


def told(error: BaseException, longest: int) -> str:
    """Return what is kept of an error: its class and message, fit for every database.

    Of a database's error that is the first line alone: the others show parameters, which may be anybody's.
    """
    try:
        said = str(error)
        if isinstance(error, sa.exc.DBAPIError):
            said = str(error.orig).partition("\n")[0]
    except Exception:  # noqa: BLE001 - whatever it is, the class is known
        said = ""
    text = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")[:longest]
