"""Objects as they are when they have just been created: ids, times and untouched values."""

from __future__ import annotations

import copy
import itertools
from typing import TYPE_CHECKING, Any

from tests.oracles.stripe_rules import TEST_CARDS

if TYPE_CHECKING:
    from tests.oracles.server_clock import ServerClock
    from tests.oracles.stripe_contract import Contract

Json = dict[str, Any]

MONTH = 30 * 86400
PREFIXES = {
    "account": "acct",
    "balance_transaction": "txn",
    "billing.meter": "mtr",
    "billing_portal.configuration": "bpc",
    "billing_portal.session": "bps",
    "charge": "ch",
    "checkout.session": "cs_test",
    "credit_note": "cn",
    "customer": "cus",
    "discount": "di",
    "dispute": "du",
    "event": "evt",
    "invoice": "in",
    "invoice_payment": "inpay",
    "invoiceitem": "ii",
    "line_item": "il",
    "payment_intent": "pi",
    "payment_method": "pm",
    "payout": "po",
    "product": "prod",
    "promotion_code": "promo",
    "refund": "re",
    "setup_intent": "seti",
    "subscription": "sub",
    "subscription_item": "si",
    "subscription_schedule": "sub_sched",
    "tax_id": "txi",
    "tax_rate": "txr",
    "test_helpers.test_clock": "clock",
    "transfer": "tr",
    "webhook_endpoint": "we",
}

# Seconds from now, or null, for the times of a new object.
TIMES: dict[str, int | None] = {
    "created": 0,
    "current_period_start": 0,
    "current_period_end": MONTH,
    "period_start": 0,
    "period_end": MONTH,
    "billing_cycle_anchor": 0,
    "start_date": 0,
    "start": 0,
    "cancel_at": None,
    "canceled_at": None,
    "ended_at": None,
    "trial_start": None,
    "trial_end": None,
    "next_pending_invoice_item_invoice": None,
    "next_payment_attempt": None,
    "due_date": None,
    "effective_at": None,
    "webhooks_delivered_at": None,
    "finalized_at": None,
    "paid_at": None,
    "voided_at": None,
    "marked_uncollectible_at": None,
    "redeem_by": None,
    "expires_at": MONTH,
}

# Values that a sample would take from an object in use.
UNTOUCHED: dict[str, Json] = {
    "subscription": {
        "cancel_at_period_end": False,
        "pause_collection": None,
        "schedule": None,
        "pending_update": None,
        "collection_method": "charge_automatically",
        "latest_invoice": None,
        "test_clock": None,
    },
    "coupon": {"valid": True, "times_redeemed": 0},
    "promotion_code": {"active": True, "times_redeemed": 0},
    "discount": {"promotion_code": None, "subscription": None, "end": None, "invoice": None},
    "customer": {"balance": 0, "delinquent": False},
    "price": {"active": True, "lookup_key": None},
    "product": {"active": True},
    "refund": {"status": "succeeded"},
}


class NewObjects:
    """Make the objects of one server; ids count up, so that they tell the order of creation."""

    def __init__(self, contract: Contract, clock: ServerClock) -> None:
        self.contract = contract
        self.clock = clock
        self._counter = itertools.count(1)

    def make(self, kind: str, object_id: str | None = None) -> Json:
        """Return an object of that kind with an id of its own, created now."""
        known = kind in self.contract.schemas
        obj = self.contract.sample(kind) if known else {"id": "", "object": kind}
        if "id" in obj:
            prefix = PREFIXES.get(kind) or kind.replace(".", "_")
            obj["id"] = object_id or f"{prefix}_mock{next(self._counter):08d}"
        set_times(obj, int(self.clock.now()))
        return {**obj, **copy.deepcopy(UNTOUCHED.get(kind, {}))}

    def make_test_card(self, token: str) -> Json:
        """Return the payment method that a test token such as ``pm_card_visa`` stands for."""
        brand, last4 = TEST_CARDS.get(token, ("visa", "4242"))
        card = {"brand": brand, "last4": last4, "exp_month": 12, "exp_year": 2034}
        method = self.make("payment_method")
        return {**method, "type": "card", "customer": None, "card": card}


def set_times(node: Any, now: int) -> None:
    """Set the times inside an object relative to now."""
    for key, value in list(node.items()) if isinstance(node, dict) else enumerate(node):
        if isinstance(value, dict | list):
            set_times(value, now)
        elif key in TIMES and not isinstance(value, str):
            offset = TIMES[key]
            node[key] = None if offset is None else now + offset
