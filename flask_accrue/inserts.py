"""New rows that are inserted together, a statement a table: for whoever writes hundreds at a time."""

from __future__ import annotations

import collections.abc as c
import datetime
import functools
import inspect
import json
import typing as t
import uuid

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql

from . import models
from .clock import real_now
from .models.base import UtcDateTime

_EPOCH: t.Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND: t.Final = datetime.timedelta(microseconds=1)

#: The same in PostgreSQL; this multiple of it is exact up to the year 2255.
_SQL_EPOCH: t.Final[t.Any] = sa.literal_column("timestamptz 'epoch'")
_SQL_MICROSECOND: t.Final[t.Any] = sa.literal_column("interval '1 microsecond'")

R = t.TypeVar("R", bound=models.Base)


class Inserts:
    """New rows, by their tables. They aren't in the session, which is what makes it fast."""

    def __init__(self) -> None:
        self._rows: dict[type[models.Base], list[models.Base]] = {}
        self._values: dict[type[models.Base], list[tuple[dict[str, t.Any], str | None]]] = {}
        # Rows that are inserted together were made at one time.
        self._now = real_now()

    def add(self, row: models.Base) -> None:
        """Add a row, which gets its defaults at once: what is told of it has to be whole."""
        model = type(row)
        known = orm.attributes.instance_dict(row)
        same, made = _defaults(model)
        given = known.copy()
        known.update(same)
        known.update(given)
        for name, default in made:
            if known[name] is None:
                known[name] = self._now if default is real_now else default()
        self._rows.setdefault(model, []).append(row)

    def add_values(
        self, model: type[models.Base], values: dict[str, t.Any], text: str | None = None
    ) -> None:
        """Add a row by all its columns.

        :param text: them as a JSON object, where that's written already; times are microseconds since 1970.
        """
        self._values.setdefault(model, []).append((values, text))

    def write(self, execute: c.Callable[[t.Any, t.Any], t.Any], dialect: str) -> None:
        """Insert the rows: what is referred to first, and of one table in the order in which it was added."""
        for model in sorted({*self._rows, *self._values}, key=_order):
            columns = _columns(model)
            values = [
                {key: known[name] for name, key in columns}
                for known in map(orm.attributes.instance_dict, self._rows.get(model, ()))
            ]
            further = self._values.get(model, [])
            if dialect == "postgresql":
                texts = [text or _json(model, [known])[1:-1] for known, text in further]
                if values:
                    texts.insert(0, _json(model, values)[1:-1])
                execute(_insert_from_json(model), {"rows": f"[{','.join(texts)}]"})
            else:
                execute(_insert(model), values + [known for known, _ in further])

    def hand_over(self, session: orm.Session) -> None:
        """Have the session know the rows as what they are by now: rows of the database."""
        for rows in self._rows.values():
            for row in rows:
                if sa.inspect(row).identity_key is None and None not in _identity(row):
                    orm.make_transient_to_detached(row)
                    session.add(row)


def new_row(model: type[R], values: c.Mapping[str, t.Any]) -> R:
    """Return a row with some attributes set, for which nobody keeps account of that."""
    row: R = model.__mapper__.class_manager.new_instance()
    set_values(row, values)
    return row


def set_values(row: models.Base, values: c.Mapping[str, t.Any]) -> None:
    """Set attributes of a row that isn't in a session, for which nobody keeps account of what changed."""
    orm.attributes.instance_dict(row).update(values)


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
def _insert_from_json(model: type[models.Base]) -> t.Any:
    """Return PostgreSQL's INSERT of rows that come as one text of JSON.

    So the driver has one value to bind instead of thirty a row, which is most of what an insert costs
    here, and the database runs one statement.
    """
    table = t.cast("sa.Table", model.__table__)
    columns = [table.c[key] for _, key in _columns(model)]
    given = sa.cast(sa.bindparam("rows", type_=sa.Text), postgresql.JSON)
    times = {each.name for each in columns if isinstance(each.type, UtcDateTime)}
    told = (
        sa.column(each.name, sa.BigInteger() if each.name in times else each.type)
        for each in columns
    )
    rows = sa.func.json_to_recordset(given).table_valued(*told, name="given")
    rows = rows.render_derived(with_types=True)
    read = (_SQL_EPOCH + each * _SQL_MICROSECOND if each.name in times else each for each in rows.c)
    return sa.insert(table).from_select(columns, sa.select(*read), include_defaults=False)


def _json(model: type[models.Base], values: list[dict[str, t.Any]]) -> str:
    """Write rows as PostgreSQL reads them."""
    for key, stored in _kept_otherwise(model):
        for row in values:
            row[key] = stored(row[key])
    return _ENCODER.encode(values)


@functools.cache
def _kept_otherwise(
    model: type[models.Base],
) -> tuple[tuple[str, c.Callable[[t.Any], t.Any]], ...]:
    """Return the columns whose values are kept in a form of their own, such as percents."""
    found = []
    for _, key in _columns(model):
        kind = t.cast("sa.Table", model.__table__).c[key].type
        if isinstance(kind, sa.TypeDecorator) and not isinstance(kind, UtcDateTime):
            found.append((key, functools.partial(_stored, kind)))
    return tuple(found)


def _stored(kind: sa.TypeDecorator[t.Any], value: t.Any) -> t.Any:
    return kind.process_bind_param(value, _POSTGRESQL)


_POSTGRESQL: t.Final = postgresql.dialect()  # type: ignore[no-untyped-call]


def _plain(value: t.Any) -> str | int:
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            raise ValueError(f"A time without a zone can't be stored: {value!r}. Use UTC.")
        return (value - _EPOCH) // _MICROSECOND
    if isinstance(value, uuid.UUID):
        return f"{value.int:032x}"
    raise TypeError(f"A column can't hold a {type(value).__name__}.")


_ENCODER: t.Final = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), check_circular=False, default=_plain
)


@functools.cache
def _columns(model: type[models.Base]) -> tuple[tuple[str, str], ...]:
    """Return the columns that are given, by the names of their attributes: all but a number that the
    database counts."""
    found = [(each.key, each.columns[0]) for each in model.__mapper__.column_attrs]
    counted = model.__table__.autoincrement_column  # type: ignore[attr-defined]
    return tuple((name, column.key) for name, column in found if column is not counted)


@functools.cache
def _defaults(
    model: type[models.Base],
) -> tuple[dict[str, t.Any], tuple[tuple[str, c.Callable[[], t.Any]], ...]]:
    """Return what a row has that says nothing else, by the names of the attributes: what is always the same,
    and what is made for each row."""
    same: dict[str, t.Any] = {}
    made: list[tuple[str, c.Callable[[], t.Any]]] = []
    for each in model.__mapper__.column_attrs:
        default: t.Any = t.cast("sa.Column[t.Any]", each.columns[0]).default
        same[each.key] = default.arg if default is not None and default.is_scalar else None
        if default is not None and default.is_callable:
            made.append((each.key, inspect.unwrap(default.arg)))
    return same, tuple(made)
