"""The page where a customer adds a card. Its number never comes here: the processor's own fields take it."""

from __future__ import annotations

import datetime
import typing as t

from flask import abort, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from .. import account_scope, billing, clock, models
from ..entitlements import current_owner
from ..errors import AccrueError, CardError, InvalidRequest, ProcessorError
from ..pages import safe_target
from ..state import current_state
from . import in_browser, queries
from .explaining import words_for
from .rendering import show
from .simulated_cards import SIMULATED_CARDS, is_simulated, named_card
from .wording import card_choice, decline_text

#: What marks the setup intents that this page makes. What the customer wants of the card stands there, too:
#: the address that is returned to is a mere link, which anybody may send them.
_MADE_HERE: t.Final = {"made_by": "billing portal"}
_USE: t.Final = "use"
#: For how long coming back does what was wanted.
_REMEMBERED: t.Final = datetime.timedelta(days=1)
#: For how long one that was left unused is used again, so that there is time to come back.
_REUSED: t.Final = datetime.timedelta(hours=12)


def show_new_card(processor: str) -> str:
    """Show the fields for a card; with ``?use=at_once`` it's charged from then on."""
    customer = _own(processor)
    script = in_browser.script_of(processor)
    in_browser.admit(script)
    onward, use = safe_target(request.args.get("next")), _use()
    return show(
        "accrue/portal/card.html",
        customer,
        script=script,
        is_simulated=is_simulated(processor),
        new_cards=SIMULATED_CARDS,
        here=new_card_url(customer, onward, use),
        secret_url=_url(".card_secret", customer, onward, use=use),
        used_at_once=use is not None,
        account=customer.account,
        next=onward,
    )


def add_test_card(processor: str) -> Response:
    """Add a test card to a simulated customer."""
    customer = _own(processor)
    if not is_simulated(processor):
        abort(404)
    onward, use = safe_target(request.form.get("next")), _use()
    here = new_card_url(customer, onward, use)
    wanted = named_card(request.form.get("payment_method", "")) or abort(400)
    try:
        # A card that is there already is the one that is meant.
        card = billing.add_payment_method(customer, wanted.token)
        if use is not None:
            billing.use_payment_method(customer, card)
    except CardError as declined:
        flash(
            f"{decline_text(declined.decline_code or declined.code)} It wasn't added; nothing was charged.",
            "warning",
        )
        return redirect(here, 303)
    except AccrueError as error:
        _explain(error)
        return redirect(here, 303)
    flash(_said(card, is_used=use is not None), "success")
    return redirect(onward or here, 303)


def hand_over_secret(processor: str) -> Response:
    """Begin to set a card up, and give the page's script what it needs for that."""
    customer = _own(processor)
    onward = safe_target(request.args.get("next"))
    mark = {**_MADE_HERE, _USE: _use() or "if_none"}

    def ask() -> tuple[str | None, str]:
        # One that was left unused is used now.
        setup = queries.unused_setup(customer, processor, mark, clock.now() - _REUSED)
        secret = None if setup is None else billing.client_secret(setup)
        if setup is None or secret is None:
            setup = billing.create_setup_intent(customer, metadata=mark)
            secret = setup.client_secret
        back = _url(".card_return", customer, onward, setup_intent=setup.processor_id)
        return secret, back

    return in_browser.hand_over(processor, ask)


def return_from_setup(processor: str, setup_intent: str) -> Response:
    """Look at how a card stands after its customer has been busy with it, and say so. Any number of times.

    Whoever sends a customer here gets nothing done but what that customer began on this page, once.
    """
    customer = _own(processor)
    setup = queries.setup_of(customer, processor, setup_intent) or abort(404)
    onward = safe_target(request.args.get("next"))
    here = new_card_url(customer, onward)
    try:
        setup = billing.sync_setup_intent(setup)
        if setup.is_succeeded:
            return _added(customer, setup, onward or here)
    except ProcessorError as error:
        if error.definite:
            _explain(error)
        else:
            flash(
                "The payment provider didn't answer, so whether the card was added isn't known yet. "
                "Look again in a minute.",
                "warning",
            )
        return redirect(here, 303)
    except AccrueError as error:
        _explain(error)
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
    is_wanted = _is_wanted(setup) or (
        _is_ours(setup) and customer.default_payment_method_id is None
    )
    if is_wanted:
        # Only once, whatever becomes of the card afterwards.
        billing.use_payment_method(
            customer, card, operation_id=f"portal:default:{setup.processor_id}"
        )
    is_used = queries.default_card_id(customer) == card.id
    flash(_said(card, is_used=is_used and _is_wanted(setup)), "success")
    return redirect(onward, 303)


def _is_ours(setup: models.SetupIntent) -> bool:
    """Tell whether the customer has begun it on this page, a short while ago."""
    begun = setup.created
    is_recent = begun is not None and clock.now() - begun < _REMEMBERED
    return is_recent and _MADE_HERE.items() <= setup.meta.items()


def _is_wanted(setup: models.SetupIntent) -> bool:
    return _is_ours(setup) and setup.meta.get(_USE) == "at_once"


def _said(card: models.PaymentMethod, *, is_used: bool) -> str:
    used = " It's used from now on." if is_used else ""
    return f"{card_choice(card)} was added.{used} Nothing was charged."


def _use() -> str | None:
    return "at_once" if request.args.get(_USE) == "at_once" else None


def _explain(error: AccrueError) -> None:
    words = words_for(error, undone="Nothing was charged.", unknown="whether the card was added")
    flash(*words)


def new_card_url(customer: models.Customer, onward: str | None, use: str | None = None) -> str:
    """Return the path of the page where a customer adds a card, also one of a connected account's.

    :param use: ``at_once``: it's charged from then on.
    """
    return _url(".new_card", customer, onward, use=use)


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
