"""Tidemark: a small analytics product that bills its organizations with Flask-Accrue.

``flask --app example seed`` fills it with believable data, ``flask --app example run`` serves it. Without
any configuration it uses SQLite and the simulated processor, both in the instance folder.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import flask
import sqlalchemy as sa
from flask_login import LoginManager, current_user
from flask_wtf import CSRFProtect
from sqlalchemy.exc import DatabaseError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from flask_accrue import Accrue

from . import accounts, analytics, billing, clock, organizations, pages, plans, seed
from .database import db, prepare_sqlite
from .models import Organization, User

accrue = Accrue()
login = LoginManager()
login.login_view = "accounts.log_in"
login.login_message = "Log in to see that page."
csrf = CSRFProtect()

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


def create_app(config: Mapping[str, Any] | None = None) -> flask.Flask:
    """Build the application.

    Settings come from the defaults below, then from the environment (``FLASK_SECRET_KEY``,
    ``FLASK_SQLALCHEMY_DATABASE_URI``, ``FLASK_ACCRUE_PROCESSOR`` and so on), then from ``config``.
    """
    config = dict(config or {})
    app = flask.Flask(__name__, instance_path=config.pop("INSTANCE_PATH", None))
    instance = Path(app.instance_path)
    app.config.update(
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{instance / 'tidemark.sqlite'}",
        SESSION_COOKIE_SAMESITE="Lax",
        ACCRUE_BRAND_NAME="Tidemark",
        ACCRUE_ENTITLEMENTS=plans.ENTITLEMENTS,
        ACCRUE_DUNNING={"grace_days": 14},
    )
    app.config.from_prefixed_env()
    app.config.update(config)
    instance.mkdir(parents=True, exist_ok=True)
    if not app.config.get("SECRET_KEY"):
        app.config["SECRET_KEY"] = _demo_secret(instance / "secret-key")

    db.init_app(app)
    with app.app_context():
        prepare_sqlite(db.engine)
    login.init_app(app)
    accrue.init_app(app)

    for module in (pages, accounts, organizations, analytics, billing, clock):
        app.register_blueprint(module.blueprint)
    # After the blueprints, so that the page for a forged form knows whose it is.
    csrf.init_app(app)
    app.cli.add_command(seed.command)
    app.context_processor(_for_templates)
    app.after_request(_secure)
    app.register_error_handler(HTTPException, _explain)
    app.register_error_handler(DatabaseError, _explain_missing_tables)
    return app


@login.user_loader
def load_user(user_id: str) -> User | None:
    """Return the user that a session names, if there still is one."""
    return db.session.get(User, int(user_id))


@accrue.owner_loader
def active_organization() -> Organization | None:
    """Return who pays for this request: the active organization, never anything from the URL."""
    return flask.g.get("organization")


@accrue.operator_loader
def is_operator(user: User) -> bool:
    """Tell who may see the back office."""
    return user.is_operator


def _demo_secret(path: Path) -> str:
    """Return a secret that is made on the first start. Real deployments set their own."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32))
    logging.getLogger(__name__).warning("Made a secret key for this demo: %s", path)
    return path.read_text()


def _for_templates() -> dict[str, Any]:
    links = [("Pricing", "pages.pricing")]
    if current_user.is_authenticated:
        links = [
            ("Dashboard", "analytics.dashboard"),
            ("Reports", "analytics.reports"),
            ("Exports", "analytics.exports"),
            ("Team", "organizations.team"),
            ("Billing", "billing.overview"),
        ]
    return {
        "brand": {"name": "Tidemark", "home_url": flask.url_for("pages.landing")},
        "navigation": [
            {
                "label": label,
                "url": flask.url_for(endpoint),
                "current": flask.request.endpoint == endpoint,
            }
            for label, endpoint in links
        ],
        "demo_clock": clock.shown(),
        "demo_next_payment": clock.next_payment(),
        "back_office_url": flask.current_app.extensions["accrue"].settings.admin_path,
    }


def _secure(response: Response) -> Response:
    """Allow no script, no foreign host and no frame; Accrue's own pages bring their own policy."""
    response.headers.setdefault("Content-Security-Policy", _POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    return response


_MESSAGES = {
    400: ("That didn't work", "The form may have been open for too long. Go back and try again."),
    403: ("This isn't yours to do", "Ask an owner or admin of your organization."),
    404: ("There is nothing here", "It may have moved, or it belongs to somebody else."),
}


def _explain_missing_tables(error: DatabaseError) -> Any:
    """Say what to run where the tables weren't made yet; any other fault of the database stays one."""
    db.session.rollback()
    if sa.inspect(db.engine).has_table(User.__tablename__):
        raise error
    message = (
        "The database is empty. Run `flask --app example accrue db upgrade` and then "
        "`flask --app example seed`, and come back."
    )
    return flask.render_template("error.html", title="Almost there", message=message), 503


def _explain(error: HTTPException) -> Any:
    """Show people a page instead of Werkzeug's plain one."""
    if error.code not in _MESSAGES:
        return error
    title, message = _MESSAGES[error.code]
    return flask.render_template("error.html", title=title, message=message), error.code
