"""The demo's clock: moves billing time, as far as the simulated processor is in use."""

from __future__ import annotations

import datetime

import flask
from flask_login import login_required
from werkzeug.wrappers import Response

from flask_accrue import billing
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


def next_payment() -> datetime.datetime | None:
    """Return when the active organization has paid next, or has failed to, where it's going to pay.

    The invoice of a renewal is a draft for an hour.
    """
    organization = flask.g.get("organization")
    if fake() is None or organization is None:
        return None
    found = billing.subscription(organization)
    if found is None or found.is_paused or found.ends_at:
        return None
    if not (found.is_recurring or found.is_trialing):
        return None
    due = found.trial_end if found.is_trialing else found.current_period_end
    return None if due is None else due + datetime.timedelta(hours=2)


@blueprint.post("/demo/clock")
@login_required
def move() -> Response:
    """Move billing time for everyone, and let the webhooks of what happened meanwhile arrive."""
    simulated = fake() or flask.abort(404)
    by = flask.request.form.get("by", "")
    if by == "payment":
        simulated.advance(next_payment() or flask.abort(400))
        moved = "to the next payment"
    else:
        words, step = STEPS.get(by) or flask.abort(400)
        simulated.advance(step)
        moved = f"by {words}"
    simulated.deliver()
    flask.flash(f"The clock moved {moved}.", "info")
    wanted = safe_target(flask.request.form.get("next"))
    return flask.redirect(wanted or flask.url_for("analytics.dashboard"), 303)
