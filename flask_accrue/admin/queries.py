"""Reading rows for the back office. The only way to them is :class:`Rows`, which applies the scope."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import itertools
import typing as t
import uuid

import sqlalchemy as sa
from sqlalchemy import orm

from .. import models
from ..state import current_state
from .cursors import Cursor, Key, Position
from .filters import Condition
from .operators import Operator
from .resource import R, Scope, Table

#: Counting stops here: a count of millions of rows would cost more than the page.
MOST_COUNTED: t.Final = 10_000
_LARGEST_ID: t.Final = 2**63 - 1
_BATCH: t.Final = 500


@dataclasses.dataclass(frozen=True)
class Page(t.Generic[R]):
    """Some rows of a list, newest first, and whether there are newer and older ones."""

    rows: list[R]
    newer: bool
    older: bool


class Rows(t.Generic[R]):
    """The rows of a table that an operator may see, further narrowed by conditions."""

    def __init__(self, table: Table[R], operator: Operator, *where: Condition) -> None:
        self.table = table
        self._where = (*_scope_conditions(table, operator), *where)

    # -- reading -------------------------------------------------------------------------------

    def page(self, cursor: Cursor | None, size: int) -> Page[R]:
        """Return a page: two statements at most, and those of what is loaded along."""
        backwards = cursor is not None and cursor.backwards
        rows = self._walk(_session(), cursor, size + 1)
        more, rows = len(rows) > size, rows[:size]
        if backwards:
            if not more:
                # Less than a whole page is left before it, so this is the beginning.
                return self.page(None, size)
            return Page(rows[::-1], newer=True, older=True)
        return Page(rows, newer=cursor is not None, older=more)

    def count(self) -> int:
        """Return how many rows there are; one more than :data:`MOST_COUNTED` stands for more."""
        return count_each([self])[0]

    def get(self, id: str, *options: t.Any) -> R | None:
        """Return a row by the id of a URL, ``None`` when there is none for this operator."""
        return next(iter(self.get_many([id], *options)), None)

    def get_many(self, ids: c.Iterable[str], *options: t.Any) -> list[R]:
        """Return rows by the ids of a form, oldest first, without those that aren't there."""
        keys = [key for key in map(self._parse_key, ids) if key is not None]
        if not keys:
            return []
        statement = self._select(self._id.in_(keys)).order_by(self._id).options(*options)
        return list(_session().scalars(statement))

    def stream(self) -> c.Iterator[R]:
        """Give all rows, newest first, in batches that each read for themselves.

        It has a session of its own, so memory stays bounded, no transaction stays open for long, and
        whatever the request holds is left alone.
        """
        with orm.Session(_engine(self.table)) as session:
            cursor = None
            while True:
                rows = self._walk(session, cursor, _BATCH)
                yield from rows
                if len(rows) < _BATCH:
                    return
                cursor = Cursor(self.position(rows[-1]))
                session.expunge_all()
                session.rollback()

    def sums(
        self, amount: orm.InstrumentedAttribute[int], by: orm.InstrumentedAttribute[str]
    ) -> list[tuple[str, int, int]]:
        """Return ``(group, sum, count)`` for each group, by name."""
        statement = (
            sa.select(by, sa.func.sum(amount), sa.func.count())
            .where(*self._where)
            .group_by(by)
            .order_by(by)
        )
        found = _session().execute(statement, bind_arguments=_bind(self.table))
        # The sum of 64-bit integers is a decimal on some databases.
        return [(group, int(total), count) for group, total, count in found]

    def position(self, row: R) -> Position:
        """Return a row's place in the order."""
        moment = None if self.table.moment is None else getattr(row, self.table.moment.key)
        return Position(moment, row.id)  # type: ignore[attr-defined]

    # -- statements ----------------------------------------------------------------------------

    def counted(self) -> sa.ScalarSelect[int]:
        """Return a subquery that counts the rows up to the limit."""
        some = sa.select(self._id).where(*self._where).limit(MOST_COUNTED + 1).subquery()
        return sa.select(sa.func.count()).select_from(some).scalar_subquery()

    def _select(self, *where: Condition) -> sa.Select[t.Any]:
        return sa.select(self.table.model).where(*self._where, *where)

    @property
    def _id(self) -> orm.InstrumentedAttribute[t.Any]:
        return t.cast("orm.InstrumentedAttribute[t.Any]", self.table.model.id)  # type: ignore[attr-defined]

    def _walk(self, session: orm.Session, cursor: Cursor | None, limit: int) -> list[R]:
        """Return rows from a cursor on, nearest to it first.

        Rows without a time come last. They are a segment of their own, because databases disagree
        where NULL belongs, and because both segments are then read from an index as they are.
        """
        backwards = cursor is not None and cursor.backwards
        position = None if cursor is None else cursor.position
        rows: list[R] = []
        for where, order in self._segments(position, backwards):
            statement = (
                self._select(*where)
                .order_by(*(each.asc() if backwards else each.desc() for each in order))
                .limit(limit - len(rows))
                .options(*self.table.options, orm.raiseload("*"))
            )
            with session.no_autoflush:
                rows += session.scalars(statement)
            if len(rows) >= limit:
                break
        return rows

    def _segments(
        self, position: Position | None, backwards: bool
    ) -> list[tuple[list[Condition], list[t.Any]]]:
        """Return conditions and order of the parts that a walk goes through, in its direction."""
        id, moment = self._id, self.table.moment
        if moment is None:
            return [([] if position is None else [_beyond(id, position.id, backwards)], [id])]
        nullable = bool(moment.property.columns[0].nullable)
        dated: list[Condition] = [moment.is_not(None)] if nullable else []
        undated: list[Condition] = [moment.is_(None)]
        skipped = None
        if position is not None and position.moment is not None:
            here = sa.tuple_(moment, id)
            there = sa.tuple_(
                sa.literal(position.moment, moment.type), sa.literal(position.id, id.type)
            )
            dated.append(here > there if backwards else here < there)
            skipped = undated if backwards else None
        elif position is not None:
            undated.append(_beyond(id, position.id, backwards))
            skipped = None if backwards else dated
        parts: list[tuple[list[Condition], list[t.Any]]] = [(dated, [moment, id])]
        if nullable:
            parts.append((undated, [id]))
        parts = [part for part in parts if part[0] is not skipped]
        return parts[::-1] if backwards else parts

    def _parse_key(self, text: str) -> Key | None:
        try:
            if self._id.type.python_type is uuid.UUID:
                return uuid.UUID(text)
            # Not int(): it takes "1_0", " 1" and digits of every script.
            if not (text.isascii() and text.isdigit()):
                return None
            return int(text) if int(text) <= _LARGEST_ID else None
        except ValueError:
            return None


def count_each(counted: c.Sequence[Rows[t.Any]]) -> list[int]:
    """Count several kinds of rows, each up to the limit, in one statement."""
    statement = sa.select(*(rows.counted() for rows in counted))
    row = _session().execute(statement, bind_arguments=_bind(counted[0].table)).one()
    return list(row)


def first(rows: c.Iterator[R]) -> c.Iterator[R]:
    """Read the first of some rows now, so that what goes wrong shows before a response has begun."""
    begun = list(itertools.islice(rows, 1))
    return itertools.chain(begun, rows)


def _scope_conditions(table: Table[t.Any], operator: Operator) -> tuple[Condition, ...]:
    """Return what an operator may see of a table. Nothing else decides it."""
    if operator.scope is None or table.scope is Scope.SHARED:
        return ()
    owners: dict[str, list[str]] = {}
    for owner_type, owner_id in sorted(operator.scope):
        owners.setdefault(owner_type, []).append(owner_id)
    customers = models.Customer
    theirs = sa.or_(
        sa.false(),
        *(
            sa.and_(customers.owner_type == owner_type, customers.owner_id.in_(ids))
            for owner_type, ids in owners.items()
        ),
    )
    if table.scope is Scope.CUSTOMER:
        return (theirs,)
    if table.scope is Scope.BY_CUSTOMER:
        return (table.model.customer_id.in_(sa.select(customers.id).where(theirs)),)
    raise AssertionError(f"{table.title} has no scope")


def _beyond(column: orm.InstrumentedAttribute[t.Any], value: Key, backwards: bool) -> Condition:
    return column > value if backwards else column < value


def _session() -> orm.Session:
    return t.cast(orm.Session, current_state().db.session())


def _bind(table: Table[t.Any]) -> dict[str, t.Any]:
    return {"mapper": table.model.__mapper__}


def _engine(table: Table[t.Any]) -> sa.Engine:
    bind = current_state().db.session.get_bind(mapper=table.model.__mapper__)
    assert isinstance(bind, sa.Engine)
    return bind
