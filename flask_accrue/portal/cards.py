"""The page where a customer adds a card. Its number never comes here: the processor's own fields take it."""

from __future__ import annotations

import typing as t

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from .. import account_scope, billing, models
from ..entitlements import current_owner
from ..errors import AccrueError, CardError, InvalidRequest, ProcessorError
from ..pages import safe_target
from ..processors.fake import FakeProcessor
from ..state import current_state
from . import in_browser, queries
from .wording import card_choice, decline_text

#: Test cards that the simulated processor's form offers: what each does.
TEST_CARDS = {
    "tok_visa": "Visa 4242, always pays",
    "tok_mastercard": "Mastercard 4444, always pays",
    "tok_authenticationRequired": "Visa 3184, every payment has to be confirmed",
    "tok_chargeCustomerFail": "Visa 0341, can be added, and every payment fails",
    "tok_chargeDeclined": "Visa 0002, is refused as soon as it is added",
}


#: What marks the setup intents that this page makes.
_MADE_HERE = {"made_by": "billing portal"}


def show_new_card(processor: str) -> str:
    """Show the fields for a card."""
    customer = _own(processor)
    script = in_browser.script_of(processor)
    in_browser.admit(script)
    onward = safe_target(request.args.get("next"))
    return render_template(
        "accrue/portal/card.html",
        script=script,
        unconfigured=in_browser.lacks_key(processor),
        is_simulated=_is_simulated(processor),
        test_cards=TEST_CARDS,
        here=new_card_url(customer, onward),
        secret_url=_url(".card_secret", customer, onward),
        account=customer.account,
        next=onward,
        customer_name=customer.name,
    )


def add_test_card(processor: str) -> Response:
    """Add a test card to a simulated customer."""
    customer = _own(processor)
    if not _is_simulated(processor):
        abort(404)
    onward = safe_target(request.form.get("next"))
    here = new_card_url(customer, onward)
    token = request.form.get("card", "")
    if token not in TEST_CARDS:
        abort(400)
    try:
        card = billing.add_payment_method(customer, token)
    except CardError as declined:
        flash(
            f"{decline_text(declined.decline_code or declined.code)} It wasn't added; nothing was charged.",
            "warning",
        )
        return redirect(here, 303)
    flash(f"{card_choice(card)} was added. Nothing was charged.", "success")
    return redirect(onward or here, 303)


def hand_over_secret(processor: str) -> Response:
    """Begin to set a card up, and give the page's script what it needs for that."""
    customer = _own(processor)
    onward = safe_target(request.args.get("next"))

    def ask() -> tuple[str | None, str]:
        # One that was left unused is used now.
        setup = queries.unused_setup(customer, processor, _MADE_HERE)
        secret = None if setup is None else billing.client_secret(setup)
        if setup is None or secret is None:
            setup = billing.create_setup_intent(customer, metadata=_MADE_HERE)
            secret = setup.client_secret
        back = _url(".card_return", customer, onward, setup_intent=setup.processor_id)
        return secret, back

    return in_browser.hand_over(processor, ask)


def return_from_setup(processor: str, setup_intent: str) -> Response:
    """Look at how a card stands after its customer has been busy with it, and say so. Any number of times."""
    customer = _own(processor)
    setup = queries.setup_of(customer, processor, setup_intent) or abort(404)
    onward = safe_target(request.args.get("next"))
    here = new_card_url(customer, onward)
    try:
        setup = billing.sync_setup_intent(setup)
        if setup.is_succeeded:
            return _added(customer, setup, onward or here)
    except ProcessorError:
        flash(
            "The payment provider didn't answer, so whether the card was added isn't known yet. "
            "Look again in a minute.",
            "warning",
        )
        return redirect(here, 303)
    except AccrueError as error:
        flash(error.message, "error")
        return redirect(here, 303)
    if setup.requires_payment_method and setup.error_code is not None:
        why = decline_text(setup.error_decline_code or setup.error_code)
        flash(f"{why} It wasn't added; nothing was charged.", "warning")
    else:
        flash("The card wasn't added yet. Nothing was charged.", "info")
    return redirect(here, 303)


def _added(customer: models.Customer, setup: models.SetupIntent, onward: str) -> Response:
    card = setup.payment_method
    if card is None or not card.is_attached:
        flash("The card was removed again.", "info")
        return redirect(onward, 303)
    if customer.default_payment_method_id is None:
        billing.set_default_payment_method(
            customer, card, operation_id=f"portal:default:{setup.processor_id}"
        )
    flash(f"{card_choice(card)} was added. Nothing was charged.", "success")
    return redirect(onward, 303)


def new_card_url(customer: models.Customer, onward: str | None) -> str:
    """Return the path of the page where a customer adds a card, also one of a connected account's."""
    return _url(".new_card", customer, onward)


def _url(endpoint: str, customer: models.Customer, onward: str | None, **values: t.Any) -> str:
    return url_for(
        endpoint, processor=customer.processor, account=customer.account, next=onward, **values
    )


def _own(processor: str) -> models.Customer:
    """Return the visitor's customer: the platform's, or what they are in the account that is named."""
    owner = current_owner()
    if owner is None or processor not in current_state().processors:
        abort(404)
    try:
        with account_scope.account(request.args.get("account")):
            return billing.get_customer(owner, processor) or abort(404)
    except InvalidRequest:
        abort(404)


def _is_simulated(processor: str) -> bool:
    return isinstance(current_state().processors.get(processor), FakeProcessor)
