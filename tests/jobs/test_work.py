"""The job behind a wake-up."""

from __future__ import annotations

import importlib
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from flask import current_app
from flask.cli import NoAppException

from flask_accrue import jobs, models
from flask_accrue.queue import RedisQueue
from flask_accrue.testing import Kit
from tests.faults.victim import in_a_fork

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask

    from tests.jobs.conftest import Host


def test_a_worker_works_on_what_waits_and_then_nothing_waits(host: Host) -> None:
    host.store_events(3)
    host.run("worker", "--burst")
    assert host.rq_queue.count == 0
    host.assert_each_handled_once(3)


@pytest.mark.parametrize("fork", ["--fork", "--no-fork"])
def test_workers_fork_for_each_job_or_do_not(host: Host, fork: str) -> None:
    host.store_events(2)
    host.run("worker", "--burst", fork)
    host.assert_each_handled_once(2)


def test_whoever_stores_an_event_while_a_worker_works_wakes_the_next_one(host: Host) -> None:
    web = RedisQueue(host.queue.url, host.queue.prefix.removeprefix("accrue:"))
    host.state.handlers.append(("product.created", lambda event, context: web.wake("webhooks")))
    host.store_events()
    [first] = host.rq_queue.job_ids
    host.rq_queue.empty()
    assert jobs.work("webhooks") == 1
    [second] = host.rq_queue.job_ids
    assert second != first


def test_an_event_that_is_stored_just_before_the_guard_goes_is_seen_by_the_same_job(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.store_events()
    waited: list[float] = []

    def store_another(seconds: float) -> None:
        waited.append(seconds)
        host.store_events()

    monkeypatch.setattr(time, "sleep", store_another)
    # However long the first event takes here, the guard is there still.
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert jobs.work("webhooks") == 2
    assert 0 < waited[0] < 1
    host.assert_each_handled_once(2)


def test_a_busy_job_stays_for_what_keeps_coming_and_goes_when_it_is_quiet(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Time passes by sleeping alone, however long the work takes here.
    began, slept = time.monotonic(), [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: began + slept[0])
    coming = [5, 3]

    def sleep(seconds: float) -> None:
        slept[0] += seconds
        if coming:
            host.store_events(coming.pop())

    monkeypatch.setattr(time, "sleep", sleep)
    host.store_events(20)
    assert jobs.work("webhooks") == 28
    assert 0.5 <= slept[0] < 2
    host.assert_each_handled_once(28)


def test_a_job_hands_over_to_a_successor_when_its_minute_is_up(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, slow = time.monotonic, [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: real() + slow[0])

    def take_25_seconds(event: Any, context: Any) -> None:
        slow[0] += 25

    host.state.handlers.append(("product.created", take_25_seconds))
    host.store_events(5)
    host.rq_queue.empty()
    assert jobs.work("webhooks") == 3
    assert host.waiting() == 2
    [successor] = host.rq_queue.jobs
    assert (successor.func_name, successor.args) == ("flask_accrue.jobs.work", ("webhooks",))
    host.rq_queue.empty()
    assert jobs.work("webhooks") == 2
    # All was done within the minute: nobody has to follow.
    assert host.rq_queue.count == 0
    host.assert_each_handled_once(5)


def test_a_worker_that_is_not_ours_finds_the_app_by_flask_app_once(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A module of this test's own: Python keeps what was imported.
    name = f"host_of_a_worker_{uuid.uuid4().hex}"
    (tmp_path / f"{name}.py").write_text(
        "from tests.webhooks.worker import build\n"
        "built = []\n"
        "def create_app():\n"
        f"    built.append(build({database_url!r}, {str(tmp_path / 'fake.sqlite')!r},"
        f" ACCRUE_REDIS_URL={redis_url!r}))\n"
        "    return built[-1][0]\n"
    )
    monkeypatch.setenv("FLASK_APP", str(tmp_path / f"{name}.py"))
    monkeypatch.syspath_prepend(str(tmp_path))
    assert jobs.run_periodic("sweep_webhooks") == 0
    [(app, db)] = importlib.import_module(name).built
    with app.app_context():
        Kit(app).price("price_pro", 1900)
    assert jobs.work("webhooks") == 2
    assert len(importlib.import_module(name).built) == 1
    with app.app_context():
        assert db.session.query(models.Price).count() == 1
        db.session.remove()
        db.engine.dispose()


def test_a_worker_without_an_app_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLASK_APP", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NoAppException, match="FLASK_APP"):
        jobs.work("webhooks")


@pytest.mark.only("postgresql")
def test_a_work_horse_never_uses_the_connections_of_the_worker_that_forked_it(host: Host) -> None:
    def backend() -> int:
        db = current_app.extensions["sqlalchemy"]
        found: int = db.session.scalar(sa.select(sa.func.pg_backend_pid()))
        db.session.rollback()
        return found

    def note(event: Any, context: Any) -> None:
        host.queue.connection.rpush("horses", backend())

    host.state.handlers.append(("product.created", note))
    host.store_events(2)
    host.db.session.remove()

    def work_between_two_looks() -> None:
        app: Flask = host.app
        with app.app_context():
            # Opened before the fork, and idle in the pool while the horse works.
            before = backend()
            result = app.test_cli_runner().invoke(args=["accrue", "worker", "--burst"])
            assert result.exception is None
            assert backend() == before
            host.queue.connection.set("worker", before)

    assert in_a_fork(host.db, work_between_two_looks) == 0
    horses = host.queue.connection.lrange("horses", 0, -1)
    assert len(horses) == 2
    assert host.queue.connection.get("worker") not in horses
    host.assert_each_handled_once(2)
