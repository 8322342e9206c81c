"""The mounted portal, as a link opens it: subscriptions, cards and billing details."""

from __future__ import annotations

import re
import typing as t
import uuid

from flask import abort, flash, make_response, redirect, request, url_for
from werkzeug.wrappers import Response

from .. import billing, models
from ..billing.authentication import unfinished_payment
from ..billing.charged_cards import charged_to_others
from ..entitlements import current_owner
from ..errors import AccrueError, ActionRequired, CardError
from ..gateways import gateway_of
from ..pages import format_date, safe_target
from ..processors import Capability
from . import queries
from .cards import new_card_url
from .checkout_page import locale_of
from .explaining import words_for
from .held import held, may_be_done, may_be_kept
from .plan_changes import change_plan, plan_page
from .rendering import show
from .tax_address import TaxAddress, form_of, known_address, store_address, typed_address
from .tokens import operation_token, sent_form, sent_operation
from .wording import card_choice, decline_text

_TITLES: t.Final[t.Mapping[str | None, str]] = {
    "payment_method_update": "Your cards",
    "customer_update": "Your billing details",
    "subscription_cancel": "End your subscription",
    "subscription_pause": "Pause your subscription",
    "subscription_update": "Change your plan",
    "subscription_update_confirm": "Confirm the change of your plan",
    None: "Your billing",
}
#: Flows that are about a subscription's plan.
_PLANS: t.Final = ("subscription_update", "subscription_update_confirm")
#: Loose on purpose: whether mail arrives is told by mail alone.
_EMAIL: t.Final = re.compile(r"[^@\s]+@[^@\s]+")


def show_portal(token: str) -> str:
    """Show a customer's subscriptions and cards, or the one thing that the link is for; 404 for others."""
    return _shown(token, _own(token))


def _shown(token: str, link: models.PageLink, address: TaxAddress | None = None) -> str:
    """Show the page; ``address`` says what is wrong with the one that was typed."""
    customer, flow, locale = link.customer, link.details.get("flow"), locale_of(link)
    rows = [each for each in _subscriptions(link) if not each.is_ended]
    plan = None
    if flow in _PLANS and rows:
        plan = plan_page(link, rows[0], locale)
    # The preview of a change ends the transaction, and what was read before is read again.
    shows_cards, shows_details = (
        flow in (None, which) for which in ("payment_method_update", "customer_update")
    )
    has_tax = gateway_of(customer).can(Capability.TAX)
    here = url_for(".portal", token=token)
    return show(
        "accrue/portal/overview.html",
        customer,
        title=_TITLES[flow],
        subscriptions=[held(each, flow, locale) for each in rows],
        shows_subscriptions=flow not in ("payment_method_update", "customer_update"),
        plan=plan,
        cards=[
            (str(card.id), card_choice(card), _is_in_use(customer, card))
            for card in billing.list_payment_methods(customer)
        ]
        if shows_cards
        else [],
        add_url=_add_url(customer, here, flow) if shows_cards else None,
        details=(customer.name or "", customer.email or "") if shows_details else None,
        address=(address or form_of(locale, known_address(customer)))
        if shows_details and has_tax
        else None,
        here=here,
        operation=operation_token(str(link.id)),
        return_url=safe_target(link.details.get("return_url")),
    )


def change_portal(token: str) -> Response:
    """Do what a form of the page asks for."""
    link = _own(token)
    here = url_for(".portal", token=token)
    what = request.form.get("do", "")
    if what not in _allowed(link.details.get("flow")):
        abort(400)
    if what == "change":
        return _change_plan(link, here)
    operation = sent_operation(str(link.id))
    if operation is None:
        flash("This page was open for too long. Nothing was changed; please try again.", "warning")
        return redirect(here, 303)
    try:
        if what == "address":
            return _take_address(token, link, operation)
        said = _do(link, what, operation)
    except AccrueError as error:
        _explain(error)
    else:
        if said is not None:
            flash(said, "success")
    return redirect(here, 303)


def _allowed(flow: str | None) -> tuple[str, ...]:
    """Return what a link lets its customer do, whatever forms are made up."""
    cards, details = ("default", "remove"), ("details", "address")
    return {
        None: ("cancel", "resume", *cards, *details),
        "payment_method_update": cards,
        "customer_update": details,
        "subscription_cancel": ("cancel", "resume"),
        "subscription_pause": ("pause", "unpause"),
    }.get(flow, ("change",))


def _do(link: models.PageLink, what: str, operation: str) -> str | None:
    """Carry a step out, and return what to say of it; ``None``: what is wrong was said."""
    customer, chosen = link.customer, request.form.get("id", "")
    if what in ("default", "remove"):
        return _do_card(customer, what, chosen, operation)
    if what == "details":
        return _save_details(customer, operation)
    found = _subscription(link, chosen)
    if what in ("pause", "unpause") and not may_be_done(found, what):
        flash("Your subscription has changed meanwhile. See how it stands now.", "warning")
        return None
    if what == "pause":
        billing.pause(found, "void", operation_id=operation)
        return "Payments are paused; nothing is charged meanwhile."
    if what == "unpause":
        billing.resume(found, operation_id=operation)
        return "Your subscription goes on."
    if what == "resume":
        # To keep it isn't to end a pause that somebody else made, nor to have what is free for good.
        if found.is_paused or not may_be_kept(found):
            abort(400)
        billing.resume(found, operation_id=operation)
        return "Your subscription goes on."
    ended = billing.cancel_at_period_end(found, operation_id=operation)
    if ended.is_ended:
        return "Your subscription has ended."
    day = format_date(ended.ends_at, locale_of(link), link.customer.preferred_timezone)
    return f"Your subscription ends on {day}."


def _do_card(customer: models.Customer, what: str, chosen: str, operation: str) -> str:
    if what == "default":
        card = queries.usable_card(customer, chosen) or abort(404)
        billing.use_payment_method(customer, card, operation_id=operation)
        return "This card is used from now on."
    # One that has expired can be removed, too.
    card = queries.card_of(customer, chosen) or abort(404)
    billing.remove_payment_method(card, operation_id=operation)
    return "The card was removed."


def _is_in_use(customer: models.Customer, card: models.PaymentMethod) -> bool:
    """Tell whether everything is charged to a card."""
    return card.id == customer.default_payment_method_id and not charged_to_others(customer, card)


def _save_details(customer: models.Customer, operation: str) -> str | None:
    name = request.form.get("name", "").strip()[:250]
    email = request.form.get("email", "").strip()[:250]
    is_address = not email or (email.isprintable() and _EMAIL.fullmatch(email))
    if not (name.isprintable() and is_address):
        flash("That isn't a name and an e-mail address. Nothing was changed.", "warning")
        return None
    billing.update_customer(
        customer, name=name or None, email=email or None, operation_id=operation
    )
    return "Your details were saved."


def _take_address(token: str, link: models.PageLink, operation: str) -> Response:
    typed = typed_address(request.form)
    wrong = store_address(link.customer, typed, operation_id=operation)
    if wrong:
        address = form_of(locale_of(link), typed, wrong)
        return make_response(_shown(token, link, address), 422)
    flash("Your address was saved.", "success")
    return redirect(url_for(".portal", token=token), 303)


def _change_plan(link: models.PageLink, here: str) -> Response:
    form = sent_form(str(link.id))
    row = next((each for each in _subscriptions(link) if not each.is_ended), None)
    if form is None or row is None:
        flash("This page was open for too long. Nothing was changed; please try again.", "warning")
        return redirect(here, 303)
    try:
        if change_plan(link, row, form):
            flash("Your plan was changed.", "success")
        else:
            flash("Your subscription has changed meanwhile. See the new price first.", "warning")
    except ActionRequired as required:
        flash("Your plan was changed. Its payment has to be confirmed.", "info")
        return redirect(here if required.url is None else f"{required.url}?next={here}", 303)
    except CardError as error:
        why = decline_text(error.decline_code or error.code)
        flash(f"{why} Your plan was changed, and its payment is still open.", "warning")
        return redirect(_payment_url(link, here) or here, 303)
    except AccrueError as error:
        _explain(error)
    return redirect(here, 303)


def _payment_url(link: models.PageLink, here: str) -> str | None:
    """Return the page where what is open of a change is paid with another card."""
    row = next(iter(_subscriptions(link)), None)
    intent = None if row is None else unfinished_payment(row)
    if intent is None:
        return None
    return url_for(
        ".payment", processor=intent.processor, payment_intent=intent.processor_id, next=here
    )


def _explain(error: AccrueError) -> None:
    words = words_for(error, undone="Nothing was changed.", unknown="whether anything was changed")
    flash(*words)


def _own(token: str) -> models.PageLink:
    return billing.open_link("portal", token, current_owner()) or abort(404)


def _add_url(customer: models.Customer, here: str, flow: str | None) -> str:
    """Return the page where a card is added, which leads back here."""
    use = "at_once" if flow == "payment_method_update" else None
    return new_card_url(customer, here, use)


def _subscriptions(link: models.PageLink) -> list[models.Subscription]:
    """Return the customer's subscriptions, or the one that the link is about."""
    wanted = link.details.get("subscription")
    return [
        each for each in billing.list_subscriptions(link.customer) if wanted in (None, str(each.id))
    ]


def _subscription(link: models.PageLink, id: str) -> models.Subscription:
    try:
        named = uuid.UUID(id)
    except ValueError:
        abort(404)
    return next((each for each in _subscriptions(link) if each.id == named), None) or abort(404)
