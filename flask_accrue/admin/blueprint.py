"""The back office's blueprint: addresses, and the same guards before each of them."""

from __future__ import annotations

import collections.abc as c
import typing as t

from flask import Blueprint, abort, request, url_for
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response

from ..errors import ConfigError
from ..pages import refuse_forged_forms, surface
from ..state import AccrueState, current_state
from .actions import act, act_on_many
from .dashboard import dead_events, show_dashboard
from .details import show_detail
from .lists import said_count, show_list
from .operators import admit_operators_only, current_operator
from .resource import Resource
from .resources import EVENTS, RESOURCES


def admin_blueprint(
    state: AccrueState, resources: c.Sequence[Resource[t.Any]] = RESOURCES
) -> Blueprint:
    """Return a back office for an app, at ``ACCRUE_ADMIN_PATH``.

    :param resources: what it shows, in the order of the navigation.
    :raises ConfigError: for a resource that can't be kept from operators who may not see all owners.
    """
    path = state.settings.admin_path
    if path is None:
        raise ConfigError("The back office is switched off: ACCRUE_ADMIN_PATH is False.")
    for resource in resources:
        resource.check()
    known = {resource.name: resource for resource in resources}
    blueprint = surface("accrue_admin", __name__, path, state)
    # The order matters: nobody but an operator learns anything, not even that a form has expired.
    blueprint.before_request(admit_operators_only)
    refuse_forged_forms(blueprint)
    blueprint.context_processor(lambda: _context(resources))

    def named(name: str) -> Resource[t.Any]:
        return known.get(name) or abort(404)

    @blueprint.get("", strict_slashes=False)
    def dashboard() -> str:
        return show_dashboard()

    @blueprint.get("/<resource>", endpoint="list")
    def list_(resource: str) -> str | Response:
        return show_list(named(resource))

    @blueprint.post("/<resource>/do/<action>")
    def act_on_selected(resource: str, action: str) -> Response | str | tuple[str, int]:
        return act_on_many(named(resource), action)

    @blueprint.get("/<resource>/<id>")
    @blueprint.get("/<resource>/<id>/<tab>")
    def detail(resource: str, id: str, tab: str | None = None) -> str | Response:
        return show_detail(named(resource), id, tab, EVENTS)

    @blueprint.route("/<resource>/<id>/do/<action>", methods=["GET", "POST"], endpoint="act")
    def act_(resource: str, id: str, action: str) -> Response | str | tuple[str, int]:
        return act(named(resource), action, id)

    return blueprint


def _context(resources: c.Sequence[Resource[t.Any]]) -> dict[str, t.Any]:
    # A page that was refused has no operator, and shows nothing of the office.
    try:
        operator = current_operator()
    except Forbidden:
        return {}
    brand = {
        "name": current_state().settings.brand_name,
        "home_url": url_for("accrue_admin.dashboard"),
    }
    return {
        "brand": brand,
        "operator": operator.name,
        "exit_url": f"{request.script_root}/",
        "navigation": _navigation(resources, dead_events(operator)),
    }


def _navigation(resources: c.Sequence[Resource[t.Any]], dead: int) -> list[dict[str, t.Any]]:
    here = (request.view_args or {}).get("resource")
    groups: dict[str | None, list[dict[str, t.Any]]] = {
        None: [
            {
                "label": "Dashboard",
                "url": url_for("accrue_admin.dashboard"),
                "icon": "dashboard",
                "current": here is None,
                "count": None,
            }
        ]
    }
    for resource in resources:
        groups.setdefault(resource.group, []).append(
            {
                "label": resource.title,
                "url": url_for("accrue_admin.list", resource=resource.name),
                "icon": resource.icon,
                "current": here == resource.name,
                "count": said_count(dead) if dead and resource.name == "webhooks" else None,
            }
        )
    return [{"title": title, "links": links} for title, links in groups.items()]
