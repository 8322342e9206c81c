"""The page where a customer completes a payment: confirms it, or pays with another card.

Where the processor has a script of its own, that does it in the browser. Whatever it says, the page that is
returned to asks the processor how the payment stands.
"""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import typing as t

from flask import abort, current_app, flash, redirect, request, url_for
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from .. import account_scope, billing, models
from ..entitlements import current_owner
from ..errors import (
    AccrueError,
    ActionRequired,
    CardError,
    InvalidRequest,
    ProcessorError,
)
from ..gateways import gateway_of
from ..money import Money
from ..pages import safe_target
from ..processors.fake import FakeProcessor
from ..state import current_state
from . import in_browser, queries
from .breakdown import Line, parts_of_payment
from .cards import new_card_url
from .explaining import words_for
from .rendering import show
from .simulated_cards import is_fake, is_simulated
from .wording import Said, card_choice, is_too_late, said_of

#: How long a form can be sent, in seconds of real time.
_SEND_WITHIN: t.Final = 3600

_UNKNOWN: t.Final = (
    "The payment provider didn't answer, so whether you were charged isn't known yet. Reload in a minute "
    "before you try again."
)


@dataclasses.dataclass(frozen=True)
class Card:
    """A card that can be chosen."""

    id: str
    processor_id: str
    text: str
    note: str | None


@dataclasses.dataclass(frozen=True)
class PaymentPage:
    """What the page shows.

    :ivar said: how the payment stands, in words.
    :ivar card: the card that it waits for, or was paid with.
    :ivar can_confirm: the customer can confirm it here, with that card.
    :ivar asks_bank: confirming asks the bank first, which it wasn't yet.
    :ivar takes_card: another card can be added for it.
    :ivar unconfigured: it can't be completed here, because the host lacks a key for it.
    :ivar others: cards that it can be paid with instead.
    :ivar elsewhere: the processor's own page for it, where this one can't complete it.
    """

    amount: Money
    said: Said
    lines: tuple[Line, ...]
    card: str | None
    can_confirm: bool
    asks_bank: bool
    takes_card: bool
    unconfigured: bool
    others: tuple[Card, ...]
    elsewhere: str | None
    locale: str | None


def show_payment(processor: str, payment_intent: str) -> str:
    """Show a payment as it stands; 404 unless it's the customer's own."""
    customer, intent = _own(processor, payment_intent)
    script = in_browser.script_of(processor)
    in_browser.admit(script)
    onward = safe_target(request.args.get("next"))
    return show(
        "accrue/portal/payment.html",
        customer,
        page=_page(customer, intent),
        here=_here(intent),
        operation=_serializer(intent).dumps(secrets.token_hex(16)),
        next=onward,
        script=script,
        secret_url=_url(".payment_secret", intent, onward),
        return_url=_url(".payment_return", intent, onward),
        account=customer.account,
        card_url=new_card_url(customer, _here(intent, onward)),
        is_simulated=is_simulated(intent.processor),
    )


def confirm_payment(processor: str, payment_intent: str) -> Response:
    """Carry on with a payment on the customer's word, or on the simulated bank's."""
    customer, intent = _own(processor, payment_intent)
    onward = safe_target(request.form.get("next"))
    here = _here(intent, onward)
    if not is_simulated(intent.processor):
        # There the customer's browser and the processor settle it between them.
        abort(404)
    if request.form.get("do") == "fail":
        return _fail(intent, here)
    card = None
    chosen = request.form.get("payment_method", "")
    if chosen:
        card = queries.usable_card(customer, chosen) or abort(404)
    token = request.form.get("operation", "")
    try:
        operation_id = f"portal:{_serializer(intent).loads(token, max_age=_SEND_WITHIN)}"
    except BadData:
        flash("This page was open for too long. Nothing was charged; please try again.", "warning")
        return redirect(here, 303)
    try:
        billing.confirm_payment(intent, payment_method=card, operation_id=operation_id)
    except AccrueError as error:
        _explain(error, intent)
        return redirect(here, 303)
    return redirect(onward or here, 303)


def hand_over_secret(processor: str, payment_intent: str) -> Response:
    """Give the page's script a fresh client secret of the customer's own payment."""
    _, intent = _own(processor, payment_intent)
    onward = safe_target(request.args.get("next"))
    back = _url(".payment_return", intent, onward)
    return in_browser.hand_over(processor, lambda: (billing.client_secret(intent), back))


def return_from_payment(processor: str, payment_intent: str) -> Response:
    """Look at how a payment stands after its customer has been busy with it. Any number of times.

    What an address says of the payment isn't believed, nor kept: whoever comes here is led on.
    """
    _, intent = _own(processor, payment_intent)
    onward = safe_target(request.args.get("next"))
    here = _here(intent, onward)
    try:
        intent = billing.sync_payment(intent)
    except ProcessorError:
        flash(_UNKNOWN, "warning")
        return redirect(here, 303)
    done = intent.is_succeeded or intent.requires_capture
    return redirect(onward if done and onward else here, 303)


def _own(processor: str, payment_intent: str) -> tuple[models.Customer, models.PaymentIntent]:
    """Return the visitor's customer and payment; a 404 tells nobody whether there is another's."""
    owner = current_owner()
    if owner is None or processor not in current_state().processors or "\x00" in payment_intent:
        abort(404)
    intent = queries.payment_of(processor, payment_intent)
    # A payment in a connected account is of the customer that the owner is there.
    with account_scope.account(None if intent is None else intent.customer.account):
        customer = billing.get_customer(owner, processor)
    if intent is None or customer is None or intent.customer_id != customer.id:
        abort(404)
    return customer, intent


def _page(customer: models.Customer, intent: models.PaymentIntent) -> PaymentPage:
    invoice = queries.invoice_of(intent)
    cards = queries.usable_cards(customer)
    used = next(
        (card for card in cards if card.processor_id == intent.payment_method_processor_id), None
    )
    amount = Money(intent.amount, intent.currency)
    possible = is_simulated(intent.processor) or in_browser.script_of(intent.processor) is not None
    # Of an invoice that was withdrawn nothing is left to pay, whatever its payment still says.
    gone = invoice is not None and (invoice.is_void or is_too_late(invoice))
    waiting = not gone and (intent.requires_action or intent.requires_payment_method)
    others = tuple(
        Card(
            str(card.id),
            card.processor_id,
            card_choice(card),
            "Your default card" if card.id == customer.default_payment_method_id else None,
        )
        for card in cards
        if waiting and possible and not (intent.requires_action and card is used)
    )
    elsewhere = None
    if waiting and not is_fake(intent.processor) and invoice is not None:
        elsewhere = invoice.hosted_url
    return PaymentPage(
        amount=amount,
        said=said_of(intent, invoice, amount.format(customer.preferred_locale), bool(others)),
        lines=_lines(intent, invoice, amount),
        card=None if used is None else card_choice(used),
        can_confirm=waiting and possible and intent.requires_action,
        asks_bank=intent.requires_confirmation,
        takes_card=waiting and possible,
        unconfigured=waiting
        and not possible
        and (is_fake(intent.processor) or in_browser.lacks_key(intent.processor)),
        others=others,
        elsewhere=elsewhere if elsewhere and elsewhere.startswith("https://") else None,
        locale=customer.preferred_locale,
    )


def _lines(
    intent: models.PaymentIntent, invoice: models.Invoice | None, amount: Money
) -> tuple[Line, ...]:
    if invoice is None or not invoice.items:
        said = intent.raw.get("description")
        return (Line(said if isinstance(said, str) and said else "One-time payment", amount),)
    return tuple(parts_of_payment(invoice, amount))


def _fail(intent: models.PaymentIntent, here: str) -> Response:
    """Let the simulated bank refuse, and write what came of it."""
    gateway = gateway_of(intent)
    assert isinstance(gateway, FakeProcessor)
    if intent.requires_action:
        processor_id = intent.processor_id
        current_state().db.session.commit()
        gateway.fail_authentication(processor_id)
        billing.sync_payment(intent)
    return redirect(here, 303)


def _explain(error: AccrueError, intent: models.PaymentIntent) -> None:
    """Say what came of it, and no more than is known."""
    match error:
        case CardError() | ActionRequired():
            # The page itself says so, from what was written.
            pass
        case InvalidRequest():
            # It went on elsewhere meanwhile: the page then says how it stands.
            with contextlib.suppress(ProcessorError):
                billing.sync_payment(intent)
        case _:
            words = words_for(
                error, undone="Nothing was charged.", unknown="whether you were charged"
            )
            flash(*words)


def _here(intent: models.PaymentIntent, onward: str | None = None) -> str:
    return _url(".payment", intent, onward)


def _url(endpoint: str, intent: models.PaymentIntent, onward: str | None) -> str:
    return url_for(
        endpoint, processor=intent.processor, payment_intent=intent.processor_id, next=onward
    )


def _serializer(intent: models.PaymentIntent) -> URLSafeTimedSerializer:
    assert current_app.secret_key is not None
    return URLSafeTimedSerializer(current_app.secret_key, salt=f"accrue.portal.payment:{intent.id}")
