"""Payment intents and their charges: what happens when a card is asked for money."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ...errors import InvalidRequest
from ...money import Money
from .. import objects
from . import cards, checkout_ends, disputes, labels, transfers
from .refusals import check_choice, refused
from .transaction import Transaction

#: How long a bank holds money that isn't captured.
HELD_FOR: t.Final = datetime.timedelta(days=7)

CONFIRMABLE: t.Final = frozenset(
    {"requires_payment_method", "requires_confirmation", "requires_action"}
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Terms:
    """What is agreed about a payment besides its amount."""

    capture_method: str = "automatic"
    setup_future_usage: str | None = None
    description: str | None = None
    statement_descriptor: str | None = None
    metadata: t.Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        check_choice(self.capture_method, CAPTURE_METHODS, "capture_method")
        if self.setup_future_usage is not None:
            check_choice(self.setup_future_usage, USAGES, "setup_future_usage")


CAPTURE_METHODS: t.Final = ("automatic", "manual")
USAGES: t.Final = ("off_session", "on_session")

_USUAL: t.Final = Terms()


def create(
    tx: Transaction,
    customer_id: str,
    amount: Money,
    *,
    invoice: str | None = None,
    terms: Terms = _USUAL,
) -> objects.PaymentIntent:
    """Make an intent to collect an amount; nothing is asked of a card yet."""
    intent = tx.save(
        objects.PaymentIntent(
            processor_id=tx.new_id("pi"),
            created=tx.now,
            customer=customer_id,
            status="requires_payment_method",
            amount=amount.amount_minor,
            currency=amount.currency,
            invoice=invoice,
            capture_method=terms.capture_method,
            setup_future_usage=terms.setup_future_usage,
            description=terms.description,
            statement_descriptor=terms.statement_descriptor,
            metadata=labels.merged({}, terms.metadata),
        ),
        "payment_intent.created",
    )
    secret = f"{intent.processor_id}_secret_{tx.random_word(24)}"
    tx.aside(intent.processor_id)["client_secret"] = secret
    return intent


def client_secret(
    tx: Transaction, intent: objects.PaymentIntent | objects.SetupIntent | None
) -> str | None:
    """Return what the customer's browser needs to go on, or ``None`` when nothing is left to do."""
    if intent is None or intent.status not in CONFIRMABLE:
        return None
    return t.cast(str, tx.aside(intent.processor_id)["client_secret"])


def attempt(
    tx: Transaction,
    intent: objects.PaymentIntent,
    method: objects.PaymentMethod | None,
    *,
    confirmed: bool = False,
) -> tuple[objects.PaymentIntent, objects.Charge | None]:
    """Ask a card for the money; return the intent, and the charge if the bank was asked.

    :param confirmed: the customer has just confirmed this payment.
    """
    if method is None:
        return intent, None
    verdict = verdict_of(tx, method, confirmed)
    if verdict == "action":
        waiting = dataclasses.replace(
            intent,
            status="requires_action",
            payment_method=method.processor_id,
            error_code=None,
            error_decline_code=None,
        )
        return tx.save(waiting, "payment_intent.requires_action"), None
    if verdict is not None:
        return _refused(tx, intent, method, *verdict)
    if intent.capture_method == "manual":
        return _held(tx, intent, method)
    return _succeeded(tx, intent, method)


def fail_authentication(tx: Transaction, intent: objects.PaymentIntent) -> objects.PaymentIntent:
    """Let the customer's confirmation fail.

    :raises InvalidRequest: unless the intent waits for one.
    """
    if intent.status != "requires_action":
        raise unexpected(intent)
    return tx.save(
        dataclasses.replace(
            intent,
            status="requires_payment_method",
            payment_method=None,
            error_code="payment_intent_authentication_failure",
        ),
        "payment_intent.payment_failed",
    )


def cancel(
    tx: Transaction, intent: objects.PaymentIntent, reason: str | None = None
) -> objects.PaymentIntent:
    """Give up an intent that hasn't succeeded; of any other nothing changes."""
    if intent.status not in (*CONFIRMABLE, "requires_capture"):
        return intent
    canceled = dataclasses.replace(
        intent,
        status="canceled",
        canceled_at=tx.now,
        cancellation_reason=reason,
        amount_capturable=0,
    )
    return tx.save(canceled, "payment_intent.canceled")


def unexpected(intent: objects.PaymentIntent) -> InvalidRequest:
    """Return the error for a step that an intent's status doesn't allow."""
    return refused(
        f"This payment intent is {intent.status}, so this can't be done with it.",
        "payment_intent",
        "payment_intent_unexpected_state",
    )


def verdict_of(
    tx: Transaction, method: objects.PaymentMethod, confirmed: bool
) -> t.Literal["action"] | tuple[str, str | None] | None:
    """Return what the bank says: yes (``None``), that the customer has to confirm it, or why not.

    :param confirmed: the customer has just confirmed it.
    """
    if tx.forced_decline is not None:
        forced, tx.forced_decline = tx.forced_decline, None
        return forced
    if cards.is_expired(method, tx.now):
        return cards.decline("expired_card")
    aside = tx.aside(method.processor_id)
    behavior: str = aside.get("behavior", cards.SUCCEED)
    if behavior.startswith("decline:"):
        return cards.decline(behavior.removeprefix("decline:"))
    if confirmed:
        aside["confirmed"] = True
        return None
    once = behavior == cards.AUTHENTICATE_ONCE and not aside.get("confirmed")
    return "action" if once or behavior == cards.AUTHENTICATE else None


def _charge(
    tx: Transaction, intent: objects.PaymentIntent, method: objects.PaymentMethod, status: str
) -> objects.Charge:
    return objects.Charge(
        processor_id=tx.new_id("ch"),
        created=tx.now,
        customer=intent.customer,
        status=status,
        amount=intent.amount,
        currency=intent.currency,
        captured=status == "succeeded",
        amount_captured=intent.amount if status == "succeeded" else 0,
        payment_intent=intent.processor_id,
        payment_method=method.processor_id,
        invoice=intent.invoice,
        transfer=None,
        metadata=dict(intent.metadata),
    )


def _succeeded(
    tx: Transaction,
    intent: objects.PaymentIntent,
    method: objects.PaymentMethod,
) -> tuple[objects.PaymentIntent, objects.Charge]:
    charge = _charge(tx, intent, method, "succeeded")
    split = tx.aside(intent.processor_id).get("split")
    if split is not None:
        charge = transfers.share(tx, split, charge)
    tx.save(charge, "charge.succeeded")
    paid = dataclasses.replace(
        intent,
        status="succeeded",
        amount_received=intent.amount,
        payment_method=method.processor_id,
        latest_charge=charge.processor_id,
        error_code=None,
        error_decline_code=None,
    )
    tx.save(paid, "payment_intent.succeeded")
    checkout_ends.after_payment(tx, paid)
    keep_fee(tx, charge)
    if tx.aside(method.processor_id).get("behavior") == cards.DISPUTE:
        disputes.open_dispute(tx, charge, "fraudulent")
        charge = tx.get(objects.Charge, charge.processor_id)
    return paid, charge


def keep_fee(tx: Transaction, charge: objects.Charge) -> None:
    """Take the fee of what was captured; it's told only when the charge is fetched."""
    # 2.9 % and 30 of the minor unit, as much as any processor's.
    captured = Money(charge.amount_captured, charge.currency)
    fee = captured.share(29, 1000).amount_minor + 30
    tx.aside(charge.processor_id)["fee"] = min(fee, charge.amount_captured)


def _held(
    tx: Transaction, intent: objects.PaymentIntent, method: objects.PaymentMethod
) -> tuple[objects.PaymentIntent, objects.Charge]:
    held = dataclasses.replace(
        _charge(tx, intent, method, "succeeded"),
        captured=False,
        amount_captured=0,
        capture_before=tx.now + HELD_FOR,
    )
    charge = tx.save(held, "charge.succeeded")
    waiting = dataclasses.replace(
        intent,
        status="requires_capture",
        amount_capturable=intent.amount,
        payment_method=method.processor_id,
        latest_charge=charge.processor_id,
        error_code=None,
        error_decline_code=None,
    )
    tx.plan(intent.processor_id, "release", held.capture_before)
    return tx.save(waiting, "payment_intent.amount_capturable_updated"), charge


def _refused(
    tx: Transaction,
    intent: objects.PaymentIntent,
    method: objects.PaymentMethod,
    code: str,
    decline_code: str | None,
) -> tuple[objects.PaymentIntent, objects.Charge]:
    failed = dataclasses.replace(
        _charge(tx, intent, method, "failed"), failure_code=code, decline_code=decline_code
    )
    charge = tx.save(failed, "charge.failed")
    waiting = dataclasses.replace(
        intent,
        status="requires_payment_method",
        payment_method=None,
        latest_charge=charge.processor_id,
        error_code=code,
        error_decline_code=decline_code,
    )
    return tx.save(waiting, "payment_intent.payment_failed"), charge
