"""``flask accrue operations``: a way out where a machine can't find out what a processor did."""

from __future__ import annotations

import datetime
import json
import typing as t

import click
import sqlalchemy as sa
from flask.cli import with_appcontext

from .. import models, operations
from ..billing.customers import OPERATION_KEY
from ..clock import real_now
from ..ledger.append import append
from ..origins import Actor, Origin
from ..state import current_state
from ..unit_of_work import UnitOfWork, write

_OPEN: t.Final = ("started", "unknown")
_STATES: t.Final = (*_OPEN, "done", "refused")
#: What of a frozen request may be shown: it also holds cards, tokens and what a customer typed.
_SHOWN: t.Final = ("customer", "subscription", "invoice", "charge", "amount", "currency")

_operations = models.Operation


@click.group("operations", help="List, show and close operations that have no end.")
def group() -> None:
    """Hold the commands together."""


_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for a program.")


@group.command("list")
@click.option("--state", type=click.Choice(_STATES), help="Only operations in this state.")
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="How many at most."
)
@_json
@with_appcontext
def list_command(state: str | None, limit: int, as_json: bool) -> None:
    """List operations, the oldest first; without --state those that have no end."""
    rows = current_state().db.session.scalars(
        sa.select(_operations)
        .where(_operations.state.in_(_OPEN if state is None else (state,)))
        .order_by(_operations.started_at, _operations.id)
        .limit(limit)
    )
    told = [_told(row) for row in rows]
    if as_json:
        click.echo(json.dumps(told, indent=2))
        return
    for each in told:
        standing = "in progress" if each["in_progress"] else each["state"]
        when = each["started_at"][:19].replace("T", " ")
        click.echo(f"{when}  {standing:<11}  {each['kind']:<20}  {each['subject']}  {each['id']}")
    if not told:
        click.echo("No operation is like that.", err=True)


@group.command("show")
@click.argument("id")
@_json
@with_appcontext
def show(id: str, as_json: bool) -> None:
    """Show an operation: what was asked of which processor, when, and where to look for it.

    Of the request only ids and amounts are shown, and the names of the other arguments.
    """
    row = _find(id)
    if as_json:
        click.echo(json.dumps(_told(row), indent=2))
        return
    for name, value in _told(row).items():
        if value:
            click.echo(f"{name}: {_text(value)}")
    if row.state in _OPEN:
        click.echo(f"\n{_advice(row)}")


@group.command("close")
@click.argument("id")
@click.option(
    "--undone",
    is_flag=True,
    help="The processor did nothing: forget the operation, so that repeating its id sends it anew.",
)
@click.option("--yes", is_flag=True, help="Don't ask.")
@_json
@with_appcontext
def close(id: str, undone: bool, yes: bool, as_json: bool) -> None:
    """End an operation by hand, after a look at the processor's dashboard.

    Nothing is asked of the processor, and no mirrored row is written: what the processor did comes by its
    webhooks. What waits for the operation may go on; repeating its id raises an error from now on, so
    that it's never sent again, unless you say that it's undone. The ledger gets an entry, operation.closed.
    """
    row = _find(id)
    if row.state not in _OPEN:
        raise click.ClickException(f"The operation {id!r} has ended: it is {row.state}.")
    if not yes:
        click.echo(f"{row.kind} of {row.subject} at {row.processor}. {_advice(row)}", err=True)
        after = "repeating its id sends it anew" if undone else "it's never sent again"
        click.confirm(
            "Closing asks nothing of the processor. Whoever waits for the operation may go on, and "
            f"{after}. Close it?",
            abort=True,
            err=True,
        )
    told = _told(row)
    write(
        lambda uow: _close(uow, id, undone), origin=Origin(Actor("system", "cli"), operation_id=id)
    )
    if as_json:
        click.echo(json.dumps(told if undone else _told(_find(id)), indent=2))
    elif undone:
        click.echo(f"The operation {id!r} is forgotten.")
    else:
        click.echo(f"The operation {id!r} is closed.")


def _close(uow: UnitOfWork, id: str, undone: bool) -> None:
    uow.lock_system(id)
    row = uow.scalars(sa.select(_operations).where(_operations.id == id)).one_or_none()
    if row is None or row.state not in _OPEN:
        raise click.ClickException(f"The operation {id!r} has ended meanwhile.")
    if _is_in_progress(row):
        raise click.ClickException(
            f"The operation {id!r} is being carried out, until {row.leased_until:%H:%M:%S} UTC at most. "
            "Look again then."
        )
    data = {
        "kind": row.kind,
        "subject": row.subject,
        "processor": row.processor,
        "account": row.account,
        "customer_id": row.customer_id,
        "state": row.state,
        "sent_at": row.sent_at,
        "undone": undone,
    }
    message = (
        f"The operation {id!r} ({row.kind}) was closed by hand on {real_now():%Y-%m-%d}, without knowing "
        "here what the processor did. Use another operation id."
    )
    operations.finish(
        uow.session,
        id,
        row.lease_token,
        state="refused",
        error={"class": "InvalidState", "code": "operation_closed", "message": message},
    )
    if undone:
        uow.execute(sa.delete(_operations).where(_operations.id == id))
    append(
        uow,
        "operation.closed",
        subject_type="operation",
        subject_id=id,
        customer=None,
        data=data,
    )


def _advice(row: models.Operation) -> str:
    """Say what a human can do about an operation that has no end."""
    if _is_in_progress(row):
        return f"It's being carried out, until {row.leased_until:%H:%M:%S} UTC at most."
    if row.sent_at is None:
        return "Nothing was sent. Repeating its id sends it."
    where = (
        f"It was sent at {row.sent_at:%Y-%m-%d %H:%M} UTC, and the answer was lost. Look at {row.processor} "
        f"for the idempotency key {row.id!r}, which is also the metadata {OPERATION_KEY}."
    )
    if operations.may_resend(row.sent_at):
        last = row.sent_at + operations.RESEND_WITHIN
        return f"{where} Until {last:%Y-%m-%d %H:%M} UTC repeating its id finds out by itself."
    return f"{where} Then close it: flask accrue operations close."


def _is_in_progress(row: models.Operation) -> bool:
    return row.leased_until is not None and row.leased_until > real_now()


def _find(id: str) -> models.Operation:
    row = current_state().db.session.get(_operations, id, populate_existing=True)
    if row is None:
        raise click.ClickException(f"There is no operation {id!r}.")
    return row


def _told(row: models.Operation) -> dict[str, t.Any]:
    arguments: dict[str, t.Any] = row.request.get("arguments", {})
    shown = {name: arguments[name] for name in _SHOWN if arguments.get(name) is not None}
    error: dict[str, t.Any] | None = row.error
    return {
        "id": row.id,
        "kind": row.kind,
        "subject": row.subject,
        "processor": row.processor,
        "customer_id": None if row.customer_id is None else str(row.customer_id),
        "state": row.state,
        "in_progress": _is_in_progress(row),
        "guard": row.guard,
        "attempts": row.attempts,
        "started_at": row.started_at.isoformat(),
        "sent_at": _moment(row.sent_at),
        "finished_at": _moment(row.finished_at),
        "method": row.request.get("method"),
        "arguments": shown,
        "not_shown": sorted(arguments.keys() - shown.keys()),
        "result": row.result,
        "error": None if error is None else f"{error['class']}: {error['message']}",
    }


def _text(value: t.Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {each}" for key, each in value.items())
    return ", ".join(value) if isinstance(value, list) else str(value)


def _moment(moment: datetime.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
