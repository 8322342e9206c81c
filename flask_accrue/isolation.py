"""How much of what others commit a transaction of ours sees."""

from __future__ import annotations

from sqlalchemy import orm

from . import models
from .state import current_state


def dialect_of(session: orm.Session) -> str:
    """Return the dialect's name of the database that holds Accrue's tables."""
    return session.get_bind(mapper=models.LedgerChain.__mapper__).dialect.name


def begin_at_read_committed(session: orm.Session) -> None:
    """Begin a transaction at READ COMMITTED, also where the host's engine says otherwise.

    One that keeps its first view of the database would wait for a lock, and then fail because of whoever it
    waited for, or go by what was so before.
    """
    state = current_state()
    if dialect_of(session) != "postgresql":
        return
    mapper = {"mapper": models.LedgerChain.__mapper__}
    if state.read_committed is None:
        level = session.connection(bind_arguments=mapper).get_isolation_level()
        session.rollback()
        state.read_committed = level == "READ COMMITTED"
    if not state.read_committed:
        session.connection(
            bind_arguments=mapper, execution_options={"isolation_level": "READ COMMITTED"}
        )
