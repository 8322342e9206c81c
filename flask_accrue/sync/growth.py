"""What PostgreSQL knows of tables that were empty a moment ago."""

from __future__ import annotations

import collections
import logging
import typing as t

import sqlalchemy as sa

from .. import models
from ..state import current_state

logger = logging.getLogger(__name__)

_FIRST: t.Final = 1_000
_TIMES: t.Final = 4


class Growth:
    """Has PostgreSQL look at our tables anew when a run has gone through several times as much of a kind.

    Knowing nothing of them, it takes a processor's rows for few, and goes through all of them for each page.
    Its autovacuum looks once in a minute at best, and some have none:
    https://www.postgresql.org/docs/current/populate.html
    """

    def __init__(self) -> None:
        self._seen: collections.Counter[str] = collections.Counter()
        self._next: dict[str, int] = {}

    def note(self, kind: str, objects: int) -> None:
        """Note how many objects of a kind were gone through. Call it outside any transaction."""
        self._seen[kind] += objects
        if self._seen[kind] < self._next.get(kind, _FIRST):
            return
        self._next[kind] = self._seen[kind] * _TIMES
        session = current_state().db.session()
        bind = session.get_bind(mapper=models.Customer.__mapper__)
        if bind.dialect.name != "postgresql":
            return
        try:
            # Of a table that isn't this user's own it only warns.
            session.execute(sa.text(f"ANALYZE {_searched()}"))
            session.commit()
        except sa.exc.DBAPIError:
            session.rollback()
            logger.warning(
                "accrue: the tables couldn't be analyzed; the sync goes on", exc_info=True
            )


def _searched() -> str:
    """Return our tables with the columns that a statement may look for.

    Nobody searches JSON, and to read samples of the bodies that a processor gave took ten times as long as
    all else.
    """
    return ", ".join(
        f"{table.name} ({', '.join(column.name for column in table.c if _is_plain(column))})"
        for table in models.Base.metadata.tables.values()
    )


def _is_plain(column: sa.Column[t.Any]) -> bool:
    return not isinstance(column.type, sa.JSON)
