"""Whether the database's own rules, which make the ledger append-only, are in force."""

from __future__ import annotations

import collections.abc as c
import typing as t

import sqlalchemy as sa

#: The triggers that have to be there, each with its table.
TRIGGERS: t.Final[c.Mapping[str, c.Mapping[str, str]]] = {
    "postgresql": {
        "accrue_events_continue": "accrue_events",
        "accrue_events_immutable": "accrue_events",
        "accrue_ledger_checkpoints_immutable": "accrue_ledger_checkpoints",
        "accrue_ledger_chains_begin": "accrue_ledger_chains",
        "accrue_ledger_chains_guard": "accrue_ledger_chains",
        "accrue_ledger_chains_immutable": "accrue_ledger_chains",
    },
    "sqlite": {
        "accrue_events_continue": "accrue_events",
        "accrue_events_advance": "accrue_events",
        "accrue_events_no_update": "accrue_events",
        "accrue_events_no_delete": "accrue_events",
        "accrue_ledger_checkpoints_new": "accrue_ledger_checkpoints",
        "accrue_ledger_checkpoints_no_update": "accrue_ledger_checkpoints",
        "accrue_ledger_checkpoints_no_delete": "accrue_ledger_checkpoints",
        "accrue_ledger_chains_begin": "accrue_ledger_chains",
        "accrue_ledger_chains_guard": "accrue_ledger_chains",
        "accrue_ledger_chains_no_delete": "accrue_ledger_chains",
    },
}

#: The triggers that a database has, disabled ones aside.
_QUERIES: t.Final = {
    "postgresql": "SELECT t.tgname, c.relname FROM pg_trigger t "
    "JOIN pg_class c ON c.oid = t.tgrelid "
    "WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') "
    "AND c.oid IN (to_regclass('accrue_events'), to_regclass('accrue_ledger_chains'), "
    "to_regclass('accrue_ledger_checkpoints'))",
    "sqlite": "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'",
}


def missing_triggers(connection: sa.Connection) -> tuple[str, ...]:
    """Return the names of the ledger's triggers that are missing or disabled, in order.

    Batch operations of Alembic on SQLite drop a table's triggers without a word, so ``doctor`` asks.

    :raises NotImplementedError: for a database whose triggers aren't known.
    """
    dialect = connection.dialect.name
    if dialect not in TRIGGERS:
        raise NotImplementedError(f"The ledger's triggers on {dialect} aren't known.")
    found = {(row[0], row[1]) for row in connection.execute(sa.text(_QUERIES[dialect]))}
    return tuple(sorted(name for name, on in TRIGGERS[dialect].items() if (name, on) not in found))
