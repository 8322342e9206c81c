"""All of Redis is lost: events are rows, so each is still worked on, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import redis

if TYPE_CHECKING:
    from tests.jobs.conftest import Host


def flush(host: Host) -> None:
    """Empty the test's own database of Redis, with the wake-up, the guard and RQ's books."""
    with redis.Redis.from_url(host.queue.url) as connection:
        connection.flushdb()
        assert connection.dbsize() == 0


def test_events_whose_wake_up_was_flushed_are_swept_once(host: Host) -> None:
    host.store_events(5)
    assert host.rq_queue.count == 1
    flush(host)
    host.run("worker", "--burst")
    assert host.waiting() == 5
    host.run("tick")
    host.assert_each_handled_once(5)
    host.run("tick")
    host.assert_each_handled_once(5)


def test_the_next_event_after_a_flush_wakes_a_worker_for_all(host: Host) -> None:
    host.store_events(3)
    flush(host)
    host.queue._woken.clear()  # A moment later, for this process.
    host.store_events()
    host.run("worker", "--burst")
    host.assert_each_handled_once(4)


def test_a_flush_in_the_middle_of_a_workers_job_repeats_and_loses_nothing(host: Host) -> None:
    def lose(event: Any, context: Any) -> None:
        if event.object.processor_id == "prod_3":
            flush(host)

    host.state.handlers.append(("product.created", lose))
    host.store_events(5)
    host.run("worker", "--burst")
    host.run("tick")
    host.assert_each_handled_once(5)
