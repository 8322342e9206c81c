"""A call of the contract, and the request that it makes."""

from __future__ import annotations

import dataclasses
import typing as t

if t.TYPE_CHECKING:
    import collections.abc as c

    from flask_accrue.processors import Answer
    from flask_accrue.processors.stripe import StripeProcessor
    from tests.processors.stripe.stripe_bodies import Json

SUBSCRIPTION_EXPANDED = ["latest_invoice.payments", "discounts"]
SCHEDULE_EXPANDED = [f"subscription.{each}" for each in SUBSCRIPTION_EXPANDED]
INTENT_EXPANDED = ["latest_charge.balance_transaction"]
CONNECT_EXPANDED = [*INTENT_EXPANDED, "latest_charge.transfer"]
REFUND_EXPANDED = ["balance_transaction", "charge.balance_transaction"]
NOW = 1_773_144_000
COUPON_EXPANDED = ["applies_to"]
INVOICE_EXPANDED = ["payments", "parent.subscription_details.subscription"]


@dataclasses.dataclass(frozen=True)
class Call:
    """A call, and the request that carries it out.

    :ivar kinds: of the objects that the answer holds, in their order.
    """

    run: c.Callable[[StripeProcessor], Answer | None]
    method: str
    path: str
    params: Json
    kinds: tuple[str, ...]
