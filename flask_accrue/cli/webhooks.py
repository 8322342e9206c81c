"""``flask accrue webhooks``: what came in, what failed, and doing it again."""

from __future__ import annotations

import datetime
import json
import typing as t
import uuid

import click
import sqlalchemy as sa
from flask.cli import with_appcontext

from .. import models, webhooks
from ..origins import Actor
from ..state import current_state

_STATES: t.Final = ("pending", "failed", "succeeded", "dead")


@click.group("webhooks", help="List, show, replay and prune webhook events.")
def group() -> None:
    """Hold the commands together."""


def _filters(command: t.Any) -> t.Any:
    for option in (
        click.option("--state", type=click.Choice(_STATES), help="Only events in this state."),
        click.option("--type", help="Only events of this type, such as invoice.paid."),
        click.option("--processor", help="Only events of this processor."),
        click.option("--since", type=click.DateTime(), help="Received at or after, in UTC."),
        click.option("--until", type=click.DateTime(), help="Received before, in UTC."),
    ):
        command = option(command)
    return command


def _selected(
    state: str | None,
    type: str | None,
    processor: str | None,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
) -> t.Any:
    return webhooks.select_events(
        state=state,
        type=type,
        processor=processor,
        since=None if since is None else since.replace(tzinfo=datetime.UTC),
        until=None if until is None else until.replace(tzinfo=datetime.UTC),
    )


@group.command("list")
@_filters
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="How many at most."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a program.")
@with_appcontext
def list_command(limit: int, as_json: bool, **filters: t.Any) -> None:
    """List events, the oldest first."""
    rows = current_state().db.session.scalars(_selected(**filters).limit(limit)).all()
    if as_json:
        click.echo(json.dumps([_told(row) for row in rows], indent=2))
        return
    for row in rows:
        result = row.outcome or ""
        click.echo(
            f"{row.received_at:%Y-%m-%d %H:%M:%S}  {row.id}  {row.state:<9} {result:<9} {row.type}"
        )
    if not rows:
        click.echo("No event is like that.", err=True)


@group.command("types")
@click.argument("endpoint", required=False)
@with_appcontext
def types(endpoint: str | None) -> None:
    """Print the types of events that an endpoint has to be sent, a line each.

    ENDPOINT is a name of ACCRUE_WEBHOOK_SECRETS, such as stripe/connect; by default it's the
    configured processor's own.
    """
    state = current_state()
    known = {
        name: types
        for processor in state.processors.values()
        for name, types in processor.event_types.items()
    }
    wanted = endpoint or state.settings.processor
    if wanted not in known:
        names = ", ".join(sorted(known)) or "none, for no processor in use lets you choose"
        raise click.ClickException(f"There is no list for the endpoint {wanted!r}; known: {names}.")
    click.echo("\n".join(known[wanted]))


@group.command("show")
@click.argument("id")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a program.")
@with_appcontext
def show(id: str, as_json: bool) -> None:
    """Show an event, by our id or the processor's: its tries, its handlers, its body."""
    row = _find(id)
    runs = [
        {
            "handler": run.handler,
            "state": run.state,
            "attempts": run.attempts,
            "last_error": run.last_error,
        }
        for run in row.handler_runs
    ]
    body = _body(row.payload)
    if as_json:
        click.echo(json.dumps({**_told(row), "handlers": runs, "body": body}, indent=2))
        return
    for name, value in _told(row).items():
        if value is not None:
            click.echo(f"{name}: {value}")
    for run in runs:
        click.echo(f"handler {run['handler']}: {run['state']} after {run['attempts']} tries")
        if run["last_error"]:
            click.echo(f"  {run['last_error']}")
    click.echo(body if isinstance(body, str) else json.dumps(body, indent=2, ensure_ascii=False))


@group.command("replay")
@click.argument("ids", nargs=-1)
@_filters
@click.option("--dry-run", is_flag=True, help="Only say how many.")
@click.option("--rerun-handlers", is_flag=True, help="Also run handlers again that have succeeded.")
@with_appcontext
def replay(ids: tuple[str, ...], dry_run: bool, rerun_handlers: bool, **filters: t.Any) -> None:
    """Make events due again: those named, or those that the options select.

    They go through the same path as a first delivery.
    """
    if bool(ids) == any(value is not None for value in filters.values()):
        raise click.UsageError("Name events, or select them with options such as --state dead.")
    if ids:
        found = [_find(id).id for id in ids]
    else:
        wanted = _selected(**filters).with_only_columns(models.WebhookEvent.id)
        found = list(current_state().db.session.scalars(wanted))
    if dry_run:
        click.echo(f"{len(found)} would be replayed.")
        return
    current_state().db.session.rollback()
    done = webhooks.replay(found, Actor("system", "cli"), rerun_handlers=rerun_handlers)
    click.echo(f"{done} are due again.")
    if current_state().queue.in_process and done:
        click.echo(f"{webhooks.work_on_due()} were worked on.")


@group.command("prune")
@click.option("--dry-run", is_flag=True, help="Only say how many.")
@with_appcontext
def prune(dry_run: bool) -> None:
    """Delete events past their retention. The ledger stays whole."""
    count = webhooks.prune(dry_run=dry_run)
    click.echo(f"{count} {'would be' if dry_run else 'were'} deleted.")


def _find(id: str) -> models.WebhookEvent:
    events = models.WebhookEvent
    try:
        which = events.id == uuid.UUID(id)
    except ValueError:
        which = events.processor_id == id
    rows = current_state().db.session.scalars(sa.select(events).where(which).limit(2)).all()
    if len(rows) != 1:
        several = "Several events have" if rows else "No event has"
        raise click.ClickException(f"{several} the id {id!r}.")
    return rows[0]


def _body(payload: str) -> t.Any:
    """Return the body as JSON, or as the text that it is."""
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return payload


def _told(row: models.WebhookEvent) -> dict[str, t.Any]:
    return {
        "id": str(row.id),
        "processor": row.processor,
        "endpoint": row.endpoint or None,
        "processor_id": row.processor_id,
        "type": row.type,
        "occurred_at": row.occurred_at.isoformat(),
        "received_at": row.received_at.isoformat(),
        "state": row.state,
        "outcome": row.outcome,
        "reason": row.reason,
        "attempts": row.attempts,
        "next_attempt_at": row.next_attempt_at.isoformat() if row.is_waiting else None,
        "last_error": row.last_error,
        "customer_id": None if row.customer_id is None else str(row.customer_id),
    }
