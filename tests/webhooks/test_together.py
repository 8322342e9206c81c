"""Several events at once: written in one transaction where they can be, and each as if it had been alone."""

from __future__ import annotations

import datetime
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import models, telemetry, webhooks
from flask_accrue.webhooks import process
from tests.host import Organization

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask_accrue.testing import Kit

SECOND = datetime.timedelta(seconds=1)


@pytest.fixture
def subscriptions(kit: Kit) -> list[models.Subscription]:
    """Give the subscriptions of some organizations, whose events wait for somebody to work on them."""
    session = kit.state.db.session
    made = []
    for name in ("Acme", "Globex", "Initech"):
        owner = Organization(name=name, email=f"billing@{name.lower()}.example")
        session.add(owner)
        session.commit()
        made.append(kit.subscription(owner, price="price_pro"))
    kit.advance(minutes=5)
    kit.state.queue.in_process = False
    return made


def tell(kit: Kit, about: models.Subscription, name: str, **changes: Any) -> str:
    """Post an event with a quantity or anything else, one second after the last."""
    at = kit.now + (1 + len(stored(kit))) * SECOND
    body = kit.event_body(
        "customer.subscription.updated", about, created=at, event_id=f"evt_told_{name}", **changes
    )
    assert kit.post(body) == 200
    return f"evt_told_{name}"


def items(subscription: models.Subscription, quantity: int) -> list[dict[str, Any]]:
    return [
        {
            "processor_id": item.processor_id,
            "price": item.price_processor_id,
            "product": item.product_processor_id,
            "quantity": quantity,
        }
        for item in subscription.items
    ]


def stored(kit: Kit) -> dict[str, models.WebhookEvent]:
    session = kit.state.db.session
    session.rollback()
    session.expire_all()
    events = models.WebhookEvent
    rows = session.scalars(sa.select(events).where(events.processor_id.startswith("evt_told_")))
    return {row.processor_id: row for row in rows}


@pytest.fixture
def commits(kit: Kit) -> Iterator[list[Any]]:
    """Give what grows by one with each commit."""
    seen: list[Any] = []
    engine = kit.state.db.engine

    def note(connection: Any) -> None:
        seen.append(connection)

    sa.event.listen(engine, "commit", note)
    yield seen
    sa.event.remove(engine, "commit", note)


def test_events_of_several_customers_are_written_in_one_transaction_each_with_its_own_cause(
    kit: Kit, subscriptions: list[models.Subscription], commits: list[Any]
) -> None:
    told = {}
    for number, subscription in enumerate(subscriptions, 2):
        name = tell(kit, subscription, str(number), items=items(subscription, number))
        told[name] = (subscription, number)
    kit.state.db.session.rollback()
    commits.clear()
    assert webhooks.work_on_due() == 3
    # Two claims that may find abandoned events, one that finds these, and what they say.
    assert len(commits) <= 5
    events = stored(kit)
    for name, (subscription, quantity) in told.items():
        assert (events[name].state, events[name].outcome) == ("succeeded", "applied")
        assert [item.quantity for item in subscription.items] == [quantity]
        assert events[name].customer_id == subscription.customer_id
        entry = kit.assert_entry("subscription.quantity_changed", subscription)
        assert (entry.actor_type, entry.actor_id) == ("webhook", name)
        assert entry.cause_webhook_id == events[name].id
        assert entry.occurred_at == events[name].occurred_at
        assert entry.data["changes"]["items"][1][0]["quantity"] == quantity
    kit.assert_settled()


def test_several_events_of_one_subscription_each_have_their_entry_and_the_newest_counts(
    kit: Kit, subscriptions: list[models.Subscription]
) -> None:
    subscription = subscriptions[0]
    for quantity in (2, 3, 4):
        tell(kit, subscription, str(quantity), items=items(subscription, quantity))
    assert webhooks.work_on_due() == 3
    kit.state.db.session.expire_all()
    assert [item.quantity for item in subscription.items] == [4]
    told = [
        [each["quantity"] for each in entry.state["items"]]
        for entry in kit.entries("subscription.quantity_changed")
    ]
    assert told == [[2], [3], [4]]
    kit.assert_settled()


def test_an_item_that_is_new_in_one_event_is_known_to_the_next(
    kit: Kit, subscriptions: list[models.Subscription]
) -> None:
    subscription = subscriptions[0]
    added = {"processor_id": "si_added", "price": "price_team", "product": "prod_price_team"}
    for quantity in (1, 2):
        both = [*items(subscription, 1), {**added, "quantity": quantity}]
        tell(kit, subscription, str(quantity), items=both)
    assert webhooks.work_on_due() == 2
    kit.state.db.session.expire_all()
    assert [item.quantity for item in subscription.items] == [1, 2]
    kit.assert_settled()


def test_what_one_event_wrote_is_not_lost_when_the_next_reads_it(
    kit: Kit, subscriptions: list[models.Subscription]
) -> None:
    """A host's session may not flush by itself, and rows are read anew under the lock."""
    session = kit.state.db.session
    customer_id = subscriptions[0].customer_id
    intent = session.query(models.PaymentIntent).filter_by(customer_id=customer_id).one()
    invoice = session.query(models.Invoice).filter_by(customer_id=customer_id).one()

    def post(*told: tuple[models.Mirrored, str, dict[str, Any]]) -> None:
        for about, type, changes in told:
            at = kit.now + (1 + len(stored(kit))) * SECOND
            name = f"evt_told_{len(stored(kit))}"
            assert (
                kit.post(kit.event_body(type, about, created=at, event_id=name, **changes)) == 200
            )

    post(
        (intent, "payment_intent.requires_action", {"status": "requires_action"}),
        (invoice, "invoice.updated", {"status": "open", "attempt_count": 1}),
    )
    webhooks.work_on_due()
    failed = {"status": "requires_payment_method", "error_code": "card_declined"}
    # Whether an invoice waits for its customer is told by its payment.
    post(
        (intent, "payment_intent.payment_failed", failed),
        (invoice, "invoice.payment_failed", {"status": "open", "attempt_count": 5}),
    )
    session.remove()
    session.configure(autoflush=False)
    assert webhooks.work_on_due() == 2
    assert {event.outcome for event in stored(kit).values()} == {"applied"}
    again = session.query(models.PaymentIntent).filter_by(customer_id=customer_id).one()
    assert (again.status, again.error_code) == ("requires_payment_method", "card_declined")
    assert not session().autoflush
    kit.assert_entry("payment_intent.requires_payment_method", again)


def test_a_reaction_sees_each_change_as_it_was_then(
    kit: Kit, subscriptions: list[models.Subscription]
) -> None:
    seen: list[tuple[str, str]] = []

    def react(uow: Any, change: Any) -> None:
        if change.kind == "subscription":
            seen.append((uow.origin.actor.id, change.row.meta["seats"]))

    kit.state.reactions.append(react)
    for seats in ("2", "3"):
        tell(kit, subscriptions[0], seats, metadata={"seats": seats})
    assert webhooks.work_on_due() == 2
    assert seen == [("evt_told_2", "2"), ("evt_told_3", "3")]


def test_what_a_database_refuses_shows_nobodys_data_in_the_log(
    kit: Kit, subscriptions: list[models.Subscription], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    def react(uow: Any, change: Any) -> None:
        uow.session.flush()
        uow.execute(
            sa.text("INSERT INTO nowhere (email) VALUES (:email)"),
            {"email": "private@person.example"},
        )

    kit.state.reactions.append(react)
    for number, subscription in enumerate(subscriptions[:2], 2):
        tell(kit, subscription, str(number), items=items(subscription, number))
    webhooks.work_on_due()
    assert {event.state for event in stored(kit).values()} == {"failed"}
    assert "INSERT INTO nowhere" in caplog.text
    assert "private@person.example" not in caplog.text


def test_one_that_has_to_be_fetched_is_fetched_and_the_others_do_not_wait_for_it(
    kit: Kit, subscriptions: list[models.Subscription]
) -> None:
    for number, subscription in enumerate(subscriptions[:2], 2):
        tell(kit, subscription, str(number), items=items(subscription, number))
    third = subscriptions[2]
    # Of the same second as what is known, so that the body can't be told apart from it.
    body = kit.event_body(
        "customer.subscription.updated",
        third,
        created=third.fresh_to,
        event_id="evt_told_same",
        items=items(third, 9),
    )
    kit.post(body)
    assert webhooks.work_on_due() == 3
    events = stored(kit)
    outcomes = {name: event.outcome for name, event in events.items()}
    assert outcomes == {
        "evt_told_2": "applied",
        "evt_told_3": "applied",
        "evt_told_same": "fetched",
    }
    assert [item.quantity for item in third.items] == [1]
    kit.assert_settled()


def test_one_that_cannot_be_written_fails_alone(
    kit: Kit, subscriptions: list[models.Subscription]
) -> None:
    def react(uow: Any, change: Any) -> None:
        if change.row.processor_id == subscriptions[1].processor_id:
            raise ValueError("not this one")

    kit.state.reactions.append(react)
    for number, subscription in enumerate(subscriptions, 2):
        tell(kit, subscription, str(number), items=items(subscription, number))
    assert webhooks.work_on_due() == 3
    events = stored(kit)
    states = {name: (event.state, event.attempts) for name, event in events.items()}
    assert states == {
        "evt_told_2": ("succeeded", 1),
        "evt_told_3": ("failed", 1),
        "evt_told_4": ("succeeded", 1),
    }
    assert events["evt_told_3"].last_error == "ValueError: not this one"
    kit.state.db.session.expire_all()
    quantities = [[item.quantity for item in each.items] for each in subscriptions]
    assert quantities == [[2], [1], [4]]
    assert len(kit.entries("subscription.quantity_changed")) == 2


def test_handlers_run_once_for_each_and_one_that_fails_is_repeated_alone(
    kit: Kit, subscriptions: list[models.Subscription]
) -> None:
    seen: list[str] = []

    def handle(event: Any, context: Any) -> None:
        seen.append(context.owner.name)
        if context.owner.name == "Globex" and context.attempt == 1:
            raise ValueError("later")

    kit.state.handlers.append(("customer.subscription.updated", handle))
    for number, subscription in enumerate(subscriptions, 2):
        tell(kit, subscription, str(number), items=items(subscription, number))
    assert webhooks.work_on_due() == 3
    assert seen == ["Acme", "Globex", "Initech"]
    kit.fake.advance(datetime.timedelta(hours=1))
    assert webhooks.work_on_due() == 1
    assert seen == ["Acme", "Globex", "Initech", "Globex"]
    kit.assert_settled()
    assert len(kit.entries("subscription.quantity_changed")) == 3


def test_nothing_is_written_for_a_worker_whose_lease_was_taken_over(
    kit: Kit, subscriptions: list[models.Subscription]
) -> None:
    for number, subscription in enumerate(subscriptions, 2):
        tell(kit, subscription, str(number), items=items(subscription, number))

    def take_over(moment: str) -> None:
        if moment == "webhook.claimed":
            taken = sa.update(models.WebhookEvent).where(
                models.WebhookEvent.processor_id == "evt_told_3"
            )
            with kit.state.db.engine.begin() as other:
                other.execute(taken.values(claim_token=uuid.uuid4()))

    telemetry.observe(take_over)
    try:
        webhooks.work_on_due()
    finally:
        telemetry._observers.remove(take_over)
    events = stored(kit)
    states = {name: event.state for name, event in events.items()}
    assert states == {
        "evt_told_2": "succeeded",
        "evt_told_3": "pending",
        "evt_told_4": "succeeded",
    }
    quantities = [[item.quantity for item in each.items] for each in subscriptions]
    assert quantities == [[2], [1], [4]]


def test_a_worker_with_a_full_batch_calls_in_another(
    kit: Kit, subscriptions: list[models.Subscription], monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[str] = []
    monkeypatch.setattr(process.claims, "BATCH", 2)
    monkeypatch.setattr(process.claims.claim, "__defaults__", (2,))
    for number, subscription in enumerate(subscriptions, 2):
        tell(kit, subscription, str(number), items=items(subscription, number))
    monkeypatch.setattr(kit.state.queue, "wake", woken.append)
    assert webhooks.work_on_due() == 3
    assert woken == ["webhooks"]
