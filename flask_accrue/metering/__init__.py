"""Metering: usage is stored here first, then reported to the processor, once."""

from __future__ import annotations

from .accepting import Accepted, accept
from .dead_letters import retry, select_events
from .refusals import mark_refused
from .reporting import QUEUE, report_now, work_on_due
from .storing import store, store_all
from .summary import UsageSummary, summarize

__all__ = [
    "QUEUE",
    "Accepted",
    "UsageSummary",
    "accept",
    "mark_refused",
    "report_now",
    "retry",
    "select_events",
    "store",
    "store_all",
    "summarize",
    "work_on_due",
]
