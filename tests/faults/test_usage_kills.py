"""SIGKILL around a report of usage: none is lost, and none is counted twice."""

from __future__ import annotations

import datetime
import signal
from typing import TYPE_CHECKING

import pytest

from flask_accrue import billing, models
from tests.host import Organization

if TYPE_CHECKING:
    from tests.faults.scene import Scene

HOUR = datetime.timedelta(hours=1)


def counted(scene: Scene) -> int:
    """Return what the Fake's meter has counted of its customer."""
    period = (scene.fake.clock.now() - HOUR, scene.fake.clock.now() + HOUR)
    [payer] = scene.db.session.query(models.Customer).all()
    id = payer.processor_id
    scene.db.session.rollback()
    found: int = scene.fake._engine.see(lambda tx: tx.sum_of_usage(id, "api_calls", period))
    return found


@pytest.mark.parametrize("moment", ["usage.stored", "usage.before_call", "usage.after_call"])
def test_usage_whose_reporter_was_killed_is_counted_once(scene: Scene, moment: str) -> None:
    billing.customer(scene.db.session.get(Organization, 1))
    assert scene.run("usage", moment) == -signal.SIGKILL
    assert counted(scene) == (7 if moment == "usage.after_call" else 0)
    # Somebody holds it still: neither a repeat nor a worker sends it.
    assert scene.run("usage") == 0
    assert scene.run("report due usage") == 0
    events = models.MeterEvent
    assert scene.count(events, events.is_waiting) == 1
    scene.let_leases_run_out()
    for _ in range(2):
        assert scene.run("report due usage") == 0
        assert scene.run("usage") == 0
    assert scene.count(events) == scene.count(events, events.is_reported) == 1
    assert counted(scene) == 7


@pytest.mark.parametrize("moment", ["usage.claimed", "usage.before_call", "usage.after_call"])
def test_usage_whose_worker_was_killed_is_counted_once(scene: Scene, moment: str) -> None:
    org = scene.db.session.get(Organization, 1)
    billing.customer(org)
    usage = [billing.Usage(org, "api_calls", 7, identifier=f"line:{n}") for n in range(30)]
    billing.report_usage_in_bulk(usage)
    assert scene.run("report due usage", moment) == -signal.SIGKILL
    scene.let_leases_run_out()
    assert scene.run("report due usage") == 0
    events = models.MeterEvent
    assert scene.count(events, events.is_reported) == 30
    assert counted(scene) == 7 * 30
