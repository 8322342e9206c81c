"""What is due at once on a session: what its completion would bill, let happen and undone."""

from __future__ import annotations

import dataclasses
import typing as t

from ...errors import ProcessorError
from .. import objects
from ..checkout_amounts import amounts_of
from . import checkout_bills, subscriptions, taxes
from . import checkout_discounts as discounting
from .transaction import Transaction


def priced(tx: Transaction, session: objects.CheckoutSession) -> objects.CheckoutSession:
    """Return a session with what is due on it now: discounts, tax and the customer's balance included.

    :raises ProcessorError: when it can't be completed as it is.
    """
    if session.mode == "setup":
        return session
    aside = tx.aside(session.processor_id)
    # What can't be redeemed is refused here, by the names of a session's own parameters.
    discounting.check(tx, session, discounting.lines_of(tx, aside["items"]), aside["discounts"])
    customer = tx.get(objects.Customer, session.customer)
    needs_address = aside["automatic_tax"] and not taxes.is_located(customer)
    taxed = aside["automatic_tax"] and not needs_address
    bill = tx.imagine(lambda other: _bill(other, session, taxed))
    amounts: dict[str, t.Any] = amounts_of(bill)
    [taken_off] = aside["discounts"] or [{}]
    return dataclasses.replace(
        session,
        amount_total=bill.amount_due,
        needs_address=needs_address,
        coupon=taken_off.get("coupon"),
        promotion_code=taken_off.get("promotion_code"),
        **amounts,
    )


def as_of_now(tx: Transaction, session: objects.CheckoutSession) -> objects.CheckoutSession:
    """Return an open session with what is due on it now, any other as it is."""
    made = session.subscription or session.payment_intent
    if session.status != "open" or made is not None:
        return session
    try:
        return priced(tx, session)
    except ProcessorError:
        # Its completion says what is wrong.
        return session


def _bill(tx: Transaction, session: objects.CheckoutSession, taxed: bool) -> objects.Invoice:
    if session.mode == "payment":
        return checkout_bills.draft(tx, session, {}, taxed=taxed)
    aside = tx.aside(session.processor_id)
    _, collected = subscriptions.create(
        tx,
        t.cast(str, session.customer),
        chosen=aside["items"],
        trial_end=aside["trial_end"],
        payment_method=None,
        collection_method="charge_automatically",
        billing_cycle_anchor=None,
        metadata={},
        discounts=aside["discounts"],
        automatic_tax=taxed,
        collect=False,
    )
    return collected.invoice
