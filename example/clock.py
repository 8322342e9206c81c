"""The demo's clock: moves billing time, as far as the simulated processor is in use."""

from __future__ import annotations

import datetime

import flask
from flask_login import login_required
from werkzeug.wrappers import Response

from flask_accrue.pages import safe_target
from flask_accrue.processors.fake import FakeProcessor
from flask_accrue.state import current_state

blueprint = flask.Blueprint("clock", __name__)

STEPS = {
    "day": ("a day", datetime.timedelta(days=1)),
    "fortnight": ("14 days", datetime.timedelta(days=14)),
    # Longer than any month, so that one step always passes the next renewal.
    "month": ("a month", datetime.timedelta(days=31)),
}


def fake() -> FakeProcessor | None:
    """Return the simulated processor where it is what takes the payments."""
    processor = current_state().processor()
    return processor if isinstance(processor, FakeProcessor) else None


def shown() -> datetime.datetime | None:
    """Return the time that the panel shows, or ``None`` where there is no panel."""
    return current_state().clock.now() if fake() else None


@blueprint.post("/demo/clock")
@login_required
def move() -> Response:
    """Move billing time for everyone, and let the webhooks of what happened meanwhile arrive."""
    simulated = fake() or flask.abort(404)
    words, step = STEPS.get(flask.request.form.get("by", "")) or flask.abort(400)
    simulated.advance(step)
    simulated.deliver()
    flask.flash(f"The clock moved by {words}.", "info")
    wanted = safe_target(flask.request.form.get("next"))
    return flask.redirect(wanted or flask.url_for("analytics.dashboard"), 303)
