"""Payments in steps: made now, confirmed by the customer, captured or given up later."""

from __future__ import annotations

import collections.abc as c
import typing as t

import sqlalchemy as sa

from .. import models
from ..errors import AccrueError, InvalidState, NoDefaultPaymentMethod
from ..gateways import gateway_of
from ..metadata import validate_metadata
from ..money import Money
from ..processors import Answer, Capability, objects
from ..state import current_state
from .amounts import check_amount, check_money, check_part, check_pays_in
from .arguments import one_of
from .authentication import payment_outcome
from .charges import check_statement_descriptor
from .customers import OPERATION_KEY, customer
from .payment_methods import chosen_card, require_attached
from .perform import Plan, perform, seen

CAPTURE_METHODS: t.Final = ("automatic", "manual")
USAGES: t.Final = ("off_session", "on_session")
#: Why a payment may be given up.
REASONS: t.Final = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")


def create_payment_intent(
    owner: t.Any,
    amount: Money,
    *,
    capture_method: str = "automatic",
    payment_method: models.PaymentMethod | None = None,
    confirm: bool | None = None,
    setup_future_usage: str | None = None,
    description: str | None = None,
    statement_descriptor: str | None = None,
    metadata: c.Mapping[str, str] | None = None,
    operation_id: str | None = None,
) -> models.PaymentIntent:
    """Make a payment in steps, of which the customer or :func:`capture` takes the next.

    ``intent.client_secret`` is for the customer's browser. It's there right after the call and never stored;
    :func:`client_secret` asks for it anew.

    :param capture_method: ``automatic``, or ``manual`` to have the bank hold the money until :func:`capture`,
        for as long as the charge's ``capture_before`` says (a week, for most cards).
    :param payment_method: the card to pay with; with ``confirm`` and none named, the default.
    :param confirm: ask the bank now; by default, when a card is named.
    :param setup_future_usage: ``off_session`` or ``on_session`` to keep the card for later.
    :raises CardError: when the bank declines.
    :raises ActionRequired: when the customer has to confirm it.
    :raises NoDefaultPaymentMethod: when it's to be confirmed and there is no card.
    """
    check_amount(amount, "A payment")
    check_statement_descriptor(statement_descriptor)
    one_of("capture_method", capture_method, CAPTURE_METHODS)
    if setup_future_usage is not None:
        one_of("setup_future_usage", setup_future_usage, USAGES)
    extra = validate_metadata(metadata or {}, ours=1)
    payer = customer(owner)
    gateway = gateway_of(payer)
    gateway.require(Capability.CAPTURE)
    confirmed = payment_method is not None if confirm is None else bool(confirm)
    said = {
        "amount": amount.amount_minor,
        "currency": amount.currency,
        "capture_method": capture_method,
        "payment_method": None if payment_method is None else chosen_card(payment_method),
        "confirm": confirmed,
        "setup_future_usage": setup_future_usage,
        "description": description,
        "statement_descriptor": statement_descriptor,
    }

    def request(id: str) -> dict[str, t.Any]:
        require_attached(payer, payment_method)
        check_pays_in(payer, amount)
        card = payment_method or (payer.default_payment_method if confirmed else None)
        if confirmed and card is None:
            raise NoDefaultPaymentMethod(
                "There is no card to confirm the payment with: the customer has no default and none "
                "was named. Leave it to the customer with confirm=False."
            )
        return {
            **said,
            "customer": payer.processor_id,
            "payment_method": None if card is None else card.processor_id,
            "metadata": {**extra, OPERATION_KEY: id},
        }

    plan: Plan[models.PaymentIntent] = Plan(
        kind="create_payment_intent",
        subject=f"customer:{payer.id}",
        processor=gateway,
        arguments={**said, "metadata": extra},
        method="create_payment_intent",
        request=request,
        result="payment_intent",
        customer_id=payer.id,
        find=("payment_intent", payer.processor_id),
        outcome=_with_secret,
    )
    made: models.PaymentIntent = with_secret(perform(plan, operation_id))
    return made


def capture(
    payment_intent: models.PaymentIntent,
    amount: Money | None = None,
    *,
    operation_id: str | None = None,
) -> models.PaymentIntent:
    """Take the money that a payment holds, or a part of it; what's left is let go.

    :raises InvalidState: with the code ``payment_not_capturable`` unless money is held. What was held for
        too long was let go by the bank.
    :raises InvalidRequest: for more than what is held, or another currency.
    """
    gateway = gateway_of(payment_intent)
    gateway.require(Capability.CAPTURE)
    if amount is not None:
        check_money(amount)
    asked = {
        "payment_intent": payment_intent.processor_id,
        "amount": None if amount is None else amount.amount_minor,
    }
    plan: Plan[models.PaymentIntent] = Plan(
        kind="capture",
        subject=f"payment_intent:{payment_intent.id}",
        processor=gateway,
        arguments={**asked, "currency": amount and amount.currency},
        method="capture_payment",
        request=lambda id: _checked(payment_intent, amount, asked),
        result="payment_intent",
        customer_id=payment_intent.customer_id,
        seen=seen(payment_intent, _charge(payment_intent)),
    )
    return perform(plan, operation_id)


def cancel_payment_intent(
    payment_intent: models.PaymentIntent,
    *,
    reason: str | None = None,
    operation_id: str | None = None,
) -> models.PaymentIntent:
    """Give a payment up, and let go of what is held for it. One that was given up stays so.

    :param reason: ``abandoned``, ``duplicate``, ``fraudulent`` or ``requested_by_customer``.
    :raises InvalidState: with the code ``payment_succeeded`` when it was paid (refund its charge), or
        ``payment_of_invoice`` when it's an invoice's.
    """
    if reason is not None:
        one_of("reason", reason, REASONS)
    if payment_intent.is_canceled:
        return payment_intent
    gateway = gateway_of(payment_intent)
    gateway.require(Capability.CAPTURE)
    asked = {"payment_intent": payment_intent.processor_id, "reason": reason}

    def request(id: str) -> dict[str, t.Any]:
        if payment_intent.is_succeeded:
            raise InvalidState(
                "This payment was made. Give it back with billing.refund().",
                code="payment_succeeded",
            )
        if payment_intent.invoice_processor_id is not None:
            raise InvalidState(
                "This payment is an invoice's: that is what is given up, not the payment.",
                code="payment_of_invoice",
            )
        return dict(asked)

    plan: Plan[models.PaymentIntent] = Plan(
        kind="cancel_payment_intent",
        subject=f"payment_intent:{payment_intent.id}",
        processor=gateway,
        arguments=asked,
        method="cancel_payment",
        request=request,
        result="payment_intent",
        customer_id=payment_intent.customer_id,
        seen=seen(payment_intent, _charge(payment_intent)),
    )
    return perform(plan, operation_id)


def client_secret(row: models.PaymentIntent | models.SetupIntent) -> str | None:
    """Ask the processor for what the customer's browser needs to confirm a payment or a card; ``None`` when
    nothing is left to confirm.

    Hand it to the customer whose row it is, and to nobody else. It belongs neither into an address nor a log.
    """
    kind = "payment_intent" if isinstance(row, models.PaymentIntent) else "setup_intent"
    state = current_state()
    gateway, processor_id = gateway_of(row), row.processor_id
    state.db.session.commit()
    answer = gateway.fetch(kind, processor_id)
    found = answer.main
    assert isinstance(found, objects.PaymentIntent | objects.SetupIntent)
    return answer.client_secret if found.is_open else None


def with_secret(row: t.Any) -> t.Any:
    """Return a row that knows its client secret, where one is needed; a repeated operation's doesn't."""
    if row.client_secret is None and (row.requires_action or row.requires_payment_method):
        row.lend_secret(client_secret(row))
    return row


def _with_secret(row: models.PaymentIntent, answer: Answer) -> AccrueError | None:
    row.lend_secret(answer.client_secret)
    # Without a confirmation it waits for one, which is no more than what was asked for.
    return None if row.requires_confirmation else payment_outcome(row, answer)


def _checked(
    payment_intent: models.PaymentIntent, amount: Money | None, asked: dict[str, t.Any]
) -> dict[str, t.Any]:
    """Return what is asked for, if that much is held."""
    held = Money(payment_intent.amount_capturable, payment_intent.currency)
    if not payment_intent.requires_capture or held.amount_minor <= 0:
        why = f"It is {payment_intent.status.replace('_', ' ')}"
        if payment_intent.is_canceled:
            why += "; what was held for it was let go. Charge the customer anew"
        raise InvalidState(
            f"No money is held for this payment. {why}.", code="payment_not_capturable"
        )
    if amount is not None:
        check_part(amount, held, "payment", f"{amount} can't be captured: {held} is held.")
    return dict(asked)


def _charge(intent: models.PaymentIntent) -> models.Charge | None:
    """Return the charge of a payment, if it's here."""
    charges = models.Charge
    return (
        current_state()
        .db.session.scalars(
            sa.select(charges).where(
                charges.processor == intent.processor,
                charges.processor_id == intent.latest_charge_processor_id,
            )
        )
        .one_or_none()
    )
