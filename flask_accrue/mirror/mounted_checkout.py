"""Sessions of mounted pages that the processor knows nothing of: they stand as what came of them stands.

That carries the session's id in its metadata. So whoever tells of it, the customer who comes back or an
event, brings the session to its end in the same transaction.
"""

from __future__ import annotations

import typing as t

from .. import models
from ..processors import objects
from ..unit_of_work import UnitOfWork
from .changes import Draft, record

#: The key of the metadata, of what came of a mounted page, that holds the session's id.
CHECKOUT_KEY: t.Final = "accrue_checkout"

_VERBS: t.Final = {"complete": "completed", "expired": "expired"}


def follow_mounted(
    uow: UnitOfWork,
    customer: models.Customer,
    obj: objects.ProcessorObject,
    row: models.Mirrored,
) -> None:
    """Let the session that an object came of stand as that does, if it's one of this customer's."""
    name = obj.metadata.get(CHECKOUT_KEY)
    if name is None:
        return
    session = uow.find(models.CheckoutSession, customer.processor, name)
    if session is not None and session.customer_id == customer.id:
        settle_mounted(uow, customer, session, row)


def settle_mounted(
    uow: UnitOfWork,
    customer: models.Customer,
    session: models.CheckoutSession,
    row: models.Mirrored,
) -> None:
    """Write how a session stands by what came of it. One that is complete stays so; what was paid although
    its session was closed meanwhile, was paid. What wasn't is named there, to be withdrawn."""
    changes = _standing(session, row)
    if not session.is_complete:
        if not session.is_open and changes.get("status") != "complete":
            changes.pop("status", None)
        change_mounted(uow, customer, session, **changes)


def change_mounted(
    uow: UnitOfWork,
    customer: models.Customer,
    session: models.CheckoutSession,
    raw: dict[str, t.Any] | None = None,
    **changes: t.Any,
) -> None:
    """Change a session, read under the lock.

    :param raw: what is due in parts, and what is taken off by.
    """
    made = Draft(session, created=False)
    made.set(**changes)
    if raw is not None:
        session.raw = raw
    if made.is_change:
        verb = _VERBS.get(made.after.get("status", ""), "updated")
        record(uow, "checkout_session", verb, made, customer)


def _standing(session: models.CheckoutSession, row: models.Mirrored) -> dict[str, t.Any]:
    paid = "paid" if session.amount_total else "no_payment_required"
    complete = {"status": "complete", "payment_status": paid}
    match row:
        case models.Subscription():
            made = {
                "subscription_processor_id": row.processor_id,
                "invoice_processor_id": row.latest_invoice_processor_id,
            }
            if row.is_ended:
                return {**made, "status": "expired"}
            return made if row.is_incomplete else {**made, **complete}
        case models.Invoice() if not row.is_draft:
            made = {"invoice_processor_id": row.processor_id}
            if row.is_void:
                return {**made, "status": "expired"}
            return {**made, **complete} if row.is_paid else made
        case models.SetupIntent() if not row.is_canceled:
            made = {"setup_intent_processor_id": row.processor_id}
            return {**made, **complete} if row.is_succeeded else made
    return {}
