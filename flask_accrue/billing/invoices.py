"""Paying invoices."""

from __future__ import annotations

import collections.abc as c
import typing as t

import sqlalchemy as sa

from .. import models
from ..errors import InvalidRequest, InvalidState
from ..gateways import gateway_of
from ..processors import Capability
from ..state import current_state
from .authentication import payment_outcome
from .customers import get_customer
from .invoice_steps import seen_with
from .payment_methods import chosen_card, require_attached
from .perform import Plan, perform


def list_invoices(owner: t.Any) -> list[models.Invoice]:
    """Return the customer's invoices, newest first. Never calls the processor."""
    payer = get_customer(owner)
    if payer is None:
        return []
    invoices = models.Invoice
    return list(
        current_state().db.session.scalars(
            sa.select(invoices)
            .where(invoices.customer_id == payer.id)
            .order_by(invoices.created.desc(), invoices.processor_id.desc())
            .execution_options(autoflush=False)
        )
    )


def pay_invoice(
    invoice: models.Invoice,
    *,
    payment_method: models.PaymentMethod | None = None,
    out_of_band: bool = False,
    operation_id: str | None = None,
) -> models.Invoice:
    """Try to collect an open invoice now, from the named card or the one it would be charged to.

    A paid invoice is returned as it is.

    :param out_of_band: it was paid elsewhere, such as by a bank transfer: no card is charged.
    :raises CardError: when the bank declines.
    :raises ActionRequired: when the customer has to confirm it.
    :raises InvalidState: for a draft or a void one.
    """
    if invoice.is_paid:
        return invoice
    if out_of_band and payment_method is not None:
        raise InvalidRequest(
            "What was paid elsewhere isn't charged to a card; name no payment method.",
            code="parameter_invalid",
            param="payment_method",
        )
    said: dict[str, t.Any] = _said(payment_method)
    if out_of_band:
        said["out_of_band"] = True
    invoice_id = invoice.processor_id

    def request(id: str) -> dict[str, t.Any]:
        require_attached(invoice.customer, payment_method)
        if not (invoice.is_open or invoice.is_uncollectible):
            raise InvalidState(
                f"Only an open invoice can be paid; this one is {invoice.status}.",
                code="invoice_not_open",
            )
        plan.seen |= seen_with(invoice)
        return {"invoice": invoice_id, **said}

    plan: Plan[models.Invoice] = _collecting(
        "pay_invoice", f"invoice:{invoice.id}", invoice, said, request
    )
    return perform(plan, operation_id)


def retry_payment(
    subscription: models.Subscription,
    *,
    payment_method: models.PaymentMethod | None = None,
    operation_id: str | None = None,
) -> models.Invoice:
    """Try again to collect what a subscription owes: its latest open invoice.

    Whether it's past due goes by the latest one. Older ones stay open: :func:`pay_invoice` pays them.

    :raises InvalidState: with the code ``nothing_to_pay`` when no invoice is open.
    """
    said = _said(payment_method)

    def request(id: str) -> dict[str, t.Any]:
        require_attached(subscription.customer, payment_method)
        # Chosen once and frozen: a job that is tried again mustn't go on to the next invoice.
        invoice = _latest_open(subscription)
        if invoice is None:
            raise InvalidState("No invoice of this subscription is open.", code="nothing_to_pay")
        plan.seen |= seen_with(invoice)
        return {"invoice": invoice.processor_id, **said}

    plan: Plan[models.Invoice] = _collecting(
        "retry_payment", f"subscription:{subscription.id}", subscription, said, request
    )
    return perform(plan, operation_id)


def _latest_open(subscription: models.Subscription) -> models.Invoice | None:
    invoices = models.Invoice
    return (
        current_state()
        .db.session.scalars(
            sa.select(invoices)
            .where(
                invoices.processor == subscription.processor,
                invoices.subscription_processor_id == subscription.processor_id,
                invoices.is_open,
            )
            .order_by(invoices.created.desc(), invoices.processor_id.desc())
            .limit(1)
        )
        .one_or_none()
    )


def _said(payment_method: models.PaymentMethod | None) -> dict[str, str | None]:
    return {"payment_method": None if payment_method is None else chosen_card(payment_method)}


def _collecting(
    kind: str,
    subject: str,
    row: models.Invoice | models.Subscription,
    said: dict[str, t.Any],
    request: c.Callable[[str], dict[str, t.Any]],
) -> Plan[models.Invoice]:
    gateway = gateway_of(row)
    gateway.require(Capability.INVOICES)
    return Plan(
        kind=kind,
        subject=subject,
        processor=gateway,
        arguments=said,
        method="pay_invoice",
        request=request,
        result="invoice",
        customer_id=row.customer_id,
        outcome=payment_outcome,
    )
