"""Payments that need the customer: what a failed or unfinished payment means for the caller."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa
from flask import current_app, has_request_context, url_for

from .. import models
from ..errors import AccrueError, ActionRequired, CardError, ProcessorError
from ..gateways import gateway_of
from ..processors import Answer
from ..state import current_state


def payment_outcome(row: t.Any, answer: Answer) -> AccrueError | None:
    """Return the error that an answer's payment stands for, or ``None`` when all is well.

    Called in the transaction that writes the answer; the change itself stands.
    """
    from ..processors import objects

    intent = answer.first(objects.PaymentIntent)
    if intent is None:
        return None
    if intent.requires_action:
        return _action_required(row, intent.processor_id, answer.client_secret)
    if intent.requires_payment_method and intent.error_code is not None:
        return declined(row, intent.error_code, intent.error_decline_code)
    return None


def declined(row: models.Mirrored, code: str, decline_code: str | None) -> CardError:
    """Return the error that says what the bank said of the card of a row that stands all the same."""
    return CardError(
        f"The bank declined the card{f' ({decline_code})' if decline_code else ''}.",
        code=code,
        decline_code=decline_code,
        row=row,
    )


def action_required(row: models.Mirrored) -> ActionRequired:
    """Return the error that sends the customer to confirm a payment, with a fresh client secret.

    :param row: a subscription, an invoice or a payment intent that waits for its customer.
    """
    state = current_state()
    intent = unfinished_payment(row)
    secret = None
    if intent is not None:
        gateway, processor_id = gateway_of(row), intent.processor_id
        state.db.session.commit()
        try:
            answer = gateway.fetch("payment_intent", processor_id)
        except ProcessorError:
            pass
        else:
            secret = answer.client_secret
    return _action_required(row, None if intent is None else intent.processor_id, secret)


def unfinished_payment(row: models.Mirrored) -> models.PaymentIntent | None:
    """Return the payment intent that a row waits for, or ``None``."""
    session = current_state().db.session
    if isinstance(row, models.PaymentIntent):
        return row if row.requires_action or row.requires_payment_method else None
    if isinstance(row, models.SubscriptionSchedule):
        return None if row.subscription is None else unfinished_payment(row.subscription)
    if isinstance(row, models.CheckoutSession) and row.payment_intent_processor_id is not None:
        return session.scalars(
            sa.select(models.PaymentIntent).where(
                models.PaymentIntent.processor == row.processor,
                models.PaymentIntent.processor_id == row.payment_intent_processor_id,
            )
        ).one_or_none()
    invoice_id = row.processor_id if isinstance(row, models.Invoice) else None
    if isinstance(row, models.CheckoutSession):
        invoice_id = row.invoice_processor_id
    if isinstance(row, models.Subscription):
        invoice_id = row.latest_invoice_processor_id
    if invoice_id is None:
        return None
    intents = models.PaymentIntent
    return session.scalars(
        sa.select(intents)
        .where(
            intents.processor == row.processor,
            intents.invoice_processor_id == invoice_id,
            sa.not_(intents.is_succeeded),
            sa.not_(intents.is_canceled),
        )
        .order_by(intents.created.desc(), intents.id.desc())
        .limit(1)
    ).one_or_none()


def confirmation_url(payment_intent: str | None, processor: str) -> str | None:
    """Return the path of the page where the customer confirms a payment, or ``None`` without a portal.

    It begins with what the app is mounted under: for the current request, else by ``APPLICATION_ROOT``.
    """
    path = current_state().settings.portal_path
    if payment_intent is None or path is None:
        return None
    if has_request_context():
        return url_for("accrue_portal.payment", processor=processor, payment_intent=payment_intent)
    mounted: str = current_app.config["APPLICATION_ROOT"]
    return f"{mounted.rstrip('/')}{path}/payments/{processor}/{payment_intent}"


def _action_required(
    row: t.Any, payment_intent: str | None, client_secret: str | None
) -> ActionRequired:
    return ActionRequired(
        "The customer has to confirm this payment; until then it grants nothing.",
        row=row,
        client_secret=client_secret,
        url=confirmation_url(payment_intent, row.processor),
    )
