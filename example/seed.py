"""``flask --app example seed``: a year of a dozen organizations, lived through in a minute.

Nothing is written by hand: the simulated processor's clock starts a year ago, and each organization
subscribes, pays, fails and cancels through the same functions that the pages call.
"""

from __future__ import annotations

import calendar
import datetime
import functools
import itertools

import click
import flask
import sqlalchemy as sa
from flask.cli import with_appcontext

from flask_accrue import ActionRequired, CardError, Money, billing
from flask_accrue.clock import real_now
from flask_accrue.origins import Actor, acting_as
from flask_accrue.processors.fake import FakeProcessor
from flask_accrue.state import current_state

from . import plans
from .database import db
from .models import Membership, Organization, User, add_organization
from .stories import STORIES, Step, Story

PASSWORD = "tide-and-time"  # noqa: S105 - of made-up people, on a processor that moves no money
OPERATOR = "operator@tidemark.example"


@click.command("seed")
@with_appcontext
def command() -> None:
    """Make the tables and fill them with believable data, once."""
    fake = current_state().processor()
    if not isinstance(fake, FakeProcessor):
        raise click.ClickException(
            "The seed's people have a public password, so it runs on the simulated processor only. "
            "Unset ACCRUE_PROCESSOR."
        )
    db.create_all()
    if db.session.scalar(sa.select(User.id).where(User.email == OPERATOR)) is None:
        if db.session.scalar(sa.select(sa.func.count(User.id))):
            raise click.ClickException(
                "There is data already, but not all of the seed's: an earlier run may have been "
                f"stopped. Remove {flask.current_app.instance_path} and run it again."
            )
        live_through_a_year(fake, real_now().replace(microsecond=0))
    _tell()


def live_through_a_year(fake: FakeProcessor, now: datetime.datetime) -> None:
    """Begin a year before ``now`` and let every story happen, day by day, until then."""
    moments = sorted(
        ((_ago(now, step), number, story) for story in STORIES
         for number, step in enumerate(story.steps)),
        key=lambda entry: (entry[0], entry[1]),
    )  # fmt: skip
    fake.freeze(_ago(now, (12, 5, "", ())))
    plans.put_into(fake)
    organizations = {story.name: _found(story) for story in STORIES}
    with click.progressbar(length=370, label="Living through a year") as days:
        for moment, number, story in moments:
            days.update(_pass(fake, moment))
            _do(organizations[story.name], story.steps[number])
            fake.deliver()
        days.update(_pass(fake, now))
    fake.thaw()
    operator = User(
        name="Olive Ortega", email=OPERATOR, is_operator=True, password_hash=_password_hash()
    )
    add_organization("Tidemark", operator, "tidemark.example")
    db.session.commit()


def _pass(fake: FakeProcessor, until: datetime.datetime) -> int:
    """Let the days pass, each with its webhooks; return how many did."""
    for day in itertools.count():
        rest = until - fake.clock.now()
        fake.advance(min(rest, datetime.timedelta(days=1)))
        fake.deliver()
        if rest <= datetime.timedelta(days=1):
            return day
    raise AssertionError


def _found(story: Story) -> Organization:
    """Add an organization with its people."""
    owner = _person(story.owner, story.domain)
    organization = add_organization(story.name, owner, story.domain)
    for name, role in story.members:
        db.session.add(
            Membership(user=_person(name, story.domain), organization=organization, role=role)
        )
    db.session.commit()
    return organization


def _person(name: str, domain: str) -> User:
    return User(name=name, email=_address(name, domain), password_hash=_password_hash())


@functools.cache
def _password_hash() -> str:
    """Hash the one password of all, once: that is meant to take long."""
    somebody = User()
    somebody.set_password(PASSWORD)
    return somebody.password_hash


def _ago(now: datetime.datetime, step: Step) -> datetime.datetime:
    """Return the moment of a step: so many days ago, and then so many calendar months before."""
    months, days, *_ = step
    near = now - datetime.timedelta(days=days)
    year, month = divmod(near.year * 12 + near.month - 1 - months, 12)
    day = min(near.day, calendar.monthrange(year, month + 1)[1])
    return near.replace(year=year, month=month + 1, day=day)


def _do(organization: Organization, step: Step) -> None:
    """Carry out a step, as the organization's owner."""
    owner = next(member for member in organization.memberships if member.is_owner)
    _, _, what, arguments = step
    with acting_as(Actor("user", str(owner.user_id))):
        STEPS[what](organization, *arguments)


def _subscribe(organization: Organization, plan: str, card: str | None, seats: int = 1) -> None:
    if card is not None:
        billing.add_payment_method(organization, card)
    trial = datetime.timedelta(days=plans.TRIAL_DAYS)
    billing.subscribe(organization, _price(plan), trial=trial, quantity=seats)


def _subscribe_now(organization: Organization, plan: str, card: str) -> None:
    billing.add_payment_method(organization, card)
    try:
        billing.subscribe(organization, _price(plan))
    except (ActionRequired, CardError):
        # That is the story: the first payment doesn't go through.
        return


def _card(organization: Organization, token: str) -> None:
    billing.add_payment_method(organization, token, default=True)


def _change(organization: Organization, plan: str, seats: int) -> None:
    billing.swap_plan(
        billing.subscription(organization),
        _price(plan),
        proration="create_prorations",
        quantity=seats,
    )


def _refund(organization: Organization, cents: int) -> None:
    newest = billing.list_charges(organization)[0]
    billing.refund(newest, Money(cents, "usd"), reason="requested_by_customer")


STEPS = {
    "subscribe": _subscribe,
    "subscribe_now": _subscribe_now,
    "card": _card,
    "change": _change,
    "refund": _refund,
    "seats": lambda org, seats: billing.update_quantity(billing.subscription(org), seats),
    "cancel": lambda org: billing.cancel_at_period_end(billing.subscription(org)),
    "pause": lambda org: billing.pause(billing.subscription(org)),
    "pay": lambda org: billing.retry_payment(billing.subscription(org)),
}


def _price(plan: str) -> str:
    found = plans.named(plan)
    assert found is not None
    assert found.price is not None
    return found.price


def _tell() -> None:
    """Print as whom to log in."""
    click.echo(f"\nEverybody's password is {click.style(PASSWORD, bold=True)}\n")
    people = [(OPERATOR, "sees the back office at /billing/admin")]
    for story in STORIES:
        people.append((_address(story.owner, story.domain), f"{story.name}: {story.ends}"))
        for name, role in story.members:
            people.append((_address(name, story.domain), f"{story.name}: {role}"))
    for address, note in people:
        click.echo(f"  {address:<34} {note}")


def _address(name: str, domain: str) -> str:
    return f"{name.split(maxsplit=1)[0].lower()}@{domain}"
