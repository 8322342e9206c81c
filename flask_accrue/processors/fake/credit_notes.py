"""Credit notes: they lower what is left to pay, and give back what goes beyond."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from ...money import Money, payable_step
from .. import objects
from . import customers, invoices, labels, payments, standing, totals
from . import refunds as refunding
from .refusals import check_integer, check_texts, refused
from .transaction import Transaction

REASONS: t.Final = ("duplicate", "fraudulent", "order_change", "product_unsatisfactory")

Result: t.TypeAlias = c.Sequence[objects.ProcessorObject | None]
_Lines: t.TypeAlias = c.Sequence[c.Mapping[str, t.Any]]


#: Of a line: how much, how much of the total, and how many were credited.
_Part: t.TypeAlias = list[int]


class _Sums(t.NamedTuple):
    subtotal: int
    total: int
    parts: dict[str, _Part]


def create(
    tx: Transaction,
    invoice_id: str,
    *,
    amount: int | None,
    lines: _Lines | None,
    refund_amount: int | None,
    credit_amount: int | None,
    out_of_band_amount: int | None,
    refunds: _Lines,
    reason: str | None,
    memo: str | None,
    metadata: c.Mapping[str, str],
) -> Result:
    """Lower an open bill, or give back some of a paid one. Return the note and what changed with it.

    :raises InvalidRequest: for more than there is to credit, or when the parts don't add up.
    """
    invoice = tx.get(objects.Invoice, invoice_id, "invoice")
    if invoice.status not in ("open", "paid"):
        raise invoices.wrong_status(invoice, "credited")
    if reason is not None and reason not in REASONS:
        raise refused(f"The reason is one of {', '.join(REASONS)}, not {reason!r}.", "reason")
    check_texts({"memo": memo})
    aside = tx.aside(invoice_id)
    sums = _sums(invoice, amount, lines, aside.setdefault("credited_lines", {}))
    left = invoice.total - aside.get("credited", 0)
    if not 0 < sums.total <= left:
        raise refused(
            f"A credit note of this invoice is an amount from 1 to {left}, not {sums.total}.",
            "amount",
            "amount_too_large" if sums.total > left else "parameter_invalid_integer",
        )
    before = min(sums.total, invoice.amount_remaining)
    parts = {
        "refund_amount": refund_amount or 0,
        "credit_amount": credit_amount or 0,
        "out_of_band_amount": out_of_band_amount or 0,
        "refunds": sum(check_integer(each.get("amount"), "refunds") for each in refunds),
    }
    if sum(parts.values()) != sums.total - before or min(parts.values()) < 0:
        raise refused(
            f"The refund, credit and out-of-band amounts add up to {sum(parts.values())}, and have to "
            f"be {sums.total - before}.",
            "amount",
        )
    told = [tx.get(objects.Refund, each["refund"]).processor_id for each in refunds]
    named = aside.setdefault("named_refunds", [])
    if len({*told, *named}) < len(told) + len(named):
        raise refused("A credit note tells of this refund already.", "refunds")
    elsewhere = parts["credit_amount"] + parts["out_of_band_amount"]
    if elsewhere + parts["refund_amount"] > (rest := refunding.left_of_invoice(tx, invoice)):
        raise refused(
            f"Of what was paid {rest} is left to be given back.", "amount", "amount_too_large"
        )
    made = _refunded(tx, invoice, parts["refund_amount"])
    told = [*(each.processor_id for each in made if isinstance(each, objects.Refund)), *told]
    named += told
    aside["lowered"] = aside.get("lowered", 0) + before
    aside["elsewhere"] = aside.get("elsewhere", 0) + elsewhere
    aside["credited"] = aside.get("credited", 0) + sums.total
    aside["notes"] = aside.get("notes", 0) + 1
    note = tx.save(
        objects.CreditNote(
            processor_id=tx.new_id("cn"),
            created=tx.now,
            customer=invoice.customer,
            invoice=invoice_id,
            status="issued",
            currency=invoice.currency,
            subtotal=sums.subtotal,
            total=sums.total,
            pre_payment_amount=before,
            post_payment_amount=sums.total - before,
            number=f"{invoice.number}-CN-{aside['notes']:02}",
            reason=reason,
            memo=memo,
            out_of_band_amount=parts["out_of_band_amount"],
            refunds=tuple(told),
            metadata=labels.merged({}, metadata),
        ),
        "credit_note.created",
    )
    tx.aside(note.processor_id)["lines"] = sums.parts
    _count(aside["credited_lines"], sums.parts, 1)
    if before:
        invoice = _lowered(tx, invoice, before)
    customer = None
    if parts["credit_amount"]:
        customer = tx.get(objects.Customer, invoice.customer)
        balance = customer.balance - parts["credit_amount"]
        customer = customers.change_balance(tx, customer, balance)
    return [note, invoice, *made, customer]


def void(tx: Transaction, note_id: str) -> Result:
    """Withdraw the note of a bill that is still open. Return it and the bill.

    :raises InvalidRequest: when it's void already, or the bill isn't open any more.
    """
    note = tx.get(objects.CreditNote, note_id, "credit_note")
    invoice = tx.get(objects.Invoice, note.invoice)
    if note.status == "void" or invoice.status != "open":
        raise refused(
            f"The credit note {note_id!r} is {note.status} and its invoice {invoice.status}; only one "
            "of an open invoice can be voided.",
            "credit_note",
            "credit_note_not_voidable",
        )
    aside = tx.aside(invoice.processor_id)
    aside["credited"] -= note.total
    _count(aside.setdefault("credited_lines", {}), tx.aside(note_id).get("lines", {}), -1)
    aside["lowered"] -= note.pre_payment_amount
    by_refunds = sum(tx.get(objects.Refund, each).amount for each in note.refunds)
    aside["elsewhere"] -= note.post_payment_amount - by_refunds
    aside["named_refunds"] = [each for each in aside["named_refunds"] if each not in note.refunds]
    voided = tx.save(
        dataclasses.replace(note, status="void", voided_at=tx.now), "credit_note.voided"
    )
    return [voided, _lowered(tx, invoice, -note.pre_payment_amount)]


def _sums(
    invoice: objects.Invoice,
    amount: int | None,
    lines: _Lines | None,
    credited: c.Mapping[str, _Part],
) -> _Sums:
    """Return what is credited, before and after discounts and tax.

    :param credited: what was credited of each line before.
    """
    if (amount is None) == (lines is None):
        raise refused("Give an amount or lines.", "amount")
    if lines is None:
        said = check_integer(amount, "amount")
        _check_payable(said, invoice.currency, "amount")
        # In proportion, as far as an amount tells.
        whole = Money(said, invoice.currency)
        part = whole.share(invoice.subtotal, invoice.total or 1, payable=True)
        return _Sums(part.amount_minor, said, {})
    known = {line.processor_id: line for line in totals.lines_of(invoice)}
    parts: dict[str, _Part] = {}
    for each in lines:
        line_id = each.get("line")
        line = known.get(line_id)
        if line is None or line_id is None:
            raise refused("The invoice has no such line.", "lines", "resource_missing")
        if line_id in parts:
            raise refused("A line is named twice.", "lines")
        parts[line_id] = _part(line, each, credited.get(line_id, [0, 0, 0]))
    return _Sums(
        sum(part[0] for part in parts.values()), sum(part[1] for part in parts.values()), parts
    )


def _part(line: objects.InvoiceLine, wanted: c.Mapping[str, t.Any], credited: _Part) -> _Part:
    """Return how much of a line is credited. All parts of a line add up to it, however they are rounded."""
    before, total_before, number_before = credited
    number, number_left = 0, (line.quantity or 1) - number_before
    left = line.amount - before
    if wanted.get("amount") is not None:
        part = check_integer(wanted["amount"], "lines[amount]")
        _check_payable(part, line.currency, "lines[amount]")
    elif wanted.get("quantity") is not None:
        number = check_integer(wanted["quantity"], "lines[quantity]")
        if not 0 < number <= number_left:
            raise refused(f"Of this line {number_left} are left, not {number}.", "lines")
        # By what each of them cost, whatever amounts were credited beside; the last takes the rest.
        part = left if number == number_left else min(left, _cost(line, number_before, number))
    else:
        part = left
    if not 0 < part <= left:
        raise refused(f"Of this line up to {left} can be credited, not {part}.", "lines")
    full = Money(line.amount - line.discount + line.tax, line.currency)
    upto = full.share(before + part, line.amount, payable=True).amount_minor
    return [part, upto - total_before, number]


def _cost(line: objects.InvoiceLine, before: int, number: int) -> int:
    """Return what so many of a line cost, after those before them. Running totals are rounded."""
    whole = Money(line.amount, line.currency)
    until, upto = (
        whole.share(each, line.quantity or 1, payable=True).amount_minor
        for each in (before, before + number)
    )
    return upto - until


def _count(credited: dict[str, _Part], parts: c.Mapping[str, _Part], sign: int) -> None:
    for line_id, part in parts.items():
        known = credited.get(line_id, [0, 0, 0])
        credited[line_id] = [was + sign * more for was, more in zip(known, part, strict=True)]


def _check_payable(amount: int, currency: str, param: str) -> None:
    if amount % payable_step(currency):
        raise refused(
            f"Amounts in {currency.upper()} are multiples of {payable_step(currency)}.",
            param,
            "amount_not_payable",
        )


def _refunded(
    tx: Transaction, invoice: objects.Invoice, amount: int
) -> list[objects.ProcessorObject]:
    """Give back an amount to the card that paid; return the refund and the charge."""
    if not amount:
        return []
    charge = next(
        (each.charge for each in invoices.payments_of(invoice) if each.charge is not None), None
    )
    if charge is None:
        raise refused("Nothing was charged for this invoice.", "refund_amount")
    return list(
        refunding.create(tx, charge, amount=amount, reason=None, metadata={}),
    )


def _lowered(tx: Transaction, invoice: objects.Invoice, by: int) -> objects.Invoice:
    """Lower what is left to pay; with nothing left the bill is settled."""
    invoice = dataclasses.replace(
        invoice,
        amount_due=invoice.amount_due - by,
        amount_remaining=invoice.amount_remaining - by,
    )
    intent = invoices.intent_of(tx, invoice)
    if invoice.amount_remaining == 0:
        if intent is not None:
            payments.cancel(tx, intent)
        return standing.settle_without_payment(tx, invoice)
    if intent is not None:
        tx.save(dataclasses.replace(intent, amount=invoice.amount_remaining))
    laid = tuple(
        dataclasses.replace(each, amount_requested=invoice.amount_remaining)
        for each in invoices.payments_of(invoice)
    )
    for payment in laid:
        tx.save(payment)
    return tx.save(dataclasses.replace(invoice, payments=laid), "invoice.updated")
