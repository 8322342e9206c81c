"""What runs in the background: the work of each queue, and the table of periodic jobs."""

from __future__ import annotations

from .periodic import PERIODIC, PeriodicJob, run_all, run_periodic
from .work import QUEUES, work, work_here

__all__ = ["PERIODIC", "QUEUES", "PeriodicJob", "run_all", "run_periodic", "work", "work_here"]
