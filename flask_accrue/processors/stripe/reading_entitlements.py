"""Summaries of what customers are entitled to."""

from __future__ import annotations

import typing as t

from .. import objects
from . import fields
from .bodies import Raw

#: What Stripe calls a summary.
SUMMARY: t.Final = "entitlements.active_entitlement_summary"


def read_summary(raw: Raw) -> objects.EntitlementSummary:
    """Read a summary, which has no id of its own. One in an event shows the first ten features."""
    customer = fields.required_reference(raw, "customer")
    rows = fields.rows(raw, "entitlements")
    if rows is None:
        raise fields.wrong("entitlements", "a list of objects", rows)
    found = sorted(
        (fields.required_text(row, "lookup_key"), fields.required_reference(row, "feature"))
        for row in rows
    )
    return objects.EntitlementSummary(
        processor_id=customer,
        raw=raw,
        customer=customer,
        lookup_keys=tuple(lookup_key for lookup_key, _ in found),
        features=tuple(feature for _, feature in found),
    )
