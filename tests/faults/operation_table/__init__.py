"""Every billing operation that changes something at Stripe, and what is there once it's done; a file a noun,
and here all of them.
"""

from __future__ import annotations

import typing as t

from tests.faults.operation_table import (
    checkout,
    customers,
    discounts,
    invoices,
    payments,
    schedules,
    subscriptions,
)
from tests.faults.operation_table.operation import Operation

__all__ = ["OPERATIONS", "Operation"]

OPERATIONS: t.Final[t.Mapping[str, Operation]] = {
    **customers.OPERATIONS,
    **subscriptions.OPERATIONS,
    **discounts.OPERATIONS,
    **schedules.OPERATIONS,
    **checkout.OPERATIONS,
    **payments.OPERATIONS,
    **invoices.OPERATIONS,
}
