"""The billing page: the plan, the card, the invoices, and what happened."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import flask
from flask_login import login_required
from werkzeug.wrappers import Response

from flask_accrue import AccrueError, ActionRequired, CardError
from flask_accrue import billing as accrue
from flask_accrue.models import PaymentMethod
from flask_accrue.state import current_state

from . import clock, history, plans
from .forms import SeatsForm
from .organizations import managers_only, seats_taken
from .standing import plan_of, seats_of, standing

blueprint = flask.Blueprint("billing", __name__, url_prefix="/settings/billing")

SHOWN_INVOICES = 24

#: Cards of the simulated processor, by token, with what to expect of each.
TEST_CARDS = {
    "tok_visa": ("Visa 4242", "Always pays."),
    "tok_mastercard": ("Mastercard 4444", "Always pays."),
    "tok_chargeCustomerFail": ("Visa 0341", "Can be added, but every payment fails."),
    "tok_authenticationRequired": ("Visa 3184", "Every payment has to be confirmed."),
    "tok_chargeDeclined": ("Visa 0002", "Is refused as soon as it is added."),
}


def explained(view: Callable[..., Any]) -> Callable[..., Any]:
    """Tell the visitor what billing refused, and go back to the page."""

    @functools.wraps(view)
    def told(*args: Any, **kwargs: Any) -> Any:
        try:
            return view(*args, **kwargs)
        except ActionRequired as required:
            if required.url:
                back = urlencode({"next": flask.url_for("billing.overview")})
                return flask.redirect(f"{required.url}?{back}", 303)
            flask.flash("Your bank asks you to confirm this payment.", "warning")
        except CardError as declined:
            flask.flash(f"{declined.message} Nothing was charged; try another card.", "error")
        except AccrueError as refused:
            flask.flash(refused.message, "error")
        return flask.redirect(flask.url_for("billing.overview"), 303)

    return told


def _back(message: str, tone: str = "good") -> Response:
    flask.flash(message, tone)
    return flask.redirect(flask.url_for(".overview"), 303)


@blueprint.get("")
@login_required
def overview() -> str:
    """Show the plan, cards, invoices and history of the active organization."""
    organization = flask.g.organization
    customer = accrue.get_customer(organization)
    subscription = accrue.subscription(organization)
    grace = datetime.timedelta(days=current_state().settings.dunning.grace_days)
    return flask.render_template(
        "billing.html",
        standing=standing(subscription, grace),
        subscription=subscription,
        seats=seats_of(subscription) if subscription else 1,
        plans=plans.PLANS,
        trial_days=plans.TRIAL_DAYS if subscription is None else 0,
        customer=customer,
        cards=accrue.list_payment_methods(organization),
        invoices=accrue.list_invoices(organization)[:SHOWN_INVOICES],
        timeline=history.of(customer),
        test_cards=TEST_CARDS if clock.fake() else {},
    )


@blueprint.post("/plan")
@managers_only
@explained
def choose() -> Response:
    """Subscribe to a plan, or go from one to the other."""
    organization = flask.g.organization
    plan = plans.named(flask.request.form.get("plan", ""))
    if plan is None or plan.price is None:
        flask.abort(400)
    seats = max(1, seats_taken(organization)) if plan.per_seat else 1
    subscription = accrue.subscription(organization)
    if subscription is None or subscription.is_ended:
        trial = datetime.timedelta(days=plans.TRIAL_DAYS) if subscription is None else None
        accrue.subscribe(organization, plan.price, trial=trial, quantity=seats)
        return _back(f"Welcome to {plan.title}.")
    before = plan_of(subscription)
    if before == plan:
        return _back(f"You are on {plan.title} already.", "info")
    accrue.swap_plan(subscription, plan.price, proration="create_prorations", quantity=seats)
    return _back(f"You changed from {before.title} to {plan.title}.")


@blueprint.post("/seats")
@managers_only
@explained
def change_seats() -> Response:
    """Pay for more or fewer seats; never for fewer than are taken."""
    subscription, form = _running(), SeatsForm()
    if not form.validate_on_submit() or form.seats.data < seats_taken(flask.g.organization):
        taken = seats_taken(flask.g.organization)
        return _back(f"Choose from {taken} (those are taken) to 100 seats.", "warning")
    accrue.update_quantity(subscription, form.seats.data)
    return _back(f"You have {form.seats.data} seats now.")


@blueprint.route("/cancel", methods=["GET", "POST"])
@managers_only
@explained
def cancel() -> str | Response:
    """Ask when, then end the subscription at its period's end or at once."""
    subscription = _running()
    if flask.request.method == "GET":
        return flask.render_template(
            "cancel.html", subscription=subscription, plan=plan_of(subscription)
        )
    if flask.request.form.get("when") == "now":
        accrue.cancel(subscription)
        return _back("The plan ended. You are on Free.", "info")
    subscription = accrue.cancel_at_period_end(subscription)
    return _back(
        f"The plan ends on {subscription.ends_at:%-d %B %Y}. Until then all stays.", "info"
    )


@blueprint.post("/resume")
@managers_only
@explained
def resume() -> Response:
    """Undo a scheduled end, or a pause."""
    accrue.resume(_running())
    return _back("Good to have you back. The plan goes on as before.")


@blueprint.post("/pay")
@managers_only
@explained
def pay() -> Response:
    """Try the payment that failed again, with the card that is the default now."""
    accrue.retry_payment(_running())
    return _back("Thank you. The payment went through.")


@blueprint.post("/confirm")
@managers_only
@explained
def confirm() -> Response:
    """Send the customer to the page where a payment that waits for them is confirmed."""
    raise accrue.action_required(_running())


@blueprint.post("/cards")
@managers_only
@explained
def add_card() -> Response:
    """Add a test card by its token and make it the one that pays."""
    token = flask.request.form.get("token", "")
    if clock.fake() is None or token not in TEST_CARDS:
        flask.abort(400)
    card = accrue.add_payment_method(flask.g.organization, token, default=True)
    return _back(f"The card ending in {card.last4} pays from now on.")


@blueprint.post("/cards/<uuid:card_id>/<any(default, remove):change>")
@managers_only
@explained
def change_card(card_id: Any, change: str) -> Response:
    """Let another card pay, or forget one."""
    organization = flask.g.organization
    cards: list[PaymentMethod] = accrue.list_payment_methods(organization)
    card = next((card for card in cards if card.id == card_id), None) or flask.abort(404)
    if change == "default":
        accrue.set_default_payment_method(organization, card)
        return _back(f"The card ending in {card.last4} pays from now on.")
    accrue.remove_payment_method(card)
    return _back(f"The card ending in {card.last4} is gone.")


def _running() -> Any:
    subscription = accrue.subscription(flask.g.organization)
    if subscription is None or subscription.is_ended:
        flask.abort(404)
    return subscription
