"""The statements that lock chains, and that read rows under such a lock.

They're run for every event, so each is built once: building one costs as much as running it.
"""

from __future__ import annotations

import functools
import typing as t

import sqlalchemy as sa
from sqlalchemy import orm

from . import models


@functools.cache
def systems(sqlite: bool) -> t.Any:
    """Return the statement that locks the system's chains named ``chains``, and tells their heads."""
    heads: t.Any = models.LedgerChain.__table__
    told = (heads.c.chain, heads.c.sequence, heads.c.hash)
    which = heads.c.chain.in_(sa.bindparam("chains", expanding=True))
    if sqlite:
        return sa.update(heads).where(which).values(sequence=heads.c.sequence).returning(*told)
    return sa.select(*told).where(which).order_by(heads.c.chain).with_for_update(key_share=True)


@functools.cache
def mirrored(
    model: type[models.Mirrored], several: bool = False, whole: bool = False
) -> sa.Select[t.Any]:
    """Return the select of a mirrored row, or of ``several``, by ``processor`` and ``processor_id``.

    :param whole: with the object as it came, which takes long to read.
    """
    return (
        sa.select(model)
        .where(
            model.processor == sa.bindparam("processor"),
            _is(model.processor_id, "processor_id", several),
        )
        .options(orm.undefer(model.raw) if whole else orm.defer(model.raw))
        .execution_options(populate_existing=True)
    )


@functools.cache
def customers(columns: tuple[str, ...], several: frozenset[str], sqlite: bool) -> t.Any:
    """Return the statement that locks the chains of the customers with some values, and tells the heads.

    On PostgreSQL it also tells the customers; on SQLite only their ids.

    :param columns: of the customer; their values are parameters of these names after a ``_``.
    :param several: those of which a list of values is given.
    """
    heads, who = models.LedgerChain, models.Customer
    which = sa.and_(*(_is(getattr(who, name), f"_{name}", name in several) for name in columns))
    if sqlite:
        table: t.Any = heads.__table__
        return (
            sa.update(table)
            .where(table.c.customer_id.in_(sa.select(who.id).where(which)))
            .values(sequence=table.c.sequence)
            .returning(table.c.chain, table.c.sequence, table.c.hash, table.c.customer_id)
        )
    return (
        sa.select(who, heads.chain, heads.sequence, heads.hash)
        .join(heads, heads.customer_id == who.id)
        .where(which)
        .order_by(heads.chain)
        .options(orm.defer(who.raw))
        # The customer too: of a row that isn't locked, whoever waited would read what it was before
        # the wait. Without its key, so that rows which refer to it can be written meanwhile.
        .with_for_update(of=(heads, who), key_share=True)
        .execution_options(populate_existing=True)
    )


def _is(column: t.Any, name: str, several: bool) -> sa.ColumnElement[bool]:
    """Return the condition that a column has the value, or one of the values, of a parameter."""
    if several:
        return t.cast("sa.ColumnElement[bool]", column.in_(sa.bindparam(name, expanding=True)))
    return t.cast("sa.ColumnElement[bool]", column == sa.bindparam(name))
