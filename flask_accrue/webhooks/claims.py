"""Claiming due events."""

from __future__ import annotations

import typing as t

from .. import leases, models
from ..leases import BATCH, LeaseLost

Lease: t.TypeAlias = leases.Lease[models.WebhookEvent]


def claim(limit: int = BATCH) -> Lease:
    """Lease due events for this worker, oldest first: one whose lease ran out, else fresh ones.

    :returns: the lease; its ``rows`` are empty when nothing is due.
    """
    return leases.claim(models.WebhookEvent, limit, moment="webhook.claimed")


__all__ = ["BATCH", "Lease", "LeaseLost", "claim"]
