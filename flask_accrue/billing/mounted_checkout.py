"""Sessions of mounted pages with a processor that has pages of its own, and knows nothing of these.

Such a session lives here alone; what comes of it is a subscription as any other.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .. import clock, mirror, models
from ..errors import ActionRequired, CardError, InvalidRequest, InvalidState
from ..operations import is_known, shortened
from ..operations import operation_id as settled_id
from ..origins import Origin, current_actor
from ..processors import Answer, objects
from ..state import current_state
from ..unit_of_work import UnitOfWork, write
from . import current
from .checkout_options import Asked, wrong
from .customers import OPERATION_KEY
from .perform import seen, settle_session
from .subscriptions import subscribe, subscription

#: What only the processor's own page does.
_ELSEWHERE: t.Final = (
    "promotion_code",
    "allow_promotion_codes",
    "automatic_tax",
    "tax_id_collection",
    "customer_update",
    "billing_address_collection",
)


def check(asked: Asked) -> None:
    """Refuse what only the processor's own page does.

    :raises InvalidRequest: naming it.
    """
    if asked.mode != "subscription":
        raise wrong("With this processor a mounted page only sells subscriptions.", "mode")
    for name in _ELSEWHERE:
        if asked.options.get(name):
            raise wrong(f"With this processor a mounted page knows no {name}.", name)


def complete(
    session: models.CheckoutSession,
    payment_method: models.PaymentMethod | None,
    name: str,
    operation_id: str | None,
) -> models.CheckoutSession:
    """Subscribe the customer as the session asks.

    :raises CardError: when the bank declines; the subscription waits then, and the session for it.
    :raises ActionRequired: when the customer has to confirm the payment; the session stays open.
    """
    id = settled_id(operation_id, "complete_checkout_session", f"checkout_session:{session.id}")
    if session.is_complete and is_known(shortened(f"{id}:subscribe")):
        return session
    if not session.is_open:
        raise InvalidState(f"This checkout is {session.status}.", code="checkout_over")
    given = _asked(session)
    options = given["options"]
    if payment_method is None and options.get("payment_method_collection") != "if_required":
        raise InvalidRequest(
            "This page needs a card.", code="payment_method_required", param="payment_method"
        )
    payer, session_id = session.customer, session.id
    own = (mirror.NAME_KEY,)
    try:
        made = subscribe(
            payer,
            items={item["price"]: item.get("quantity") for item in given["items"]},
            name=name,
            trial=clock.from_unix(options.get("trial_end")),
            payment_method=payment_method,
            coupon=options.get("coupon"),
            metadata={
                key: value
                for key, value in options.get("made_metadata", {}).items()
                if key not in own
            },
            operation_id=shortened(f"{id}:subscribe"),
        )
    except (ActionRequired, CardError):
        waits = subscription(payer, name)
        if waits is not None and waits.is_incomplete:
            _write(_again(session_id), **_came_of(waits))
        raise
    return _finish(_again(session_id), made)


def look(session: models.CheckoutSession) -> models.CheckoutSession:
    """Look at how the subscription stands that an open session waits for."""
    made = _subscription_of(session)
    if not session.is_open:
        return session
    if made is None:
        is_over = session.expires_at is not None and session.expires_at <= clock.now()
        return expire(session) if is_over else session
    session_id = session.id
    made = current.sync(made) or made
    session = _again(session_id)
    if made.is_ended:
        return expire(session)
    return session if made.is_incomplete else _finish(session, made)


def expire(session: models.CheckoutSession) -> models.CheckoutSession:
    """Let nobody pay on its page any more."""
    return _write(session, status="expired")


def _finish(session: models.CheckoutSession, made: models.Subscription) -> models.CheckoutSession:
    paid = "paid" if session.amount_total else "no_payment_required"
    return _write(session, status="complete", payment_status=paid, **_came_of(made))


def _came_of(made: models.Subscription) -> dict[str, str | None]:
    return {"subscription": made.processor_id, "invoice": made.latest_invoice_processor_id}


def _asked(session: models.CheckoutSession) -> dict[str, t.Any]:
    """Return what the session was made with, as it was frozen."""
    made = current_state().db.session.get_one(models.Operation, session.meta[OPERATION_KEY])
    arguments: dict[str, t.Any] = made.request["arguments"]
    return arguments


def _subscription_of(session: models.CheckoutSession) -> models.Subscription | None:
    rows = models.Subscription
    return (
        current_state()
        .db.session.query(rows)
        .filter(
            rows.processor == session.processor,
            rows.processor_id == (session.subscription_processor_id or ""),
        )
        .one_or_none()
    )


def _again(id: t.Any) -> models.CheckoutSession:
    return current_state().db.session.get_one(models.CheckoutSession, id, populate_existing=True)


def _write(session: models.CheckoutSession, **changes: t.Any) -> models.CheckoutSession:
    stands = objects.CheckoutSession(
        processor_id=session.processor_id,
        created=session.created,
        customer=session.customer.processor_id,
        mode=session.mode,
        status=session.status,
        payment_status=session.payment_status,
        currency=session.currency,
        amount_total=session.amount_total,
        subscription=session.subscription_processor_id,
        invoice=session.invoice_processor_id,
        client_reference_id=session.client_reference_id,
        expires_at=session.expires_at,
        metadata=dict(session.meta),
    )
    before, id, customer_id = seen(session), session.id, session.customer_id
    now = max(each for each in (clock.now(), session.fresh_to) if each is not None)
    changed = dataclasses.replace(stands, **changes)
    answer = Answer(objects=(changed,), fresh_from=now, fresh_to=now)
    settle_session()

    def work(uow: UnitOfWork) -> None:
        mirror.write_answers(uow, uow.lock_customer(customer_id), [answer], before)

    write(work, origin=Origin(current_actor()))
    return _again(id)
