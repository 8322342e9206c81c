"""How sessions that live here alone end: by what came of them; what waits for its payment is withdrawn."""

from __future__ import annotations

import typing as t
import uuid

import sqlalchemy as sa

from .. import mirror, models
from ..errors import InvalidState, ProcessorError
from ..operations import shortened
from ..origins import Origin, current_actor
from ..state import current_state
from ..unit_of_work import UnitOfWork, write
from . import current
from .endings import cancel
from .invoice_steps import void_invoice
from .mounted_sessions import again, over, write_session

R = t.TypeVar("R", bound=models.Mirrored)


def made_by(session: models.CheckoutSession) -> models.Mirrored | None:
    """Return what came of a session so far, if it's here."""
    return (
        _row(models.Subscription, session, session.subscription_processor_id)
        or _row(models.Invoice, session, session.invoice_processor_id)
        or _row(models.SetupIntent, session, session.setup_intent_processor_id)
    )


def settle(session: models.CheckoutSession, made: models.Mirrored) -> None:
    """Let a session stand as what came of it, which may have been made before it named the session."""
    session_id, customer_id, model, made_id = session.id, session.customer_id, type(made), made.id

    def work(uow: UnitOfWork) -> None:
        customer = uow.lock_customer(customer_id)
        now = uow.session.get_one(models.CheckoutSession, session_id, populate_existing=True)
        row = uow.session.get_one(model, made_id, populate_existing=True)
        mirror.settle_mounted(uow, customer, now, row)

    write(work, origin=Origin(current_actor()))


def expire(session: models.CheckoutSession) -> models.CheckoutSession:
    """Let nobody pay on its page any more; what waits to be paid is withdrawn.

    :raises InvalidState: with the code ``checkout_over`` when it was paid meanwhile.
    :raises ProcessorError: when what waits can't be withdrawn; the session stays as it is.
    """
    session_id = session.id
    withdraw(session)
    session = again(session_id)
    if session.is_complete:
        raise over(session)
    return write_session(session, status="expired") if session.is_open else session


def refuse_if_over(session_id: uuid.UUID) -> None:
    """Withdraw what was made while its session was closed, before it's paid.

    :raises InvalidState: with the code ``checkout_over``.
    """
    session = again(session_id)
    if session.is_open or session.is_complete:
        return
    withdraw(session)
    session = again(session_id)
    if not session.is_complete:
        raise over(session)


def withdraw(session: models.CheckoutSession) -> None:
    """Withdraw what waits for its payment. What was paid meanwhile completes the session instead."""
    session_id, made = session.id, made_by(session)
    try:
        if isinstance(made, models.Subscription) and made.is_incomplete:
            _end_subscription(session, made)
        elif isinstance(made, models.Invoice) and made.is_open:
            _void(made)
    except (ProcessorError, InvalidState) as error:
        if isinstance(error, ProcessorError) and not error.definite:
            raise
        if _waits(_looked_at(session_id)):
            raise
    else:
        if made is not None:
            settle(again(session_id), made)


def _end_subscription(session: models.CheckoutSession, made: models.Subscription) -> None:
    """End a subscription whose first payment waits.

    Its invoice goes first: the processor refuses to void what is paid, while it would end a subscription that
    was paid this moment.
    """
    bill = _row(models.Invoice, session, made.latest_invoice_processor_id)
    if bill is not None and bill.is_open:
        _void(bill)
    # With its first invoice gone the processor may have ended it.
    now = current.sync(made)
    if now is not None and now.is_incomplete:
        cancel(now, operation_id=_untried("cancel", f"subscription:{now.id}"))


def _looked_at(session_id: uuid.UUID) -> models.Mirrored | None:
    """Look at how that stands which came of a session, and let that stand as it does."""
    made = made_by(again(session_id))
    if isinstance(made, models.Subscription):
        bill = _row(models.Invoice, again(session_id), made.latest_invoice_processor_id)
        if bill is not None:
            current.sync(bill)
    made = None if made is None else current.sync(made)
    if made is not None:
        settle(again(session_id), made)
    return made


def _waits(made: models.Mirrored | None) -> bool:
    match made:
        case models.Subscription():
            return made.is_incomplete
        case models.Invoice():
            return made.is_open
    return False


def _void(bill: models.Invoice) -> None:
    void_invoice(bill, operation_id=_untried("void_invoice", f"invoice:{bill.id}"))


def _untried(kind: str, subject: str) -> str:
    """Return the id of a step, which is another one after each try that was refused.

    One whose answer was lost is asked for again, though: it's the same try.
    """
    tried = models.Operation
    refused = current_state().db.session.scalar(
        sa.select(sa.func.count())
        .select_from(tried)
        .where(tried.kind == kind, tried.subject == subject, tried.state == "refused")
    )
    return shortened(f"checkout:{subject}:{kind}:{refused}")


def _row(model: type[R], session: models.CheckoutSession, id: str | None) -> R | None:
    rows: t.Any = model
    if id is None:
        return None
    found: R | None = (
        current_state()
        .db.session.scalars(
            sa.select(rows).where(rows.processor == session.processor, rows.processor_id == id)
        )
        .one_or_none()
    )
    return found
