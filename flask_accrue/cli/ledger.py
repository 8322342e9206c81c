"""``flask accrue ledger``: verify it, read it, and sign where it stands."""

from __future__ import annotations

import dataclasses
import datetime
import json
import pathlib
import sys
import time
import typing as t

import click
from flask.cli import with_appcontext

from .. import clock, models
from ..errors import InvalidState
from ..ledger import (
    Report,
    export_heads,
    make_checkpoint,
    state_as_of,
    timeline_for,
    timeline_of_customer,
    verify,
)
from ..ledger.append import jsonable

_SHOWN: t.Final = 50


@click.group("ledger", help="Verify the audit ledger, read it, and sign where it stands.")
def ledger() -> None:
    """Hold the commands together."""


_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for a program.")


@ledger.command("verify")
@click.option(
    "--against",
    type=click.Path(exists=True, dir_okay=False, path_type=pathlib.Path),
    help="A file of `checkpoint --out` that was kept elsewhere.",
)
@_json
@with_appcontext
def verify_command(against: pathlib.Path | None, as_json: bool) -> None:
    """Name every entry that was edited, deleted, inserted or moved.

    Exits with 1 when something is wrong, with 2 when the file can't be compared with.
    """
    began = time.monotonic()
    try:
        report = verify(against=against)
    except InvalidState as error:
        click.echo(error.message, err=True)
        raise click.exceptions.Exit(2) from None
    if as_json:
        click.echo(_report_as_json(report))
    else:
        _print_report(report, time.monotonic() - began)
    if not report.is_intact:
        raise click.exceptions.Exit(1)


def _print_report(report: Report, seconds: float) -> None:
    for finding in report.findings[:_SHOWN]:
        click.echo(str(finding))
    if report.finding_count > _SHOWN:
        click.echo(f"… and {report.finding_count - _SHOWN} more (--json shows up to 1000)")
    read = (
        f"{report.entries:,} entries in {report.chains:,} chains and "
        f"{_count(report.checkpoints, 'checkpoint')}, in {seconds:.1f} s"
    )
    if report.is_intact:
        click.echo(f"The ledger is intact: {read}.")
    else:
        click.echo(f"The ledger is BROKEN, {_count(report.finding_count, 'finding')}: {read}.")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _report_as_json(report: Report) -> str:
    found = [
        {name: value for name, value in dataclasses.asdict(finding).items() if value is not None}
        for finding in report.findings
    ]
    return json.dumps(
        {
            "intact": report.is_intact,
            "entries": report.entries,
            "chains": report.chains,
            "checkpoints": report.checkpoints,
            "finding_count": report.finding_count,
            "findings": found,
        },
        indent=2,
    )


@ledger.command("timeline")
@click.argument("type")
@click.argument("id")
@click.option("--all", "of_customer", is_flag=True, help="For a customer: all that is theirs too.")
@_json
@with_appcontext
def timeline_command(type: str, id: str, of_customer: bool, as_json: bool) -> None:
    """Show what happened to something, the oldest first: `timeline subscription 0197…`."""
    if of_customer and type != "customer":
        raise click.UsageError("--all goes with a customer.")
    entries = timeline_of_customer(id) if of_customer else timeline_for(type, id)
    if as_json:
        click.echo(json.dumps([_entry_as_json(entry) for entry in entries], indent=2))
        return
    for entry in entries:
        by = f"{entry.actor_type} {entry.actor_id or ''}".rstrip()
        subject = f" {entry.subject_type} {entry.subject_id}" if of_customer else ""
        when = entry.recorded_at.isoformat(" ", "seconds")
        click.echo(f"{when}  #{entry.id}  {entry.type}{subject}  by {by}")
    if not entries:
        click.echo(f"The ledger knows of no {type} {id}.", err=True)


def _entry_as_json(entry: models.LedgerEntry) -> t.Any:
    return jsonable(
        {
            name: getattr(entry, name)
            for name in (column.key for column in models.LedgerEntry.__table__.c)
        }
    )


@ledger.command("state")
@click.argument("type")
@click.argument("id")
@click.option(
    "--at", help="An ISO 8601 time with a zone, such as 2026-01-31T12:00Z; now without it."
)
@with_appcontext
def state_command(type: str, id: str, at: str | None) -> None:
    """Print as JSON how something stood: `state customer 0197… --at 2026-01-31T12:00Z`.

    Exits with 1 when it didn't exist then.
    """
    when = clock.now() if at is None else _moment(at)
    state = state_as_of(type, id, when)
    if state is None:
        click.echo(f"There was no {type} {id} at {when.isoformat()}.", err=True)
        raise click.exceptions.Exit(1)
    click.echo(json.dumps(state, indent=2, ensure_ascii=False))


def _moment(text: str) -> datetime.datetime:
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise click.BadParameter(
            f"{text!r} is no ISO 8601 time with a zone, such as 2026-01-31T12:00Z.",
            param_hint="--at",
        )
    return moment


@ledger.command("checkpoint")
@click.option(
    "--out",
    type=click.File("w", encoding="utf-8", atomic=True),
    help="Also write the heads of all chains to this file, to be kept where nobody who can write to "
    "the database can write; `verify --against` compares with it.",
)
@_json
@with_appcontext
def checkpoint_command(out: t.TextIO | None, as_json: bool) -> None:
    """Sign the heads that changed since the last checkpoint."""
    made = [(checkpoint.number, len(checkpoint.heads)) for checkpoint in make_checkpoint()]
    written = None if out is None else export_heads(out)
    # With `--out -` the file goes to where these lines would.
    err = out is sys.stdout
    if as_json:
        checkpoints = [{"number": number, "heads": heads} for number, heads in made]
        told = {"checkpoints": checkpoints, "exported_heads": written}
        click.echo(json.dumps(told, indent=2), err=err)
        return
    for number, heads in made:
        click.echo(f"Checkpoint {number} signs {_count(heads, 'head')}.", err=err)
    if not made:
        click.echo("No head has changed since the last checkpoint.", err=err)
    if out is not None and written is not None:
        where = f"to {out.name}. Keep the file elsewhere."
        click.echo(f"Wrote {_count(written, 'head')} {where}", err=err)
