"""The portal's blueprint: addresses, and whose billing they are about."""

from __future__ import annotations

from flask import Blueprint
from werkzeug.wrappers import Response

from ..errors import ConfigError
from ..pages import refuse_forged_forms, surface
from ..state import AccrueState
from . import cards, payments
from .checkout import complete_checkout, hand_over_secret, show_checkout
from .overview import change_portal, show_portal


def portal_blueprint(state: AccrueState) -> Blueprint:
    """Return a customer portal for an app, at ``ACCRUE_PORTAL_PATH``."""
    path = state.settings.portal_path
    if path is None:
        raise ConfigError("The portal is switched off: ACCRUE_PORTAL_PATH is False.")
    blueprint = surface("accrue_portal", __name__, path, state)
    refuse_forged_forms(blueprint)

    @blueprint.get("/payments/<processor>/<payment_intent>")
    def payment(processor: str, payment_intent: str) -> str:
        return payments.show_payment(processor, payment_intent)

    @blueprint.post("/payments/<processor>/<payment_intent>", endpoint="confirm")
    def confirm(processor: str, payment_intent: str) -> Response:
        return payments.confirm_payment(processor, payment_intent)

    @blueprint.post("/payments/<processor>/<payment_intent>/secret")
    def payment_secret(processor: str, payment_intent: str) -> Response:
        return payments.hand_over_secret(processor, payment_intent)

    @blueprint.get("/payments/<processor>/<payment_intent>/return")
    def payment_return(processor: str, payment_intent: str) -> Response:
        return payments.return_from_payment(processor, payment_intent)

    @blueprint.get("/cards/<processor>/new")
    def new_card(processor: str) -> str:
        return cards.show_new_card(processor)

    @blueprint.post("/cards/<processor>/new", endpoint="add_test_card")
    def add_test_card(processor: str) -> Response:
        return cards.add_test_card(processor)

    @blueprint.post("/cards/<processor>/secret")
    def card_secret(processor: str) -> Response:
        return cards.hand_over_secret(processor)

    @blueprint.get("/cards/<processor>/<setup_intent>/return")
    def card_return(processor: str, setup_intent: str) -> Response:
        return cards.return_from_setup(processor, setup_intent)

    _add_linked_pages(blueprint)
    return blueprint


def _add_linked_pages(blueprint: Blueprint) -> None:
    """Add the pages that a link with a token opens."""

    @blueprint.get("/portal/<token>")
    def portal(token: str) -> str:
        return show_portal(token)

    @blueprint.post("/portal/<token>", endpoint="change_portal")
    def change(token: str) -> Response:
        return change_portal(token)

    @blueprint.get("/checkout/<token>")
    def checkout(token: str) -> str | Response:
        return show_checkout(token)

    @blueprint.post("/checkout/<token>/secret")
    def checkout_secret(token: str) -> Response:
        return hand_over_secret(token)

    @blueprint.post("/checkout/<token>", endpoint="complete_checkout")
    def complete(token: str) -> Response:
        return complete_checkout(token)
