"""Blueprints that show pages: templates that a host can replace, headers, error pages, and forms that
only work from our own pages."""

from __future__ import annotations

import collections.abc as c
import typing as t

from flask import Blueprint, abort, current_app, render_template, request
from flask_wtf.csrf import CSRFError, generate_csrf, same_origin, validate_csrf
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response
from wtforms import ValidationError

from ..resources import folder
from ..state import AccrueState, current_state
from .formats import format_date, format_money, format_time
from .headers import nonce, secure

_READING: t.Final = frozenset({"GET", "HEAD", "OPTIONS"})
_EXPIRED: t.Final = (
    "This form was open for too long, or it came from another page than ours. Nothing was done. "
    "Go back, reload the page and try again."
)

#: What a page says that couldn't be shown: title and sentence by status.
_SAID: t.Final[c.Mapping[int, tuple[str, str]]] = {
    400: ("This can't be understood", "Something about the address or the form is wrong."),
    403: ("You may not see this page", "If you should, log in as somebody who may."),
    404: (
        "There is nothing at this address",
        "It may have moved, or it belongs to somebody else. Check the address.",
    ),
}


def surface(name: str, import_name: str, path: str, state: AccrueState) -> Blueprint:
    """Return a blueprint for pages at a path, with nothing on it yet.

    A host replaces a template by one of the same name in its own templates folder.
    """
    blueprint = Blueprint(
        name, import_name, url_prefix=path, template_folder=folder("templates").as_posix()
    )
    blueprint.after_request(_secure)
    blueprint.register_error_handler(HTTPException, show_error)
    blueprint.context_processor(_shared_context)
    blueprint.add_app_template_filter(format_money, "accrue_money")
    blueprint.add_app_template_filter(format_date, "accrue_date")
    blueprint.add_app_template_filter(format_time, "accrue_time")
    return blueprint


def refuse_forged_forms(blueprint: Blueprint) -> None:
    """Check the CSRF token of every request to a blueprint that changes something.

    It doesn't depend on the host's ``CSRFProtect``, nor on which extension was set up first, nor on what the
    host calls its token (``WTF_CSRF_FIELD_NAME``): that check, which our forms can't pass then, is left out.
    """
    blueprint.url_value_preprocessor(_exempt_from_the_hosts_check)
    blueprint.before_request(_refuse_forged_form)


def _exempt_from_the_hosts_check(endpoint: str | None, values: dict[str, t.Any] | None) -> None:
    # Runs before Flask-WTF's check and at each request, whichever of the two was set up first.
    csrf = current_app.extensions.get("csrf")
    if csrf is not None and request.blueprint is not None:
        csrf.exempt(current_app.blueprints[request.blueprint])


def _refuse_forged_form() -> None:
    if request.method in _READING:
        return
    try:
        validate_csrf(request.form.get("csrf_token"))
    except ValidationError:
        abort(400, _EXPIRED)
    checks_origin = request.is_secure and current_app.config.get("WTF_CSRF_SSL_STRICT", True)
    if checks_origin and not same_origin(request.referrer or "", request.host_url):
        abort(400, _EXPIRED)


def show_error(error: HTTPException) -> Response | HTTPException | tuple[str, int]:
    """Show a page that says what was wrong, and nothing that the visitor may not know."""
    code = error.code or 500
    if error.response is not None or code < 400:
        return error
    title, message = _SAID.get(code, (error.name, "Nothing was changed."))
    if isinstance(error, CSRFError):
        message = _EXPIRED
    elif error.description != type(error).description and error.description:
        message = error.description
    more = {
        "action_url": getattr(error, "action_url", None),
        "action_label": getattr(error, "action_label", None),
    }
    page = render_template("accrue/error.html", code=code, title=title, message=message, **more)
    return page, code


def _secure(response: Response) -> Response:
    return secure(response, current_state().settings.allowed_redirect_hosts)


def _shared_context() -> dict[str, t.Any]:
    return {
        "brand": {"name": current_state().settings.brand_name, "home_url": None},
        "csp_nonce": nonce(),
        "csrf_token": generate_csrf,
        "page_lang": "en",
        # What a host's own pages pass to the shared layout isn't meant for ours.
        "navigation": (),
        "exit_url": None,
    }
