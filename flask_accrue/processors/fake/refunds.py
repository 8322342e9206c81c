"""Refunds: they add up, and never to more than what was taken.

The fee of a charge is kept when it's refunded, as Stripe does, and refunding costs nothing more.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from .. import objects
from . import cards, labels, transfers
from .refusals import check_choice, check_integer, refused
from .transaction import Transaction

REASONS: t.Final = ("duplicate", "fraudulent", "requested_by_customer")

#: How long it takes until a bank has decided about a refund that isn't done at once.
DECIDED_AFTER: t.Final = datetime.timedelta(days=1)


def create(
    tx: Transaction,
    charge_id: str,
    *,
    amount: int | None,
    reason: str | None,
    metadata: t.Mapping[str, str],
    reverse_transfer: bool = False,
    refund_application_fee: bool = False,
) -> tuple[objects.ProcessorObject, ...]:
    """Give back a part of a charge, or all that is left. Return the refund, the charge, and the transfer that
    was taken back with it.

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
    if not charge.captured:
        raise refused(
            f"The charge {charge_id!r} isn't captured; cancel its payment intent instead.",
            "charge",
            "charge_not_captured",
        )
    left = min(charge.amount_captured, charge.amount - charge.amount_refunded)
    if charge.invoice:
        left = min(left, left_of_invoice(tx, tx.get(objects.Invoice, charge.invoice)))
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
    shared_back = transfers.give_back(
        tx, charge, wanted, transfer=reverse_transfer, fee=refund_application_fee
    )
    behavior = tx.aside(charge.payment_method)["behavior"] if charge.payment_method else None
    refund = tx.save(
        objects.Refund(
            processor_id=tx.new_id("re"),
            created=tx.now,
            charge=charge_id,
            status="pending" if behavior == cards.PENDING_REFUND else "succeeded",
            amount=wanted,
            currency=charge.currency,
            payment_intent=charge.payment_intent,
            reason=reason,
            metadata=labels.merged({}, metadata),
        ),
        "refund.created",
    )
    if behavior in (cards.PENDING_REFUND, cards.REFUND_FAILS):
        tx.aside(refund.processor_id)["ends"] = (
            "succeeded" if behavior == cards.PENDING_REFUND else "failed"
        )
        tx.plan(refund.processor_id, "settle_refund", tx.now + DECIDED_AFTER)
    given_back = _given_back(tx, charge, wanted, "charge.refunded")
    return (with_fee(refund), given_back, *shared_back)


def left_of_invoice(tx: Transaction, invoice: objects.Invoice) -> int:
    """Return what of an invoice's payments and settled balance wasn't given back, in whichever way."""
    aside = tx.aside(invoice.processor_id)
    lowered: int = aside.get("lowered", 0)
    elsewhere: int = aside.get("elsewhere", 0)
    settled = max(invoice.amount_paid, invoice.total - invoice.amount_remaining - lowered)
    refunded = sum(
        each.amount_refunded
        for each in tx.all(objects.Charge, invoice.customer)
        if each.invoice == invoice.processor_id
    )
    return max(0, settled - refunded - elsewhere)


def end(tx: Transaction, refund: objects.Refund, status: str) -> objects.Refund:
    """Let the bank decide about a refund: ``succeeded``, ``failed`` or ``canceled``.

    What didn't go back is the merchant's again, and may be refunded once more.

    :raises InvalidRequest: when it was decided against the refund already.
    """
    check_choice(status, ("succeeded", "failed", "canceled"), "status")
    if refund.status in ("failed", "canceled"):
        raise refused(f"The refund {refund.processor_id!r} {refund.status} already.", "refund")
    tx.plan(refund.processor_id, "settle_refund", None)
    undone = status != "succeeded"
    reason = "expired_or_canceled_card" if status == "failed" else None
    ended = tx.save(
        dataclasses.replace(refund, status=status, failure_reason=reason),
        "refund.failed" if status == "failed" else "refund.updated",
    )
    if undone and refund.charge is not None:
        charge = tx.get(objects.Charge, refund.charge)
        _given_back(tx, charge, -refund.amount, "charge.updated")
    return ended


def settle(tx: Transaction, refund: objects.Refund) -> None:
    """Let a refund end as its card says, when the bank has taken its time."""
    end(tx, refund, tx.aside(refund.processor_id)["ends"])


def with_fee(refund: objects.Refund) -> objects.Refund:
    """Return a refund with what it cost, which only a call tells."""
    return dataclasses.replace(refund, fee=0, net=-refund.amount)


def _given_back(tx: Transaction, charge: objects.Charge, amount: int, event: str) -> objects.Charge:
    given = charge.amount_refunded + amount
    changed = dataclasses.replace(charge, amount_refunded=given, refunded=given == charge.amount)
    return tx.save(changed, event)
