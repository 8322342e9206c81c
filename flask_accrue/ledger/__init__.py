"""The audit ledger: append in the transaction of the change, read, checkpoint and verify.

Entries of one customer form a chain; those of no customer go to one of sixteen. Triggers in the
database refuse every change but an append, and whoever gets around them breaks a chain that
:func:`verify` walks.
"""

from __future__ import annotations

from . import immutable
from .append import append
from .checkpoint import export_heads, make_checkpoint
from .findings import Finding, Report
from .protection import missing_triggers
from .query import state_as_of, timeline_for, timeline_of_customer
from .verify import verify

immutable.listen()

__all__ = [
    "Finding",
    "Report",
    "append",
    "export_heads",
    "make_checkpoint",
    "missing_triggers",
    "state_as_of",
    "timeline_for",
    "timeline_of_customer",
    "verify",
]
