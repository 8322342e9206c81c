"""Calls that make, change and end subscriptions."""

from __future__ import annotations

from ...answers import Answer, Json
from ...contract import SubscriptionCalls
from .. import changes as changing
from .. import previews, subscriptions
from ..engine import Result
from ..transaction import Transaction
from .base import FakeCalls


class FakeSubscriptions(FakeCalls, SubscriptionCalls):
    """Calls that make, change and end subscriptions."""

    def create_subscription(
        self,
        customer: str,
        *,
        items: list[dict[str, Json]],
        trial_end: int | None,
        payment_method: str | None,
        collection_method: str,
        billing_cycle_anchor: int | None,
        metadata: dict[str, str],
        discounts: list[dict[str, str]] | None = None,
        automatic_tax: bool = False,
        cancel_at: int | None = None,
        currency: str | None = None,
        days_until_due: int | None = None,
        key: str,
    ) -> Answer:
        """Subscribe a customer; the answer also holds the first invoice, its intent and its charge."""
        given: dict[str, Json] = {
            "trial_end": trial_end,
            "payment_method": payment_method,
            "collection_method": collection_method,
            "billing_cycle_anchor": billing_cycle_anchor,
            "metadata": metadata,
            "discounts": discounts,
            "automatic_tax": automatic_tax,
            "cancel_at": cancel_at,
            "currency": currency,
            "days_until_due": days_until_due,
        }

        def create(tx: Transaction) -> Result:
            made, collected = subscriptions.create(tx, customer, chosen=items, **given)
            return [made, *collected.objects]

        return self._engine.call(
            "create_subscription", key, {"customer": customer, "items": items, **given}, create
        )

    def update_subscription(
        self, subscription: str, changes: dict[str, Json], *, key: str
    ) -> Answer:
        """Change a subscription; the answer also holds what was billed for it at once."""

        def change(tx: Transaction) -> Result:
            changed, collected = changing.update(tx, subscription, changes)
            return [changed, *(collected.objects if collected else ())]

        return self._engine.call(
            "update_subscription",
            key,
            {"subscription": subscription, "changes": changes},
            change,
        )

    def preview_invoice(self, subscription: str, changes: dict[str, Json]) -> Answer:
        """Let the change and the time until the next invoice pass, tell that one, and undo it all."""
        return self._engine.imagine(
            "preview_invoice", lambda tx: [previews.preview(tx, subscription, changes)]
        )

    def cancel_subscription(
        self, subscription: str, *, invoice_now: bool, prorate: bool, key: str
    ) -> Answer:
        """End a subscription now; one that has ended is no longer found."""

        def cancel(tx: Transaction) -> Result:
            ended, collected = changing.cancel(
                tx, subscription, invoice_now=invoice_now, prorate=prorate
            )
            return [ended, *(collected.objects if collected else ())]

        return self._engine.call(
            "cancel_subscription",
            key,
            {"subscription": subscription, "invoice_now": invoice_now, "prorate": prorate},
            cancel,
        )
