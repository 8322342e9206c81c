"""Setup intents: a card that is confirmed for later, and attached to its customer then."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from .. import objects
from . import cards, customers, labels, payment_methods, payments
from .charging import Declined
from .refusals import check_choice, refused
from .transaction import Transaction

Result: t.TypeAlias = c.Sequence[objects.ProcessorObject | None]


def create(
    tx: Transaction, customer_id: str, *, usage: str, metadata: t.Mapping[str, str]
) -> objects.SetupIntent:
    """Make a setup intent without a card."""
    check_choice(usage, payments.USAGES, "usage")
    made = tx.save(
        objects.SetupIntent(
            processor_id=tx.new_id("seti"),
            created=tx.now,
            customer=customers.living(tx, customer_id).processor_id,
            status="requires_payment_method",
            usage=usage,
            metadata=labels.merged({}, metadata),
        ),
        "setup_intent.created",
    )
    secret = f"{made.processor_id}_secret_{tx.random_word(24)}"
    tx.aside(made.processor_id)["client_secret"] = secret
    return made


def confirm(tx: Transaction, setup_id: str, token: str | None) -> Result:
    """Set a card up, given as a token, or the one that waits for the customer's word.

    Return the setup intent, then the card once it's attached.

    :raises Declined: when the bank refuses.
    :raises InvalidRequest: when nothing is left to confirm.
    """
    setup = tx.get(objects.SetupIntent, setup_id, "setup_intent")
    if not setup.is_open:
        raise _unexpected(setup)
    confirmed = setup.status == "requires_action" and token in (None, setup.payment_method)
    if token is None and setup.payment_method is None:
        raise refused(
            "This setup intent needs a payment method.",
            "payment_method",
            "setup_intent_unexpected_state",
        )
    refusal, method = payment_methods.presented(
        tx, t.cast(str, setup.customer), token or t.cast(str, setup.payment_method)
    )
    verdict = refusal or _verdict(tx, method, confirmed)
    if verdict == "action":
        return [_waiting(tx, setup, method)]
    if verdict is not None:
        failed = _failed(tx, setup, *verdict)
        raise Declined([failed], failed)
    assert method is not None
    attached = payment_methods.attach_presented(tx, method, t.cast(str, setup.customer))
    done = dataclasses.replace(
        setup,
        status="succeeded",
        payment_method=attached.processor_id,
        error_code=None,
        error_decline_code=None,
    )
    return tx.save(done, "setup_intent.succeeded"), attached


def fail_authentication(tx: Transaction, setup_id: str) -> objects.SetupIntent:
    """Let the customer's confirmation fail."""
    setup = tx.get(objects.SetupIntent, setup_id, "setup_intent")
    if setup.status != "requires_action":
        raise _unexpected(setup)
    return _failed(tx, setup, "setup_intent_authentication_failure", None)


def beside(tx: Transaction, each: objects.ProcessorObject) -> list[objects.PaymentMethod]:
    """Return the card that a setup intent has set up, while it's its customer's."""
    if not isinstance(each, objects.SetupIntent) or each.status != "succeeded":
        return []
    card = tx.get(objects.PaymentMethod, each.payment_method)
    return [] if card.customer is None else [card]


def cancel(tx: Transaction, setup_id: str) -> objects.SetupIntent:
    """Give a setup intent up."""
    setup = tx.get(objects.SetupIntent, setup_id, "setup_intent")
    if not setup.is_open:
        raise _unexpected(setup)
    return tx.save(dataclasses.replace(setup, status="canceled"), "setup_intent.canceled")


def _verdict(
    tx: Transaction, method: objects.PaymentMethod | None, confirmed: bool
) -> t.Literal["action"] | tuple[str, str | None] | None:
    """Return what the bank says to setting a card up; whether it pays later is another matter."""
    assert method is not None
    if tx.forced_decline is None:
        behavior: str = tx.aside(method.processor_id).get("behavior", cards.SUCCEED)
        if behavior.startswith("decline:"):
            return None
    return payments.verdict_of(tx, method, confirmed)


def _waiting(
    tx: Transaction, setup: objects.SetupIntent, method: objects.PaymentMethod | None
) -> objects.SetupIntent:
    assert method is not None
    waiting = dataclasses.replace(
        setup,
        status="requires_action",
        payment_method=method.processor_id,
        error_code=None,
        error_decline_code=None,
    )
    return tx.save(waiting, "setup_intent.requires_action")


def _failed(
    tx: Transaction, setup: objects.SetupIntent, code: str, decline_code: str | None
) -> objects.SetupIntent:
    failed = dataclasses.replace(
        setup,
        status="requires_payment_method",
        payment_method=None,
        error_code=code,
        error_decline_code=decline_code,
    )
    return tx.save(failed, "setup_intent.setup_failed")


def _unexpected(setup: objects.SetupIntent) -> t.Any:
    return refused(
        f"This setup intent is {setup.status}, so this can't be done with it.",
        "setup_intent",
        "setup_intent_unexpected_state",
    )
