"""The mounted page on which a customer pays, subscribes or leaves a card."""

from __future__ import annotations

import contextlib

from flask import abort, flash, make_response, redirect, request, url_for
from werkzeug.wrappers import Response

from .. import billing, models
from ..billing.mounted_checkout import begin_setup
from ..entitlements import current_owner
from ..errors import (
    AccrueError,
    ActionRequired,
    CardError,
    InvalidRequest,
    InvalidState,
)
from ..operations import shortened
from ..pages import safe_target
from . import in_browser, queries
from .cards import new_card_url
from .checkout_discounts import refusal_text
from .checkout_page import locale_of, page_of, said_instead
from .explaining import words_for
from .rendering import show
from .simulated_cards import chosen_card, is_simulated
from .tax_address import TaxAddress, form_of, store_address, typed_address
from .tokens import operation_token, sent_operation
from .wording import decline_text


def show_checkout(token: str) -> str | Response:
    """Show what is bought, and how to pay; 404 unless it's the customer's own link."""
    link, session = _own(token)
    return _shown(token, link, session)


def _shown(
    token: str,
    link: models.PageLink,
    session: models.CheckoutSession,
    wrong_code: str | None = None,
    address: TaxAddress | None = None,
) -> str | Response:
    """Show the page; ``wrong_code`` says why the code that was typed isn't taken, ``address`` what is wrong
    with the address."""
    # What is due may have changed since it was made: by the customer's balance, say.
    is_unsure = False
    if session.is_open:
        try:
            session = billing.sync_checkout(session)
        except AccrueError:
            # Somebody else may be at it, too: then it stands as its row does.
            is_unsure = True
            session = queries.as_it_stands(session)
    if session.is_complete:
        return _done(link, session)
    said = said_instead(
        session,
        is_replaced=link.used_at is not None,
        card_error=queries.card_error_of_session(session),
    )
    is_payable = session.is_open and not session.waits and link.used_at is None
    page = page_of(link, session) if is_payable else None
    script = in_browser.script_of(session.processor) if page and page.takes_new_card else None
    in_browser.admit(script)
    here = url_for(".checkout", token=token)
    return show(
        "accrue/portal/checkout.html",
        link.customer,
        page=page,
        said=said,
        is_unsure=is_unsure and page is not None,
        confirm_url=_confirm_url(token, session) if session.is_open and session.waits else None,
        here=here,
        operation=operation_token(str(link.id)),
        amount=session.amount_total,
        cancel_url=safe_target(link.details.get("cancel_url")),
        add_url=None if is_simulated(session.processor) else new_card_url(link.customer, here),
        script=script,
        account=link.customer.account,
        secret_url=url_for(".checkout_secret", token=token),
        wrong_code=wrong_code,
        address=address or form_of(locale_of(link)),
        typed_code=request.form.get("code", "")[:500],
        chosen=request.form.get("payment_method") or request.args.get("payment_method"),
    )


def complete_checkout(token: str) -> Response:
    """Do what the page is for, on the customer's word."""
    link, session = _own(token)
    here = url_for(".checkout", token=token)
    operation = sent_operation(str(link.id))
    if link.used_at is not None or link.is_expired or not session.is_open:
        return redirect(here, 303)
    if operation is None:
        flash("This page was open for too long. Nothing was charged; please try again.", "warning")
        return redirect(here, 303)
    tells_address = request.form.get("do") == "tell_address"
    if tells_address and session.needs_address:
        return _take_address(token, link, session)
    if tells_address or session.needs_address:
        # Whoever sent it hasn't seen what is due.
        return redirect(here, 303)
    chosen = request.form.get("payment_method", "")
    # Whoever types a code and pays at once sees what it gives first.
    if request.form.get("do") in ("take_code", "drop_code") or request.form.get("code"):
        return _type_code(token, link, session, chosen)
    try:
        session = billing.sync_checkout(session)
    except AccrueError:
        # Nothing was sent yet.
        flash(
            "The payment provider doesn't answer. Nothing was charged; please try again in a minute.",
            "warning",
        )
        return redirect(here, 303)
    shown = request.form.get("amount")
    if session.is_open and shown not in (None, "", str(session.amount_total)):
        flash(
            "What is due has changed. Nothing was charged yet; see the new price first.", "warning"
        )
        return redirect(url_for(".checkout", token=token, payment_method=chosen or None), 303)
    # Another card on the same form is another operation.
    operation = shortened(f"{operation}:{chosen}")
    try:
        card = chosen_card(link.customer, chosen, shortened(f"{operation}:card"))
        session = billing.complete_checkout_session(session, card, operation_id=operation)
    except ActionRequired as required:
        onward = required.url
        return redirect(here if onward is None else f"{onward}?next={here}", 303)
    except CardError as error:
        why = decline_text(error.decline_code or error.code)
        flash(f"{why} Nothing was charged. Choose another card to go on.", "warning")
        return redirect(here, 303)
    except AccrueError as error:
        if not _is_over(session, error):
            _explain(error)
        return redirect(here, 303)
    return _done(link, session)


def hand_over_secret(token: str) -> Response:
    """Begin to set up the card that a session is for, and give the page's script what it needs for that."""
    link, session = _own(token)
    here = url_for(".checkout", token=token)
    if link.used_at is not None or link.is_expired or not session.is_kept_here:
        abort(404)

    def ask() -> tuple[str | None, str]:
        try:
            return begin_setup(session).client_secret, here
        except InvalidState:
            # It was completed or closed meanwhile: the page tells how it stands.
            return None, here

    return in_browser.hand_over(session.processor, ask)


def _type_code(
    token: str, link: models.PageLink, session: models.CheckoutSession, chosen: str
) -> Response:
    """Let the code count that was typed, or none any more; the card that was chosen stays chosen."""
    word = None if request.form.get("do") == "drop_code" else request.form.get("code", "")
    here = url_for(".checkout", token=token, payment_method=chosen or None)
    try:
        billing.type_promotion_code(link, word)
    except InvalidRequest as error:
        why = refusal_text(error) or "This code can't be used here."
        shown = _shown(token, link, session, why)
        return shown if isinstance(shown, Response) else make_response(shown, 422)
    except AccrueError as error:
        _explain(error)
    else:
        said = "The code was taken away." if word is None else "The code was taken."
        flash(f"{said} Nothing was charged yet.", "success")
    return redirect(here, 303)


def _take_address(token: str, link: models.PageLink, session: models.CheckoutSession) -> Response:
    """Store where the customer is; the page then says what is due."""
    typed = typed_address(request.form)
    wrong: dict[str, str] = {}
    try:
        wrong = store_address(link.customer, typed)
    except AccrueError as error:
        _explain(error)
    if wrong:
        shown = _shown(token, link, session, address=form_of(locale_of(link), typed, wrong))
        return shown if isinstance(shown, Response) else make_response(shown, 422)
    return redirect(url_for(".checkout", token=token), 303)


def _own(token: str) -> tuple[models.PageLink, models.CheckoutSession]:
    """Return the visitor's link and session; a 404 tells nobody whether there is another's."""
    link = billing.open_link("checkout", token, current_owner())
    if link is None or link.checkout_session is None:
        abort(404)
    return link, link.checkout_session


def _is_over(session: models.CheckoutSession, error: AccrueError) -> bool:
    """Tell whether a checkout was completed elsewhere meanwhile; then its page tells how it stands."""
    if not isinstance(error, InvalidState | InvalidRequest):
        return False
    with contextlib.suppress(AccrueError):
        session = billing.sync_checkout(session)
    return not session.is_open or session.waits


def _done(link: models.PageLink, session: models.CheckoutSession) -> Response:
    billing.use_up(link)
    target = link.details["success_url"].replace("{CHECKOUT_SESSION_ID}", session.processor_id)
    return redirect(safe_target(target) or "/", 303)


def _confirm_url(token: str, session: models.CheckoutSession) -> str | None:
    """Return where the customer confirms the payment that a session waits for, and comes back from."""
    intent = queries.intent_of_session(session)
    if intent is None:
        return None
    return url_for(
        ".payment",
        processor=session.processor,
        payment_intent=intent.processor_id,
        next=url_for(".checkout", token=token),
    )


def _explain(error: AccrueError) -> None:
    """Say what came of it, and no more than is known."""
    if isinstance(error, InvalidRequest) and refusal_text(error) is not None:
        flash(
            "The discount can't be had any more. Nothing was charged. Take the code away or type another "
            "to go on.",
            "warning",
        )
    elif error.code != "checkout_over":
        words = words_for(error, undone="Nothing was charged.", unknown="whether you were charged")
        flash(*words)
