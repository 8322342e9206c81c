"""Refusing, before any SQL is sent, to change what the ledger holds.

The database's triggers are the wall; this is the sign in front of it, for those who come by way of
the session.
"""

from __future__ import annotations

import typing as t

import sqlalchemy as sa
from sqlalchemy import orm

from .. import models
from ..errors import LedgerImmutable

_KEPT: t.Final = (models.LedgerEntry, models.LedgerCheckpoint)


def listen() -> None:
    """Raise :exc:`LedgerImmutable` from a flush that would change or delete a row of the ledger."""
    for model in _KEPT:
        sa.event.listen(model, "before_update", _refuse_update)
        sa.event.listen(model, "before_delete", _refuse_delete)
    sa.event.listen(models.LedgerChain, "before_delete", _refuse_delete)


def _refuse_update(mapper: t.Any, connection: t.Any, row: t.Any) -> None:
    session = orm.object_session(row)
    if session is None or session.is_modified(row):
        raise LedgerImmutable(
            f"{_name(row)} was to be changed, and the ledger can only be appended to. "
            "To correct something, append an entry that says so."
        )


def _refuse_delete(mapper: t.Any, connection: t.Any, row: t.Any) -> None:
    raise LedgerImmutable(
        f"{_name(row)} was to be deleted, and the ledger can only be appended to."
    )


def _name(row: t.Any) -> str:
    if isinstance(row, models.LedgerEntry):
        return f"Entry {row.sequence} of the chain {row.chain}"
    if isinstance(row, models.LedgerCheckpoint):
        return f"Checkpoint {row.number}"
    return f"The chain {row.chain}"
