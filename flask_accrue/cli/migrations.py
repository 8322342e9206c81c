"""``flask accrue db``: Accrue's own migrations."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import with_appcontext

from . import db


@click.group("db", help="Create, upgrade or remove Accrue's tables.")
def group() -> None:
    """Hold the commands together."""


@group.command("upgrade")
@click.argument("revision", default="head")
@with_appcontext
def upgrade(revision: str) -> None:
    """Bring Accrue's tables up to date."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    before = db.current_revision(app)
    db.upgrade(app, revision)
    after = db.current_revision(app)
    click.echo(
        f"Accrue's tables are at {after}." if before != after else f"Nothing to do: at {after}."
    )


@group.command("downgrade")
@click.argument("revision")
@click.confirmation_option(
    prompt="This deletes what the newer tables hold, the ledger included. Go on?"
)
@with_appcontext
def downgrade(revision: str) -> None:
    """Take Accrue's tables back to a revision, or with `base` remove them."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    db.downgrade(app, revision)
    click.echo(f"Accrue's tables are at {db.current_revision(app) or 'base: none is left'}.")


@group.command("current")
@with_appcontext
def current() -> None:
    """Print the revision of the database, and the newest; exits with 1 when they differ."""
    at, newest = db.current_revision(current_app._get_current_object()), db.head_revision()  # type: ignore[attr-defined]
    click.echo(f"database: {at or 'none'}")
    click.echo(f"package:  {newest}")
    if at != newest:
        raise click.exceptions.Exit(1)
