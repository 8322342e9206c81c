"""``flask accrue fake``: move the Fake's clock and compose its events."""

from __future__ import annotations

import datetime
import re

import click
from flask.cli import with_appcontext

from ..processors.fake import FakeProcessor
from ..state import current_state

_SPAN = re.compile(r"(\d+)(m|h|d|w)\Z")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@click.group("fake", help="Move the Fake's clock, and send its events.")
def group() -> None:
    """Hold the commands together."""


@group.command("advance")
@click.argument("by")
@click.option("--deliver/--no-deliver", default=True, help="Post the events to the app.")
@with_appcontext
def advance(by: str, deliver: bool) -> None:
    """Move billing time forward: `advance 14d`, also m, h and w, or to an ISO 8601 time."""
    fake = _fake()
    try:
        happened = fake.advance(_moment_or_span(by))
    except OverflowError:
        raise click.ClickException(f"No calendar goes as far as {by}.") from None
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"It's {fake.clock.now():%Y-%m-%d %H:%M} UTC; {happened} things happened.")
    if deliver:
        statuses = fake.deliver()
        refused = [status for status in statuses if status >= 300]
        click.echo(f"{len(statuses) - len(refused)} events were delivered.")
        _fail_on(refused)
    else:
        click.echo(f"{len(fake.pending_events())} events wait.")


@group.command("event")
@click.argument("id", required=False)
@with_appcontext
def event(id: str | None) -> None:
    """List the events that wait, or send one again by its id."""
    fake = _fake()
    if id is None:
        for waiting in fake.pending_events():
            click.echo(f"{waiting.id}  {waiting.type}")
        return
    if id not in {each.id for each in fake.events()}:
        raise click.ClickException(f"The Fake has no event {id!r}.")
    fake.redeliver(id)
    statuses = fake.deliver(only=lambda each: each.id == id)
    click.echo(f"Answered with {', '.join(map(str, statuses))}.")
    _fail_on([status for status in statuses if status >= 300])


def _fail_on(refused: list[int]) -> None:
    if refused:
        answers = ", ".join(map(str, sorted(set(refused))))
        raise click.ClickException(
            f"{len(refused)} events were refused, with {answers}. They wait; the app's log says why."
        )


def _fake() -> FakeProcessor:
    fake = current_state().processors.get("fake")
    if not isinstance(fake, FakeProcessor):
        raise click.ClickException("The Fake isn't in use here (ACCRUE_PROCESSOR).")
    return fake


def _moment_or_span(text: str) -> datetime.datetime | datetime.timedelta:
    if match := _SPAN.match(text):
        return datetime.timedelta(**{_UNITS[match[2]]: int(match[1])})
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is neither a span such as 14d nor a time such as 2026-01-31T12:00Z."
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=datetime.UTC)
