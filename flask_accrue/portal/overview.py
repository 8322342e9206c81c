"""The mounted portal, as a link opens it: subscriptions to end or keep, and cards."""

from __future__ import annotations

import dataclasses
import uuid

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from .. import billing, models
from ..entitlements import current_owner
from ..errors import AccrueError, CardError, ProcessorError
from ..pages import format_date, safe_target
from ..processors.fake import FakeProcessor
from ..state import current_state
from . import queries
from .cards import new_card_url
from .simulated_cards import SIMULATED_CARDS, SimulatedCard, chosen_card
from .tokens import operation_token, sent_operation
from .wording import card_choice, decline_text


@dataclasses.dataclass(frozen=True)
class Held:
    """A subscription as its customer sees it.

    :ivar step: what can be done: ``cancel``, ``resume`` or nothing; ``label`` is what its button says.
    """

    id: str
    name: str
    prices: str
    said: str
    step: str | None
    label: str


def show_portal(token: str) -> str:
    """Show a customer's subscriptions and cards, or the one thing that the link is for; 404 for others."""
    link = _own(token)
    customer, flow = link.customer, link.details.get("flow")
    zone, locale = customer.preferred_timezone, customer.preferred_locale
    wanted = link.details.get("subscription")
    held = [
        _held(each, locale, zone)
        for each in billing.list_subscriptions(customer)
        if not each.is_ended and wanted in (None, str(each.id))
    ]
    cards = [
        (str(card.id), card_choice(card), card.id == customer.default_payment_method_id)
        for card in billing.list_payment_methods(customer)
    ]
    simulated = isinstance(current_state().processors.get(customer.processor), FakeProcessor)
    new: tuple[SimulatedCard, ...] = SIMULATED_CARDS if simulated else ()
    return render_template(
        "accrue/portal/overview.html",
        subscriptions=[] if flow == "payment_method_update" else held,
        cards=[] if flow == "subscription_cancel" else cards,
        new_cards=() if flow == "subscription_cancel" else new,
        add_url=None if simulated or flow == "subscription_cancel" else _add_url(token, customer),
        flow=flow,
        here=url_for(".portal", token=token),
        operation=operation_token(str(link.id)),
        return_url=safe_target(link.details.get("return_url")),
        customer_name=customer.name,
    )


def change_portal(token: str) -> Response:
    """Do what a form of the page asks for."""
    link = _own(token)
    here = url_for(".portal", token=token)
    operation = sent_operation(str(link.id))
    if operation is None:
        flash("This page was open for too long. Nothing was changed; please try again.", "warning")
        return redirect(here, 303)
    try:
        said = _do(link, request.form.get("do", ""), operation)
    except CardError as error:
        flash(f"{decline_text(error.decline_code or error.code)} It wasn't added.", "warning")
    except ProcessorError as error:
        unknown = "The payment provider didn't answer. Reload in a minute before you try again."
        flash(error.message if error.definite else unknown, "warning")
    except AccrueError as error:
        flash(error.message, "error")
    else:
        flash(said, "success")
    return redirect(here, 303)


def _do(link: models.PageLink, what: str, operation: str) -> str:
    """Carry a step out, and return what to say of it."""
    customer, chosen = link.customer, request.form.get("id", "")
    if what in ("cancel", "resume"):
        found = _subscription(link, chosen)
        if what == "resume":
            billing.resume(found, operation_id=operation)
            return "Your subscription goes on."
        ended = billing.cancel_at_period_end(found, operation_id=operation)
        if ended.is_ended:
            return "Your subscription has ended."
        day = format_date(ended.ends_at, customer.preferred_locale, customer.preferred_timezone)
        return f"Your subscription ends on {day}."
    if what == "add":
        card = chosen_card(customer, request.form.get("payment_method", ""), f"{operation}:card")
        if card is None:
            abort(400)
        billing.set_default_payment_method(customer, card, operation_id=operation)
        return "The card was added; it's used from now on."
    if what != "default":
        abort(400)
    card = queries.usable_card(customer, chosen) or abort(404)
    billing.set_default_payment_method(customer, card, operation_id=operation)
    return "This card is used from now on."


def _own(token: str) -> models.PageLink:
    return billing.open_link("portal", token, current_owner()) or abort(404)


def _add_url(token: str, customer: models.Customer) -> str:
    """Return the page where the processor's own fields take a card, which leads back here."""
    return new_card_url(customer, url_for(".portal", token=token))


def _subscription(link: models.PageLink, id: str) -> models.Subscription:
    """Return one of the customer's subscriptions, the one that the link is about if it's about one."""
    wanted = link.details.get("subscription")
    try:
        named = uuid.UUID(id)
    except ValueError:
        abort(404)
    found = (
        each
        for each in billing.list_subscriptions(link.customer)
        if each.id == named and wanted in (None, str(each.id))
    )
    return next(found, None) or abort(404)


def _held(row: models.Subscription, locale: str | None, zone: str | None) -> Held:
    names = queries.prices_of(row.processor, [each.price_processor_id for each in row.items])
    prices = ", ".join(
        price.product.name if price is not None and price.product is not None else id
        for id in (each.price_processor_id for each in row.items)
        for price in [names.get(id)]
    )
    step: str | None = None
    label = "Cancel at the end of the period"
    if row.is_canceling:
        said, step = f"Ends on {format_date(row.ends_at, locale, zone)}.", "resume"
        label = "Keep the subscription"
    elif row.is_trialing:
        said, step = f"On trial until {format_date(row.trial_end, locale, zone)}.", "cancel"
    elif row.is_past_due:
        # Its period was never paid, so there is none to wait for.
        said, step, label = "The last payment failed.", "cancel", "Cancel now"
    elif row.is_active:
        said = f"Renews on {format_date(row.current_period_end, locale, zone)}."
        step = "cancel"
    else:
        said = "The first payment isn't made yet."
    return Held(str(row.id), row.name, prices, said, step, label)
