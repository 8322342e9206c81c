"""Several workers at once, and the host's own commands beside them: each effect once, nothing lost."""

from __future__ import annotations

import collections
import contextvars
import datetime
import itertools
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from flask_accrue import billing, models, webhooks
from flask_accrue.ledger import verify
from flask_accrue.testing import Kit
from tests.host import Organization
from tests.webhooks.worker import Handled, build

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
EVENTS = 200


class Crowd:
    """A host whose events wait for workers, and the workers."""

    def __init__(self, url: str, store: str) -> None:
        self.url, self.store = url, store
        self.app, self.db = build(url, store)
        self.numbers = itertools.count(1)

    def organization(self) -> Organization:
        """Make an organization that pays."""
        made = Organization(id=next(self.numbers), name="Acme", email="billing@acme.example")
        self.db.session.add(made)
        self.db.session.commit()
        return made

    def in_threads(self, *actions: Callable[[], None]) -> None:
        """Run some actions at once, each in an app context of its own; raise what one raises."""
        errors: list[BaseException] = []
        ready = threading.Barrier(len(actions))

        def run(action: Callable[[], None]) -> None:
            try:
                with self.app.app_context():
                    ready.wait()
                    action()
            except BaseException as error:  # noqa: BLE001 - raised again where the test sees it
                errors.append(error)

        threads = [
            threading.Thread(target=contextvars.Context().run, args=(run, action))
            for action in actions
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    def in_processes(self, count: int) -> None:
        """Let several processes work until nothing is due."""
        command = [sys.executable, "-m", "tests.webhooks.worker", self.url, self.store]
        workers = [subprocess.Popen(command, cwd=ROOT) for _ in range(count)]
        assert [worker.wait(timeout=300) for worker in workers] == [0] * count

    def assert_each_once(self) -> None:
        """Check that each event was done, once, with one run of the handler, and the books are right."""
        self.db.session.rollback()
        self.db.session.expire_all()
        events = self.db.session.scalars(sa.select(models.WebhookEvent)).all()
        undone = [
            (event.type, event.state, event.attempts, event.last_error)
            for event in events
            if not event.is_succeeded or event.attempts != 1
        ]
        assert undone == []
        handled = collections.Counter(self.db.session.scalars(sa.select(Handled.event)))
        assert set(handled.values()) == {1}
        assert set(handled) == {event.processor_id for event in events}
        assert verify().findings == []


@pytest.fixture
def crowd(database_url: str, tmp_path: Path) -> Iterator[Crowd]:
    made = Crowd(database_url, str(tmp_path / "fake.sqlite"))
    with made.app.app_context():
        yield made
        made.db.session.remove()
        made.db.engine.dispose()


@pytest.fixture
def kit(crowd: Crowd) -> Kit:
    made = Kit(crowd.app)
    made.price("price_pro", 1900)
    return made


def work() -> None:
    while webhooks.work_on_due():
        pass


def store_events(kit: Kit, subscriptions: list[models.Subscription], seed: int) -> dict[str, int]:
    """Store events about subscriptions, shuffled; return the newest number that each was told."""
    kit.deliver()
    work()
    bodies, newest = [], {}
    for number in range(1, EVENTS + 1):
        about = subscriptions[number % len(subscriptions)]
        newest[about.processor_id] = number
        bodies.append(
            kit.event_body(
                "customer.subscription.updated",
                about,
                created=kit.now + datetime.timedelta(seconds=number),
                metadata={"number": str(number)},
            )
        )
    random.Random(seed).shuffle(bodies)
    for body in bodies:
        assert kit.post(body) == 200
    return newest


def assert_newest(crowd: Crowd, newest: dict[str, int]) -> None:
    crowd.db.session.expire_all()
    told = {
        row.processor_id: int(row.meta["number"])
        for row in crowd.db.session.scalars(sa.select(models.Subscription))
    }
    assert told == newest


@pytest.mark.parametrize("how", ["threads", "processes"])
@pytest.mark.parametrize("customers", [1, 10])
def test_workers_at_once_have_each_effect_once_and_lose_nothing(
    crowd: Crowd, kit: Kit, customers: int, how: str
) -> None:
    owners = [crowd.organization() for _ in range(customers)]
    subscriptions = [kit.subscription(owner, price="price_pro") for owner in owners]
    newest = store_events(kit, subscriptions, seed=customers)
    crowd.db.session.rollback()
    if how == "threads":
        crowd.in_threads(work, work, work)
    else:
        crowd.in_processes(3)
        workers = set(crowd.db.session.scalars(sa.select(Handled.worker)))
        assert len(workers) > 2
    crowd.assert_each_once()
    assert_newest(crowd, newest)


def test_one_event_eight_times_at_once_is_one_row_and_one_run_of_each_effect(
    crowd: Crowd, kit: Kit
) -> None:
    subscription = kit.subscription(crowd.organization(), price="price_pro")
    kit.deliver()
    work()
    entries = crowd.db.session.query(models.LedgerEntry).count()
    body = kit.event_body(
        "customer.subscription.updated",
        subscription,
        created=kit.now + datetime.timedelta(seconds=9),
        metadata={"number": "1"},
    )
    crowd.db.session.rollback()

    def deliver_and_work() -> None:
        assert kit.post(body) == 200
        webhooks.work_on_due()

    crowd.in_threads(*[deliver_and_work] * 8)
    work()
    crowd.assert_each_once()
    assert crowd.db.session.query(models.LedgerEntry).count() == entries + 1


def test_first_sights_of_one_customer_at_once_make_one(crowd: Crowd, kit: Kit) -> None:
    """Eight objects of a customer that nobody has heard of."""
    crowd.organization()
    fake = kit.fake
    customer = fake.create_customer(
        name="Acme",
        email=None,
        preferred_locale=None,
        metadata={"accrue_owner": "Organization:1"},
        key="customer",
    ).main.processor_id
    for number in range(8):
        fake.add_payment_method(customer, "pm_card_visa", key=f"card {number}")
    kit.deliver()
    crowd.in_threads(work, work, work, work)
    crowd.assert_each_once()
    assert crowd.db.session.query(models.Customer).count() == 1
    assert crowd.db.session.query(models.PaymentMethod).count() == 8


def test_commands_of_the_host_and_webhooks_race_without_a_loss_or_an_error(
    crowd: Crowd, kit: Kit
) -> None:
    owners = [crowd.organization() for _ in range(2)]
    ids = [owner.id for owner in owners]
    for owner in owners:
        kit.subscription(owner, price="price_pro")
    kit.deliver()
    work()
    kit.fake.thaw()
    crowd.db.session.rollback()
    done = threading.Event()
    left = [len(ids)]

    def command(owner_id: int) -> None:
        try:
            owner = crowd.db.session.get(Organization, owner_id)
            for number in range(2, 14):
                row = billing.subscription(owner)
                assert row is not None
                changed = billing.update_quantity(row, number, proration="none")
                assert [item.quantity for item in changed.items] == [number]
                billing.update_customer(owner, metadata={"number": str(number)})
        finally:
            left[0] -= 1
            if left[0] == 0:
                done.set()

    def deliver_and_work() -> None:
        while not done.is_set():
            kit.fake.deliver(crowd.app, order=7)
            webhooks.work_on_due()

    crowd.in_threads(
        lambda: command(ids[0]), lambda: command(ids[1]), deliver_and_work, deliver_and_work
    )
    kit.fake.deliver(crowd.app)
    work()
    crowd.assert_each_once()
    crowd.db.session.expire_all()
    for row in crowd.db.session.scalars(sa.select(models.Subscription)):
        told = kit.fake.fetch("subscription", row.processor_id).main
        assert [item.quantity for item in row.items] == [each.quantity for each in told.items]
        assert [item.quantity for item in row.items] == [13]
    for customer in crowd.db.session.scalars(sa.select(models.Customer)):
        told = kit.fake.fetch("customer", customer.processor_id).main
        assert customer.meta == told.metadata
        assert customer.meta["number"] == "13"
