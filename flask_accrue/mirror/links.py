"""Which invoice a payment intent or a charge paid. An invoice's payments tell, whichever came first."""

from __future__ import annotations

import collections.abc as c
import functools
import typing as t

import sqlalchemy as sa

from .. import models
from ..locked_reads import one_of
from ..processors import objects
from ..unit_of_work import UnitOfWork
from .changes import Draft, record
from .failures import note_failed_charge

_Payer: t.TypeAlias = tuple[models.Customer, models.InvoicePayment]
#: Payments that wait to be linked until rows are inserted that are gathered.
_LINK: t.Final = "payments to link"


def link(uow: UnitOfWork, customer: models.Customer, payment: models.InvoicePayment) -> None:
    """Tell the intent and the charge of a payment whose invoice they paid.

    While rows are gathered that waits until they're inserted.
    """
    for name in _names(
        payment.processor, payment.payment_intent_processor_id, payment.charge_processor_id
    ):
        uow.kept.pop(name, None)
    if uow.gathers:
        uow.kept.setdefault(_LINK, []).append((customer, payment))
    else:
        _link(uow, payment.processor, [(customer, payment)])


def link_gathered(uow: UnitOfWork) -> None:
    """Link what waited until rows were inserted that had been gathered."""
    by_processor: dict[str, list[_Payer]] = {}
    for customer, payment in uow.kept.pop(_LINK, ()):
        by_processor.setdefault(payment.processor, []).append((customer, payment))
    with uow.gathering():
        for processor, payments in by_processor.items():
            _link(uow, processor, payments)


def _link(uow: UnitOfWork, processor: str, payments: c.Sequence[_Payer]) -> None:
    by_intent: dict[str | None, int] = {}
    by_charge: dict[str | None, int] = {}
    for number, (_, payment) in enumerate(payments):
        by_intent.setdefault(payment.payment_intent_processor_id, number)
        by_charge.setdefault(payment.charge_processor_id, number)
    by_intent.pop(None, None)
    by_charge.pop(None, None)
    parameters = {
        "processor": processor,
        "payment_intents": sorted(filter(None, by_intent)),
        "charges": sorted(filter(None, by_charge)),
    }
    uow.session.flush()
    intents: list[models.PaymentIntent] = []
    if by_intent:
        intents = list(uow.execute(_unlinked_intents(uow.dialect), parameters).scalars())
    for intent in intents:
        _tell(uow, "payment_intent", intent, payments[by_intent[intent.processor_id]])
    charges: list[models.Charge] = []
    if by_intent or by_charge:
        charges = list(uow.execute(_unlinked_charges(uow.dialect), parameters).scalars())
    for charge in charges:
        told = (
            by_intent.get(charge.payment_intent_processor_id),
            by_charge.get(charge.processor_id),
        )
        _tell(uow, "charge", charge, payments[min(each for each in told if each is not None)])


def _tell(
    uow: UnitOfWork, kind: str, row: models.PaymentIntent | models.Charge, payer: _Payer
) -> None:
    customer, payment = payer
    made: Draft[t.Any] = Draft(row, created=False)
    made.set(invoice_processor_id=payment.invoice_processor_id)
    record(uow, kind, "linked", made, customer)
    if isinstance(row, models.Charge):
        note_failed_charge(uow, customer, row)


@functools.cache
def _unlinked_intents(dialect: str) -> t.Any:
    intents = models.PaymentIntent
    return (
        sa.select(intents)
        .where(
            intents.processor == sa.bindparam("processor"),
            one_of(intents.processor_id, "payment_intents", dialect),
            intents.invoice_processor_id.is_(None),
        )
        .order_by(intents.id)
        .execution_options(populate_existing=True)
    )


@functools.cache
def _unlinked_charges(dialect: str) -> t.Any:
    charges = models.Charge
    return (
        sa.select(charges)
        .where(
            charges.processor == sa.bindparam("processor"),
            sa.or_(
                one_of(charges.payment_intent_processor_id, "payment_intents", dialect),
                one_of(charges.processor_id, "charges", dialect),
            ),
            charges.invoice_processor_id.is_(None),
        )
        .order_by(charges.id)
        .execution_options(populate_existing=True)
    )


def invoice_paid(
    uow: UnitOfWork, processor: str, payment_intent: str | None, charge: str | None
) -> str | None:
    """Return the invoice that a payment intent or a charge paid, by the payments that are here."""
    names = _names(processor, payment_intent, charge)
    if any(name not in uow.kept for name in names):
        _read_invoices(uow, processor, {payment_intent}, {charge})
    found = [told for name in names if (told := uow.kept[name]) is not None]
    return min(found)[1] if found else None


def read_invoices_ahead(
    uow: UnitOfWork, processor: str, found: c.Iterable[objects.ProcessorObject]
) -> None:
    """Read which invoices several payment intents and charges paid."""
    intents: set[str | None] = set()
    charges: set[str | None] = set()
    for obj in found:
        if isinstance(obj, objects.PaymentIntent):
            intents.add(obj.processor_id)
            charges.add(obj.latest_charge)
        elif isinstance(obj, objects.Charge):
            intents.add(obj.payment_intent)
            charges.add(obj.processor_id)
    if intents or charges:
        _read_invoices(uow, processor, intents, charges)


def _names(processor: str, payment_intent: str | None, charge: str | None) -> list[t.Any]:
    told = (("payment_intent", payment_intent), ("charge", charge))
    return [(_Payer, processor, kind, id) for kind, id in told if id is not None]


def _read_invoices(
    uow: UnitOfWork, processor: str, intents: set[str | None], charges: set[str | None]
) -> None:
    """Keep the invoice of the first payment by each intent and each charge, the first by its id."""
    wanted = {
        "payment_intents": sorted(filter(None, intents)),
        "charges": sorted(filter(None, charges)),
    }
    for kind, ids in (("payment_intent", wanted["payment_intents"]), ("charge", wanted["charges"])):
        uow.kept.update(((_Payer, processor, kind, id), None) for id in ids)
    told = uow.execute(_payments_by(uow.dialect), {"processor": processor, **wanted}).all()
    for payment_intent, charge, payment, invoice in map(tuple, told):
        for name in _names(processor, payment_intent, charge):
            if name in uow.kept and uow.kept[name] is None:
                uow.kept[name] = (payment, invoice)


@functools.cache
def _payments_by(dialect: str) -> t.Any:
    payments = models.InvoicePayment
    return (
        sa.select(
            payments.payment_intent_processor_id,
            payments.charge_processor_id,
            payments.processor_id,
            payments.invoice_processor_id,
        )
        .where(
            payments.processor == sa.bindparam("processor"),
            sa.or_(
                one_of(payments.payment_intent_processor_id, "payment_intents", dialect),
                one_of(payments.charge_processor_id, "charges", dialect),
            ),
        )
        .order_by(payments.processor_id)
    )
