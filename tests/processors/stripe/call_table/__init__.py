"""Every call of the contract, and the request that it makes in the world of :mod:`..situations`; a file a
noun, and here all of them.
"""

from __future__ import annotations

import typing as t

from tests.processors.stripe.call_table import (
    checkout,
    connect,
    customers,
    discounts,
    invoices,
    payments,
    portal,
    reading,
    schedules,
    subscriptions,
)
from tests.processors.stripe.call_table.call import SUBSCRIPTION_EXPANDED, Call

__all__ = ["CALLS", "CHANGES", "FURTHER", "KEYED", "STEPS", "SUBSCRIPTION_EXPANDED", "Call"]

CALLS: t.Final[t.Mapping[str, Call]] = {
    **customers.CALLS,
    **subscriptions.CALLS,
    **schedules.CALLS,
    **invoices.CALLS,
    **payments.CALLS,
    **checkout.CALLS,
    **portal.CALLS,
    **discounts.CALLS,
    **connect.CALLS,
    **reading.CALLS,
}

#: What is a call of the contract in another way, which makes another request.
FURTHER: t.Final = frozenset(
    {
        "create_mounted_session",
        "create_mounted_setup",
        "create_pause_session",
        "create_refund_with_what_was_shared",
        "create_retention_session",
        "fetch_entitlement_summary",
    }
)
#: The calls that change something: a preview, which Stripe wants as a POST, doesn't.
CHANGES: t.Final = tuple(
    name
    for name, call in CALLS.items()
    if call.method != "GET" and not call.path.endswith("/create_preview")
)
#: Those that Stripe takes an idempotency key for.
KEYED: t.Final = tuple(name for name in CHANGES if CALLS[name].method == "POST")
#: The keys of a call's further steps, each of which is sent again by itself.
STEPS: t.Final[t.Mapping[str, tuple[str, ...]]] = {"bill_checkout": ("key-1:0", "key-1:finalize")}
