"""The tables of the Fake's own storage."""

from __future__ import annotations

import typing as t

#: Raised whenever what is stored changes shape; an older file is refused, since it's only a simulation.
VERSION: t.Final = 2

TABLES: t.Final = (
    # Single values: seed, webhook secret, count of ids given out, rules, version.
    "CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    # Microseconds: either the clock stands at `frozen`, or it's the real time plus `ahead`.
    """CREATE TABLE IF NOT EXISTS clock (
        one INTEGER PRIMARY KEY CHECK (one = 1), frozen INTEGER, ahead INTEGER NOT NULL)""",
    # `account` is the connected account where it is, '' on the platform. `owner` is whom it belongs to: a
    # customer, a product, an invoice or a charge. `aside` is what the simulation knows and the processor
    # doesn't tell.
    """CREATE TABLE IF NOT EXISTS objects (
        position INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL,
        account TEXT NOT NULL DEFAULT '', owner TEXT, operation TEXT, document TEXT NOT NULL, aside TEXT,
        UNIQUE (id, account))""",
    "CREATE INDEX IF NOT EXISTS objects_by_owner ON objects (kind, owner)",
    """CREATE INDEX IF NOT EXISTS objects_by_operation ON objects (operation)
        WHERE operation IS NOT NULL""",
    # What meters counted; `moment` is Unix seconds.
    """CREATE TABLE IF NOT EXISTS usage (
        position INTEGER PRIMARY KEY AUTOINCREMENT, identifier TEXT NOT NULL UNIQUE, customer TEXT NOT NULL,
        event_name TEXT NOT NULL, value INTEGER NOT NULL, moment INTEGER NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS usage_by_customer ON usage (customer, event_name, moment)",
    # What will happen, and when (Unix seconds); moments of one second in the order of `rank`.
    """CREATE TABLE IF NOT EXISTS agenda (
        position INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT NOT NULL, what TEXT NOT NULL,
        due INTEGER NOT NULL, rank INTEGER NOT NULL, UNIQUE (subject, what))""",
    "CREATE INDEX IF NOT EXISTS agenda_by_due ON agenda (due, rank, position)",
    # The outbox; `state` is pending, delivered or lost.
    """CREATE TABLE IF NOT EXISTS outbox (
        position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL,
        created INTEGER NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'pending')""",
    "CREATE INDEX IF NOT EXISTS outbox_pending ON outbox (position) WHERE state = 'pending'",
    # `stored` is real time in Unix seconds.
    """CREATE TABLE IF NOT EXISTS keys (
        key TEXT PRIMARY KEY, request TEXT NOT NULL, result TEXT NOT NULL,
        stored INTEGER NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS faults (
        position INTEGER PRIMARY KEY AUTOINCREMENT, method TEXT, fault TEXT NOT NULL,
        moment TEXT NOT NULL, details TEXT NOT NULL, times INTEGER NOT NULL)""",
    "INSERT OR IGNORE INTO clock VALUES (1, NULL, 0)",
)
