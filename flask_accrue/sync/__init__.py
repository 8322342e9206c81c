"""A whole account of a processor compared with what is here: adopted, brought up to date, or only told."""

from __future__ import annotations

from .account import sync_account
from .kinds import KINDS
from .patience import patiently
from .report import Difference, Report, Unlinked

__all__ = ["KINDS", "Difference", "Report", "Unlinked", "patiently", "sync_account"]
