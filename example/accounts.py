"""Signing up, logging in, logging out."""

from __future__ import annotations

import flask
from flask_login import current_user, login_user, logout_user
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response

from flask_accrue.pages import safe_target

from .database import db
from .forms import LogInForm, SignUpForm
from .models import User, sign_up
from .organizations import SESSION_KEY

blueprint = flask.Blueprint("accounts", __name__)


@blueprint.route("/signup", methods=["GET", "POST"])
def register() -> str | Response:
    """Make a user, an organization of their own and the membership, in one transaction."""
    if current_user.is_authenticated:
        return flask.redirect(flask.url_for("analytics.dashboard"), 303)
    form = SignUpForm()
    if form.validate_on_submit():
        user = sign_up(form.name.data, form.email.data, form.password.data)
        try:
            db.session.commit()
        except IntegrityError:
            db.session.rollback()
            form.email.errors = ["This address has an account already. Log in instead."]
        else:
            login_user(user)
            return flask.redirect(_next_page(), 303)
    return flask.render_template("signup.html", form=form)


@blueprint.route("/login", methods=["GET", "POST"])
def log_in() -> str | Response:
    """Log in and go on to the page that asked for it.

    Whoever is logged in may do so again: the back office asks for it before what can't be undone.
    """
    form = LogInForm(email=current_user.email if current_user.is_authenticated else "")
    if form.validate_on_submit():
        user = User.with_password(form.email.data, form.password.data)
        if user is not None:
            flask.session.pop(SESSION_KEY, None)
            login_user(user)
            return flask.redirect(_next_page(), 303)
        form.password.errors = ["This e-mail and password don't belong together."]
    return flask.render_template("login.html", form=form)


@blueprint.post("/logout")
def log_out() -> Response:
    """Log out."""
    logout_user()
    flask.session.clear()
    return flask.redirect(flask.url_for("pages.landing"), 303)


def _next_page() -> str:
    """Return the page that was asked for, as long as it is one of ours."""
    wanted = safe_target(flask.request.args.get("next"))
    return wanted or flask.url_for("analytics.dashboard")
