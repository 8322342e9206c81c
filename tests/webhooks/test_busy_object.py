"""An object of which much is told at once: workers end in its newest state, and hardly ask for it."""

from __future__ import annotations

import multiprocessing
import random
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import billing, leases, models, webhooks
from flask_accrue.ledger import verify
from tests.host import Organization, running_host
from tests.processors.stripe.stripe_bodies import START, event_body, item, listed, subscription
from tests.webhooks.endpoint import STRIPE_CONFIG, Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask

    from tests.oracles.stripe_server import ContractServer

EVENTS = 1000
WORKERS = 8


class Busy(Endpoint):
    """A customer's subscription at Stripe, and a host that has it."""

    def __init__(self, app: Flask, db: Any, server: ContractServer) -> None:
        super().__init__(app, db)
        self.server = server

    def adopt(self) -> None:
        """Have the host know the subscription as it was before all that's told of it."""
        self.db.session.add(Organization(id=1, name="Acme", email="billing@acme.example"))
        self.db.session.commit()
        owner = {"accrue_owner": "Organization:1"}
        customer = {"id": "cus_1", "object": "customer", "created": START, "metadata": owner}
        self.server.prime(customer)
        assert self.post(event_body(customer, created=START, event_id="evt_0")).status_code == 200
        assert self.post(self.told(0, START + 1)).status_code == 200
        work()
        assert billing.subscription(self.db.session.get(Organization, 1)) is not None

    def told(self, number: int, created: int) -> dict[str, Any]:
        """Return the event of the subscription's having become its ``number``."""
        rows = listed(item(quantity=number % 7 + 1))
        told = subscription(items=rows, metadata={"number": str(number)}, created=START)
        if number == EVENTS:
            self.server.prime(told)
        type = "customer.subscription.updated"
        return event_body(told, type, created=created, event_id=f"evt_busy{number:04d}")

    def receive(self, when: Callable[[int], int]) -> None:
        """Receive all events in an order that has nothing to do with theirs."""
        bodies = [self.told(number, when(number)) for number in range(1, EVENTS + 1)]
        random.Random(EVENTS).shuffle(bodies)
        for body in bodies:
            assert self.post(body).status_code == 200

    def work_at_once(self) -> None:
        """Have eight processes work until nothing is due."""
        self.db.session.remove()
        self.db.engine.dispose()
        fork = multiprocessing.get_context("fork")
        ready = fork.Barrier(WORKERS)

        def run() -> None:
            self.db.engine.dispose(close=False)
            with self.app.app_context():
                ready.wait()
                work()

        workers = [fork.Process(target=run) for _ in range(WORKERS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert [worker.exitcode for worker in workers] == [0] * WORKERS

    def assert_newest(self) -> None:
        """Check that the rows are as the subscription is, each event was done, and the books are right."""
        row = self.find(models.Subscription, "sub_1")
        assert row.meta == {"number": str(EVENTS)}
        assert [each.quantity for each in row.items] == [EVENTS % 7 + 1]
        undone = [each.last_error for each in self.stored() if not each.is_succeeded]
        assert undone == []
        assert verify().findings == []


def work() -> None:
    while webhooks.work_on_due():
        pass


@pytest.fixture
def busy(database_url: str, stripe_server: ContractServer) -> Iterator[Busy]:
    config = {
        **STRIPE_CONFIG,
        "ACCRUE_PROCESSOR": "stripe",
        "ACCRUE_STRIPE_API_BASE": stripe_server.url,
    }
    with running_host(database_url, **config) as (app, db, _), app.app_context():
        app.extensions["accrue"].queue.in_process = False
        made = Busy(app, db, stripe_server)
        made.adopt()
        yield made


@pytest.mark.only("postgresql")
def test_a_thousand_events_of_a_thousand_seconds_need_hardly_a_call(busy: Busy) -> None:
    busy.receive(lambda number: START + 10 + number)
    busy.work_at_once()
    busy.assert_newest()
    assert len(busy.server.requests) < EVENTS / 10


@pytest.mark.only("postgresql")
@pytest.mark.parametrize("answered", [12, 60])
def test_a_thousand_events_of_three_seconds_need_at_most_fifty_calls(
    busy: Busy, answered: int
) -> None:
    busy.server.clock.set(START + answered, ticking=True)
    busy.receive(within_three_seconds)
    busy.work_at_once()
    busy.assert_newest()
    assert len(busy.server.requests) <= 50


@pytest.mark.only("postgresql")
def test_as_long_as_no_second_passes_workers_ask_once_for_each_lease(busy: Busy) -> None:
    busy.server.clock.set(START + 12)
    busy.receive(within_three_seconds)
    busy.work_at_once()
    busy.assert_newest()
    # Workers that claim at once may get fewer than twenty.
    assert len(busy.server.requests) <= EVENTS / leases.BATCH + WORKERS


def within_three_seconds(number: int) -> int:
    """Return when an event happened, if all of them did in three seconds."""
    return START + 10 + 3 * (number - 1) // EVENTS
