"""Cards: attached to a customer, changed, detached."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import typing as t

from ...errors import CardError, InvalidRequest
from .. import objects
from . import cards, labels
from .customers import living
from .refusals import check_integer, check_known, refused
from .transaction import Transaction, missing


def attach(tx: Transaction, customer_id: str, token: str) -> objects.PaymentMethod:
    """Attach the card that a token stands for, or an id that is attached here already.

    :raises CardError: when the bank refuses the card.
    """
    customer = living(tx, customer_id)
    known = tx.peek(objects.PaymentMethod, token)
    if known is not None:
        return _attached(known, customer.processor_id)
    card = cards.card(token)
    if card is None:
        raise missing(objects.PaymentMethod, token, "payment_method")
    refused = tx.forced_decline or card.refused
    if refused is not None:
        tx.forced_decline = None
        raise refusal(*refused)
    return attach_presented(tx, _made(tx, card), customer.processor_id)


def presented(
    tx: Transaction, customer_id: str, token: str
) -> tuple[tuple[str, str | None] | None, objects.PaymentMethod | None]:
    """Return the card that a browser presents, not attached yet, or why the bank refuses it.

    :param token: a test token, or the id of a card of the customer's or of nobody's yet.
    """
    known = tx.peek(objects.PaymentMethod, token)
    if known is not None:
        if known.customer not in (None, customer_id):
            return None, _attached(known, customer_id)
        return None, known
    card = cards.card(token)
    if card is None:
        raise missing(objects.PaymentMethod, token, "payment_method")
    return (card.refused, None) if card.refused else (None, _made(tx, card))


def attach_presented(
    tx: Transaction, method: objects.PaymentMethod, customer_id: str
) -> objects.PaymentMethod:
    """Attach a card that was presented, unless it's the customer's already."""
    if method.customer == customer_id:
        return method
    attached = dataclasses.replace(method, customer=customer_id)
    return tx.save(attached, "payment_method.attached")


def _made(tx: Transaction, card: cards.Card) -> objects.PaymentMethod:
    """Make the card that a token stands for, which nobody is told of before it's attached."""
    expires = tx.now if card.expires_soon else tx.now.replace(year=tx.now.year + 5, month=12, day=1)
    method = objects.PaymentMethod(
        processor_id=tx.new_id("pm"),
        created=tx.now,
        customer=None,
        brand=card.brand,
        last4=card.last4,
        exp_month=expires.month,
        exp_year=expires.year,
        fingerprint=_fingerprint(card),
    )
    tx.save(method)
    tx.aside(method.processor_id)["behavior"] = card.behavior
    return method


def refusal(code: str, decline_code: str | None) -> CardError:
    """Return the error with which a bank says no."""
    return CardError(cards.message(code), code=code, decline_code=decline_code)


def update(
    tx: Transaction, method_id: str, changes: t.Mapping[str, t.Any]
) -> objects.PaymentMethod:
    """Change ``exp_month``, ``exp_year`` or ``metadata``."""
    method = tx.get(objects.PaymentMethod, method_id, "payment_method")
    check_known(changes, {"exp_month", "exp_year", "metadata"}, "payment method")
    if method.customer is None:
        raise _unattached(method)
    wanted = dict(changes)
    if "metadata" in wanted:
        wanted["metadata"] = labels.merged(method.metadata, wanted["metadata"])
    for name in wanted.keys() & {"exp_month", "exp_year"}:
        check_integer(wanted[name], name)
    changed = dataclasses.replace(method, **wanted)
    if changed.exp_month is not None and not 1 <= changed.exp_month <= 12:
        raise refused(
            f"exp_month is a month from 1 to 12, not {changed.exp_month!r}.",
            "exp_month",
            "invalid_expiry_month",
        )
    return tx.save(changed, "payment_method.updated")


def detach(tx: Transaction, method_id: str) -> objects.PaymentMethod:
    """Take a card from its customer; what used it by default falls back to the customer's default."""
    method = tx.get(objects.PaymentMethod, method_id, "payment_method")
    if method.customer is None:
        raise _unattached(method)
    customer = tx.get(objects.Customer, method.customer)
    detached = dataclasses.replace(method, customer=None)
    tx.save(detached, "payment_method.detached")
    if customer.default_payment_method == method_id and not customer.deleted:
        tx.save(dataclasses.replace(customer, default_payment_method=None), "customer.updated")
    for subscription in tx.all(objects.Subscription, customer.processor_id):
        if subscription.default_payment_method == method_id:
            tx.save(
                dataclasses.replace(subscription, default_payment_method=None),
                "customer.subscription.updated",
            )
    return detached


def of_customer(
    tx: Transaction, customer: objects.Customer, method_id: str, param: str = "payment_method"
) -> objects.PaymentMethod:
    """Return a card of a customer.

    :raises InvalidRequest: when it's another's, or nobody's.
    """
    method = tx.peek(objects.PaymentMethod, method_id)
    if method is None or method.customer != customer.processor_id:
        raise refused(
            f"The customer {customer.processor_id!r} has no payment method with this id.",
            param,
            "resource_missing",
        )
    return method


def set_behavior(tx: Transaction, method_id: str, behavior: str) -> objects.PaymentMethod:
    """Decide what the bank says from now on; the processor itself doesn't notice."""
    method = tx.get(objects.PaymentMethod, method_id, "payment_method")
    kind, _, code = behavior.partition(":")
    if behavior not in cards.BEHAVIORS and not (kind == "decline" and code.isidentifier()):
        raise refused(
            f"A card's behavior is one of {', '.join(cards.BEHAVIORS)} or 'decline:<decline code>', "
            f"not {behavior!r}.",
            "behavior",
            "parameter_invalid",
        )
    tx.aside(method_id)["behavior"] = behavior
    return method


def expire(tx: Transaction, method_id: str) -> objects.PaymentMethod:
    """Let the card's month be the last one, as though time had passed for it."""
    method = tx.get(objects.PaymentMethod, method_id, "payment_method")
    past = tx.now.replace(day=1) - datetime.timedelta(days=1)
    return tx.save(
        dataclasses.replace(method, exp_month=past.month, exp_year=past.year),
        "payment_method.updated",
    )


def _fingerprint(card: cards.Card) -> str:
    # One number, one fingerprint, whichever token it came by and whoever's card it is.
    number = f"{card.brand}:{card.last4}:{card.behavior}"
    return hashlib.sha256(number.encode()).hexdigest()[:16]


def _attached(method: objects.PaymentMethod, customer_id: str) -> objects.PaymentMethod:
    if method.customer == customer_id:
        return method
    if method.customer is None:
        raise _unattached(method)
    raise refused(
        "This payment method is attached to another customer.",
        "payment_method",
        "payment_method_unexpected_state",
    )


def _unattached(method: objects.PaymentMethod) -> InvalidRequest:
    return refused(
        f"The payment method {method.processor_id!r} was detached and can't be used again.",
        "payment_method",
        "payment_method_unexpected_state",
    )
