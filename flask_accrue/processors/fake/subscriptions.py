"""How a subscription begins."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import typing as t

from .. import objects
from . import agenda, collection, customers, invoices, items, labels, payment_methods
from . import discounts as giving
from .refusals import check_integer, refused
from .transaction import Transaction

COLLECTION_METHODS: t.Final = ("charge_automatically", "send_invoice")


def create(
    tx: Transaction,
    customer_id: str,
    *,
    chosen: c.Sequence[c.Mapping[str, t.Any]],
    trial_end: int | None,
    payment_method: str | None,
    collection_method: str,
    billing_cycle_anchor: int | None,
    metadata: c.Mapping[str, str],
    discounts: c.Sequence[c.Mapping[str, str]] | None = None,
    at_once: bool = True,
    automatic_tax: bool = False,
    cancel_at: int | None = None,
    currency: str | None = None,
    days_until_due: int | None = None,
    collect: bool = True,
) -> tuple[objects.Subscription, collection.Collected]:
    """Subscribe a customer, bill the first period and collect it; see the contract.

    :param collect: else the first invoice stays a draft, for a step that is undone.
    :param at_once: else the first invoice is a draft for an hour, and the subscription runs meanwhile.
    :raises NotFound: for a customer or price that isn't there.
    :raises InvalidRequest: for items that can't be sold like that, or when there is no card to charge.
    """
    customer = customers.living(tx, customer_id)
    if payment_method is not None:
        payment_methods.of_customer(tx, customer, payment_method, "default_payment_method")
    check_collection(collection_method, days_until_due)
    made = tuple(
        items.new_item(tx, items.sellable(tx, each.get("price")), each.get("quantity"))
        for each in chosen
    )
    price = items.check_together(tx, made)
    items.check_currency(price.currency, currency, "currency")
    customer = customers.bill_in(tx, customer, price.currency)
    subscription = objects.Subscription(
        processor_id=tx.new_id("sub"),
        created=tx.now,
        customer=customer_id,
        status="incomplete",
        items=made,
        currency=price.currency,
        collection_method=collection_method,
        start_date=tx.now,
        default_payment_method=payment_method,
        discounts=(),
        automatic_tax=automatic_tax,
        metadata=labels.merged({}, metadata),
    )
    leaves = items.moment(cancel_at, "cancel_at")
    if leaves is not None:
        if leaves <= tx.now:
            raise refused("cancel_at must be in the future.", "cancel_at")
        subscription = dataclasses.replace(subscription, cancel_at=leaves, canceled_at=tx.now)
    if discounts:
        subscription = giving.give(tx, subscription, discounts)
    ends = items.moment(trial_end, "trial_end")
    if ends is not None and ends <= tx.now:
        raise refused("trial_end must be in the future.", "trial_end")
    subscription, whole = _with_first_period(
        tx, subscription, price, ends, items.moment(billing_cycle_anchor, "billing_cycle_anchor")
    )
    subscription = _announce(tx, subscription, at_once)
    if days_until_due is not None:
        tx.aside(subscription.processor_id)["days_until_due"] = days_until_due
    return _bill_first(tx, subscription, customer, whole, at_once, collect)


def check_collection(collection_method: t.Any, days_until_due: t.Any) -> None:
    """Refuse an unknown way to collect invoices, and days to pay those that aren't sent."""
    if collection_method not in COLLECTION_METHODS:
        raise refused(
            f"collection_method is one of {', '.join(COLLECTION_METHODS)}, "
            f"not {collection_method!r}.",
            "collection_method",
        )
    if days_until_due is None:
        return
    if collection_method != "send_invoice":
        raise refused("days_until_due is for invoices that are sent.", "days_until_due")
    if check_integer(days_until_due, "days_until_due") < 0:
        raise refused(
            "days_until_due is at least 0.", "days_until_due", "parameter_invalid_integer"
        )


def _with_first_period(
    tx: Transaction,
    subscription: objects.Subscription,
    price: objects.Price,
    trial_end: datetime.datetime | None,
    anchor: datetime.datetime | None,
) -> tuple[objects.Subscription, items.Period]:
    """Return the subscription with its first period, and the whole period of which that is the end."""
    if anchor is not None and anchor <= tx.now:
        raise refused("billing_cycle_anchor must be in the future.", "billing_cycle_anchor")
    natural = items.period_at(tx, price, tx.now, tx.now)
    if anchor is not None and trial_end is None and anchor > natural[1]:
        raise refused(
            "billing_cycle_anchor can't be later than the end of the first natural period, "
            f"{natural[1]:%Y-%m-%d %H:%M:%S} UTC.",
            "billing_cycle_anchor",
        )
    anchor = anchor or trial_end or tx.now
    whole = items.period_at(tx, price, anchor, tx.now)
    period = (tx.now, trial_end or whole[1])
    return dataclasses.replace(
        subscription,
        items=items.with_period(subscription.items, period),
        current_period_start=period[0],
        current_period_end=period[1],
        billing_cycle_anchor=anchor,
        trial_start=tx.now if trial_end else None,
        trial_end=trial_end,
    ), whole


def _announce(
    tx: Transaction, subscription: objects.Subscription, at_once: bool
) -> objects.Subscription:
    """Write the event of the beginning, before anything is paid."""
    if subscription.trial_end is not None:
        subscription = dataclasses.replace(subscription, status="trialing")
    elif subscription.collection_method == "send_invoice" or not at_once:
        subscription = dataclasses.replace(subscription, status="active")
    # It names its first invoice from the beginning: no other event may ever do so.
    subscription = dataclasses.replace(subscription, latest_invoice=tx.new_id("in"))
    tx.save(subscription, "customer.subscription.created")
    if subscription.status == "trialing":
        agenda.announce_trial_end(tx, subscription)
    return subscription


def _bill_first(
    tx: Transaction,
    subscription: objects.Subscription,
    customer: objects.Customer,
    whole: items.Period,
    at_once: bool,
    collect: bool,
) -> tuple[objects.Subscription, collection.Collected]:
    subscription_id = subscription.processor_id
    period = (tx.now, t.cast(datetime.datetime, subscription.current_period_end))
    if subscription.status == "trialing":
        lines = [items.trial_line(tx, subscription_id, each, period) for each in subscription.items]
    else:
        part = None if whole[0] == tx.now else whole
        lines = [
            items.bill(tx, subscription_id, each, period, whole=part) for each in subscription.items
        ]
    invoice = invoices.draft(
        tx,
        customer,
        currency=t.cast(str, subscription.currency),
        reason="subscription_create",
        lines=lines,
        period=(tx.now, tx.now),
        subscription=subscription_id,
        collection_method=subscription.collection_method,
        invoice_id=subscription.latest_invoice,
    )
    begun = subscription
    subscription = giving.billed(tx, begun, invoice)
    is_told = subscription == begun or subscription.status == "incomplete"
    tx.save(subscription, *(() if is_told else ("customer.subscription.updated",)))
    agenda.plan(tx, subscription)
    if not collect:
        return subscription, collection.Collected(invoice)
    waits = subscription.collection_method == "send_invoice" or not at_once
    if waits and subscription.status != "trialing":
        tx.plan(invoice.processor_id, "finalize", tx.now + invoices.DRAFT_FOR)
        return subscription, collection.Collected(invoice)
    if invoice.amount_due > 0 and collection.default_method(tx, invoice) is None:
        raise refused(
            "This customer has no payment method, so there is nothing to charge. Add one first, or "
            "begin with a trial.",
            "default_payment_method",
            "resource_missing",
        )
    collected = collection.issue(tx, invoice)
    return tx.get(objects.Subscription, subscription_id), collected
