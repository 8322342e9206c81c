"""Operations on subscriptions."""

from __future__ import annotations

import typing as t

from flask_accrue import billing
from tests.faults.operation_table.operation import SUBSCRIPTION, Operation, on_subscription
from tests.faults.operation_table.preparing import (
    LATER,
    canceling,
    on_trial,
    owing,
    subscribed,
    subscribed_to_two,
    with_comp_coupon,
    with_coupon,
)

OPERATIONS: t.Final[t.Mapping[str, Operation]] = {
    "subscribe": Operation(
        lambda shop, id: billing.subscribe(shop.org, "price_pro", operation_id=id),
        ("POST", "^/v1/subscriptions$"),
        ("subscription.created",),
        ("subscription",),
    ),
    "subscribe with a coupon": Operation(
        lambda shop, id: billing.subscribe(
            shop.org, "price_pro", name="second", coupon="TEN", operation_id=id
        ),
        ("POST", "^/v1/subscriptions$"),
        ("subscription.created",),
        ("subscription",),
        beside={"discount": 1},
        prepare=with_coupon,
    ),
    "swap_plan": on_subscription(
        "subscription.plan_changed",
        lambda row, id: billing.swap_plan(row, "price_team", proration="none", operation_id=id),
    ),
    "update_quantity": on_subscription(
        "subscription.quantity_changed",
        lambda row, id: billing.update_quantity(row, 5, operation_id=id),
    ),
    "increment": on_subscription(
        "subscription.quantity_changed",
        lambda row, id: billing.increment(row, operation_id=id),
    ),
    "decrement": on_subscription(
        "subscription.quantity_changed",
        lambda row, id: billing.decrement(row, operation_id=id),
    ),
    "add_item": on_subscription(
        "subscription.item_added",
        lambda row, id: billing.add_item(row, "price_team", proration="none", operation_id=id),
    ),
    "remove_item": on_subscription(
        "subscription.item_removed",
        lambda row, id: billing.remove_item(row, "price_team", proration="none", operation_id=id),
        prepare=subscribed_to_two,
    ),
    "cancel": on_subscription(
        "subscription.canceled",
        lambda row, id: billing.cancel(row, operation_id=id),
        method="DELETE",
    ),
    "cancel_at_period_end": on_subscription(
        "subscription.cancellation_scheduled",
        lambda row, id: billing.cancel_at_period_end(row, operation_id=id),
    ),
    "cancel_at": on_subscription(
        "subscription.cancellation_scheduled",
        lambda row, id: billing.cancel_at(row, LATER, operation_id=id),
    ),
    "resume": on_subscription(
        "subscription.cancellation_withdrawn",
        lambda row, id: billing.resume(row, operation_id=id),
        prepare=canceling,
    ),
    "pause": on_subscription(
        "subscription.paused",
        lambda row, id: billing.pause(row, "void", operation_id=id),
    ),
    "extend_trial": on_subscription(
        "subscription.trial_changed",
        lambda row, id: billing.extend_trial(row, LATER, operation_id=id),
        prepare=on_trial,
    ),
    "end_trial": on_subscription(
        "subscription.trial_ended",
        lambda row, id: billing.end_trial(row, operation_id=id),
        prepare=on_trial,
    ),
    "comp_subscription": Operation(
        lambda shop, id: billing.comp_subscription(
            shop.subscription, reason="A friend", operation_id=id
        ),
        ("POST", SUBSCRIPTION),
        ("subscription.discounted", "subscription.comped"),
        prepare=with_comp_coupon,
        beside={"discount": 1},
    ),
    "set_automatic_tax": Operation(
        lambda shop, id: billing.set_automatic_tax(shop.subscription, True, operation_id=id),
        ("POST", SUBSCRIPTION),
        ("subscription.updated",),
        prepare=subscribed,
    ),
    "retry_payment": Operation(
        lambda shop, id: billing.retry_payment(shop.subscription, operation_id=id),
        ("POST", "/pay$"),
        ("invoice.paid", "subscription.updated"),
        prepare=owing,
    ),
}
