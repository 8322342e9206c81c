"""Verifying the whole ledger: entries, heads, checkpoints, and a file that was kept elsewhere."""

from __future__ import annotations

import pathlib

from flask import current_app

from ..signals import ledger_broken
from ..state import current_state
from .checkpoint import ledger_engine, read_heads
from .findings import Report
from .verify_checkpoints import verify_against, verify_checkpoints
from .verify_entries import verify_entries
from .verify_heads import verify_heads


def verify(*, against: pathlib.Path | None = None) -> Report:
    """Look for anything in the ledger that isn't as it was appended, whoever did it and how.

    Reads all of it on a connection of its own, in bounded memory, and changes nothing; the app may go
    on writing. Sends ``ledger_broken`` when something is wrong.

    Whoever holds both the database and the key can rewrite everything since the last file that was
    kept elsewhere, and whoever holds the database alone can take away the last entries together with
    the checkpoints that know of them. Only ``against`` shows that.

    :param against: a file of :func:`~flask_accrue.ledger.export_heads`.
    :raises InvalidState: when that file isn't as it was written; nothing is verified then.
    """
    keys = {key.id: key for key in current_state().ledger_keys}
    kept = None if against is None else read_heads(against, keys)
    report = Report()
    with ledger_engine().connect() as connection:
        verify_entries(connection, keys, report)
        verify_heads(connection, report)
        verify_checkpoints(connection, keys, report)
        if kept is not None:
            verify_against(connection, kept, report)
    if not report.is_intact:
        ledger_broken.send(
            current_app._get_current_object(),  # type: ignore[attr-defined]
            findings=tuple(report.findings),
        )
    return report
