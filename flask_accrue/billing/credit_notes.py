"""Lowering a bill after it was finalized, and a customer's balance."""

from __future__ import annotations

import collections.abc as c
import typing as t

import sqlalchemy as sa

from .. import models
from ..errors import InvalidRequest, InvalidState, NotFound
from ..gateways import gateway_of
from ..metadata import validate_metadata
from ..money import Money
from ..processors import Capability
from ..state import current_state
from .amounts import check_in, check_money, currency_of
from .credit_lines import Lines, Sum, credited_lines, summed
from .customers import OPERATION_KEY, customer, get_customer
from .given_back import credited, left_of, named_refunds
from .invoice_steps import seen_with
from .perform import Plan, perform, seen
from .writing import Seen

REASONS: t.Final = ("duplicate", "fraudulent", "order_change", "product_unsatisfactory")


def create_credit_note(
    invoice: models.Invoice,
    amount: Money | None = None,
    *,
    lines: Lines | None = None,
    refund: Money | None = None,
    credit: Money | None = None,
    out_of_band: Money | None = None,
    refunds: c.Sequence[models.Refund] = (),
    reason: str | None = None,
    memo: str | None = None,
    email: bool = False,
    metadata: c.Mapping[str, str] | None = None,
    operation_id: str | None = None,
) -> models.CreditNote:
    """Lower an open bill, or give back some of a paid one.

    What is left to pay is lowered first; with nothing left the bill is paid. What goes beyond is given back,
    and its parts have to add up to it.

    :param amount: what is credited, tax included; by default what ``refunds`` gave back.
    :param lines: instead: which lines, each with an amount before tax, a quantity, or ``None`` for all of it.
    :param refund: what goes back to the card; a refund is made of it.
    :param credit: what goes to the customer's balance, for the next bill.
    :param out_of_band: what was given back elsewhere.
    :param refunds: refunds of the bill's charge that were made before, so that the tax is corrected, too.
    :param reason: ``duplicate``, ``fraudulent``, ``order_change`` or ``product_unsatisfactory``.
    :param memo: for the customer to read.
    :param email: whether the processor mails it to the customer.
    :raises InvalidState: with the code ``invoice_not_finalized``, unless the bill is open or paid;
        ``refund_failed`` for such a refund, ``refund_already_credited`` for one that a note tells of.
    :raises InvalidRequest: before any call: for another currency (``currency_mismatch``), more than there is,
        or than is left of what was paid (``amount_too_large``), parts that don't add up
        (``credit_parts_mismatch``), or lines that aren't the bill's, are named twice, have less to credit, or
        are credits themselves.
    """
    extra = validate_metadata(metadata or {}, ours=1)
    if reason is not None and reason not in REASONS:
        raise InvalidRequest(
            f"The reason of a credit note is one of {', '.join(REASONS)}, not {reason!r}.",
            code="parameter_invalid",
            param="reason",
        )
    parts = {"refund": refund, "credit": credit, "out_of_band": out_of_band}
    given = {
        name: None if part is None else _at_least(invoice, part, name, 0)
        for name, part in parts.items()
    }
    made = [_refund_of(invoice, each) for each in refunds]
    if amount is None and lines is None and made:
        amount = Money(sum(each["amount"] for each in made), invoice.currency)
    if (amount is None) == (lines is None):
        raise InvalidRequest(
            "A credit note has an amount, such as Money(1999, 'usd'), or lines; give one of them.",
            code="parameter_invalid",
            param="amount",
        )
    whole = None if amount is None else _at_least(invoice, amount, "amount", 1)
    named = None if lines is None else credited_lines(invoice, lines)
    said = {
        "amount": whole,
        "lines": None if named is None else [each.told() for each in named],
        "refund_amount": given["refund"],
        "credit_amount": given["credit"],
        "out_of_band_amount": given["out_of_band"],
        "refunds": made,
        "reason": reason,
        "memo": memo,
        "email": bool(email),
    }
    gateway = gateway_of(invoice)
    gateway.require(Capability.INVOICES)
    invoice_id = invoice.processor_id

    def request(id: str) -> dict[str, t.Any]:
        if not (invoice.is_open or invoice.is_paid):
            raise InvalidState(
                f"Only an open or a paid invoice can be credited; this one is {invoice.status}.",
                code="invoice_not_finalized",
            )
        _check_refunds(invoice, refunds)
        new = sum(each or 0 for each in given.values())
        if whole is not None:
            _check_sums(invoice, Sum(whole), new + sum(each["amount"] for each in made))
        elif named is not None:
            _check_sums(invoice, summed(named), new + sum(each["amount"] for each in made))
        _check_left(invoice, new)
        plan.seen |= _seen_with_payments(invoice)
        return {"invoice": invoice_id, **said, "metadata": {**extra, OPERATION_KEY: id}}

    plan: Plan[models.CreditNote] = Plan(
        kind="create_credit_note",
        subject=f"invoice:{invoice.id}",
        processor=gateway,
        arguments={**said, "metadata": extra},
        method="create_credit_note",
        request=request,
        result="credit_note",
        customer_id=invoice.customer_id,
        find=("credit_note", invoice_id),
        seen=_seen_with_payments(invoice),
    )
    return perform(plan, operation_id)


def void_credit_note(
    credit_note: models.CreditNote, *, operation_id: str | None = None
) -> models.CreditNote:
    """Withdraw the credit note of a bill that is still open; the bill is as high as before.

    A void one is returned as it is.

    :raises InvalidState: with the code ``invoice_not_open`` once the bill is paid or void.
    """
    if credit_note.is_void:
        return credit_note
    gateway = gateway_of(credit_note)
    gateway.require(Capability.INVOICES)
    note_id = credit_note.processor_id

    def request(id: str) -> dict[str, t.Any]:
        invoice = credit_note.invoice
        if invoice is not None and not invoice.is_open:
            raise InvalidState(
                "Only the credit note of an open invoice can be voided; this invoice is "
                f"{invoice.status}.",
                code="invoice_not_open",
            )
        return {"credit_note": note_id}

    before = seen(credit_note)
    if credit_note.invoice is not None:
        before |= _seen_with_payments(credit_note.invoice)
    plan: Plan[models.CreditNote] = Plan(
        kind="void_credit_note",
        subject=f"credit_note:{credit_note.id}",
        processor=gateway,
        arguments={},
        method="void_credit_note",
        request=request,
        result="credit_note",
        customer_id=credit_note.customer_id,
        seen=before,
    )
    return perform(plan, operation_id)


def list_credit_notes(owner: t.Any) -> list[models.CreditNote]:
    """Return the customer's credit notes, newest first. Never calls the processor."""
    payer = get_customer(owner)
    if payer is None:
        return []
    notes = models.CreditNote
    return list(
        current_state().db.session.scalars(
            sa.select(notes)
            .where(notes.customer_id == payer.id)
            .order_by(notes.created.desc(), notes.processor_id.desc())
            .execution_options(autoflush=False)
        )
    )


def adjust_balance(
    owner: t.Any,
    amount: Money,
    *,
    description: str | None = None,
    metadata: c.Mapping[str, str] | None = None,
    operation_id: str | None = None,
) -> models.Customer:
    """Add an amount to a customer's balance, which the next bills are settled with.

    The balance is what the customer owes: below 0 it's credit. So ``Money(-500, "usd")`` gives $5 of
    credit, and ``Money(500, "usd")`` is added to the next bill.

    :raises InvalidRequest: for another currency than the customer's (``currency_mismatch``), before any call.
    """
    check_money(amount).require_payable()
    extra = validate_metadata(metadata or {}, ours=1)
    if description is not None and not isinstance(description, str):
        raise InvalidRequest(
            f"description is a string, not {description!r}.",
            code="parameter_invalid",
            param="description",
        )
    payer = customer(owner)
    gateway = gateway_of(payer)
    gateway.require(Capability.INVOICES)
    currency_of(payer, amount.currency)
    said = {
        "amount": amount.amount_minor,
        "currency": amount.currency,
        "description": description,
    }
    processor_id = payer.processor_id
    plan: Plan[models.Customer] = Plan(
        kind="adjust_balance",
        subject=f"customer:{payer.id}",
        processor=gateway,
        arguments={**said, "metadata": extra},
        method="adjust_balance",
        request=lambda id: {
            "customer": processor_id,
            **said,
            "metadata": {**extra, OPERATION_KEY: id},
        },
        result="customer",
        customer_id=payer.id,
        find=("balance_transaction", processor_id),
        seen=seen(payer),
    )
    return perform(plan, operation_id)


def _at_least(invoice: models.Invoice, amount: t.Any, param: str, least: int) -> int:
    check_in(invoice.currency, check_money(amount, param), "invoice", param)
    if amount.amount_minor < least:
        raise InvalidRequest(
            f"{param} is {amount}, and has to be at least {Money(least, amount.currency)}.",
            code="amount_invalid",
            param=param,
        )
    amount.require_payable()
    return int(amount.amount_minor)


def _refund_of(invoice: models.Invoice, refund: models.Refund) -> dict[str, t.Any]:
    """Return a refund as it's named, or refuse one that isn't of this invoice's charge."""
    charges = models.Charge
    paid_for = current_state().db.session.scalar(
        sa.select(charges.invoice_processor_id).where(
            charges.processor == refund.processor,
            charges.processor_id == refund.charge_processor_id,
            charges.customer_id == invoice.customer_id,
        )
    )
    if refund.processor != invoice.processor or paid_for != invoice.processor_id:
        raise NotFound("This invoice has no such refund.", param="refunds")
    check_in(invoice.currency, Money(refund.amount, refund.currency), "invoice", "refunds")
    return {"refund": refund.processor_id, "amount": refund.amount}


def _check_refunds(invoice: models.Invoice, refunds: c.Sequence[models.Refund]) -> None:
    named = named_refunds(invoice)
    for refund in refunds:
        if refund.is_failed:
            raise InvalidState(
                "This refund failed, so nothing was given back.", code="refund_failed"
            )
        if refund.processor_id in named:
            raise InvalidState(
                f"A credit note tells of the refund {refund.processor_id!r} already.",
                code="refund_already_credited",
            )
        named.add(refund.processor_id)


def _check_left(invoice: models.Invoice, new: int) -> None:
    """Refuse to give money back that was given back already, by whichever way."""
    left = left_of(invoice)
    if new > left:
        raise InvalidRequest(
            f"{Money(new, invoice.currency)} can't be given back: {Money(left, invoice.currency)} of what "
            "was paid is left. What plain refunds gave back is named in refunds.",
            code="amount_too_large",
            param="amount",
        )


def _check_sums(invoice: models.Invoice, wanted: Sum, back: int) -> None:
    """Refuse what surely can't be credited, or surely isn't what is given back in parts."""
    currency = invoice.currency
    left = invoice.total - credited(invoice)
    if wanted.least > left:
        raise InvalidRequest(
            f"{Money(wanted.amount, currency)} can't be credited: {Money(left, currency)} of the invoice "
            "is left.",
            code="amount_too_large",
            param="amount",
        )
    beyond = [
        max(0, each - invoice.amount_remaining)
        for each in (wanted.least, wanted.amount, wanted.most)
    ]
    if not beyond[0] <= back <= beyond[2]:
        raise InvalidRequest(
            f"{Money(invoice.amount_remaining, currency)} of this invoice is left to pay, so "
            f"{Money(beyond[1], currency)} of the credit is given back: as refund, credit, out_of_band and "
            f"refunds together, which are {Money(back, currency)}.",
            code="credit_parts_mismatch",
            param="amount",
        )


def _seen_with_payments(invoice: models.Invoice) -> Seen:
    """Return the watermarks of an invoice, its customer, and whatever paid it."""
    session = current_state().db.session
    found: Seen = {**seen_with(invoice), **seen(invoice.customer)}
    paying: tuple[t.Any, ...] = (models.PaymentIntent, models.Charge)
    for model in paying:
        of_invoice = sa.select(model).where(
            model.processor == invoice.processor,
            model.invoice_processor_id == invoice.processor_id,
        )
        found |= seen(*session.scalars(of_invoice))
    return found
