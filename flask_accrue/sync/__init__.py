"""A whole account of a processor compared with what is here: adopted, brought up to date, or only told."""

from __future__ import annotations

from .account import sync_account
from .fees import reconcile_fees
from .kinds import KINDS
from .patience import patiently
from .report import Difference, Report, Unlinked

__all__ = [
    "KINDS",
    "Difference",
    "Report",
    "Unlinked",
    "patiently",
    "reconcile_fees",
    "sync_account",
]
