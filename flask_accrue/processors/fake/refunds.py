"""Refunds: they add up, and never to more than the charge."""

from __future__ import annotations

import dataclasses
import typing as t

from .. import objects
from . import labels
from .refusals import check_integer, refused
from .transaction import Transaction

REASONS: t.Final = ("duplicate", "fraudulent", "requested_by_customer")


def create(
    tx: Transaction,
    charge_id: str,
    *,
    amount: int | None,
    reason: str | None,
    metadata: t.Mapping[str, str],
) -> tuple[objects.Refund, objects.Charge]:
    """Give back a part of a charge, or all that is left.

    :raises InvalidRequest: when that is more than what is left, or nothing is left.
    """
    charge = tx.get(objects.Charge, charge_id, "charge")
    if reason is not None and reason not in REASONS:
        raise refused(
            f"The reason of a refund is one of {', '.join(REASONS)}, not {reason!r}.", "reason"
        )
    if charge.status != "succeeded":
        raise refused(
            f"The charge {charge_id!r} {charge.status}.", "charge", "charge_not_refundable"
        )
    if charge.disputed:
        raise refused(f"The charge {charge_id!r} is disputed.", "charge", "charge_disputed")
    left = charge.amount_captured - charge.amount_refunded
    if left == 0:
        raise refused(
            f"The charge {charge_id!r} was refunded already.", "charge", "charge_already_refunded"
        )
    wanted = left if amount is None else check_integer(amount, "amount")
    if not 0 < wanted <= left:
        raise refused(
            f"A refund of this charge is an amount from 1 to {left} of {charge.currency.upper()}'s "
            f"minor unit, not {wanted}.",
            "amount",
            "amount_too_large" if wanted > left else "parameter_invalid_integer",
        )
    refund = tx.save(
        objects.Refund(
            processor_id=tx.new_id("re"),
            created=tx.now,
            charge=charge_id,
            status="succeeded",
            amount=wanted,
            currency=charge.currency,
            payment_intent=charge.payment_intent,
            reason=reason,
            metadata=labels.merged({}, metadata),
        ),
        "refund.created",
    )
    given = charge.amount_refunded + wanted
    refunded = dataclasses.replace(
        charge, amount_refunded=given, refunded=given == charge.amount_captured
    )
    return refund, tx.save(refunded, "charge.refunded")
