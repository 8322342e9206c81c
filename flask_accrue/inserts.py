"""New rows that are inserted together, a statement a table: for whoever writes hundreds at a time."""

from __future__ import annotations

import collections.abc as c
import functools
import typing as t

import sqlalchemy as sa
from sqlalchemy import orm

from . import models


class Inserts:
    """New rows, by their tables. They aren't in the session, which is what makes it fast."""

    def __init__(self) -> None:
        self._rows: dict[type[models.Base], list[models.Base]] = {}
        self._values: dict[type[models.Base], list[dict[str, t.Any]]] = {}

    def add(self, row: models.Base) -> None:
        """Add a row, which gets its defaults at once: what is told of it has to be whole."""
        model = type(row)
        set_values(row, {name: default(None) for name, default in _defaults(model)}, again=False)
        self._rows.setdefault(model, []).append(row)

    def add_values(self, model: type[models.Base], values: dict[str, t.Any]) -> None:
        """Add a row by all its columns."""
        self._values.setdefault(model, []).append(values)

    def write(self, execute: c.Callable[[t.Any, t.Any], t.Any]) -> None:
        """Insert the rows: what is referred to first, and of one table in the order in which it was added."""
        for model in sorted({*self._rows, *self._values}, key=_order):
            columns = _columns(model)
            values = [
                {key: known.get(name) for name, key in columns}
                for known in map(orm.attributes.instance_dict, self._rows.get(model, ()))
            ]
            execute(_insert(model), values + self._values.get(model, []))

    def hand_over(self, session: orm.Session) -> None:
        """Have the session know the rows as what they are by now: rows of the database."""
        for rows in self._rows.values():
            for row in rows:
                if sa.inspect(row).identity_key is None and None not in _identity(row):
                    orm.make_transient_to_detached(row)
                    session.add(row)


def set_values(row: models.Base, values: c.Mapping[str, t.Any], *, again: bool = True) -> None:
    """Set attributes of a row that isn't in a session, for which nobody keeps account of what changed.

    :param again: also those that it has.
    """
    known = orm.attributes.instance_dict(row)
    if again:
        known.update(values)
        return
    for name, value in values.items():
        if known.get(name) is None:
            known[name] = value


def _identity(row: models.Base) -> tuple[t.Any, ...]:
    return tuple(type(row).__mapper__.primary_key_from_instance(row))


def _order(model: type[models.Base]) -> int:
    return _places()[model.__tablename__]


@functools.cache
def _places() -> dict[str, int]:
    """Return the order of the tables; an entry comes last, because it moves its chain."""
    tables = [table.name for table in models.Base.metadata.sorted_tables]
    tables.remove(models.LedgerEntry.__tablename__)
    return {name: place for place, name in enumerate([*tables, models.LedgerEntry.__tablename__])}


@functools.cache
def _insert(model: type[models.Base]) -> t.Any:
    return sa.insert(t.cast("sa.Table", model.__table__))


@functools.cache
def _columns(model: type[models.Base]) -> tuple[tuple[str, str], ...]:
    """Return the columns that are given, by the names of their attributes: all but a number that the
    database counts."""
    found = [(each.key, each.columns[0]) for each in model.__mapper__.column_attrs]
    counted = model.__table__.autoincrement_column  # type: ignore[attr-defined]
    return tuple((name, column.key) for name, column in found if column is not counted)


@functools.cache
def _defaults(model: type[models.Base]) -> tuple[tuple[str, c.Callable[[t.Any], t.Any]], ...]:
    """Return what a row is given that says nothing else, by the names of the attributes."""
    found: list[tuple[str, c.Callable[[t.Any], t.Any]]] = []
    for each in model.__mapper__.column_attrs:
        default: t.Any = t.cast("sa.Column[t.Any]", each.columns[0]).default
        if default is not None and default.is_callable:
            found.append((each.key, default.arg))
        elif default is not None and default.is_scalar:
            found.append((each.key, functools.partial(_same, default.arg)))
    return tuple(found)


def _same(value: t.Any, _: t.Any) -> t.Any:
    return value
