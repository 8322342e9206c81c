"""Whatever the order of its events, a story ends in the same rows."""

from __future__ import annotations

import datetime
import itertools
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import Money, models
from flask_accrue.processors.fake import FakeProcessor
from flask_accrue.processors.fake.outbox import post
from tests.webhooks.orders import in_order, orders
from tests.webhooks.rows import Rows, differences, mirrored_rows

if TYPE_CHECKING:
    from pathlib import Path

    from flask_accrue.processors.fake.outbox import OutboxEvent
    from tests.webhooks.conftest import FreshHost

START = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
HOUR = datetime.timedelta(hours=1)


class Story:
    """What happens at a Fake to one customer, the organization 1 of the host."""

    def __init__(self, store: Path) -> None:
        self.fake = FakeProcessor(store, seed=1)
        self.keys = (f"key-{number}" for number in itertools.count())
        self.fake.freeze(START)
        for price, amount in (("price_pro", 1900), ("price_team", 4900), ("price_seat", 700)):
            self.fake.create_product(price, id=f"prod_{price}")
            self.fake.create_price(f"prod_{price}", Money(amount, "usd"), id=price)
        self.customer = self.fake.create_customer(
            name="Acme",
            email="billing@acme.example",
            preferred_locale=None,
            metadata={"accrue_owner": "Organization:1"},
            key=next(self.keys),
        ).main.processor_id

    def wait(self, **span: float) -> None:
        """Let time pass, so that what comes next is clearly later."""
        self.fake.advance(datetime.timedelta(**(span or {"seconds": 90})))

    def card(self, token: str) -> str:
        """Add a card and make it the default."""
        card = self.fake.add_payment_method(self.customer, token, key=next(self.keys))
        self.wait()
        self.change_customer(default_payment_method=card.main.processor_id)
        return card.main.processor_id

    def change_customer(self, **changes: Any) -> None:
        self.fake.update_customer(self.customer, changes, key=next(self.keys))
        self.wait()

    def subscribe(self, *prices: str, trial: datetime.timedelta | None = None) -> str:
        now = self.fake.clock.now()
        answer = self.fake.create_subscription(
            self.customer,
            items=[{"price": price, "quantity": 1} for price in prices],
            trial_end=None if trial is None else int((now + trial).timestamp()),
            payment_method=None,
            collection_method="charge_automatically",
            billing_cycle_anchor=None,
            metadata={},
            key=next(self.keys),
        )
        self.wait()
        return answer.main.processor_id

    def subscription(self, subscription: str) -> Any:
        return self.fake.fetch("subscription", subscription).main

    def change(self, subscription: str, **changes: Any) -> None:
        self.fake.update_subscription(
            subscription, {"proration": "none", **changes}, key=next(self.keys)
        )
        self.wait()

    def until_renewal(self, subscription: str) -> None:
        end = self.subscription(subscription).current_period_end
        self.fake.advance(end + 2 * HOUR)


def a_year(story: Story) -> None:
    """A trial, renewals, a failure, a recovery, a swap, more seats, a pause and the end."""
    story.card("pm_card_visa")
    subscription = story.subscribe("price_pro", trial=14 * DAY)
    story.until_renewal(subscription)
    story.until_renewal(subscription)
    bad = story.card("pm_card_chargeCustomerFail")
    story.until_renewal(subscription)
    story.wait(days=4)
    story.card("pm_card_mastercard")
    owed = story.subscription(subscription).latest_invoice
    story.fake.pay_invoice(owed, payment_method=None, key=next(story.keys))
    story.wait()
    story.fake.remove_payment_method(bad, key=next(story.keys))
    story.wait()
    item = story.subscription(subscription).items[0].processor_id
    story.change(
        subscription, items=[{"id": item, "price": "price_team"}], proration="always_invoice"
    )
    story.change(
        subscription, items=[{"id": item, "quantity": 5}, {"price": "price_seat", "quantity": 2}]
    )
    story.until_renewal(subscription)
    story.change(subscription, pause={"behavior": "void", "resumes_at": None})
    story.until_renewal(subscription)
    story.change(subscription, pause=None)
    story.change_customer(name="Acme & Daughters")
    seat = story.subscription(subscription).items[1].processor_id
    story.change(subscription, items=[{"id": seat, "deleted": True}])
    charge = story.fake.create_charge(
        story.customer,
        amount=500,
        currency="usd",
        payment_method=story.fake.list_payment_methods(story.customer).main.processor_id,
        description=None,
        metadata={},
        key=next(story.keys),
    ).objects[-1]
    story.wait()
    story.fake.create_refund(
        charge.processor_id, amount=200, reason=None, metadata={}, key=next(story.keys)
    )
    story.wait()
    story.until_renewal(subscription)
    story.change(subscription, cancel_at_period_end=True)
    story.until_renewal(subscription)


def deliver(
    host: FreshHost, story: Story, events: list[OutboxEvent], **config: Any
) -> tuple[Rows, list[str]]:
    """Post events to a host that has heard nothing before; return its rows, and what isn't done."""
    app, db, _ = host(ACCRUE_FAKE_STORE=str(story.fake._engine.store.path), **config)
    for event in events:
        assert post(app, "/accrue/webhooks/fake", event.body, story.fake.webhook_secret) == 200
    undone = [
        f"{event.type}: {event.last_error}"
        for event in db.session.query(models.WebhookEvent)
        if not event.is_succeeded
    ]
    return mirrored_rows(db), undone


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Story:
    story = Story(tmp_path_factory.mktemp("fake") / "year.sqlite")
    a_year(story)
    return story


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path / "story.sqlite")


def in_any_order(
    host: FreshHost, story: Story, expected: Rows, *names: str, **config: Any
) -> dict[str, list[str]]:
    """Deliver a story in several orders; return what came out otherwise, by order."""
    wrong = {}
    for name in names:
        rows, undone = deliver(host, story, in_order(name, story.fake.events()), **config)
        if found := differences(rows, expected) + undone:
            wrong[name] = found
    return wrong


def test_a_year_of_events_ends_in_the_same_rows_in_any_order(
    fresh_host: FreshHost, database_url: str, year: Story
) -> None:
    expected, undone = deliver(fresh_host, year, year.fake.events())
    assert undone == []
    assert in_any_order(fresh_host, year, expected, *orders(database_url)) == {}


def test_a_year_of_events_ends_in_what_the_processor_says(
    fresh_host: FreshHost, year: Story
) -> None:
    rows, _ = deliver(fresh_host, year, in_order("shuffled with 7", year.fake.events()))
    assert {kind: len(of_kind) for kind, of_kind in rows.items() if of_kind} == {
        "customer": 1,
        "payment_method": 3,
        "product": 3,
        "price": 3,
        "subscription": 1,
        "item": 2,
        "invoice": len(rows["invoice"]),
        "line": len(rows["line"]),
        "invoice_payment": len(rows["invoice_payment"]),
        "payment_intent": len(rows["payment_intent"]),
        "charge": len(rows["charge"]),
        "refund": 1,
    }
    assert len(rows["invoice"]) > 6
    for kind in (
        "customer",
        "subscription",
        "invoice",
        "charge",
        "payment_intent",
        "refund",
        "dispute",
    ):
        for id, row in rows[kind].items():
            told = year.fake.fetch(kind, id).main
            for name in ("status", "name", "total", "amount_paid", "amount_refunded", "ended_at"):
                if name in row and hasattr(told, name):
                    assert row[name] == getattr(told, name), (kind, id, name)
    # What it was for each, and what is derived from it.
    assert {row["invoice_processor_id"] is None for row in rows["charge"].values()} == {True, False}
    [subscription] = rows["subscription"].values()
    assert subscription["paid_until"] == max(
        row["period_end"]
        for name, row in rows["line"].items()
        if rows["invoice"][name.partition("/")[0]]["status"] == "paid"
    )


def test_a_body_and_a_fetch_lead_to_the_same_rows(fresh_host: FreshHost, year: Story) -> None:
    expected, _ = deliver(fresh_host, year, year.fake.events())
    names = ("in order", "in reverse", "shuffled with 1", "shuffled with 2")
    wrong = in_any_order(fresh_host, year, expected, *names, ACCRUE_WEBHOOK_SOURCE="fetch")
    # Only a fetch tells what the processor kept of a charge, and what a refund cost.
    told_by_fetch = (".fee:", ".net:", ".raw:")
    for name, found in wrong.items():
        left = [
            each
            for each in found
            if not (
                each.startswith(("charge ", "refund "))
                and any(part in each for part in told_by_fetch)
            )
        ]
        assert left == [], name


def test_fetching_always_asks_for_each_object(fresh_host: FreshHost, story: Story) -> None:
    story.fake.fail_next("fetch", "unavailable", times=1000)
    config = {"ACCRUE_WEBHOOK_SOURCE": "fetch"}
    _, undone = deliver(fresh_host, story, story.fake.events(), **config)
    assert len(undone) == len(story.fake.events())


def test_events_of_one_second_end_in_the_same_rows_in_any_order(
    fresh_host: FreshHost, database_url: str, story: Story
) -> None:
    """A clock that stands still, so that no event can be told from another by its time."""
    story.wait = lambda **_: None  # type: ignore[method-assign]
    story.card("pm_card_visa")
    subscription = story.subscribe("price_pro", "price_seat")
    item, seat = (each.processor_id for each in story.subscription(subscription).items)
    story.change(
        subscription, items=[{"id": item, "price": "price_team"}], proration="always_invoice"
    )
    story.change(subscription, items=[{"id": seat, "quantity": 4}])
    story.change_customer(name="Acme & Daughters")
    story.change(subscription, items=[{"id": seat, "deleted": True}])
    story.change(subscription, cancel_at_period_end=True)
    assert len({event.created for event in story.fake.events()}) == 1
    expected, undone = deliver(fresh_host, story, story.fake.events())
    assert undone == []
    assert in_any_order(fresh_host, story, expected, *orders(database_url)) == {}
    [row] = expected["subscription"].values()
    told = story.subscription(subscription)
    assert row["cancel_at_period_end"] is True
    live = [name for name, each in expected["item"].items() if each["removed_at"] is None]
    assert live == [each.processor_id for each in told.items]


def test_the_first_failure_counts_however_late_it_is_told(
    fresh_host: FreshHost, database_url: str, story: Story
) -> None:
    story.card("pm_card_chargeCustomerFail")
    subscription = story.subscribe("price_pro", trial=14 * DAY)
    story.until_renewal(subscription)
    for _ in range(3):
        story.wait(days=4)
    events = story.fake.events()
    failures = [event.created for event in events if event.type == "invoice.payment_failed"]
    assert len(failures) >= 3
    expected, undone = deliver(fresh_host, story, events)
    assert undone == []
    [row] = expected["subscription"].values()
    assert row["status"] == "past_due"
    assert row["past_due_since"] == min(failures)
    assert in_any_order(fresh_host, story, expected, *orders(database_url)) == {}


def test_grace_begins_anew_with_another_episode(fresh_host: FreshHost, story: Story) -> None:
    story.card("pm_card_chargeCustomerFail")
    subscription = story.subscribe("price_pro", trial=14 * DAY)
    story.until_renewal(subscription)
    card = story.card("pm_card_visa")
    owed = story.subscription(subscription).latest_invoice
    story.fake.pay_invoice(owed, payment_method=None, key=next(story.keys))
    story.wait()
    story.fake.set_card_behavior(card, "decline:insufficient_funds")
    story.until_renewal(subscription)
    events = story.fake.events()
    failures = [event.created for event in events if event.type == "invoice.payment_failed"]
    expected, undone = deliver(fresh_host, story, events)
    assert undone == []
    [row] = expected["subscription"].values()
    assert row["past_due_since"] == max(failures)
    names = ("in reverse", "shuffled with 1", "shuffled with 2", "shuffled with 3")
    assert in_any_order(fresh_host, story, expected, *names) == {}


def test_the_end_of_a_customer_is_the_same_in_any_order(
    fresh_host: FreshHost, database_url: str, story: Story
) -> None:
    # The host heard of the customer when it made it; the story goes on without it.
    first = story.fake.events()
    story.wait()
    story.card("pm_card_visa")
    story.subscribe("price_pro")
    story.change_customer(name="Acme & Daughters")
    story.fake.delete_customer(story.customer)
    # An end that nobody tells of follows from the customer's.
    events = [each for each in story.fake.events() if each not in first]
    untold = [each for each in events if each.type == "customer.subscription.deleted"]
    assert untold
    for told in (events, [each for each in events if each not in untold]):
        expected, undone = deliver(fresh_host, story, first + told)
        assert undone == []
        [customer] = expected["customer"].values()
        [subscription] = expected["subscription"].values()
        assert customer["deleted_at"] == subscription["ended_at"]
        assert customer["name"] == "Acme & Daughters"
        wrong = {}
        for name in orders(database_url):
            rows, undone = deliver(fresh_host, story, first + in_order(name, told))
            if found := differences(rows, expected) + undone:
                wrong[name] = found
        assert wrong == {}


def test_what_was_fetched_as_gone_ends_like_what_was_told_as_gone(
    fresh_host: FreshHost, database_url: str, story: Story
) -> None:
    """Events of one second about what is gone by the time they're worked on."""
    first = story.fake.events()
    story.wait()
    card = story.card("pm_card_visa")
    story.wait()
    for year in (2031, 2032, 2033):
        story.fake.update_payment_method(card, {"exp_year": year}, key=next(story.keys))
    story.wait()
    story.fake.remove_payment_method(card, key=next(story.keys))
    events = [each for each in story.fake.events() if each not in first]
    expected, undone = deliver(fresh_host, story, first + events)
    assert undone == []
    [row] = expected["payment_method"].values()
    assert row["exp_year"] == 2033
    detached = next(each for each in events if each.type == "payment_method.detached")
    assert row["detached_at"] == detached.created
    wrong = {}
    for name in orders(database_url):
        rows, undone = deliver(fresh_host, story, first + in_order(name, events))
        if found := differences(rows, expected) + undone:
            wrong[name] = found
    assert wrong == {}
