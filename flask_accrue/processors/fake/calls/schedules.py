"""Calls that let subscriptions change by a schedule."""

from __future__ import annotations

from ...answers import Answer, Json
from ...contract import ScheduleCalls
from .. import schedule_changes, schedules
from .base import FakeCalls


class FakeSchedules(FakeCalls, ScheduleCalls):
    """Calls that let subscriptions change by a schedule; each answers with it, then its subscription."""

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
        """Subscribe a customer by a schedule; the answer also holds the draft of the first invoice."""
        given: dict[str, Json] = {
            "start_date": start_date,
            "end_behavior": end_behavior,
            "payment_method": payment_method,
            "collection_method": collection_method,
            "metadata": metadata,
            "automatic_tax": automatic_tax,
            "days_until_due": days_until_due,
        }
        return self._engine.call(
            "create_schedule",
            key,
            {"customer": customer, "phases": phases, **given},
            lambda tx: schedules.create(tx, customer, chosen=phases, **given),
        )

    def create_schedule_from(self, subscription: str, *, key: str) -> Answer:
        """Put a subscription under a schedule, whose one phase is its current period."""
        return self._engine.call(
            "create_schedule_from",
            key,
            {"subscription": subscription},
            lambda tx: schedules.create_from(tx, subscription),
        )

    def update_schedule(self, schedule: str, changes: dict[str, Json], *, key: str) -> Answer:
        """Change a schedule; the answer also holds what was billed for it at once."""
        return self._engine.call(
            "update_schedule",
            key,
            {"schedule": schedule, "changes": changes},
            lambda tx: schedule_changes.update(tx, schedule, changes),
        )

    def release_schedule(self, schedule: str, *, keep_cancel_date: bool, key: str) -> Answer:
        """Let the subscription of a schedule go on by itself."""
        return self._engine.call(
            "release_schedule",
            key,
            {"schedule": schedule, "keep_cancel_date": keep_cancel_date},
            lambda tx: schedule_changes.release(tx, schedule, keep_cancel_date=keep_cancel_date),
        )

    def cancel_schedule(
        self, schedule: str, *, invoice_now: bool, prorate: bool, key: str
    ) -> Answer:
        """End a schedule and its subscription."""
        options = {"invoice_now": invoice_now, "prorate": prorate}
        return self._engine.call(
            "cancel_schedule",
            key,
            {"schedule": schedule, **options},
            lambda tx: schedule_changes.cancel(tx, schedule, **options),
        )
