"""Sessions that live here alone: how one was asked for, and writing what changes of it."""

from __future__ import annotations

import typing as t

from .. import mirror, models
from ..origins import Origin, current_actor
from ..state import current_state
from ..unit_of_work import UnitOfWork, write
from .customers import OPERATION_KEY
from .perform import settle_session

DISCOUNTS: t.Final = ("coupon", "promotion_code")


def taken_off_at(session: models.CheckoutSession) -> dict[str, str]:
    """Return what is taken off at a session, as it's sent."""
    return {name: session.raw[name] for name in DISCOUNTS if session.raw.get(name)}


def asked(session: models.CheckoutSession) -> dict[str, t.Any]:
    """Return what the session was made with, as it was frozen."""
    made = current_state().db.session.get_one(models.Operation, session.meta[OPERATION_KEY])
    arguments: dict[str, t.Any] = made.request["arguments"]
    return arguments


def extra(given: dict[str, t.Any]) -> dict[str, str]:
    """Return the host's metadata for what comes of a session."""
    made: dict[str, str] = given["options"].get("made_metadata", {})
    return {key: value for key, value in made.items() if key != mirror.NAME_KEY}


def again(id: t.Any) -> models.CheckoutSession:
    """Return a session as its row is now."""
    return current_state().db.session.get_one(models.CheckoutSession, id, populate_existing=True)


def write_session(session: models.CheckoutSession, **changes: t.Any) -> models.CheckoutSession:
    """Change a session that is open and waits for nothing, as it is under the lock."""
    id, customer_id = session.id, session.customer_id
    settle_session()

    def work(uow: UnitOfWork) -> None:
        customer = uow.lock_customer(customer_id)
        now = uow.session.get_one(models.CheckoutSession, id, populate_existing=True)
        # It may have been completed since it was looked at.
        if now.is_open and ("status" in changes or not now.waits):
            mirror.change_mounted(uow, customer, now, **changes)

    write(work, origin=Origin(current_actor()))
    return again(id)
