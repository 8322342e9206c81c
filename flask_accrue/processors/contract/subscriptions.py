"""Calls that make, change and end subscriptions."""

from __future__ import annotations

from ..answers import Answer, Json
from ..capabilities import Capability
from .base import Calls


class SubscriptionCalls(Calls):
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
        """Subscribe a customer to ``items``: ``[{"price": …, "quantity": …}]``.

        ``discounts`` are ``[{"coupon": …} or {"promotion_code": …}]``, by id, in the order in which they are
        taken off. ``cancel_at`` is when it ends, in Unix seconds: within its first period that is billed as a
        whole all the same, later the last one is billed in part. Invoices that are sent are to be paid within
        ``days_until_due``, 30 by default. ``currency`` is said where the prices are sold in several, and the
        customer pays in another than their own.

        When the first payment fails or needs the customer, the subscription is made all the same and is
        ``incomplete``; the answer then also holds the latest invoice and its payment intent.
        """
        self._unsupported(Capability.SUBSCRIPTIONS)

    def update_subscription(
        self, subscription: str, changes: dict[str, Json], *, key: str
    ) -> Answer:
        """Change a subscription. The answer also holds what was billed for the change, if anything.

        ``changes`` may hold:

        * ``items``: ``[{"id": …, "price": …, "quantity": …}]``, those that change
        * ``proration``: ``create_prorations`` (the default), ``none`` or ``always_invoice``; also for what an
          end within the running period gives back, and for what is billed again when that is taken back
        * ``proration_date``: Unix seconds
        * ``trial_end``: Unix seconds or ``"now"``
        * ``cancel_at_period_end``: a boolean; ``cancel_at``: Unix seconds or ``None``
        * ``pause``: ``{"behavior": …, "resumes_at": … | None}``, or ``None`` to resume
        * ``resume``, alone: ``True`` to take up one that the processor paused itself, when its trial ended
          without a card; its first period is billed, and how it stands by then is as the processor says
        * ``payment_behavior``: ``allow_incomplete`` (the change stands when its payment fails)
          or ``error_if_incomplete`` (nothing changes and :class:`CardError` is raised)
        * ``discounts``: all that it's to have: ``[{"discount": …}]`` for one that it has, or as for
          :meth:`create_subscription`; ``[]`` for none
        * ``automatic_tax``: a boolean, for its invoices from now on
        * ``default_payment_method``, ``metadata``
        """
        self._unsupported(Capability.SUBSCRIPTIONS)

    def preview_invoice(self, subscription: str, changes: dict[str, Json]) -> Answer:
        """Tell what a subscription would be billed next, and change nothing.

        The answer holds an invoice that doesn't exist, with its lines: what ``changes`` would be billed at
        once, else what its next period would be.

        :param changes: as for :meth:`update_subscription`: ``items``, ``proration``, ``proration_date``,
            ``cancel_at_period_end``, ``cancel_at`` and ``discounts``; empty to go on as it is.
        :raises InvalidRequest: with the code ``invoice_upcoming_none`` when nothing more will be billed.
        """
        self._unsupported(Capability.PREVIEW)

    def cancel_subscription(
        self, subscription: str, *, invoice_now: bool, prorate: bool, key: str
    ) -> Answer:
        """End a subscription now."""
        self._unsupported(Capability.CANCEL_NOW)
