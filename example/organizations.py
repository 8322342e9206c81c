"""Which organization a request is about, who belongs to it, and who may do what in it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import flask
import sqlalchemy as sa
from flask_login import current_user, login_required
from sqlalchemy import orm
from werkzeug.wrappers import Response

from flask_accrue import billing, entitled, entitlement_quantity

from .database import db
from .forms import InvitationForm, OrganizationForm
from .models import Invitation, Membership, Organization, add_organization

blueprint = flask.Blueprint("organizations", __name__)

SESSION_KEY = "organization_id"


@blueprint.before_app_request
def find_organization() -> None:
    """Put the active organization into ``g``, checked against membership on every request.

    The session only remembers a wish: a member who was removed a second ago gets nothing by it.
    """
    flask.g.membership = flask.g.organization = None
    if flask.request.endpoint in ("static", "accrue.static"):
        return
    if not current_user.is_authenticated:
        return
    membership = _membership(flask.session.get(SESSION_KEY)) or db.session.scalar(
        _memberships().order_by(Membership.joined_at, Membership.organization_id).limit(1)
    )
    if membership is None:
        return
    flask.session[SESSION_KEY] = membership.organization_id
    flask.g.membership = membership
    flask.g.organization = membership.organization


def _memberships() -> sa.Select[tuple[Membership]]:
    return (
        sa.select(Membership)
        .where(Membership.user_id == current_user.id)
        .options(orm.joinedload(Membership.organization))
    )


def _membership(organization_id: object) -> Membership | None:
    """Return the logged-in user's membership there, if there is one."""
    if not isinstance(organization_id, int):
        return None
    return db.session.scalar(_memberships().where(Membership.organization_id == organization_id))


def managers_only(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let only an owner or admin of the active organization in; a plain member gets a 403."""

    @functools.wraps(view)
    @login_required
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if flask.g.membership is None or not flask.g.membership.may_manage:
            flask.abort(403)
        return view(*args, **kwargs)

    return guarded


@blueprint.post("/organizations/<int(max=9223372036854775807):organization_id>/activate")
@login_required
def activate(organization_id: int) -> Response:
    """Work for another organization; one that the user doesn't belong to doesn't exist."""
    if _membership(organization_id) is None:
        flask.abort(404)
    flask.session[SESSION_KEY] = organization_id
    return flask.redirect(flask.url_for("analytics.dashboard"), 303)


@blueprint.route("/organizations/new", methods=["GET", "POST"])
@login_required
def new() -> str | Response:
    """Add an organization that belongs to the user."""
    form = OrganizationForm()
    if form.validate_on_submit():
        organization = add_organization(form.name.data, current_user, form.domain.data.lower())
        db.session.commit()
        flask.session[SESSION_KEY] = organization.id
        flask.flash(f"{organization.name} is ready. It starts on Free.", "good")
        return flask.redirect(flask.url_for("analytics.dashboard"), 303)
    return flask.render_template("organization.html", form=form)


@blueprint.route("/team", methods=["GET", "POST"])
@login_required
def team() -> str | Response:
    """Show the members and, to owners and admins of a Team plan, invite more."""
    organization, form = flask.g.organization, InvitationForm()
    if flask.request.method == "POST":
        if not flask.g.membership.may_manage:
            flask.abort(403)
        lock_seats(organization)
        if not is_within_seats(organization, seats_taken(organization) + 1):
            db.session.rollback()
            flask.flash("Every seat is taken. Add seats on the billing page first.", "warning")
            return flask.redirect(flask.url_for(".team"), 303)
        if form.validate_on_submit():
            db.session.add(
                Invitation(
                    organization=organization, email=form.email.data.lower(), role=form.role.data
                )
            )
            db.session.commit()
            flask.flash(f"Send {form.email.data} the link below; it works once.", "good")
            return flask.redirect(flask.url_for(".team"), 303)
    return flask.render_template(
        "team.html",
        form=form,
        seats=seats_of(organization),
        taken=seats_taken(organization),
        has_room=is_within_seats(organization, seats_taken(organization) + 1),
        on_team_plan=entitled(organization, "team"),
        subscription=billing.subscription(organization),
    )


def seats_of(organization: Organization) -> int | None:
    """Return how many people may belong to it: one, or the seats that a Team plan pays for.

    ``None``: as many as like, where a plan sets no limit.
    """
    seats = entitlement_quantity(organization, "seats")
    return None if seats is None else max(1, seats)


def seats_taken(organization: Organization) -> int:
    """Return how many seats members and open invitations take."""
    return len(organization.memberships) + len(organization.invitations)


def is_within_seats(organization: Organization, people: int) -> bool:
    """Tell whether that many people may belong to it."""
    seats = seats_of(organization)
    return seats is None or people <= seats


def lock_seats(organization: Organization) -> None:
    """Let nobody else fill a seat there until this transaction ends, so that counting them holds.

    The row is locked by writing it, which every database understands. What this request has read so far is
    forgotten: it may be old by now, and SQLite lets no transaction write that began to read before another
    wrote.
    """
    organization_id = organization.id
    db.session.rollback()
    db.session.execute(
        sa.update(Organization)
        .where(Organization.id == organization_id)
        .values(name=Organization.name)
        .execution_options(synchronize_session=False)
    )


@blueprint.post("/team/members/<int(max=9223372036854775807):user_id>/remove")
@managers_only
def remove(user_id: int) -> Response:
    """Take somebody out of the organization; its owner stays."""
    member = db.session.get(Membership, (user_id, flask.g.organization.id)) or flask.abort(404)
    if member.is_owner:
        flask.flash("The owner can't be removed.", "error")
    else:
        flask.flash(f"{member.user.name} no longer belongs to {flask.g.organization.name}.", "good")
        db.session.delete(member)
        db.session.commit()
    return flask.redirect(flask.url_for(".team"), 303)


@blueprint.post("/team/invitations/<token>/withdraw")
@managers_only
def withdraw(token: str) -> Response:
    """Make an invitation worthless."""
    invitation = db.session.get(Invitation, token)
    if invitation is None or invitation.organization_id != flask.g.organization.id:
        flask.abort(404)
    db.session.delete(invitation)
    db.session.commit()
    return flask.redirect(flask.url_for(".team"), 303)


@blueprint.route("/join/<token>", methods=["GET", "POST"])
@login_required
def join(token: str) -> str | Response:
    """Accept an invitation, while there is still a seat."""
    invitation = db.session.get(Invitation, token) or flask.abort(404)
    organization = invitation.organization
    if flask.request.method == "POST":
        lock_seats(organization)
        # Somebody may have used or withdrawn it while this waited.
        invitation = db.session.get(Invitation, token) or flask.abort(404)
        if _membership(organization.id) is None:
            if not is_within_seats(organization, len(organization.memberships) + 1):
                db.session.rollback()
                flask.flash("Every seat there is taken. Ask whoever invited you.", "warning")
                return flask.redirect(flask.url_for("analytics.dashboard"), 303)
            db.session.add(
                Membership(user_id=current_user.id, organization=organization, role=invitation.role)
            )
        db.session.delete(invitation)
        db.session.commit()
        flask.session[SESSION_KEY] = organization.id
        flask.flash(f"Welcome to {organization.name}.", "good")
        return flask.redirect(flask.url_for("analytics.dashboard"), 303)
    return flask.render_template("join.html", organization=organization, role=invitation.role)
