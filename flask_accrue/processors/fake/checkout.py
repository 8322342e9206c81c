"""Sessions on which a customer pays, subscribes or leaves a card; the page itself is a mounted one.

As with Stripe's page, a card that is refused changes nothing, and the session stays open for another.
"""

from __future__ import annotations

import collections.abc as c
import datetime
import typing as t

from ...errors import InvalidRequest
from .. import objects
from . import (
    checkout_bills,
    checkout_ends,
    customers,
    items,
    labels,
    payment_methods,
    subscriptions,
    taxes,
)
from . import checkout_discounts as discounting
from .checkout_prices import priced
from .refusals import check_known, refused
from .transaction import Transaction

MODES: t.Final = ("payment", "subscription", "setup")
#: How long a session may be open, and is by default (https://docs.stripe.com/api/checkout/sessions/create).
SHORTEST: t.Final = datetime.timedelta(minutes=30)
LONGEST: t.Final = datetime.timedelta(hours=24)
#: How far ahead a trial has to end.
LEAST_TRIAL: t.Final = datetime.timedelta(hours=48)

_OPTIONS: t.Final = frozenset(
    "success_url cancel_url return_url embedded expires_at trial_end coupon promotion_code "
    "allow_promotion_codes automatic_tax payment_method_collection "
    "currency locale client_reference_id description made_metadata".split()
)
Result: t.TypeAlias = list[objects.ProcessorObject | None]


def create(
    tx: Transaction,
    customer_id: str,
    *,
    chosen: c.Sequence[c.Mapping[str, t.Any]],
    mode: str,
    options: c.Mapping[str, t.Any],
    metadata: c.Mapping[str, str],
) -> objects.CheckoutSession:
    """Make a session; see the contract.

    :raises NotFound: for a customer or price that isn't there.
    :raises InvalidRequest: for what can't be bought like that.
    """
    customers.living(tx, customer_id)
    if mode not in MODES:
        raise refused(f"mode is one of {', '.join(MODES)}, not {mode!r}.", "mode")
    check_known(options, _OPTIONS, "checkout session")
    if options.get("embedded"):
        raise refused("The Fake has no page that could be embedded.", "embedded")
    if options.get("automatic_tax") and mode == "setup":
        raise refused("Nothing is paid with mode=setup, so no tax is due.", "automatic_tax")
    wanted = discounting.asked(mode, options)
    if not options.get("success_url"):
        raise refused("success_url is missing.", "success_url", "parameter_missing")
    expires_at = items.moment(options.get("expires_at"), "expires_at") or tx.now + LONGEST
    if not tx.now + SHORTEST <= expires_at <= tx.now + LONGEST:
        raise refused("A session is open for 30 minutes to 24 hours.", "expires_at")
    trial_end = items.moment(options.get("trial_end"), "subscription_data[trial_end]")
    if trial_end is not None and (mode != "subscription" or trial_end < tx.now + LEAST_TRIAL):
        raise refused(
            "A trial is a subscription's, and ends at least 48 hours ahead.",
            "subscription_data[trial_end]",
        )
    currency = _currency(tx, mode, chosen)
    if currency is not None and options.get("currency") not in (None, currency):
        raise refused(
            f"These prices are in {currency}, not in {options['currency']}.",
            "currency",
            "currency_mismatch",
        )
    session = objects.CheckoutSession(
        processor_id=tx.new_id("cs"),
        created=tx.now,
        customer=customer_id,
        mode=mode,
        status="open",
        payment_status="no_payment_required" if mode == "setup" else "unpaid",
        currency=currency or options.get("currency"),
        amount_total=None if mode == "setup" else 0,
        client_reference_id=options.get("client_reference_id"),
        expires_at=expires_at,
        metadata=labels.merged({}, metadata),
    )
    tx.save(session)
    tx.aside(session.processor_id).update(
        items=[dict(each) for each in chosen],
        discounts=wanted,
        takes_codes=bool(options.get("allow_promotion_codes")),
        trial_end=options.get("trial_end"),
        description=options.get("description"),
        automatic_tax=bool(options.get("automatic_tax")),
        needs_card=options.get("payment_method_collection", "always") == "always",
        made_metadata=labels.merged({}, options.get("made_metadata", {})),
    )
    tx.plan(session.processor_id, "expire", expires_at)
    return tx.save(priced(tx, session))


def complete(tx: Transaction, session_id: str, method_id: str | None, operation: str) -> Result:
    """Do what an open session is for; return it, then what came of it.

    :raises CardError: when the bank refuses; nothing is made then.
    :raises InvalidRequest: when it isn't open, or lacks a card.
    """
    session = priced(tx, _open(tx, session_id, "completed"))
    aside = tx.aside(session_id)
    if method_id is None and (aside["needs_card"] or session.mode != "subscription"):
        raise refused("This page needs a card.", "payment_method", "payment_method_required")
    customer = customers.living(tx, t.cast(str, session.customer))
    if session.needs_address:
        taxes.require_location(customer)
    if method_id is not None:
        payment_methods.of_customer(tx, customer, method_id)
    metadata = {**aside["made_metadata"], "accrue_operation": operation}
    if session.mode == "setup":
        return [checkout_ends.finish(tx, session), tx.get(objects.PaymentMethod, method_id)]
    if session.mode == "payment":
        return _pay(tx, session, t.cast(str, method_id), metadata)
    subscription, collected = subscriptions.create(
        tx,
        customer.processor_id,
        chosen=aside["items"],
        trial_end=aside["trial_end"],
        payment_method=method_id,
        collection_method="charge_automatically",
        billing_cycle_anchor=None,
        metadata=metadata,
        discounts=aside["discounts"],
        automatic_tax=aside["automatic_tax"],
    )
    made = {
        "subscription": subscription.processor_id,
        "invoice": collected.invoice.processor_id,
    }
    session = _concluded(tx, session, collected.intent, made)
    return [session, subscription, *collected.objects]


def type_code(tx: Transaction, session_id: str, code_id: str | None) -> objects.CheckoutSession:
    """Let a code count that the customer of an open session has typed; ``None`` takes it away.

    :raises InvalidRequest: when it isn't open, takes no codes, or not this one.
    """
    session = _open(tx, session_id, "changed")
    discounting.type_code(tx, session, code_id)
    return tx.save(priced(tx, session))


def expire_now(tx: Transaction, session_id: str) -> objects.CheckoutSession:
    """Let nobody complete an open session any more.

    :raises InvalidRequest: when it isn't open.
    """
    return checkout_ends.expire(tx, _open(tx, session_id, "expired"))


def _pay(
    tx: Transaction, session: objects.CheckoutSession, method_id: str, metadata: dict[str, str]
) -> Result:
    bill = checkout_bills.draft(tx, session, metadata)
    collected = checkout_bills.pay(tx, bill, tx.get(objects.PaymentMethod, method_id))
    made = {"invoice": bill.processor_id}
    if collected.intent is not None:
        made["payment_intent"] = collected.intent.processor_id
    session = _concluded(tx, session, collected.intent, made)
    return [session, *collected.objects]


def _concluded(
    tx: Transaction,
    session: objects.CheckoutSession,
    intent: objects.PaymentIntent | None,
    made: c.Mapping[str, str],
) -> objects.CheckoutSession:
    """Finish a session, let it wait for the customer, or refuse what the bank refused."""
    if intent is not None and intent.status == "requires_payment_method":
        raise payment_methods.refusal(
            intent.error_code or "card_declined", intent.error_decline_code
        )
    if intent is not None and intent.status == "requires_action":
        tx.aside(intent.processor_id)["checkout"] = session.processor_id
        return checkout_ends.wait(tx, session, made)
    return checkout_ends.finish(tx, session, made)


def _open(tx: Transaction, session_id: str, what: str) -> objects.CheckoutSession:
    session = tx.get(objects.CheckoutSession, session_id, "session")
    if session.status != "open":
        raise refused(f"This checkout session is {session.status}; it can't be {what}.", "session")
    if session.subscription is not None or session.payment_intent is not None:
        raise refused(
            f"This checkout session waits for its customer; it can't be {what}.", "session"
        )
    return session


def _currency(tx: Transaction, mode: str, chosen: c.Sequence[c.Mapping[str, t.Any]]) -> str | None:
    """Return the currency of what is bought.

    :raises InvalidRequest: for items that don't go with the mode, or with each other.
    """
    if (mode == "setup") == bool(chosen):
        raise refused(f"mode={mode} takes {'no' if chosen else 'some'} items.", "line_items")
    currencies = set()
    for each in chosen:
        price = tx.get(objects.Price, each.get("price"), "line_items[price]")
        if mode == "payment" and price.interval is not None:
            raise _wrong_price(price, "recurs")
        if mode == "subscription":
            items.sellable(tx, price.processor_id, "line_items[price]")
        currencies.add(price.currency)
        items.counted(price, each.get("quantity", 1 if price.usage_type == "licensed" else None))
    if len(currencies) > 1:
        raise refused("All items are in one currency.", "line_items", "currency_mismatch")
    return next(iter(currencies), None)


def _wrong_price(price: objects.Price, why: str) -> InvalidRequest:
    return refused(
        f"The price {price.processor_id!r} {why}; that takes mode=subscription.",
        "line_items[price]",
    )
