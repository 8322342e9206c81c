"""Disputes: the customer's bank takes a payment back."""

from __future__ import annotations

import dataclasses
import typing as t

from .. import objects
from .refusals import refused
from .transaction import Transaction

REASONS: t.Final = (
    "fraudulent",
    "duplicate",
    "product_not_received",
    "subscription_canceled",
    "general",
)


def open_dispute(tx: Transaction, charge: objects.Charge, reason: str) -> objects.Dispute:
    """Open a dispute about all of a charge.

    :raises InvalidRequest: when the charge failed, or is disputed already.
    """
    if reason not in REASONS:
        raise refused(
            f"The reason of a dispute is one of {', '.join(REASONS)}, not {reason!r}.",
            "reason",
            "parameter_invalid",
        )
    if charge.status != "succeeded" or charge.disputed:
        raise refused(
            f"The charge {charge.processor_id!r} can't be disputed: it "
            + ("is disputed already." if charge.disputed else f"{charge.status}."),
            "charge",
            "charge_disputed" if charge.disputed else "charge_failed",
        )
    tx.save(dataclasses.replace(charge, disputed=True), "charge.updated")
    return tx.save(
        objects.Dispute(
            processor_id=tx.new_id("dp"),
            created=tx.now,
            charge=charge.processor_id,
            status="needs_response",
            amount=charge.amount,
            currency=charge.currency,
            reason=reason,
            payment_intent=charge.payment_intent,
        ),
        "charge.dispute.created",
    )


def close_dispute(tx: Transaction, dispute_id: str, *, won: bool) -> objects.Dispute:
    """Decide a dispute; a won one leaves the charge ``disputed``, as it was."""
    dispute = tx.get(objects.Dispute, dispute_id, "dispute")
    if dispute.status in ("won", "lost"):
        raise refused(
            f"The dispute {dispute_id!r} was {dispute.status} already.",
            "dispute",
            "dispute_closed",
        )
    decided = dataclasses.replace(dispute, status="won" if won else "lost")
    return tx.save(decided, "charge.dispute.closed")
