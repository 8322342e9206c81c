"""``flask accrue usage``: what was reported, what couldn't be, and doing that again."""

from __future__ import annotations

import json
import typing as t
import uuid

import click
import sqlalchemy as sa
from flask.cli import with_appcontext

from .. import metering, models
from ..origins import Actor
from ..state import current_state

_STATES: t.Final = ("pending", "reported", "failed")


@click.group("usage", help="List usage, and retry what couldn't be reported.")
def group() -> None:
    """Hold the commands together."""


@group.command("list")
@click.option(
    "--state",
    type=click.Choice(_STATES),
    default="failed",
    show_default=True,
    help="In this state.",
)
@click.option("--event-name", help="Only of this meter.")
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="How many at most."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a program.")
@with_appcontext
def list_command(state: str, event_name: str | None, limit: int, as_json: bool) -> None:
    """List usage, the oldest first: by default what was given up."""
    wanted = metering.select_events(state=state, event_name=event_name).limit(limit)
    rows = current_state().db.session.scalars(wanted).all()
    if as_json:
        click.echo(json.dumps([_told(row) for row in rows], indent=2))
        return
    for row in rows:
        click.echo(
            f"{row.occurred_at:%Y-%m-%d %H:%M:%S}  {row.id}  {row.event_name} {row.value}"
            f"  {row.last_error or ''}".rstrip()
        )
    if not rows:
        click.echo("No usage is like that.", err=True)


@group.command("retry")
@click.argument("ids", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All that was given up.")
@click.option("--event-name", help="All of this meter that was given up.")
@click.option("--dry-run", is_flag=True, help="Only say how many.")
@click.option("--force", is_flag=True, help="Also what the processor may have counted long ago.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a program.")
@with_appcontext
def retry(
    ids: tuple[str, ...],
    every: bool,
    event_name: str | None,
    dry_run: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Report usage again that was given up: that named by our id or its identifier, or all."""
    if bool(ids) == bool(every or event_name):
        raise click.UsageError("Name usage, or select it with --all or --event-name.")
    session = current_state().db.session
    if ids:
        found = [_find(id) for id in ids]
    else:
        wanted = metering.select_events(state="failed", event_name=event_name)
        found = list(session.scalars(wanted.with_only_columns(models.MeterEvent.id)))
    session.rollback()
    if dry_run:
        _say(as_json, {"would_be_due": len(found)}, f"{len(found)} would be retried.")
        return
    due = metering.retry(found, Actor("system", "cli"), force=force)
    worked_on = 0
    if due and current_state().queue.in_process:
        worked_on = metering.work_on_due()
    left = len(found) - due
    told = f"{due} are due again."
    if left:
        told += f" {left} are not: they didn't fail, or need --force."
    _say(as_json, {"due": due, "left": left, "worked_on": worked_on}, told)


def _say(as_json: bool, told: dict[str, int], text: str) -> None:
    click.echo(json.dumps(told) if as_json else text)


def _find(id: str) -> uuid.UUID:
    events = models.MeterEvent
    try:
        which = sa.or_(events.id == uuid.UUID(id), events.identifier == id)
    except ValueError:
        which = events.identifier == id
    rows = current_state().db.session.scalars(sa.select(events.id).where(which).limit(2)).all()
    if len(rows) != 1:
        several = "Several pieces of usage have" if rows else "No usage has"
        raise click.ClickException(f"{several} the id {id!r}.")
    return rows[0]


def _told(row: models.MeterEvent) -> dict[str, t.Any]:
    return {
        "id": str(row.id),
        "processor": row.processor,
        "identifier": row.identifier,
        "customer_id": str(row.customer_id),
        "event_name": row.event_name,
        "value": row.value,
        "occurred_at": row.occurred_at.isoformat(),
        "state": row.state,
        "attempts": row.attempts,
        "next_attempt_at": row.next_attempt_at.isoformat() if row.is_waiting else None,
        "reported_at": None if row.reported_at is None else row.reported_at.isoformat(),
        "last_error": row.last_error,
    }
