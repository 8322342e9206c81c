"""What falls due for a subscription, noted anew after each change of it."""

from __future__ import annotations

import datetime
import typing as t

from .. import objects
from . import discounts
from .transaction import Transaction

#: How long before a trial's end ``trial_will_end`` comes.
TRIAL_WARNING: t.Final = datetime.timedelta(days=3)
#: How long a first payment may take.
INCOMPLETE_FOR: t.Final = datetime.timedelta(hours=23)

#: Subscriptions that renew.
LIVE: t.Final = frozenset({"trialing", "active", "past_due", "unpaid"})
ENDED: t.Final = frozenset({"canceled", "incomplete_expired"})


def plan(tx: Transaction, subscription: objects.Subscription) -> None:
    """Note when a subscription renews or ends, and what is announced before."""
    due: dict[str, datetime.datetime | None] = dict.fromkeys(
        ("expire", "trial_will_end", "upcoming", "turn", "resume_collection", "discount_ends")
    )
    end = subscription.current_period_end
    if subscription.status == "incomplete" and subscription.created is not None:
        due["expire"] = subscription.created + INCOMPLETE_FOR
    elif subscription.status in LIVE and end is not None:
        leaves = subscription.cancel_at is not None and subscription.cancel_at <= end
        due["turn"] = subscription.cancel_at if leaves else end
        due["resume_collection"] = subscription.pause_resumes_at
        due["discount_ends"] = discounts.next_end(subscription)
        if not leaves:
            due["upcoming"] = _ahead(tx, end - datetime.timedelta(days=tx.rules.upcoming_days))
        if subscription.status == "trialing" and subscription.trial_end is not None:
            due["trial_will_end"] = _ahead(tx, subscription.trial_end - TRIAL_WARNING)
    for what, moment in due.items():
        tx.plan(subscription.processor_id, what, moment)


def announce_trial_end(tx: Transaction, subscription: objects.Subscription) -> None:
    """Announce at once that a trial ends, when that is less than three days away."""
    if subscription.trial_end is not None and subscription.trial_end - TRIAL_WARNING <= tx.now:
        tx.emit("customer.subscription.trial_will_end", subscription)


def _ahead(tx: Transaction, moment: datetime.datetime) -> datetime.datetime | None:
    return moment if moment > tx.now else None
