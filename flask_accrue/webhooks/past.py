"""What is to be kept of old news, though what is here is newer."""

from __future__ import annotations

from .. import mirror, models
from ..processors import ProcessorEvent, objects
from ..unit_of_work import UnitOfWork


def note_past(
    uow: UnitOfWork,
    customer: models.Customer | None,
    row: models.Mirrored | None,
    event: ProcessorEvent,
    *,
    written: bool = False,
) -> None:
    """Keep what only old news tell: a failure may be the earliest, from which grace is counted, and an item
    that is gone may stand on an invoice, and a discount that is gone was redeemed.

    :param written: the event's object was, with its failure.
    """
    if customer is None:
        return
    told = event.object
    if isinstance(told, objects.Subscription):
        mirror.note_redemptions(uow, customer, told.discounts, told.processor_id)
    elif isinstance(told, objects.Customer):
        mirror.note_redemptions(uow, customer, told.discounts)
    if event.payment_failed and isinstance(row, models.Invoice) and not written:
        mirror.note_failure(uow, customer, row, event.created, attempt_of(event) or 0)
    if isinstance(row, models.Subscription) and isinstance(event.object, objects.Subscription):
        mirror.note_past_items(uow, row, event.object.items, event.created, customer.account)


def attempt_of(event: ProcessorEvent) -> int | None:
    """Return how many attempts there had been to collect an invoice when an event happened."""
    return event.object.attempt_count if isinstance(event.object, objects.Invoice) else None
