"""Looking again at a payment that went on elsewhere: in the customer's browser, or at the bank."""

from __future__ import annotations

import sqlalchemy as sa

from .. import mirror, models
from ..errors import NotFound
from ..processors import Answer
from ..state import current_state
from ..unit_of_work import Origin, UnitOfWork, current_actor, write
from .perform import seen, settle_session


def sync_payment(intent: models.PaymentIntent) -> models.PaymentIntent:
    """Fetch a payment, its invoice and that one's subscription, and write what the processor says.

    News that came in meanwhile wins over what was fetched.

    :raises ProcessorError: when the processor can't be asked; what was fetched until then is written.
    """
    settle_session()
    state = current_state()
    gateway = state.processor(intent.processor)
    customer_id, id = intent.customer_id, intent.id
    invoice = state.db.session.scalars(
        sa.select(models.Invoice).where(
            models.Invoice.processor == intent.processor,
            models.Invoice.processor_id == intent.invoice_processor_id,
        )
    ).one_or_none()
    before = seen(intent, invoice, invoice and invoice.subscription)
    state.db.session.rollback()
    for kind, processor_id in before:
        try:
            answer = gateway.fetch(kind, processor_id)
        except NotFound:
            continue

        def work(uow: UnitOfWork, answer: Answer = answer) -> None:
            mirror.write_answers(uow, uow.lock_customer(customer_id), [answer], before)

        write(work, origin=Origin(current_actor()))
    return state.db.session.get_one(models.PaymentIntent, id)
