"""When collecting an invoice failed first, from which grace is counted, and that it did, in the ledger.

The first of the events and failed charges tells it. Where the first attempt's event was lost, or the invoice
was adopted, failed charges do only if as many are known as there were attempts; else it's since when the
invoice is owed. From there alone it ever moves later, to what tells the first attempt; from anywhere else
that would begin grace anew. Whatever is told first, it comes to the same.
"""

from __future__ import annotations

import collections.abc as c
import datetime
import typing as t

import sqlalchemy as sa

from .. import models
from ..unit_of_work import UnitOfWork
from .changes import Draft, record
from .lines import LineState, stored_lines
from .subscriptions import derive_from_invoices

#: How far the processor's events and its answers may be apart for one moment.
_SKEW: t.Final = datetime.timedelta(minutes=1)
#: The types of the entries that tell of a failure.
_FAILURES: t.Final = ("invoice.payment_failed", "invoice.action_required")
#: Of which invoices it has to be found out again, with their customers.
_DATE: t.Final = "invoices to date"


def date_by_event(
    uow: UnitOfWork,
    made: Draft[models.Invoice],
    failed_at: datetime.datetime,
    attempt: int,
    seen: datetime.datetime | None,
) -> bool:
    """Note a failure that an event tells; return whether the ledger doesn't tell of that attempt yet.

    :param attempt: how many attempts there had been by then.
    :param seen: until when it was known before that there had been one; ``None``: it wasn't.
    """
    row, known = made.row, made.row.first_failed_at
    if known is None:
        reckoned = _reckoned(uow, row) if attempt > 1 else None
        first = min([failed_at, *_failed_charges(uow, row)])
        made.set(first_failed_at=min(first, reckoned or first))
    elif (
        # A customer who tries again by hand doesn't count as another attempt, but comes after what was seen.
        attempt <= 1
        and (seen is not None and failed_at <= seen + _SKEW)
        and (known == _owed_since(row) and failed_at > known)
        and _may_be_first(uow, row, failed_at)
    ):
        made.set(first_failed_at=min([failed_at, *_failed_charges(uow, row)]))
    else:
        made.set(first_failed_at=min(failed_at, known))
    return attempt not in _told(uow, row)


def date_without_event(uow: UnitOfWork, made: Draft[models.Invoice]) -> None:
    """Date the first failure of an open invoice that was attempted, if no event has."""
    row, known = made.row, made.row.first_failed_at
    if row.is_open and row.attempt_count and known in (None, _owed_since(row)):
        reckoned = _reckoned(uow, row)
        if reckoned is None or reckoned == known:
            return
        if known is None or _may_be_first(uow, row, reckoned):
            made.set(first_failed_at=reckoned)


def record_failure(
    uow: UnitOfWork,
    customer: models.Customer,
    made: Draft[models.Invoice],
    lines: list[LineState],
    attempt: int,
    failed_at: datetime.datetime | None,
) -> None:
    """Tell in the ledger that an attempt failed, or that it waits for the customer.

    :param failed_at: when, where an event says that.
    """
    verb = "action_required" if _waits_for_customer(uow, made.row) else "payment_failed"
    data = {"attempt": attempt, "failed_at": failed_at}
    record(uow, "invoice", verb, made, customer, data=data, lines=lines)


def note_failed_charge(uow: UnitOfWork, customer: models.Customer, row: models.Charge) -> None:
    """Date the first failure of a charge's invoice by it, if it's earlier, or more than since when it's owed.

    While rows are gathered that waits until they're inserted.
    """
    invoice = row.invoice_processor_id
    if not row.is_failed or invoice is None:
        return
    if uow.gathers:
        uow.kept.setdefault(_DATE, {})[invoice] = customer
        return
    uow.flush()
    _date_again(uow, customer, invoice)


def date_gathered(uow: UnitOfWork) -> None:
    """Find out what waited until rows were inserted that had been gathered."""
    waiting: dict[str, models.Customer] = uow.kept.pop(_DATE, {})
    with uow.gathering():
        for invoice, customer in waiting.items():
            _date_again(uow, customer, invoice)


def _date_again(uow: UnitOfWork, customer: models.Customer, invoice: str) -> None:
    row = uow.find(models.Invoice, customer.processor, invoice)
    if row is None or row.first_failed_at is None:
        return
    made = Draft(row, created=False)
    if row.first_failed_at == _owed_since(row):
        date_without_event(uow, made)
    else:
        made.set(first_failed_at=min([row.first_failed_at, *_failed_charges(uow, row)]))
    if not made.is_change:
        return
    record(uow, "invoice", "updated", made, customer, lines=stored_lines(uow, row))
    if row.subscription_processor_id is not None:
        uow.flush()
        derive_from_invoices(uow, customer, row.subscription_processor_id)


def _reckoned(uow: UnitOfWork, row: models.Invoice) -> datetime.datetime | None:
    # Later charges are of attempts that the invoice doesn't count yet.
    failed = [
        at for at in _failed_charges(uow, row) if row.fresh_to is not None and at <= row.fresh_to
    ]
    return min(failed) if failed and len(failed) >= row.attempt_count else _owed_since(row)


def _told(uow: UnitOfWork, row: models.Invoice) -> set[int]:
    """Return of which attempts the ledger tells that they failed."""
    entries = models.LedgerEntry
    statement = sa.select(entries.data).where(_of(row), entries.type.in_(_FAILURES))
    with uow.session.no_autoflush:
        return {data["attempt"] for data in uow.scalars(statement) if "attempt" in data}


def _may_be_first(uow: UnitOfWork, row: models.Invoice, at: datetime.datetime) -> bool:
    """Tell whether a failure may be the first: the ledger tells of none before, and didn't know of one.

    Otherwise it's of a customer who tried again. An invoice is often owed since the very second of its first
    attempt, so that its date alone doesn't say whether an event told it.
    """
    entries = models.LedgerEntry
    known: datetime.datetime | None = None
    with uow.session.no_autoflush:
        for entry in uow.scalars(sa.select(entries).where(_of(row)).order_by(entries.id)):
            told = entry.data.get("failed_at")
            if told is not None and datetime.datetime.fromisoformat(told) < at:
                return False
            if known is None and (entry.state or {}).get("first_failed_at") is not None:
                known = entry.recorded_at
    return known is None or at <= known + _SKEW


def _of(row: models.Invoice) -> sa.ColumnElement[bool]:
    entries = models.LedgerEntry
    return sa.and_(entries.subject_type == "invoice", entries.subject_id == str(row.id))


def _owed_since(row: models.Invoice) -> datetime.datetime | None:
    by_hand = row.collection_method == "send_invoice"
    return (row.due_date if by_hand else None) or row.finalized_at


def _failed_charges(uow: UnitOfWork, row: models.Invoice) -> c.Sequence[datetime.datetime]:
    charges = models.Charge
    statement = sa.select(charges.created).where(
        charges.processor == row.processor,
        charges.invoice_processor_id == row.processor_id,
        charges.is_failed,
        charges.created.is_not(None),
    )
    with uow.session.no_autoflush:
        return uow.scalars(statement).all()


def _waits_for_customer(uow: UnitOfWork, row: models.Invoice) -> bool:
    """Tell whether an invoice isn't paid only because its customer has to confirm that."""
    intents = models.PaymentIntent
    waiting = sa.select(intents).where(
        intents.processor == row.processor,
        intents.invoice_processor_id == row.processor_id,
        intents.requires_action,
    )
    return uow.scalars(waiting.limit(1)).first() is not None
