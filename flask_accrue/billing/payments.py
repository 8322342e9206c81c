"""Payments that wait for their customer: confirming one here, or looking at it after it went on elsewhere."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa

from .. import mirror, models
from ..errors import NotFound, ProcessorError
from ..gateways import gateway_of
from ..origins import Origin, current_actor
from ..processors import Capability, objects
from ..state import current_state
from ..unit_of_work import UnitOfWork, write
from .authentication import payment_outcome
from .payment_methods import chosen_card, require_attached
from .perform import Plan, perform, seen, settle_session
from .writing import Seen


def confirm_payment(
    intent: models.PaymentIntent,
    *,
    payment_method: models.PaymentMethod | None = None,
    operation_id: str | None = None,
) -> models.PaymentIntent:
    """Carry on with a payment on the customer's word, where that isn't done in the browser.

    :raises CardError: when the bank declines.
    :raises ActionRequired: when the bank wants the customer once more.
    """
    gateway = gateway_of(intent)
    gateway.require(Capability.CUSTOMER_AUTHENTICATION)
    card = None if payment_method is None else chosen_card(payment_method)
    asked: dict[str, t.Any] = {"payment_intent": intent.processor_id, "payment_method": card}

    def request(_: str) -> dict[str, t.Any]:
        require_attached(intent.customer, payment_method)
        return dict(asked)

    plan: Plan[models.PaymentIntent] = Plan(
        kind="confirm_payment",
        subject=f"payment_intent:{intent.id}",
        processor=gateway,
        arguments=asked,
        method="confirm_payment",
        request=request,
        result="payment_intent",
        customer_id=intent.customer_id,
        seen=_seen_with_invoice(intent),
        outcome=payment_outcome,
    )
    return perform(plan, operation_id)


def sync_payment(intent: models.PaymentIntent) -> models.PaymentIntent:
    """Fetch a payment with its charge, invoice and subscription, and write what the processor says.

    News that came in meanwhile wins over what was fetched.

    :raises ProcessorError: when the processor can't be asked; what was fetched until then is written.
    """
    settle_session()
    state = current_state()
    gateway = gateway_of(intent)
    customer_id, id = intent.customer_id, intent.id
    before = _seen_with_invoice(intent)
    state.db.session.rollback()
    answers, failed = [], None
    wanted = list(before)
    for kind, processor_id in wanted:
        try:
            answer = gateway.fetch(kind, processor_id)
        except NotFound:
            continue
        except ProcessorError as error:
            failed = error
            break
        answers.append(answer)
        found = answer.main
        if isinstance(found, objects.PaymentIntent) and found.latest_charge is not None:
            charge = ("charge", found.latest_charge)
            if charge not in before:
                wanted.append(charge)

    def work(uow: UnitOfWork) -> None:
        # Together: written after its invoice, a subscription would look as if it had changed meanwhile.
        mirror.write_answers(uow, uow.lock_customer(customer_id), answers, before)

    write(work, origin=Origin(current_actor()))
    if failed is not None:
        raise failed
    return state.db.session.get_one(models.PaymentIntent, id)


def _seen_with_invoice(intent: models.PaymentIntent) -> Seen:
    """Return the watermarks of a payment, of its charges, of its invoice and of that one's subscription."""
    invoices = models.Invoice
    invoice = (
        current_state()
        .db.session.scalars(
            sa.select(invoices).where(
                invoices.processor == intent.processor,
                invoices.processor_id == intent.invoice_processor_id,
            )
        )
        .one_or_none()
    )
    charges = models.Charge
    made = current_state().db.session.scalars(
        sa.select(charges).where(
            charges.processor == intent.processor,
            charges.payment_intent_processor_id == intent.processor_id,
        )
    )
    return seen(intent, *made, invoice, invoice and invoice.subscription)
