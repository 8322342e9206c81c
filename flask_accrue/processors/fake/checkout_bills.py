"""The bill of what is bought once on a page: an invoice of its own, as the mounted pages make with Stripe."""

from __future__ import annotations

import typing as t

from .. import objects
from . import checkout_discounts as discounting
from . import checkout_ends, collection, documents, drafts, standing
from .transaction import Transaction


def draft(
    tx: Transaction,
    session: objects.CheckoutSession,
    metadata: t.Mapping[str, str],
    *,
    taxed: bool | None = None,
) -> objects.Invoice:
    """Draft the bill of a session: what is bought, less its discount, with tax and the customer's balance.

    :param taxed: whether tax is reckoned; ``None``: as the session says.

    :raises InvalidRequest: for what can't be sold or redeemed any more.
    """
    customer, currency = t.cast(str, session.customer), t.cast(str, session.currency)
    aside = tx.aside(session.processor_id)
    invoice = drafts.create(
        tx,
        customer,
        subscription_id=None,
        currency=currency,
        collection_method="charge_automatically",
        due_date=None,
        days_until_due=None,
        auto_advance=False,
        automatic_tax=aside["automatic_tax"] if taxed is None else taxed,
        description=aside["description"],
        pending_items="exclude",
        metadata=metadata,
    )
    lines = discounting.lines_of(tx, aside["items"])
    redeemed = discounting.redeem(tx, session, lines, aside["discounts"])
    if redeemed:
        # They take the place of the customer's own.
        tx.aside(invoice.processor_id)["discounts"] = [documents.write(one) for one in redeemed]
    for each in aside["items"]:
        invoice = drafts.add_item(
            tx,
            invoice.processor_id,
            customer=customer,
            amount=None,
            currency=None,
            price_id=each["price"],
            quantity=each.get("quantity"),
            description=None,
            tax_behavior=None,
            metadata={},
        )
    return invoice


def pay(
    tx: Transaction, bill: objects.Invoice, method: objects.PaymentMethod
) -> collection.Collected:
    """Finalize a bill, and collect what is left to pay from a card."""
    bill = collection.finalize(tx, bill)
    if bill.status == "paid":
        return collection.Collected(bill)
    return collection.collect(tx, bill, method, automatic=False)


def expire(tx: Transaction, session: objects.CheckoutSession) -> None:
    """Close a session whose time is over, and void the bill that waits for its payment."""
    bill = tx.peek(objects.Invoice, session.invoice)
    checkout_ends.expire(tx, session)
    if session.mode == "payment" and bill is not None and bill.status == "open":
        standing.dismiss(tx, bill, "void")
