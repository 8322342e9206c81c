"""What Stripe really said once, word for word: each recorded story, seen from the gates."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from example.database import db
from example.models import Organization
from flask_accrue import models
from flask_accrue.ledger import verify
from tests.journey.conftest import NOON
from tests.journey.stripe_side import StripeSide, telling
from tests.recordings import RecordedCase, recorded_cases
from tests.webhooks.rows import mirrored_rows
from tests.webhooks.test_recorded import against, know_customer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.oracles.stripe_server import ContractServer

#: The recorded prices as plans: those by the month open the reports, the yearly one the exports too.
ENTITLEMENTS = {
    "plans": {
        "pro": {"prices": ["small-monthly", "gold21323"], "features": ["reports"]},
        "team": {"prices": ["small-annual"], "features": ["reports", "exports"]},
    },
    "past_due_grace": "dunning",
}
SHUT, REPORTS, BOTH = (False, False), (True, False), (True, True)

#: How the gates of reports and exports stand, one after the other, as each story goes on.
SEEN = {
    "card-declined": [SHUT],
    "old-api-subscription": [SHUT, REPORTS],
    "subscription-created": [SHUT, REPORTS],
    "subscription-needs-authentication": [SHUT],
    "subscription-paused-and-resumed": [SHUT, REPORTS, SHUT, REPORTS],
    "subscription-swapped": [SHUT, REPORTS, BOTH],
    "trial": [SHUT, REPORTS],
}


@pytest.fixture(params=["in-process", "rq"])
def stripe(
    request: pytest.FixtureRequest,
    database_url: str,
    tmp_path: Path,
    stripe_server: ContractServer,
    case: RecordedCase,
) -> Iterator[StripeSide]:
    """Give Stripe's side of the example at the time of the recording, or later."""
    [*_, last] = case.events()
    redis_url = request.getfixturevalue("redis_url") if request.param == "rq" else None
    with telling(
        stripe_server,
        case.api_version,
        database_url,
        tmp_path,
        redis_url,
        # The example's charts don't go back to 2019.
        now=max(NOON, datetime.datetime.fromtimestamp(last.created, datetime.UTC)),
        ACCRUE_ENTITLEMENTS=ENTITLEMENTS,
    ) as side:
        yield side


@recorded_cases()
def test_the_gates_follow_what_was_recorded(stripe: StripeSide, case: RecordedCase) -> None:
    world = stripe.world
    world.visitor.sign_up("Robin")
    assert db.session.scalars(sa.select(Organization.id)).one() == 1
    know_customer(next(obj for obj in case.objects if obj["object"] == "customer"))
    # What isn't told yet can be asked for: a payment is told before the invoice that it's laid against.
    stripe.keep(*case.final_objects())
    seen = [gates(stripe)]
    events = case.events(unexpanded=True)
    for event in events:
        stripe.keep(event.object)
        stripe.server.clock.set(event.created)
        stripe.deliver(event)
        if event.object["object"] != "subscription" and event is not events[-1]:
            # Nothing that moves a gate: a worker may do it with the next.
            continue
        world.settle()
        if (now := gates(stripe)) != seen[-1]:
            seen.append(now)
    assert seen == SEEN[case.name]

    stored = db.session.scalars(sa.select(models.WebhookEvent)).all()
    assert [(each.type, each.last_error) for each in stored if not each.is_succeeded] == []
    assert {each.outcome for each in stored} <= {"applied", "fetched", "stale"}
    assert against(case, stripe.told, mirrored_rows(db)) == []
    assert verify().findings == []


def gates(stripe: StripeSide) -> tuple[bool, bool]:
    return stripe.world.opens("/reports"), stripe.world.opens("/exports")
