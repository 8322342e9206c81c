"""``flask accrue usage``: what couldn't be reported, and doing it again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from flask_accrue import billing, models

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.cli.conftest import Run
    from tests.host import Organization


@pytest.fixture
def failed(kit: Kit, org: Organization) -> list[str]:
    """Give the identifiers of three pieces of usage of two meters that were given up."""
    names = {"a": "api_calls", "b": "api_calls", "c": "seats"}
    kit.fake.fail_next("create_meter_event", "rate_limited", times=3)
    for identifier, name in names.items():
        billing.report_usage(org, name, 5, identifier=identifier)
    events = models.MeterEvent
    kit.state.db.session.execute(sa.update(events).values(state="failed", last_error="No meter."))
    billing.report_usage(org, "api_calls", 1, identifier="fine")
    kit.state.db.session.commit()
    return list(names)


def states(kit: Kit) -> dict[str, str]:
    kit.state.db.session.rollback()
    events = models.MeterEvent
    return {row.identifier: row.state for row in kit.state.db.session.scalars(sa.select(events))}


def test_a_list_shows_what_was_given_up_and_filters(run: Run, failed: list[str]) -> None:
    lines = run("usage", "list").output.splitlines()
    assert len(lines) == 3
    assert all(line.endswith("No meter.") for line in lines)
    assert len(run("usage", "list", "--limit", "2").output.splitlines()) == 2
    told = json.loads(run("usage", "list", "--event-name", "seats", "--json").output)
    assert [(each["identifier"], each["value"], each["state"]) for each in told] == [
        ("c", 5, "failed")
    ]
    told = json.loads(run("usage", "list", "--state", "reported", "--json").output)
    assert [each["identifier"] for each in told] == ["fine"]
    assert "No usage is like that." in run("usage", "list", "--state", "pending").stderr
    run("usage", "list", "--state", "lost", exit_code=2)


def test_what_was_given_up_is_retried_by_name_or_all_of_it(
    run: Run, kit: Kit, failed: list[str]
) -> None:
    assert run("usage", "retry", "--all", "--dry-run").output == "3 would be retried.\n"
    assert "1 are due again." in run("usage", "retry", "c").output
    assert states(kit) == {"a": "failed", "b": "failed", "c": "reported", "fine": "reported"}
    assert "1 are not" in run("usage", "retry", "fine").output
    told = json.loads(run("usage", "retry", "--event-name", "api_calls", "--json").output)
    assert told == {"due": 2, "left": 0, "worked_on": 2}
    assert set(states(kit).values()) == {"reported"}
    kit.assert_entry("usage.retried")
    kit.assert_settled()


def test_a_retry_says_what_is_wrong_with_its_arguments(run: Run, failed: list[str]) -> None:
    assert "--all" in run("usage", "retry", exit_code=2).stderr
    run("usage", "retry", "a", "--all", exit_code=2)
    assert "No usage has the id 'nobody'." in run("usage", "retry", "nobody", exit_code=1).stderr
