"""Searching by how a text begins, in the ways that the tables have indexes for."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa
from sqlalchemy import orm


def begins_with(column: orm.InstrumentedAttribute[t.Any], text: str) -> sa.ColumnElement[bool]:
    """Match a beginning as it's written, with ``%`` and ``_`` as themselves."""
    return column.like(_escaped(text) + "%", escape="\\")


def begins_like(column: orm.InstrumentedAttribute[t.Any], text: str) -> sa.ColumnElement[bool]:
    """Match a beginning in upper or lower case; an index on ``lower(column)`` serves it."""
    # The database lowers both: SQLite knows no other letters than ASCII's.
    return sa.func.lower(column).like(sa.func.lower(_escaped(text) + "%"), escape="\\")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
