"""SIGKILL of RQ workers and their work horses: another worker does the rest, and nothing twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import rq
import sqlalchemy as sa

from flask_accrue import billing, models, webhooks
from flask_accrue.jobs import run_periodic
from flask_accrue.ledger import verify
from tests.faults import victim
from tests.host import Organization

if TYPE_CHECKING:
    from tests.faults.scene import Scene

ROOT = Path(__file__).parents[2]
MOMENTS = (
    "webhook.claimed",
    "webhook.fetched",
    "write.locked",
    "webhook.mirrored",
    "write.before_commit",
    "write.committed",
    "webhook.handler",
    # Inside a handler, which charges.
    "operation.before_call",
    "operation.after_call",
    "host.charged",
)


class Changed:
    """A host about whose subscription events come in, and what is to be there after each of them."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.quantity = 1
        org = self.organization()
        billing.add_payment_method(org, "pm_card_visa")
        billing.subscribe(org, "price_pro")
        self.settle()

    def organization(self) -> Organization:
        self.scene.db.session.expire_all()
        found: Organization | None = self.scene.db.session.get(Organization, 1)
        assert found is not None
        return found

    def settle(self) -> None:
        """Let all be told and worked on, in this process, and look at what is there."""
        self.scene.store_events()
        while webhooks.work_on_due():
            self.scene.store_events()
        self.entries = self.scene.count(models.LedgerEntry)
        self.charges = len(billing.list_charges(self.organization()))

    def change(self) -> None:
        """Let one event wait: somebody changed the quantity elsewhere."""
        self.quantity += 1
        subscription = billing.subscription(self.organization())
        assert subscription is not None
        self.scene.change_quantity_elsewhere(subscription, self.quantity)

    def work(self, moment: str | None = None, *, horse_alone: bool = False) -> int:
        """Run a worker, killed at the moment; return how it ended."""
        self.scene.db.session.remove()
        return victim.run_worker(self.scene.app, self.scene.db, moment, horse_alone=horse_alone)

    def sweep(self) -> None:
        """Do what five minutes of real time and the scheduler would."""
        self.scene.let_leases_run_out()
        self.queue.enqueue(run_periodic, "sweep_webhooks")

    @property
    def queue(self) -> rq.Queue:
        found: rq.Queue = self.scene.app.extensions["accrue"].queue.rq_queue
        return found

    def waiting(self) -> int:
        return self.scene.count(models.WebhookEvent, models.WebhookEvent.is_waiting)

    def assert_done_once(self) -> None:
        """Check that the event that waited has had each effect, once."""
        assert self.queue.count == 0
        assert self.scene.count(models.WebhookEvent, sa.not_(models.WebhookEvent.is_succeeded)) == 0
        org = self.organization()
        subscription = billing.subscription(org)
        assert subscription is not None
        assert [item.quantity for item in subscription.items] == [self.quantity]
        event = self.scene.db.session.scalars(
            sa.select(models.WebhookEvent).order_by(models.WebhookEvent.received_at.desc())
        ).first()
        assert event is not None
        assert {run.handler.rpartition(".")[2]: run.state for run in event.handler_runs} == {
            "note": "succeeded",
            "charge": "succeeded",
        }
        assert (
            org.email == f"webhook:{event.id}:{victim.__name__}.build.<locals>.note@handled.example"
        )
        # The handler's charge, at the processor and here.
        assert len(billing.list_charges(org)) == self.charges + 1
        told = [event.type for event in self.scene.fake.events()]
        assert told.count("charge.succeeded") == self.charges + 1
        assert self.scene.entries_after(self.entries) == [
            "charge.succeeded",
            "payment_intent.succeeded",
            "subscription.quantity_changed",
        ]


@pytest.fixture
def changed(rq_scene: Scene) -> Changed:
    return Changed(rq_scene)


def test_whenever_a_worker_is_killed_another_does_the_rest_and_nothing_twice(
    changed: Changed,
) -> None:
    for moment in MOMENTS:
        changed.change()
        assert changed.work(moment) == -signal.SIGKILL, moment
        assert changed.waiting() == 1, moment
        changed.sweep()
        assert changed.work() == 0, moment
        changed.assert_done_once()
        changed.settle()
    assert verify().findings == []


def test_a_worker_outlives_its_work_horse(changed: Changed) -> None:
    changed.change()
    assert changed.work("webhook.mirrored", horse_alone=True) == 0
    assert changed.queue.failed_job_registry.count == 1
    assert changed.waiting() == 1
    changed.sweep()
    assert changed.work() == 0
    changed.assert_done_once()


@pytest.mark.only("postgresql")
def test_a_worker_of_the_command_line_is_killed_and_another_does_the_rest(changed: Changed) -> None:
    def command(moment: str | None) -> int:
        told: dict[str, Any] = {**changed.scene.config, "moment": moment}
        program = [sys.executable, "-m", "flask", "--app", "tests.faults.victim"]
        return subprocess.run(
            [*program, "accrue", "worker", "--burst"],
            cwd=ROOT,
            env={**os.environ, "VICTIM": json.dumps(told)},
            capture_output=True,
            timeout=60,
            check=False,
        ).returncode

    changed.change()
    assert command("host.charged") == -signal.SIGKILL
    assert changed.waiting() == 1
    changed.sweep()
    assert command(None) == 0
    changed.assert_done_once()
