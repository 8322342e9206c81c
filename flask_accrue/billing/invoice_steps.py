"""What becomes of an invoice: finalized, sent, voided, written off."""

from __future__ import annotations

import collections.abc as c
import typing as t

from .. import mirror, models
from ..errors import InvalidState
from ..gateways import gateway_of
from ..processors import Capability
from ..unit_of_work import UnitOfWork
from .authentication import unfinished_payment
from .perform import Plan, perform, seen
from .writing import Seen


def finalize_invoice(
    invoice: models.Invoice,
    *,
    auto_advance: bool | None = None,
    operation_id: str | None = None,
) -> models.Invoice:
    """Make a draft a bill: it gets its number and can't be changed any more.

    The customer's credit is laid against it; with nothing left to pay it's paid at once.

    :param auto_advance: whether the processor goes on by itself, charging or sending it; by default as the
        draft was made.
    :raises InvalidState: with the code ``invoice_not_draft`` for any other.
    :raises InvalidRequest: with the code ``customer_tax_location_invalid`` when its tax can't be
        reckoned since nobody knows where the customer is.
    """
    said = {"auto_advance": auto_advance}

    def legal() -> None:
        if not invoice.is_draft:
            raise _not(invoice, "invoice_not_draft", "Only a draft can be finalized")

    return perform(_step("finalize_invoice", invoice, legal, said), operation_id)


def send_invoice(invoice: models.Invoice, *, operation_id: str | None = None) -> models.Invoice:
    """Let the processor mail an open invoice to the customer, with a link to pay it.

    The ledger has an entry ``invoice.sent``, each time: who sent it, and when.

    :raises InvalidState: with the code ``invoice_not_open``, or ``invoice_not_sendable`` for one that is
        charged automatically.
    """

    def legal() -> None:
        if not invoice.is_open:
            raise _not(invoice, "invoice_not_open", "Only an open invoice can be sent")
        if invoice.collection_method != "send_invoice":
            raise InvalidState(
                "This invoice is charged automatically; only one with the collection method "
                "'send_invoice' is sent.",
                code="invoice_not_sendable",
            )

    plan = _step("send_invoice", invoice, legal)
    plan.note = _tell_sent
    return perform(plan, operation_id)


def mark_uncollectible(
    invoice: models.Invoice, *, operation_id: str | None = None
) -> models.Invoice:
    """Write an open invoice off. It may still be paid, or voided.

    One that was written off already is returned as it is.

    :raises InvalidState: with the code ``invoice_not_open`` for any other.
    """
    if invoice.is_uncollectible:
        return invoice

    def legal() -> None:
        if not invoice.is_open:
            raise _not(invoice, "invoice_not_open", "Only an open invoice can be written off")

    return perform(_step("mark_uncollectible", invoice, legal), operation_id)


def void_invoice(invoice: models.Invoice, *, operation_id: str | None = None) -> models.Invoice:
    """Withdraw an invoice that isn't paid; what the customer's balance paid of it is given back.

    A draft is deleted at the processor, and stays here as void. A void one is returned as it is.

    :raises InvalidState: with the code ``invoice_paid`` for a paid one, and ``invoice_of_subscription`` for
        the draft of a subscription: finalize that first.
    """
    if invoice.is_void:
        return invoice
    if invoice.is_draft:
        return _delete(invoice, operation_id)

    def legal() -> None:
        if not (invoice.is_open or invoice.is_uncollectible):
            raise _not(
                invoice,
                "invoice_paid",
                "Only an invoice that isn't paid can be voided; credit a paid one instead",
            )

    return perform(_step("void_invoice", invoice, legal), operation_id)


def seen_with(invoice: models.Invoice) -> Seen:
    """Return the watermarks of an invoice and of what an answer about it holds."""
    return seen(invoice, invoice.subscription, unfinished_payment(invoice))


def _tell_sent(uow: UnitOfWork, invoice: models.Invoice) -> None:
    """Write who sent it and when; nothing about the invoice itself has changed."""
    mirror.record_sent(uow, invoice.customer, invoice)


def _delete(invoice: models.Invoice, operation_id: str | None) -> models.Invoice:
    def legal() -> None:
        if not invoice.is_draft:
            raise _not(invoice, "invoice_not_draft", "Only a draft can be deleted")
        if invoice.subscription_processor_id is not None:
            raise InvalidState(
                "The draft of a subscription can't be deleted. Finalize it, then void it.",
                code="invoice_of_subscription",
            )

    return perform(_step("delete_invoice", invoice, legal), operation_id)


def _step(
    kind: str,
    invoice: models.Invoice,
    legal: c.Callable[[], None],
    said: c.Mapping[str, t.Any] | None = None,
) -> Plan[models.Invoice]:
    gateway = gateway_of(invoice)
    gateway.require(Capability.INVOICES)
    invoice_id, given = invoice.processor_id, dict(said or {})

    def request(id: str) -> dict[str, t.Any]:
        legal()
        plan.seen |= seen_with(invoice)
        return {"invoice": invoice_id, **given}

    plan: Plan[models.Invoice] = Plan(
        kind=kind,
        subject=f"invoice:{invoice.id}",
        processor=gateway,
        arguments=given,
        method=kind,
        request=request,
        result="invoice",
        customer_id=invoice.customer_id,
        seen=seen_with(invoice),
    )
    return plan


def _not(invoice: models.Invoice, code: str, what: str) -> InvalidState:
    status = "void" if invoice.is_void else invoice.status
    return InvalidState(f"{what}; this one is {status}.", code=code)
