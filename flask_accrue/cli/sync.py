"""``flask accrue sync``: a whole account, adopted, brought up to date, or only compared."""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import datetime
import itertools
import json
import sys
import typing as t
import uuid

import click
from flask.cli import with_appcontext

from ..sync import KINDS, Difference, Report, Unlinked, sync_account
from ..sync.report import Listener

_SAID: t.Final = (
    ("created", "new here"),
    ("updated", "updated"),
    ("unchanged", "unchanged"),
    ("gone", "gone at the processor"),
    ("unlinked", "of nobody here"),
    ("newer", "changing, left to the next run"),
)


@click.command("sync")
@click.argument("kinds", nargs=-1, type=click.Choice([*KINDS, "everything"]))
@click.option("--processor", help="Which one; by default the configured one.")
@click.option("--account", help="Go through this connected account instead of the platform's.")
@click.option(
    "--dry-run", is_flag=True, help="Print the differences field by field; write nothing."
)
@click.option(
    "--repair",
    is_flag=True,
    help="Also end here what the processor has no longer; print what differed.",
)
@click.option(
    "--link-by",
    type=click.Choice(["email"]),
    help="Link an unknown customer to the one billable that has its e-mail address.",
)
@click.option("--anew", is_flag=True, help="Don't go on with a run that was interrupted.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, an object a line, for a program."
)
@with_appcontext
def sync(
    kinds: tuple[str, ...],
    processor: str | None,
    account: str | None,
    dry_run: bool,
    repair: bool,
    link_by: str | None,
    anew: bool,
    as_json: bool,
) -> None:
    """Compare all of a processor's account with what is here, and write what is missing or differs.

    KINDS are some of catalog, customers, payment_methods, invoices, subscriptions, charges, refunds,
    tax_ids, checkout_sessions, accounts, transfers; without any it's everything. A run that was
    interrupted goes on where it was when it's started again within a day.
    """
    if dry_run and repair:
        raise click.UsageError("--dry-run and --repair exclude each other.")
    say: c.Callable[[Difference | Unlinked], None] = _say_json if as_json else _say
    with _bar(shown=not as_json) as moved:
        listener = Listener(unlinked=say, moved=moved)
        if dry_run or repair:
            listener.difference = say
        report = sync_account(
            kinds,
            processor=processor,
            account=account,
            dry_run=dry_run,
            repair=repair,
            link_by_email=link_by == "email",
            anew=anew,
            listener=listener,
        )
    if as_json:
        _print({"report": {"clean": report.is_clean, "dry_run": dry_run, **vars(report)}})
    else:
        _sum_up(report, dry_run=dry_run, repair=repair)


@contextlib.contextmanager
def _bar(*, shown: bool) -> c.Iterator[c.Callable[[str, int], None]]:
    """Show on a terminal how many objects of which kind were gone through; how many there are isn't known."""
    if not (shown and sys.stderr.isatty()):
        yield lambda kind, number: None
        return
    endless: c.Iterator[str] = itertools.repeat("")
    with click.progressbar(
        endless,
        show_pos=True,
        file=sys.stderr,
        item_show_func=lambda kind: (kind or "").replace("_", " "),
    ) as bar:
        yield lambda kind, number: bar.update(number, kind)


def _say(told: Difference | Unlinked) -> None:
    if isinstance(told, Unlinked):
        of = f" ({told.email})" if told.email else ""
        click.echo(f"customer {told.processor_id}{of} is of nobody here: {told.reason}")
        return
    click.echo(f"{told.kind} {told.processor_id}: {told.verb}")
    for name, (here, there) in told.fields.items():
        click.echo(f"    {name}: {_text(here)} -> {_text(there)}")


def _say_json(told: Difference | Unlinked) -> None:
    _print({type(told).__name__.lower(): dataclasses.asdict(told)})


def _print(told: dict[str, t.Any]) -> None:
    click.echo(json.dumps(told, default=_plain))


def _plain(value: t.Any) -> str:
    return value.isoformat() if isinstance(value, datetime.datetime) else str(value)


def _text(value: t.Any) -> str:
    if isinstance(value, datetime.datetime | uuid.UUID):
        return _plain(value)
    return json.dumps(value, default=_plain, ensure_ascii=False)


def _sum_up(report: Report, *, dry_run: bool, repair: bool) -> None:
    if report.resumed:
        click.echo("Went on with a run that was interrupted; the sums are of all of it.")
    for kind, counts in report.counts.items():
        said = [f"{counts[what]:,} {words}" for what, words in _SAID if counts.get(what)]
        if said:
            click.echo(f"{kind.replace('_', ' ')}: {', '.join(said)}")
    if report.is_clean:
        click.echo("Nothing differs." if dry_run else "Nothing had to be changed.")
    elif dry_run:
        click.echo("Nothing was written.")
    elif report.total("gone") and not repair:
        click.echo("What is gone at the processor stays here; --repair ends it.")
