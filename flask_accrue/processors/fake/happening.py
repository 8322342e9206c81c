"""Whatever falls due, led to what happens then."""

from __future__ import annotations

import typing as t

from .. import objects
from . import (
    checkout_bills,
    coupons,
    discounts,
    holding,
    lifecycle,
    refunds,
    schedules,
    tax_ids,
)
from .transaction import Transaction

_OF_SCHEDULE: t.Final[t.Mapping[str, lifecycle.Step]] = {
    "phase": schedules.go_on,
    "expiring": schedules.announce_end,
}

_STEPS: t.Final[t.Mapping[type[objects.ProcessorObject], t.Mapping[str, lifecycle.Step]]] = {
    objects.Subscription: lifecycle.OF_SUBSCRIPTION,
    objects.Invoice: lifecycle.OF_INVOICE,
    objects.SubscriptionSchedule: _OF_SCHEDULE,
    objects.Customer: {"discount_ends": discounts.end},
    objects.Coupon: {"lapse": coupons.lapse},
    objects.PromotionCode: {"lapse": coupons.lapse},
    objects.PaymentIntent: {"release": holding.release},
    objects.Refund: {"settle_refund": refunds.settle},
    objects.TaxId: {"verify": tax_ids.verify},
    objects.CheckoutSession: {"expire": checkout_bills.expire},
}


def happen(tx: Transaction, subject: str, what: str) -> None:
    """Let something that the agenda holds happen now; ``what`` is a name of ``transaction.RANKS``."""
    each = tx.get(objects.ProcessorObject, subject)
    _STEPS[type(each)][what](tx, each)
