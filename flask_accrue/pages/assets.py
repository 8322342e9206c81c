"""Serving the stylesheet and the icons, from the host's own address."""

from __future__ import annotations

from flask import Blueprint
from werkzeug.wrappers import Response

from ..resources import folder
from ..state import AccrueState


def assets_blueprint(state: AccrueState) -> Blueprint:
    """Return the blueprint that serves the assets at ``…/static``, and has the templates.

    Its endpoint is ``accrue.static``, wherever it's mounted. It's there without portal and back office
    too: a host's own pages may build on the layouts.
    """
    path = state.settings.portal_path or state.settings.admin_path or "/accrue"
    blueprint = Blueprint(
        "accrue",
        __name__,
        url_prefix=path,
        static_folder=folder("static") / "accrue",
        static_url_path="/static",
        template_folder=folder("templates").as_posix(),
    )

    @blueprint.after_request
    def take_the_type_as_said(response: Response) -> Response:
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return blueprint
