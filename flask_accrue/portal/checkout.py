"""The mounted page on which a customer pays, subscribes or leaves a card."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from .. import billing, models
from ..clock import from_unix
from ..entitlements import current_owner
from ..errors import (
    AccrueError,
    ActionRequired,
    CardError,
    DiscountMappingInvalid,
    IdempotencyConflict,
    InvalidRequest,
    InvalidState,
    OperationInProgress,
    OperationUnknown,
    ProcessorError,
    RateLimited,
    UnsupportedByProcessor,
)
from ..money import Money
from ..operations import shortened
from ..pages import format_date, safe_target
from . import queries
from .cards import new_card_url
from .checkout_discounts import TakenOff, refusal_text, taken_off
from .simulated_cards import SIMULATED_CARDS, SimulatedCard, chosen_card, is_simulated
from .tokens import operation_token, sent_operation
from .wording import Said, card_choice, decline_text

_TIMES: t.Final = "\N{MULTIPLICATION SIGN}"

#: What is raised before a charge is asked for, or when the processor has refused to make one.
_UNCHARGED: t.Final = (
    DiscountMappingInvalid,
    InvalidRequest,
    InvalidState,
    RateLimited,
    UnsupportedByProcessor,
)


@dataclasses.dataclass(frozen=True)
class Bought:
    """Something that is bought, and what it costs."""

    text: str
    price: str


@dataclasses.dataclass(frozen=True)
class CheckoutPage:
    """What the page shows.

    :ivar terms: what is paid, and when.
    :ivar due: what is due today, ``None`` where nothing is.
    :ivar button: what the button says.
    :ivar takes_codes: whether there is a field for a promotion code.
    :ivar needs_card: whether a card has to be chosen.
    """

    title: str
    items: tuple[Bought, ...]
    terms: str
    due: str | None
    button: str
    takes_codes: bool
    taken_off: TakenOff | None
    needs_card: bool
    cards: tuple[tuple[str, str, str | None], ...]
    simulated_cards: tuple[SimulatedCard, ...]


def show_checkout(token: str) -> str | Response:
    """Show what is bought, and how to pay; 404 unless it's the customer's own link."""
    link, session = _own(token)
    return _shown(token, link, session)


def _shown(
    token: str,
    link: models.PageLink,
    session: models.CheckoutSession,
    wrong_code: str | None = None,
) -> str | Response:
    """Show the page; ``wrong_code`` says why the code that was typed isn't taken."""
    # What is due may have changed since it was made: by the customer's balance, say.
    if session.is_open:
        session = billing.sync_checkout(session)
    if session.is_complete:
        return _done(link, session)
    locale = link.customer.preferred_locale
    page = _page(link, session, locale) if session.is_open and not session.waits else None
    return render_template(
        "accrue/portal/checkout.html",
        page=page,
        said=None if page else _said(session),
        confirm_url=_confirm_url(token, session) if session.is_open and page is None else None,
        here=url_for(".checkout", token=token),
        operation=operation_token(str(link.id)),
        amount=session.amount_total,
        cancel_url=safe_target(link.details.get("cancel_url")),
        add_url=None
        if is_simulated(session.processor)
        else new_card_url(link.customer, url_for(".checkout", token=token)),
        customer_name=link.customer.name,
        wrong_code=wrong_code,
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
    chosen = request.form.get("payment_method", "")
    # Whoever types a code and pays at once sees what it gives first.
    if request.form.get("do") in ("take_code", "drop_code") or request.form.get("code"):
        return _type_code(token, link, session, chosen)
    try:
        session = billing.sync_checkout(session)
    except AccrueError as error:
        _explain(error)
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
        session = billing.complete_checkout_session(
            session, card, name=link.details["name"], operation_id=operation
        )
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


def _type_code(
    token: str, link: models.PageLink, session: models.CheckoutSession, chosen: str
) -> Response:
    """Let the code count that was typed, or none any more; the card that was chosen stays chosen."""
    word = None if request.form.get("do") == "drop_code" else request.form.get("code", "")
    here = url_for(".checkout", token=token, payment_method=chosen or None)
    try:
        billing.type_promotion_code(link, word)
    except InvalidRequest as error:
        why = refusal_text(error) or error.message
        return make_response(_shown(token, link, session, why), 422)
    except AccrueError as error:
        _explain(error)
    else:
        said = "The code was taken away." if word is None else "The code was taken."
        flash(f"{said} Nothing was charged yet.", "success")
    return redirect(here, 303)


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


def _page(
    link: models.PageLink, session: models.CheckoutSession, locale: str | None
) -> CheckoutPage:
    due = None
    if session.amount_total and session.currency is not None:
        due = Money(session.amount_total, session.currency).format(locale)
    cards = tuple(
        (
            str(card.id),
            card_choice(card),
            "Your default card" if card.id == link.customer.default_payment_method_id else None,
        )
        for card in queries.usable_cards(link.customer)
    )
    title, button = {
        "subscription": ("Subscribe", "Subscribe"),
        "payment": ("Pay", f"Pay {due}" if due else "Confirm"),
        "setup": ("Save a card", "Save the card"),
    }[session.mode]
    if session.mode == "subscription" and due is not None:
        button = f"Pay {due} and subscribe"
    off = taken_off(link, session, locale)
    prices = queries.prices_of(session.processor, [name for name, _ in link.details["items"]])
    return CheckoutPage(
        title=title,
        items=tuple(
            _bought(prices.get(name), name, quantity, locale)
            for name, quantity in link.details["items"]
        ),
        terms=_terms(link, session, due, locale, off),
        due=due,
        button=button,
        takes_codes=bool(link.details.get("takes_codes")),
        taken_off=off,
        needs_card=not link.details.get("card_if_required") or due is not None,
        cards=cards,
        simulated_cards=SIMULATED_CARDS if is_simulated(session.processor) else (),
    )


def _bought(
    price: models.Price | None, name: str, quantity: int | None, locale: str | None
) -> Bought:
    if price is None:
        return Bought(name if quantity is None else f"{quantity} {_TIMES} {name}", "")
    text = price.nickname or (price.product.name if price.product is not None else name)
    if quantity not in (None, 1):
        text = f"{quantity} {_TIMES} {text}"
    cost = price.money
    if cost is None:
        return Bought(text, "by use" if price.is_metered else "")
    if price.is_metered:
        return Bought(text, f"{cost.format(locale)} each, by use")
    whole = Money(cost.amount_minor * (1 if quantity is None else quantity), cost.currency)
    return Bought(text, " ".join(filter(None, (whole.format(locale), _every(price)))))


def _every(price: models.Price) -> str:
    if price.interval is None:
        return ""
    if price.interval_count == 1:
        return f"every {price.interval}"
    return f"every {price.interval_count} {price.interval}s"


def _terms(
    link: models.PageLink,
    session: models.CheckoutSession,
    due: str | None,
    locale: str | None,
    off: TakenOff | None,
) -> str:
    trial_end = from_unix(link.details.get("trial_end"))
    if session.mode == "setup":
        return "Nothing is charged. The card is kept for later payments."
    if trial_end is not None:
        day = format_date(trial_end, locale, link.customer.preferred_timezone)
        today = f"Nothing is charged today. The trial ends on {day}; from then on you pay the price above"
        return f"{today}." if off is None else f"{today}, less the discount. {off.lasts}".strip()
    if session.mode == "payment":
        return "You pay once." if due else "Nothing is charged."
    today = f"You pay {due} today" if due else "Nothing is charged today"
    lasts = "" if off is None else off.lasts
    return f"{today}. It renews by itself until you cancel. {lasts}".strip()


def _said(session: models.CheckoutSession) -> Said:
    if session.is_open:
        return Said(
            "Confirm your payment",
            "It isn't complete yet: your bank wants it confirmed, or paid with another card. Nothing was "
            "charged yet.",
            "info",
        )
    return Said("This page has expired", "Nothing was charged. Go back and begin again.", "neutral")


def _explain(error: AccrueError) -> None:
    """Say what came of it, and no more than is known."""
    match error:
        case OperationInProgress():
            flash("This is being worked on at this moment. Reload in a moment.", "info")
        case OperationUnknown():
            flash(
                "Whether you were charged isn't known yet. Don't pay again: whoever runs this page looks "
                "into it.",
                "warning",
            )
        case IdempotencyConflict():
            flash(
                "This form was sent before. See how it stands here before you send it again.",
                "warning",
            )
        case ProcessorError() if not error.definite:
            flash(
                "The payment provider didn't answer, so whether you were charged isn't known yet. "
                "Reload in a minute before you try again.",
                "warning",
            )
        case AccrueError(code="already_subscribed"):
            flash("You have this subscription already. Nothing was charged.", "info")
        case InvalidRequest() if refusal_text(error) is not None:
            flash(
                "The discount can't be had any more. Nothing was charged. Take the code away or type "
                "another to go on.",
                "warning",
            )
        case AccrueError(code="payment_method_required"):
            flash("Choose a card to go on.", "warning")
        case InvalidState(code="checkout_over"):
            pass
        case _ if isinstance(error, _UNCHARGED):
            flash(f"{error.message} Nothing was charged.", "error")
        case _:
            flash(
                "That didn't work, and whether you were charged isn't known yet. Reload in a minute before "
                "you try again.",
                "error",
            )
