"""``flask accrue fake``: moving time, and sending events again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from flask_accrue import billing
from tests.host import create_host
from tests.webhooks.endpoint import STRIPE_CONFIG

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.cli.conftest import Run
    from tests.host import Organization


@pytest.mark.parametrize(
    ("by", "shows"),
    [
        ("90m", "2026-03-10 13:30"),
        ("36h", "2026-03-12 00:00"),
        ("14d", "2026-03-24 12:00"),
        ("2w", "2026-03-24 12:00"),
        ("2026-04-01", "2026-04-01 00:00"),
        ("2026-04-01T02:00+02:00", "2026-04-01 00:00"),
    ],
)
def test_time_moves_by_a_span_or_to_a_moment(run: Run, kit: Kit, by: str, shows: str) -> None:
    result = run("fake", "advance", by)
    assert result.output.startswith(f"It's {shows} UTC; ")
    assert f"{kit.now:%Y-%m-%d %H:%M}" == shows


def test_what_falls_due_happens_and_its_events_are_delivered(
    run: Run, kit: Kit, org: Organization
) -> None:
    kit.subscription(org, "trialing", price="price_pro")
    lines = run("fake", "advance", "20d").output.splitlines()
    assert "things happened." in lines[0]
    assert lines[1].endswith("events were delivered.")
    kit.state.db.session.expire_all()
    subscription = billing.subscription(org)
    assert subscription is not None
    assert subscription.is_recurring
    kit.assert_settled()


def test_events_can_be_kept_back_listed_and_sent(run: Run, kit: Kit, org: Organization) -> None:
    kit.subscription(org, price="price_pro")
    kit.deliver()
    assert run("fake", "event").output == ""
    result = run("fake", "advance", "32d", "--no-deliver")
    lines = run("fake", "event").output.splitlines()
    assert lines
    assert result.output.splitlines()[1] == f"{len(lines)} events wait."
    id = lines[0].partition("  ")[0]
    assert run("fake", "event", id).output == "Answered with 200.\n"
    assert id not in run("fake", "event").output
    # One that was delivered can be sent again, and changes nothing.
    entries = len(kit.entries())
    assert run("fake", "event", id).output == "Answered with 200.\n"
    assert len(kit.entries()) == entries


def test_without_the_fake_there_is_nothing_to_move(database_url: str) -> None:
    app, db, _ = create_host(database_url, **STRIPE_CONFIG, ACCRUE_PROCESSOR="stripe")
    for arguments in (["advance", "1d"], ["event"]):
        result = app.test_cli_runner().invoke(args=["accrue", "fake", *arguments])
        assert result.exit_code == 1
        assert result.stderr == "Error: The Fake isn't in use here (ACCRUE_PROCESSOR).\n"
    with app.app_context():
        db.engine.dispose()


def test_events_that_the_app_refuses_are_told_and_wait(
    run: Run, kit: Kit, org: Organization
) -> None:
    kit.subscription(org, price="price_pro")
    kit.deliver()
    kit.state.db.session.rollback()
    with kit.state.db.engine.begin() as connection:
        connection.execute(
            sa.text("ALTER TABLE accrue_webhook_events RENAME TO accrue_webhook_events_away")
        )
    kit.app.testing = False
    kit.app.config["PROPAGATE_EXCEPTIONS"] = False
    result = run("fake", "advance", "32d", exit_code=1)
    waiting = len(kit.fake.pending_events())
    assert waiting > 0
    assert result.stdout.splitlines()[1] == "0 events were delivered."
    assert result.stderr.splitlines()[-1] == (
        f"Error: {waiting} events were refused, with 500. They wait; the app's log says why."
    )
    [id, *_] = [event.id for event in kit.fake.pending_events()]
    assert "refused, with 500" in run("fake", "event", id, exit_code=1).stderr
