"""What a transaction that lost against another ended with, by database, and how often it's run again."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa
from sqlalchemy.orm.exc import StaleDataError

_MOST_TRIES: t.Final = 20
_TRIES_AFTER_DOUBLE: t.Final = 5
#: A row changed since it was read, a lock that didn't come, a deadlock:
#: https://mariadb.com/kb/en/mariadb-error-code-reference/
_LOST_ON_MARIADB: t.Final = frozenset({1020, 1205, 1213})
_DOUBLE_ON_MARIADB: t.Final = 1062


def tries_after(error: Exception) -> int:
    """Return how often work that ended like this is tried in all."""
    if isinstance(error, StaleDataError):
        return _MOST_TRIES
    original = getattr(error, "orig", None)
    state = getattr(original, "sqlstate", None)
    if isinstance(error, sa.exc.IntegrityError):
        # Two first sights of one object at once: the second finds the first one's row next time.
        is_double = (
            state == "23505"
            or "UNIQUE constraint failed" in str(original)
            or _number(original) == _DOUBLE_ON_MARIADB
        )
        return _TRIES_AFTER_DOUBLE if is_double else 1
    lost = (
        state in ("40001", "40P01", "55P03")
        or "database is locked" in str(original)
        or _number(original) in _LOST_ON_MARIADB
    )
    return _MOST_TRIES if lost else 1


def _number(original: t.Any) -> int | None:
    """Return the number that MariaDB and MySQL give an error; their drivers tell no SQLSTATE."""
    first = original.args[0] if getattr(original, "args", ()) else None
    number = getattr(original, "errno", None) or first
    return number if isinstance(number, int) else None
