"""Operations on schedules of subscriptions."""

from __future__ import annotations

import typing as t

from flask_accrue import billing
from tests.faults.operation_table.operation import Operation, on_schedule
from tests.faults.operation_table.preparing import subscribed

OPERATIONS: t.Final[t.Mapping[str, Operation]] = {
    "subscribe_via_schedule": Operation(
        lambda shop, id: billing.subscribe_via_schedule(
            shop.org,
            [
                billing.Phase("price_pro", lasts=(2, "month")),
                billing.Phase("price_team", lasts=(1, "year")),
            ],
            operation_id=id,
        ),
        ("POST", "^/v1/subscription_schedules$"),
        ("subscription_schedule.created", "subscription.created"),
        ("subscription_schedule", "subscription"),
    ),
    "schedule_subscription": Operation(
        lambda shop, id: billing.schedule_subscription(
            shop.subscription, [billing.Phase("price_team", lasts=(1, "month"))], operation_id=id
        ),
        ("POST", "^/v1/subscription_schedules$"),
        ("subscription_schedule.created", "subscription_schedule.updated"),
        ("subscription_schedule",),
        prepare=subscribed,
    ),
    "update_schedule": on_schedule(
        ("subscription_schedule.updated",),
        "^/v1/subscription_schedules/[^/]+$",
        lambda row, id: billing.update_schedule(row, metadata={"deal": "new"}, operation_id=id),
    ),
    "release_schedule": on_schedule(
        ("subscription_schedule.released",),
        "/release$",
        lambda row, id: billing.release_schedule(row, operation_id=id),
    ),
    "cancel_schedule": on_schedule(
        ("subscription_schedule.canceled", "subscription.canceled"),
        "/cancel$",
        lambda row, id: billing.cancel_schedule(row, operation_id=id),
    ),
}
