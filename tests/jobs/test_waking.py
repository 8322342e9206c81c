"""Waking a worker: one job however many events, and nothing lost where Redis is."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import redis

from flask_accrue.jobs import run_periodic
from flask_accrue.queue import WAKE_JOB_SECONDS, WAKE_SECONDS, RedisQueue
from tests.webhooks.worker import build

if TYPE_CHECKING:
    from pathlib import Path

    from tests.jobs.conftest import Host

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def queue(redis_url: str) -> RedisQueue:
    return RedisQueue(redis_url, "app")


def another(queue: RedisQueue) -> RedisQueue:
    """Return the same queue as another process has it."""
    return RedisQueue(queue.url, queue.prefix.removeprefix("accrue:"))


def test_however_many_wake_a_queue_one_job_waits(queue: RedisQueue) -> None:
    for process in (queue, another(queue), another(queue)):
        for _ in range(50):
            process.wake("webhooks")
    [job] = queue.rq_queue.jobs
    assert (job.func_name, job.args) == ("flask_accrue.jobs.work", ("webhooks",))


def test_another_queue_has_a_job_of_its_own(queue: RedisQueue) -> None:
    queue.wake("webhooks")
    queue.wake("mails")
    assert [job.args for job in queue.rq_queue.jobs] == [("webhooks",), ("mails",)]


def test_a_worker_that_begins_lets_the_next_wake_up_through(queue: RedisQueue) -> None:
    queue.wake("webhooks")
    queue.awake("webhooks")
    another(queue).wake("webhooks")
    assert queue.rq_queue.count == 2


def test_a_wake_up_whose_job_was_lost_suppresses_others_for_half_a_minute(
    queue: RedisQueue,
) -> None:
    queue.wake("webhooks")
    queue.rq_queue.empty()
    another(queue).wake("webhooks")
    assert queue.rq_queue.count == 0
    [guard] = queue.connection.keys("accrue:app:wake:*")
    assert 0 < queue.connection.ttl(guard) <= WAKE_SECONDS
    # As Redis does it then.
    queue.connection.expire(guard, 0)
    another(queue).wake("webhooks")
    assert queue.rq_queue.count == 1


def test_wake_ups_that_no_worker_takes_do_not_pile_up(queue: RedisQueue) -> None:
    queue.wake("webhooks")
    [job] = queue.rq_queue.jobs
    assert 0 < queue.connection.ttl(job.key) <= WAKE_JOB_SECONDS


def test_apps_with_databases_of_their_own_share_a_redis(
    host: Host, redis_url: str, tmp_path: Path
) -> None:
    app, db = build(f"sqlite:///{tmp_path / 'other.sqlite'}", ACCRUE_REDIS_URL=redis_url)
    app.extensions["accrue"].queue.wake("webhooks")
    host.queue.wake("webhooks")
    assert (host.rq_queue.count, app.extensions["accrue"].queue.rq_queue.count) == (1, 1)
    with app.app_context():
        db.engine.dispose()


def test_without_redis_nothing_is_raised_and_the_log_says_who_sees_to_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue = RedisQueue(NOWHERE, "app")
    with caplog.at_level(logging.WARNING):
        queue.wake("webhooks")
        queue.awake("webhooks")
    first, second = caplog.messages
    assert first.startswith("accrue: queue webhooks can't be woken, the sweeper will: ")
    assert second.startswith("accrue: the guard of queue webhooks stays until it expires: ")


def test_a_wake_up_that_failed_is_no_reason_not_to_try_again(
    queue: RedisQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = queue.connection
    queue.connection = redis.Redis.from_url(NOWHERE)
    queue.wake("webhooks")
    queue.connection = there
    queue.wake("webhooks")
    assert queue.rq_queue.count == 1


def test_an_event_is_acknowledged_without_redis_and_swept_once(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    host.queue.connection = redis.Redis.from_url(NOWHERE)
    host.store_events(2)
    assert "the sweeper will" in caplog.text
    assert host.waiting() == 2
    assert run_periodic("sweep_webhooks") == 2
    assert run_periodic("sweep_webhooks") == 0
    host.assert_each_handled_once(2)
