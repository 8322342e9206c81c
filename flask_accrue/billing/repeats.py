"""What a finished operation gives when it's repeated: the same row, if its payment still stands."""

from __future__ import annotations

import typing as t
import uuid

import sqlalchemy as sa

from .. import models
from ..errors import AccrueError, ActionRequired, InvalidState
from ..state import current_state
from ..stored_errors import error_from_json
from .authentication import action_required, declined, unfinished_payment
from .writing import Plan, R


def repeat(plan: Plan[R], row: models.Operation) -> R:
    """Give again what a finished operation gave.

    Callers take what is returned for paid, held or on its way. So what its payment has come to since is
    raised, if it's none of these.

    :raises ActionRequired: while the customer has to confirm the payment.
    :raises CardError: the one that was raised before, or when the payment failed since.
    :raises InvalidState: with the code ``payment_canceled`` when the payment was given up since, or
        ``result_purged`` when the row is gone.
    """
    said, error = row.result, row.error
    result: t.Any = None
    if said is not None:
        model = models.MIRRORED[said["type"]]
        result = current_state().db.session.get(model, uuid.UUID(said["id"]))
        if result is None:
            raise InvalidState(
                f"The operation {row.id!r} was done, and the {said['type']} that it made was purged "
                "since. Use another operation id to make another.",
                code="result_purged",
            )
    waited = error is not None and error["class"] == ActionRequired.__name__
    if error is not None and not waited:
        raise error_from_json(error, result)
    since = None
    if isinstance(result, models.PaymentIntent):
        if plan.outcome is not None:
            # One that was made without asking the bank was returned before it was paid.
            since = _of_payment(result, asked=waited or plan.arguments.get("confirm", True))
    elif waited:
        since = _OF_OTHERS[type(result)](result)
    if since is not None:
        raise since
    return t.cast(R, result)


def _of_payment(payment: models.PaymentIntent, *, asked: bool) -> AccrueError | None:
    if payment.is_canceled:
        return _canceled("The payment was canceled.")
    if not asked:
        return None
    if payment.requires_payment_method and payment.error_code is not None:
        return declined(payment, payment.error_code, payment.error_decline_code)
    return action_required(payment) if unfinished_payment(payment) is not None else None


def _of_invoice(invoice: models.Invoice) -> AccrueError | None:
    if invoice.is_paid or _has_succeeded(invoice):
        # The news of a payment may come before those of what it pays for.
        return None
    if not invoice.is_void:
        waiting = unfinished_payment(invoice)
        if waiting is not None:
            return action_required(invoice) if unfinished_payment(waiting) is not None else None
    return _canceled(f"The invoice is {invoice.status}, and nothing was paid for it.")


def _has_succeeded(invoice: models.Invoice) -> bool:
    intents = models.PaymentIntent
    statement = sa.select(intents.id).where(
        intents.processor == invoice.processor,
        intents.invoice_processor_id == invoice.processor_id,
        intents.is_succeeded,
    )
    return current_state().db.session.scalars(statement.limit(1)).first() is not None


def _of_subscription(subscription: models.Subscription) -> AccrueError | None:
    if subscription.is_expired:
        return _canceled("The subscription has ended before its first payment.")
    waiting = unfinished_payment(subscription)
    if waiting is None or unfinished_payment(waiting) is None:
        return None
    return action_required(subscription)


def _of_schedule(schedule: models.SubscriptionSchedule) -> AccrueError | None:
    return None if schedule.subscription is None else _of_subscription(schedule.subscription)


def _of_checkout(session: models.CheckoutSession) -> AccrueError | None:
    if session.is_complete:
        return None
    waiting = unfinished_payment(session)
    if session.is_expired or (waiting is not None and waiting.is_canceled):
        return _canceled("The checkout was closed before it was paid.")
    if waiting is None or unfinished_payment(waiting) is None:
        return None
    return action_required(session)


def _of_setup(setup: models.SetupIntent) -> AccrueError | None:
    if setup.is_canceled:
        return InvalidState(
            "This setup intent was canceled before the customer had confirmed it; make a new one.",
            code="setup_ended",
        )
    if setup.requires_payment_method and setup.error_code is not None:
        return declined(setup, setup.error_code, setup.error_decline_code)
    # Where it still waits, whoever confirms it says so.
    return None


_OF_OTHERS: t.Final[dict[type[t.Any], t.Callable[[t.Any], AccrueError | None]]] = {
    models.Invoice: _of_invoice,
    models.Subscription: _of_subscription,
    models.SubscriptionSchedule: _of_schedule,
    models.CheckoutSession: _of_checkout,
    models.SetupIntent: _of_setup,
}


def _canceled(what: str) -> InvalidState:
    return InvalidState(
        f"{what} The operation that this id stands for is over: to begin anew, use another operation id.",
        code="payment_canceled",
    )
