"""The statements that lock chains, and that read rows under such a lock.

They're run for every event, so each is built once: building one costs as much as running it.
"""

from __future__ import annotations

import collections.abc as c
import functools
import typing as t

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql

from . import models


@functools.cache
def systems(dialect: str) -> t.Any:
    """Return the statement that locks the system's chains named ``chains``, and tells their heads."""
    heads: t.Any = models.LedgerChain.__table__
    told = (heads.c.chain, heads.c.sequence, heads.c.hash)
    which = one_of(heads.c.chain, "chains", dialect)
    if dialect == "sqlite":
        return sa.update(heads).where(which).values(sequence=heads.c.sequence).returning(*told)
    return sa.select(*told).where(which).order_by(heads.c.chain).with_for_update(key_share=True)


@functools.cache
def mirrored(
    model: type[models.Mirrored], several: str | None = None, whole: bool = False
) -> sa.Select[t.Any]:
    """Return the select of a mirrored row, or of several, by ``processor`` and ``processor_id``; where
    ids are an account's own, by ``account_key`` too.

    :param several: the dialect, for several ids.
    :param whole: with the object as it came, which takes long to read.
    """
    which = [
        model.processor == sa.bindparam("processor"),
        _is(model.processor_id, "processor_id", several),
    ]
    if issubclass(model, models.CatalogRow):
        which.append(model.account_key == sa.bindparam("account_key"))
    return (
        sa.select(model)
        .where(*which)
        .options(orm.undefer(model.raw) if whole else orm.defer(model.raw))
        .execution_options(populate_existing=True)
    )


def _whose() -> tuple[t.Any, ...]:
    who = models.Customer
    return who.processor, who.processor_id, who.account, who.deleted_at, who.lock_version


@functools.cache
def customers(
    columns: tuple[str, ...], several: frozenset[str], dialect: str, whose: bool = False
) -> t.Any:
    """Return the statement that locks the chains of the customers with some values, and tells the heads.

    On PostgreSQL it also tells the customers; on SQLite only their ids.

    :param columns: of the customer; their values are parameters of these names after a ``_``.
    :param several: those of which a list of values is given.
    :param whose: no more than what others' rows need to know of them.
    """
    heads, who = models.LedgerChain, models.Customer
    which = sa.and_(
        *(
            _is(getattr(who, name), f"_{name}", dialect if name in several else None)
            for name in columns
        )
    )
    if dialect == "sqlite":
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
        .options(orm.load_only(*_whose()) if whose else orm.defer(who.raw))
        # The customer too: of a row that isn't locked, whoever waited would read what it was before
        # the wait. Without its key, so that rows which refer to it can be written meanwhile.
        .with_for_update(of=(heads, who), key_share=True)
        .execution_options(populate_existing=True)
    )


def with_customers(
    execute: c.Callable[..., t.Any], heads: c.Sequence[t.Any], dialect: str
) -> c.Iterator[tuple[models.Customer, t.Any]]:
    """Give the customers whose chains were locked by :func:`customers`, each with what that told."""
    if dialect != "sqlite" or not heads:
        yield from ((head[0], head) for head in heads)
        return
    # A transaction that reads first and writes later fails at once when another wrote in between, in spite of
    # a busy timeout. So the first statement was a write.
    found = execute(_customers_with(dialect), {"ids": [head.customer_id for head in heads]})
    by_id = {customer.id: customer for customer in found.scalars()}
    yield from ((by_id[head.customer_id], head) for head in heads)


@functools.cache
def _customers_with(dialect: str) -> t.Any:
    which = one_of(models.Customer.id, "ids", dialect)
    return sa.select(models.Customer).where(which).execution_options(populate_existing=True)


def one_of(column: t.Any, name: str, dialect: str) -> sa.ColumnElement[bool]:
    """Return the condition that a column has one of the values in the list that a parameter is.

    PostgreSQL takes the list as an array: one value for the driver to bind, and one text of the statement
    however long the list is.
    """
    if dialect == "postgresql":
        values: t.Any = sa.bindparam(name, type_=postgresql.ARRAY(column.type))
        return t.cast("sa.ColumnElement[bool]", column == sa.any_(values))
    return t.cast("sa.ColumnElement[bool]", column.in_(sa.bindparam(name, expanding=True)))


def _is(column: t.Any, name: str, several: str | None) -> sa.ColumnElement[bool]:
    """Return the condition that a column has the value of a parameter, or one of them."""
    if several is not None:
        return one_of(column, name, several)
    return t.cast("sa.ColumnElement[bool]", column == sa.bindparam(name))
