"""A host whose work is done by RQ, on a real Redis."""

from __future__ import annotations

import collections
import itertools
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import models
from flask_accrue.testing import Kit
from tests.faults.victim import in_a_fork
from tests.webhooks.worker import Handled, build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import rq

    from flask_accrue.queue import RedisQueue


class Host:
    """A host that stores events and wakes RQ; its handler leaves a row for each of its runs."""

    def __init__(self, url: str, store: str, redis_url: str) -> None:
        self.app, self.db = build(url, store, ACCRUE_REDIS_URL=redis_url)
        self.state: Any = self.app.extensions["accrue"]
        self.queue: RedisQueue = self.state.queue
        self.kit = Kit(self.app)
        self._numbers = itertools.count(1)

    @property
    def rq_queue(self) -> rq.Queue:
        return self.queue.rq_queue

    def store_events(self, count: int = 1) -> None:
        """Let the Fake post events, which wait for a worker."""
        for _ in range(count):
            number = next(self._numbers)
            self.kit.fake.create_product(f"Product {number}", id=f"prod_{number}")
        self.kit.deliver()

    def run(self, *command: str) -> None:
        """Run ``flask accrue …`` in a process of its own."""

        def run() -> None:
            result = self.app.test_cli_runner().invoke(args=["accrue", *command])
            if result.exception is not None:
                raise result.exception

        self.db.session.remove()
        assert in_a_fork(self.db, run) == 0

    def waiting(self) -> int:
        self.db.session.rollback()
        events = models.WebhookEvent
        return self.db.session.query(events).filter(events.is_waiting).count()

    def assert_each_handled_once(self, count: int) -> None:
        """Check that so many events were stored, and each one's handler has run once."""
        self.db.session.rollback()
        self.db.session.expire_all()
        events = self.db.session.scalars(sa.select(models.WebhookEvent)).all()
        assert [event.last_error for event in events] == [None] * count
        assert all(event.is_succeeded for event in events)
        handled = collections.Counter(self.db.session.scalars(sa.select(Handled.event)))
        assert handled == {event.processor_id: 1 for event in events}
        assert self.db.session.query(models.Product).count() == count


@pytest.fixture
def host(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Host]:
    """Give the host, inside an app context."""
    made = Host(database_url, str(tmp_path / "fake.sqlite"), redis_url)
    with made.app.app_context():
        yield made
        made.db.session.remove()
        made.db.engine.dispose()
