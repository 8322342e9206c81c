"""Calls that let subscriptions change by a schedule."""

from __future__ import annotations

from ..answers import Answer, Json
from ..capabilities import Capability
from .base import Calls


class ScheduleCalls(Calls):
    """Calls that let subscriptions change by a schedule.

    A phase is ``{"items": [{"price": …, "quantity": …}], …}`` with either ``duration``
    (``{"interval": …, "interval_count": …}``) or ``end_date``, and as wanted ``trial`` (all of it is free),
    ``trial_end``, ``proration`` (how its beginning is billed) and ``metadata``, which the subscription
    takes on when the phase begins. ``discounts`` are all that it has in the phase, as
    :meth:`update_subscription` takes them; a coupon or code is redeemed when the phase begins. Without them
    it has those of its customer. ``automatic_tax`` goes before the schedule's own. Times are Unix seconds.

    ``terms``, of a phase or of an item, are those of the phase that is going on, as its object holds them: a
    phase has those that it's sent with, and no others.
    """

    def create_schedule(
        self,
        customer: str,
        *,
        phases: list[dict[str, Json]],
        start_date: int | None,
        end_behavior: str,
        payment_method: str | None,
        collection_method: str,
        metadata: dict[str, str],
        automatic_tax: bool = False,
        days_until_due: int | None = None,
        key: str,
    ) -> Answer:
        """Subscribe a customer by a schedule, now or (with ``start_date``) later; ``days_until_due`` is as
        :meth:`create_subscription` takes it.

        The answer holds the schedule, then the subscription with its invoice if it has begun.
        """
        self._unsupported(Capability.SCHEDULES)

    def create_schedule_from(self, subscription: str, *, key: str) -> Answer:
        """Put a subscription under a schedule, whose one phase is its current period."""
        self._unsupported(Capability.SCHEDULES)

    def update_schedule(self, schedule: str, changes: dict[str, Json], *, key: str) -> Answer:
        """Change a schedule. ``changes`` may hold:

        * ``phases``: all from the current one on, the first with its ``start_date``
        * ``proration``: how a change of the current phase is billed
        * ``end_behavior``: ``release`` or ``cancel``; ``metadata``
        * ``automatic_tax``: in all phases that don't say it themselves
        * ``default_payment_method``: the card that is charged in all phases that name none
        """
        self._unsupported(Capability.SCHEDULES)

    def release_schedule(self, schedule: str, *, keep_cancel_date: bool, key: str) -> Answer:
        """Let the subscription of a schedule go on by itself; the answer holds both.

        :param keep_cancel_date: whether an end that the schedule has set stays.
        """
        self._unsupported(Capability.SCHEDULES)

    def cancel_schedule(
        self, schedule: str, *, invoice_now: bool, prorate: bool, key: str
    ) -> Answer:
        """End a schedule and, if it has begun, its subscription; the answer holds both."""
        self._unsupported(Capability.SCHEDULES)
