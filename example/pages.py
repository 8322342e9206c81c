"""Pages for everyone: what Tidemark is and what it costs."""

from __future__ import annotations

import datetime

import flask
from flask_login import current_user
from werkzeug.wrappers import Response

from . import plans, traffic
from .analytics import figures, visitors_chart

blueprint = flask.Blueprint("pages", __name__)

# A day in the past, so that the picture on the first page is the same for everyone.
_SHOWN = datetime.date(2026, 3, 31)
_SITE = "saltmarsh.example"


@blueprint.get("/")
def landing() -> str | Response:
    """Say what Tidemark is; whoever is logged in goes straight to the dashboard."""
    if current_user.is_authenticated:
        return flask.redirect(flask.url_for("analytics.dashboard"), 303)
    now = traffic.days(_SITE, _SHOWN, 28)
    before = traffic.days(_SITE, now[0].date - datetime.timedelta(days=1), 28)
    return flask.render_template(
        "landing.html",
        chart=visitors_chart(now, before),
        figures=figures(now, before)[:3],
        site=_SITE,
    )


@blueprint.get("/pricing")
def pricing() -> str:
    """Show the plans."""
    return flask.render_template("pricing.html", plans=plans.PLANS, trial_days=plans.TRIAL_DAYS)
