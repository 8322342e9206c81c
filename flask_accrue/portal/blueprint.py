"""The portal's blueprint: addresses, and whose billing they are about."""

from __future__ import annotations

from flask import Blueprint
from werkzeug.wrappers import Response

from ..errors import ConfigError
from ..pages import refuse_forged_forms, surface
from ..state import AccrueState
from .checkout import complete_checkout, show_checkout
from .payments import confirm_payment, show_payment


def portal_blueprint(state: AccrueState) -> Blueprint:
    """Return a customer portal for an app, at ``ACCRUE_PORTAL_PATH``."""
    path = state.settings.portal_path
    if path is None:
        raise ConfigError("The portal is switched off: ACCRUE_PORTAL_PATH is False.")
    blueprint = surface("accrue_portal", __name__, path, state)
    blueprint.before_request(refuse_forged_forms)

    @blueprint.get("/payments/<processor>/<payment_intent>")
    def payment(processor: str, payment_intent: str) -> str:
        return show_payment(processor, payment_intent)

    @blueprint.post("/payments/<processor>/<payment_intent>", endpoint="confirm")
    def confirm(processor: str, payment_intent: str) -> Response:
        return confirm_payment(processor, payment_intent)

    @blueprint.get("/checkout/<token>")
    def checkout(token: str) -> str | Response:
        return show_checkout(token)

    @blueprint.post("/checkout/<token>", endpoint="complete_checkout")
    def complete(token: str) -> Response:
        return complete_checkout(token)

    return blueprint
