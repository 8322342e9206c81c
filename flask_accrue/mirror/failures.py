"""When collecting an invoice failed first, from which grace is counted.

The event of the first attempt tells it. Where that was lost, or the invoice was adopted, its failed charges
do, if as many are known as there were attempts; else it's since when the invoice is owed. It's never a later
attempt, by which grace would begin anew. Whatever is told first, what tells it best stays.
"""

from __future__ import annotations

import collections.abc as c
import datetime
import typing as t

import sqlalchemy as sa

from .. import models
from ..unit_of_work import UnitOfWork
from .changes import Draft, record
from .lines import stored_lines
from .subscriptions import derive_from_invoices

#: How far the processor's events and its answers may be apart for one moment.
_SKEW: t.Final = datetime.timedelta(minutes=1)
#: Of which invoices it has to be found out again, with their customers.
_DATE: t.Final = "invoices to date"


def date_by_event(
    uow: UnitOfWork,
    made: Draft[models.Invoice],
    failed_at: datetime.datetime,
    attempt: int,
    seen: datetime.datetime | None,
) -> bool:
    """Note a failure that an event tells; return whether it's the first that is told of.

    :param attempt: how many attempts there had been by then.
    :param seen: until when it was known before that there had been one; ``None``: it wasn't.
    """
    row, known = made.row, made.row.first_failed_at
    if known is None:
        reckoned = _reckoned(uow, row) if attempt > 1 else None
        made.set(first_failed_at=min(failed_at, reckoned or failed_at))
        return True
    # A customer who tries again by hand doesn't count as another attempt, but is later than what was seen.
    is_first = attempt <= 1 and seen is not None and failed_at <= seen + _SKEW
    if is_first and _is_reckoned(uow, row):
        made.set(first_failed_at=failed_at)
        return True
    made.set(first_failed_at=min(failed_at, known))
    return False


def date_without_event(uow: UnitOfWork, made: Draft[models.Invoice]) -> None:
    """Date the first failure of an open invoice that was attempted, if no event has."""
    row = made.row
    if row.is_open and row.attempt_count and row.first_failed_at in (None, _owed_since(row)):
        reckoned = _reckoned(uow, row)
        if reckoned is not None:
            made.set(first_failed_at=reckoned)


def note_failed_charge(uow: UnitOfWork, customer: models.Customer, row: models.Charge) -> None:
    """Date the first failure of a charge's invoice by it, where only since when it's owed was known.

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
    if row is None or row.first_failed_at is None or row.first_failed_at != _owed_since(row):
        return
    made = Draft(row, created=False)
    date_without_event(uow, made)
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


def _is_reckoned(uow: UnitOfWork, row: models.Invoice) -> bool:
    """Tell whether it wasn't an event that dated an invoice's first failure."""
    known = row.first_failed_at
    return known == _owed_since(row) or known in _failed_charges(uow, row)


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
