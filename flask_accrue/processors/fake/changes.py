"""How a running subscription is changed, and what is billed for it."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import typing as t

from ...errors import CardError
from .. import objects
from . import (
    agenda,
    collection,
    customers,
    discounts,
    early_ends,
    endings,
    invoices,
    item_changes,
    items,
    labels,
    lifecycle,
    payment_methods,
    schedules,
    taxes,
)
from .refusals import check_known, refused
from .transaction import Transaction

PRORATIONS: t.Final = ("create_prorations", "none", "always_invoice")
PAUSES: t.Final = ("void", "keep_as_draft", "mark_uncollectible")
BEHAVIORS: t.Final = ("allow_incomplete", "error_if_incomplete")

#: What may be changed at all, and what while the first payment hasn't come
#: (https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses).
CHANGEABLE: t.Final = frozenset(
    {
        "items", "proration", "proration_date", "trial_end", "cancel_at_period_end", "cancel_at",
        "pause", "resume", "payment_behavior", "default_payment_method", "metadata", "discounts",
        "automatic_tax",
    }
)  # fmt: skip
WHILE_INCOMPLETE: t.Final = frozenset({"default_payment_method", "metadata"})
WHEN_ENDED: t.Final = frozenset({"metadata"})

# What may change the bill of the running period.
_BILLED: t.Final = early_ends.ENDS | {"items", "trial_end"}


def update(
    tx: Transaction, subscription_id: str, changes: c.Mapping[str, t.Any]
) -> tuple[objects.Subscription, collection.Collected | None]:
    """Change a subscription; see the contract for what ``changes`` may hold.

    :raises InvalidRequest: when its status, or what is asked, doesn't allow it.
    :raises CardError: with ``error_if_incomplete``, when the payment for the change isn't made.
    """
    subscription = tx.get(objects.Subscription, subscription_id, "subscription")
    _check(subscription, changes)
    _leave_end_to_schedule(tx, subscription, changes)
    changed = _with_settings(tx, subscription, changes)
    changed = _with_end(changed, changes, tx.now)
    if "pause" in changes:
        changed = _with_pause(changed, changes["pause"])
    collected = None
    if changes.get("resume"):
        if subscription.status != "paused":
            raise refused(
                f"Only a subscription that is paused can be resumed; this one is {subscription.status}.",
                "resume",
                "subscription_unexpected_state",
            )
        return _resume(tx, changed)
    if changes.keys() & _BILLED:
        changed, collected = item_changes.apply(tx, subscription, changed, changes)
        schedules.follow(tx, changed)
    else:
        tx.save(changed, "customer.subscription.updated")
        agenda.plan(tx, changed)
        if "automatic_tax" in changes:
            schedules.follow(tx, changed)
    if collected is not None and changes.get("payment_behavior") == "error_if_incomplete":
        _insist(collected)
    return tx.get(objects.Subscription, subscription_id), collected


def _check(subscription: objects.Subscription, changes: c.Mapping[str, t.Any]) -> None:
    allowed = CHANGEABLE
    if subscription.status in agenda.ENDED:
        allowed = WHEN_ENDED
    elif subscription.status == "incomplete":
        allowed = WHILE_INCOMPLETE
    check_known(changes, CHANGEABLE, "subscription")
    for name in changes:
        if name not in allowed and name not in ("payment_behavior", "proration"):
            raise refused(
                f"A subscription that is {subscription.status} can only have its "
                f"{' and '.join(sorted(allowed))} changed, not {name}.",
                name,
                "subscription_unexpected_state",
            )
    _one_of(changes, "proration", PRORATIONS)
    _one_of(changes, "payment_behavior", BEHAVIORS)
    if changes.get("cancel_at_period_end") and changes.get("cancel_at") is not None:
        raise refused("Give either cancel_at or cancel_at_period_end, not both.", "cancel_at")


def _leave_end_to_schedule(
    tx: Transaction, subscription: objects.Subscription, changes: c.Mapping[str, t.Any]
) -> None:
    schedule = tx.aside(subscription.processor_id).get("schedule")
    if schedule is not None and changes.keys() & {"cancel_at", "cancel_at_period_end"}:
        raise refused(
            f"The subscription is managed by the schedule {schedule!r}, which decides when it ends. "
            "Change or release the schedule instead.",
            "cancel_at",
        )


def _one_of(changes: c.Mapping[str, t.Any], name: str, known: c.Sequence[str]) -> None:
    if name in changes and changes[name] not in known:
        raise refused(f"{name} is one of {', '.join(known)}, not {changes[name]!r}.", name)


def _with_settings(
    tx: Transaction, subscription: objects.Subscription, changes: c.Mapping[str, t.Any]
) -> objects.Subscription:
    if "metadata" in changes:
        merged = labels.merged(subscription.metadata, changes["metadata"])
        subscription = dataclasses.replace(subscription, metadata=merged)
    if "default_payment_method" in changes:
        method = changes["default_payment_method"]
        if method is not None:
            customer = customers.living(tx, subscription.customer)
            payment_methods.of_customer(tx, customer, method, "default_payment_method")
        subscription = dataclasses.replace(subscription, default_payment_method=method)
    if "discounts" in changes:
        subscription = discounts.give(tx, subscription, changes["discounts"])
    if "automatic_tax" in changes:
        if not isinstance(changes["automatic_tax"], bool):
            raise refused("automatic_tax[enabled] is a boolean.", "automatic_tax[enabled]")
        if changes["automatic_tax"]:
            taxes.require_location(tx.get(objects.Customer, subscription.customer))
        subscription = dataclasses.replace(subscription, automatic_tax=changes["automatic_tax"])
    return subscription


def _with_end(
    subscription: objects.Subscription, changes: c.Mapping[str, t.Any], now: datetime.datetime
) -> objects.Subscription:
    """Return the subscription with the end that was asked for.

    As at Stripe, the end of the period is also written as ``cancel_at``, and ``canceled_at`` says
    when it was asked for.
    """
    if changes.get("cancel_at_period_end"):
        return dataclasses.replace(
            subscription,
            cancel_at_period_end=True,
            cancel_at=subscription.current_period_end,
            canceled_at=now,
        )
    if changes.get("cancel_at") is not None:
        moment = items.moment(changes["cancel_at"], "cancel_at")
        assert moment is not None
        if moment <= now:
            raise refused("cancel_at must be in the future.", "cancel_at")
        return dataclasses.replace(
            subscription, cancel_at_period_end=False, cancel_at=moment, canceled_at=now
        )
    takes_back = "cancel_at" in changes or (
        "cancel_at_period_end" in changes and subscription.cancel_at_period_end
    )
    if takes_back:
        return dataclasses.replace(
            subscription, cancel_at_period_end=False, cancel_at=None, canceled_at=None
        )
    return subscription


def _with_pause(
    subscription: objects.Subscription, pause: c.Mapping[str, t.Any] | None
) -> objects.Subscription:
    if pause is None:
        return dataclasses.replace(subscription, pause_behavior=None, pause_resumes_at=None)
    if pause.get("behavior") not in PAUSES:
        raise refused(
            f"A pause's behavior is one of {', '.join(PAUSES)}, not {pause.get('behavior')!r}.",
            "pause_collection[behavior]",
        )
    return dataclasses.replace(
        subscription,
        pause_behavior=pause["behavior"],
        pause_resumes_at=items.moment(pause.get("resumes_at"), "pause_collection[resumes_at]"),
    )


def _resume(
    tx: Transaction, subscription: objects.Subscription
) -> tuple[objects.Subscription, collection.Collected]:
    """Take up a subscription that is ``paused`` since its trial ended without a card; bill it now.

    Until that is paid it stays paused (https://docs.stripe.com/api/subscriptions/resume).
    """
    id, aside = subscription.processor_id, tx.aside(subscription.processor_id)
    before = tx.peek(objects.Invoice, aside.get("resumption"))
    if before is not None and before.status in invoices.UNPAID:
        invoices.dismiss(tx, before, "void")
    resumed = dataclasses.replace(
        subscription, billing_cycle_anchor=tx.now, current_period_end=tx.now
    )
    invoice = lifecycle.renew(tx, resumed)
    aside["resumption"] = invoice.processor_id
    collected = collection.issue(tx, invoice)
    return tx.get(objects.Subscription, id), collected


def _insist(collected: collection.Collected) -> None:
    """Refuse a change whose payment wasn't made; the step is then undone as a whole."""
    intent = collected.intent
    if collected.is_paid or intent is None or collected.invoice.collection_method == "send_invoice":
        return
    if intent.status == "requires_action":
        raise CardError(
            "The change needs a payment that the customer has to confirm; nothing was changed.",
            code="subscription_payment_intent_requires_action",
        )
    if intent.error_code is not None:
        raise payment_methods.refusal(intent.error_code, intent.error_decline_code)
    raise refused(
        "This customer has no payment method, so the change can't be paid; nothing was changed.",
        "default_payment_method",
        "resource_missing",
    )


def cancel(
    tx: Transaction, subscription_id: str, *, invoice_now: bool, prorate: bool
) -> tuple[objects.Subscription, collection.Collected | None]:
    """End a subscription now, and bill at once what waits for an invoice if that is asked for."""
    ended, last = endings.cancel_now(tx, subscription_id, invoice_now=invoice_now, prorate=prorate)
    return ended, None if last is None else collection.issue(tx, last)
