"""How fast webhooks are stored and worked on, against the floor. Figures are printed, not judged."""

from __future__ import annotations

import datetime
import os
import statistics
import time
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from flask_accrue import mirror, models
from flask_accrue.mirror import Source
from flask_accrue.origins import Actor, Origin
from flask_accrue.processors import objects
from flask_accrue.unit_of_work import write
from tests.bench import load, servers

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

ROUNDS = 5
EVENTS = int(os.environ.get("BENCH_EVENTS", "2000"))
CUSTOMERS = 500
START = 1_765_000_000


@pytest.fixture
def environment(
    database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    found = {"BENCH_DATABASE": database_url, "BENCH_REDIS": redis_url}
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


def _make_customers(app: Flask) -> None:
    """Mirror the customers and their subscriptions, as an app has them."""
    moment = datetime.datetime.fromtimestamp(START - 1000, datetime.UTC)
    source = Source(moment, moment)
    for number in range(CUSTOMERS):
        who = objects.Customer(processor_id=f"cus_bench{number:06d}", created=moment)

        def work(uow: object, who: objects.Customer = who, number: int = number) -> None:
            mirror.create_customer(
                uow,  # type: ignore[arg-type]
                "stripe",
                who,
                source,
                owner_type="Organization",
                owner_id=str(number),
                generation=1,
            )

        write(work, origin=Origin(Actor("system")))


class Counter:
    """Numbers the events of a run, so that none is a duplicate and each is newer."""

    def __init__(self) -> None:
        self.next = 0

    def bodies(self, count: int) -> list[bytes]:
        first, self.next = self.next, self.next + count
        return [
            load.subscription_event(number, number % CUSTOMERS, START + number)
            for number in range(first, first + count)
        ]


def _rounds(run: Callable[[str], tuple[float, float]]) -> None:
    """Interleave floor and ours; print the median of the rounds with least processor time."""
    figures = []
    for number in range(ROUNDS):
        floor_seconds, floor_cpu = run("floor")
        our_seconds, our_cpu = run("ours")
        figures.append(
            (floor_cpu + our_cpu, floor_seconds / our_seconds, floor_seconds, our_seconds)
        )
        print(
            f"  round {number + 1}: floor {EVENTS / floor_seconds:,.0f}/s "
            f"({1e3 * floor_cpu / EVENTS:.2f} ms CPU), "
            f"ours {EVENTS / our_seconds:,.0f}/s ({1e3 * our_cpu / EVENTS:.2f} ms CPU), "
            f"ratio {floor_seconds / our_seconds:.2f}"
        )
    best = sorted(figures)[:3]
    print(f"  median of the calmest three: {statistics.median(each[1] for each in best):.2f}")


@pytest.mark.only("postgresql")
def test_ingest(environment: dict[str, str]) -> None:
    """Verify, store, commit and wake a worker."""
    counter = Counter()
    print(f"\ningest of {EVENTS} events of {load.BODY_BYTES} bytes, 2 processes, 4 clients")
    with (
        load.served("floor", 12610, environment) as floor,
        load.served("ours", 12611, environment) as ours,
    ):
        places = {
            "floor": (12610, "/hook", floor),
            "ours": (12611, "/accrue/webhooks/stripe", ours),
        }

        def run(which: str) -> tuple[float, float]:
            port, path, pids = places[which]
            bodies = counter.bodies(EVENTS)
            before = load.cpu_seconds(pids)
            seconds = load.post_all(port, path, bodies)
            return seconds, load.cpu_seconds(pids) - before

        run("floor"), run("ours")
        _rounds(run)


@pytest.mark.only("postgresql")
def test_ingest_and_processing(environment: dict[str, str]) -> None:
    """Until the last event has succeeded."""
    app = servers.ours()
    counter = Counter()
    print(f"\ningest and processing of {EVENTS} events, 2 web processes and 2 workers")
    with app.app_context():
        db = app.extensions["sqlalchemy"]
        _make_customers(app)
        with (
            load.served("floor", 12610, environment) as floor,
            load.served("ours", 12611, environment) as ours,
            load.worker(environment),
            load.worker(environment),
        ):

            def run(which: str) -> tuple[float, float]:
                bodies = counter.bodies(EVENTS)
                if which == "floor":
                    before = load.cpu_seconds(floor)
                    seconds = load.post_all(12610, "/hook", bodies)
                    return seconds, load.cpu_seconds(floor) - before
                before = load.cpu_seconds(ours)
                began = time.perf_counter()
                load.post_all(12611, "/accrue/webhooks/stripe", bodies)
                _wait_until_done(db)
                return time.perf_counter() - began, load.cpu_seconds(ours) - before

            run("floor"), run("ours")
            _rounds(run)
        outcomes = db.session.execute(
            sa.select(models.WebhookEvent.outcome, sa.func.count())
            .where(models.WebhookEvent.processor == "stripe")
            .group_by(models.WebhookEvent.outcome)
        ).all()
        print(f"  outcomes: {dict(map(tuple, outcomes))}")
        db.session.remove()
        db.engine.dispose()


def _wait_until_done(db: object) -> None:
    events = models.WebhookEvent
    waiting = sa.select(sa.func.count()).where(events.processor == "stripe", events.is_waiting)
    while True:
        left = db.session.scalar(waiting)  # type: ignore[attr-defined]
        db.session.rollback()  # type: ignore[attr-defined]
        if not left:
            return
        time.sleep(0.05)
