"""How a session on which a customer pays comes to its end."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from .. import objects
from .transaction import Transaction


def finish(
    tx: Transaction,
    session: objects.CheckoutSession,
    made: c.Mapping[str, t.Any] | None = None,
) -> objects.CheckoutSession:
    """Make a session ``complete``; ``made`` are the ids of what came of it, by field."""
    tx.forget(session.processor_id)
    due = bool(session.amount_total)
    complete = dataclasses.replace(
        session,
        status="complete",
        payment_status="paid" if due else "no_payment_required",
        **(made or {}),
    )
    return tx.save(complete, "checkout.session.completed")


def wait(
    tx: Transaction, session: objects.CheckoutSession, made: c.Mapping[str, t.Any]
) -> objects.CheckoutSession:
    """Let a session stay open until the customer has confirmed its payment."""
    return tx.save(dataclasses.replace(session, **made))


def after_payment(tx: Transaction, intent: objects.PaymentIntent) -> None:
    """Finish the session that waited for a payment, if one did."""
    session_id = tx.aside(intent.processor_id).pop("checkout", None)
    session = tx.peek(objects.CheckoutSession, session_id)
    if session is not None and session.status == "open":
        finish(tx, session)


def expire(tx: Transaction, session: objects.CheckoutSession) -> objects.CheckoutSession:
    """Make a session ``expired``."""
    tx.forget(session.processor_id)
    expired = dataclasses.replace(session, status="expired")
    return tx.save(expired, "checkout.session.expired")
