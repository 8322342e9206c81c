"""One row at a time, as the processor has it now."""

from __future__ import annotations

import typing as t
import uuid

from .. import clock, mirror, models
from ..errors import AuthenticationError, InvalidRequest, NotFound
from ..gateways import gateway_of
from ..mirror import Source, Watermark
from ..origins import Origin, current_actor
from ..processors import Answer, Processor
from ..state import current_state
from ..unit_of_work import UnitOfWork, write
from .perform import settle_session

R = t.TypeVar("R", bound=models.Mirrored)

_FETCHES: t.Final = 3


class ChangedMeanwhile(Exception):
    """The row was written while the processor was asked, and which is newer can't be told."""


def sync(row: R) -> R | None:
    """Fetch what a mirrored row is about, and write what the processor says.

    News that come in meanwhile win over what was fetched.

    :returns: the row as it is now, or ``None`` when the processor no longer has it.
    :raises InvalidRequest: for something that isn't a mirrored row.
    :raises ProcessorError: when the processor can't be asked.
    """
    kind = next((name for name, model in models.MIRRORED.items() if type(row) is model), None)
    if kind is None:
        raise InvalidRequest(
            f"A {type(row).__name__} isn't mirrored from a processor, so it can't be synced.",
            code="parameter_invalid",
            param="row",
        )
    if isinstance(row, models.CheckoutSession) and row.is_kept_here:
        return row
    settle_session()
    session = current_state().db.session
    gateway = gateway_of(row)
    model, id, processor_id = type(row), row.id, row.processor_id
    for _ in range(_FETCHES):
        seen, customer_id = mirror.watermark(row), payer_id(row)
        session.rollback()
        answer = fetch_now(gateway, kind, processor_id)
        try:
            write(
                lambda uow, customer_id=customer_id, answer=answer, seen=seen: write_now(  # type: ignore[misc]
                    uow, gateway, kind, processor_id, customer_id, answer, seen
                ),
                origin=Origin(current_actor()),
            )
            break
        except ChangedMeanwhile:
            row = session.get_one(model, id, populate_existing=True)
    row = session.get_one(model, id, populate_existing=True)
    return None if mirror.is_gone(row) else row


def payer_id(row: models.Mirrored) -> uuid.UUID | None:
    """Return our id of the customer that a row belongs to; ``None``: it's of the catalog."""
    return row.id if isinstance(row, models.Customer) else getattr(row, "customer_id", None)


def fetch_now(gateway: Processor, kind: str, processor_id: str) -> Answer | None:
    """Return how an object stands, or ``None`` when there is no such thing."""
    try:
        return gateway.fetch(kind, processor_id)
    except NotFound:
        return None
    except AuthenticationError as error:
        # An account that has let go isn't the platform's to look at any more.
        if kind != "connect_account" or error.code != "account_invalid":
            raise
        return None


def write_now(
    uow: UnitOfWork,
    gateway: Processor,
    kind: str,
    processor_id: str,
    customer_id: uuid.UUID | None,
    answer: Answer | None,
    seen: Watermark,
) -> None:
    """Write how an object that we have stands, also that it's gone.

    :raises ChangedMeanwhile: when the row isn't as it was before the processor was asked.
    """
    customer = None
    if customer_id is None:
        uow.lock_system(processor_id)
    else:
        customer = uow.lock_customer(customer_id)
    row = customer
    if kind != "customer":
        model = models.MIRRORED[kind]
        row = uow.find(model, gateway.name, processor_id, gateway.account)  # type: ignore[assignment]
    if row is None:
        return
    now = clock.now()
    source = Source(now, now) if answer is None else Source.of_answer(answer)
    if not mirror.may_write(row, seen, source):
        raise ChangedMeanwhile
    if answer is None:
        mirror.mark_gone(uow, customer, row, source)
    elif customer is None:
        mirror.write_catalog(uow, gateway.name, answer.main, source, gateway.account)
    else:
        mirror.write(uow, customer, answer.main, source, looked_up=True)
