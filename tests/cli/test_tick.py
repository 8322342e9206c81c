"""``flask accrue tick``: everything that is due, for a host's own cron."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import sqlalchemy as sa

from flask_accrue import billing
from flask_accrue.jobs import PERIODIC

if TYPE_CHECKING:
    import pytest

    from flask_accrue.testing import Kit
    from tests.cli.conftest import Run
    from tests.host import Organization


def test_a_tick_does_all_that_is_due_and_says_how_much(
    run: Run, kit: Kit, org: Organization
) -> None:
    billing.customer(org)
    lines = run("tick").output.splitlines()
    assert lines == [
        "deliver_fake_events: 1",
        # Without Redis the endpoint has worked on it.
        "sweep_webhooks: 0",
        "report_usage: 0",
        "expire_checkouts: 0",
        "reconcile_fees: 0",
        "make_checkpoint: 1",
        "prune_webhooks: 0",
    ]
    assert json.loads(run("tick", "--json").output) == dict.fromkeys(PERIODIC, 0)
    kit.assert_settled()


def test_a_tick_goes_on_after_a_failure_names_it_and_exits_with_1(
    run: Run, kit: Kit, org: Organization, caplog: pytest.LogCaptureFixture
) -> None:
    billing.customer(org)
    kit.state.db.session.rollback()
    with kit.state.db.engine.begin() as connection:
        connection.execute(
            sa.text("ALTER TABLE accrue_ledger_checkpoints RENAME TO accrue_checkpoints_away")
        )
    lines = run("tick", exit_code=1).stdout.splitlines()
    assert lines == [
        "deliver_fake_events: 1",
        "sweep_webhooks: 0",
        "report_usage: 0",
        "expire_checkouts: 0",
        "reconcile_fees: 0",
        "make_checkpoint: failed, see the log",
        "prune_webhooks: 0",
    ]
    assert "the periodic job make_checkpoint failed" in caplog.text
    told = json.loads(run("tick", "--json", exit_code=1).stdout)
    assert told == {**dict.fromkeys(PERIODIC, 0), "make_checkpoint": None}
