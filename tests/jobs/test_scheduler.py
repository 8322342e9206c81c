"""``flask accrue scheduler``: what is due is enqueued, and a second scheduler does no harm."""

from __future__ import annotations

import collections
import datetime
from typing import TYPE_CHECKING, Any

import pytest
import redis
import rq.cron

from flask_accrue import billing, models
from flask_accrue.jobs import PERIODIC
from flask_accrue.ledger import verify
from tests.faults.victim import in_a_fork
from tests.host import Organization

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.jobs.conftest import Host


def run_scheduler(host: Host, *spans: int, meanwhile: Callable[[], object] = int) -> None:
    """Run the scheduler in a process of its own, for so long as it sleeps for these seconds."""
    left, moved = list(spans), [0]

    def sleep(seconds: float) -> None:
        meanwhile()
        if not left:
            # As from a terminal.
            raise KeyboardInterrupt
        assert 0 < seconds <= 60
        moved[0] += left.pop(0)

    def run() -> None:
        real = rq.cron.now
        rq.cron.now = lambda: real() + datetime.timedelta(seconds=moved[0])
        rq.cron.time.sleep = sleep  # type: ignore[assignment]
        result = host.app.test_cli_runner().invoke(args=["accrue", "scheduler"])
        assert result.exception is None, result.output

    host.db.session.remove()
    assert in_a_fork(host.db, run) == 0


def enqueued(host: Host) -> collections.Counter[str]:
    assert {job.func_name for job in host.rq_queue.jobs} == {
        "flask_accrue.jobs.periodic.run_periodic"
    }
    return collections.Counter(job.args[0] for job in host.rq_queue.jobs)


def test_each_job_is_enqueued_at_once_and_then_when_it_is_due(host: Host) -> None:
    run_scheduler(host)
    assert enqueued(host) == dict.fromkeys(PERIODIC, 1)
    host.rq_queue.empty()
    run_scheduler(host, 61, 30, 30)
    told = enqueued(host)
    assert (told["sweep_webhooks"], told["deliver_fake_events"]) == (3, 3)
    assert (told["make_checkpoint"], told["prune_webhooks"]) == (1, 1)


def test_what_the_scheduler_enqueues_is_done_by_a_worker(host: Host) -> None:
    host.store_events(3)
    # Nobody was woken for them.
    host.rq_queue.empty()
    run_scheduler(host)
    host.run("worker", "--burst")
    assert host.rq_queue.count == 0
    assert host.rq_queue.failed_job_registry.count == 0
    host.assert_each_handled_once(3)


def test_the_doctor_sees_the_scheduler_as_long_as_it_runs(host: Host) -> None:
    def examine() -> str:
        return str(host.app.test_cli_runner().invoke(args=["accrue", "doctor"]).output)

    run_scheduler(host, 1, meanwhile=lambda: host.queue.connection.set("told", examine()))
    assert "A scheduler enqueues the periodic jobs." in host.queue.connection.get("told").decode()
    assert "No scheduler runs" in examine()


def test_a_scheduler_goes_on_and_ends_as_ever_after_all_of_redis_was_lost(host: Host) -> None:
    times: list[int] = []

    def lose_twice() -> None:
        times.append(host.rq_queue.count)
        if len(times) in (1, 3):
            host.queue.connection.flushdb()
        else:
            assert enqueued(host)["sweep_webhooks"] == 1

    run_scheduler(host, 61, 61, meanwhile=lose_twice)


def test_two_schedulers_and_restarts_have_each_effect_once(host: Host) -> None:
    org = Organization(id=1, name="Acme", email=None)
    host.db.session.add(org)
    host.db.session.commit()
    billing.customer(org)
    for _ in range(3):
        run_scheduler(host, 61)
    assert set(enqueued(host).values()) == {3, 6}
    host.run("worker", "--burst")
    assert host.rq_queue.failed_job_registry.count == 0
    session: Any = host.db.session
    session.rollback()
    assert session.query(models.LedgerCheckpoint).count() == 1
    events = session.query(models.WebhookEvent).all()
    assert [(event.type, event.state) for event in events] == [("customer.created", "succeeded")]
    assert verify().findings == []


def test_a_job_that_no_worker_took_until_the_next_is_dropped(host: Host) -> None:
    run_scheduler(host)
    for job in host.rq_queue.jobs:
        assert 0 < host.queue.connection.ttl(job.key) <= PERIODIC[job.args[0]].every


@pytest.mark.parametrize("command", ["scheduler", "worker"])
def test_without_a_redis_that_answers_it_ends_with_a_line(host: Host, command: str) -> None:
    nowhere = redis.Redis.from_url("redis://127.0.0.1:1/0")
    host.queue.worker_connection = lambda: nowhere  # type: ignore[method-assign]
    host.queue.connection = nowhere
    result = host.app.test_cli_runner().invoke(args=["accrue", command])
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("Error: Redis doesn't answer: ")
    assert "Traceback" not in result.output
