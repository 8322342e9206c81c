"""Reading whole tables of the ledger in pages, also where somebody left something unreadable."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

import sqlalchemy as sa

_PAGE: t.Final = 1000


@dataclasses.dataclass(frozen=True)
class Unreadable:
    """A row that can't be turned into Python: a broken document, a time that is none.

    :ivar key: the row's columns of the order that was asked for.
    """

    key: tuple[t.Any, ...]
    error: str


def pages(
    connection: sa.Connection,
    statement: sa.Select[t.Any],
    order: c.Sequence[sa.ColumnElement[t.Any]],
    size: int = _PAGE,
) -> c.Iterator[list[sa.Row[t.Any] | Unreadable]]:
    """Give all rows in order, a page at a time, in bounded memory.

    Each page is a transaction of its own, so that reading millions of rows neither holds back
    PostgreSQL's vacuum nor keeps writers of a SQLite file waiting. Entries appended meanwhile are
    seen or not; what was seen stays as it was.

    :param order: columns that are unique together; the statement has to select each of them last, in
        this order.
    """
    width = len(order)
    statement = statement.order_by(*order).limit(size)
    after: tuple[t.Any, ...] | None = None
    while True:
        page = statement if after is None else statement.where(_later(order, after))
        try:
            read = connection.execute(page).all()
            rows: list[sa.Row[t.Any] | Unreadable] = list(read)
            keys = [tuple(row)[-width:] for row in read]
        except Exception:  # noqa: BLE001 - whichever row it was, the others are still to be read
            connection.rollback()
            keys = [tuple(key) for key in connection.execute(page.with_only_columns(*order))]
            rows = [_one(connection, statement, order, key) for key in keys]
        connection.rollback()
        if rows:
            yield rows
        if len(rows) < size:
            return
        after = keys[-1]


def _later(
    order: c.Sequence[sa.ColumnElement[t.Any]], after: tuple[t.Any, ...]
) -> sa.ColumnElement[bool]:
    values = [sa.literal(value, column.type) for column, value in zip(order, after, strict=True)]
    return sa.tuple_(*order) > sa.tuple_(*values)


def _one(
    connection: sa.Connection,
    statement: sa.Select[t.Any],
    order: c.Sequence[sa.ColumnElement[t.Any]],
    key: tuple[t.Any, ...],
) -> sa.Row[t.Any] | Unreadable:
    values = (sa.literal(value, column.type) for column, value in zip(order, key, strict=True))
    this = [column == value for column, value in zip(order, values, strict=True)]
    try:
        return connection.execute(statement.where(*this)).one()
    except Exception as error:  # noqa: BLE001 - drivers and types fail in many ways
        connection.rollback()
        # When the database is gone, this raises: the row isn't at fault.
        connection.execute(sa.select(sa.literal(1)))
        return Unreadable(key, type(getattr(error, "orig", None) or error).__name__)
