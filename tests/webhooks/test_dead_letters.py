"""Events that were given up: found, made due again, and thrown away in the end."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import billing, models, webhooks
from flask_accrue.ledger import verify
from flask_accrue.origins import Actor
from flask_accrue.webhooks import claims, dead_letters

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization

ADMIN = Actor("admin", "ada")
DAY = datetime.timedelta(days=1)
UPDATED = "customer.subscription.updated"


@pytest.fixture
def subscription(kit: Kit, org: Organization) -> models.Subscription:
    made = kit.subscription(org, price="price_pro")
    kit.advance(minutes=5)
    return made


def trigger(kit: Kit, about: Any, number: int = 1, **changes: Any) -> models.WebhookEvent:
    event_id = f"evt_{number}"
    moment = kit.now + datetime.timedelta(seconds=number)
    assert kit.trigger_event(UPDATED, about, event_id=event_id, created=moment, **changes) == 200
    return the(kit, event_id)


def the(kit: Kit, event_id: str) -> models.WebhookEvent:
    session = kit.state.db.session
    session.rollback()
    session.expire_all()
    events = models.WebhookEvent
    return session.scalars(sa.select(events).where(events.processor_id == event_id)).one()


def put(kit: Kit, event: models.WebhookEvent, **values: Any) -> None:
    """Say something else of an event."""
    kit.state.db.session.execute(
        sa.update(models.WebhookEvent)
        .where(models.WebhookEvent.id == event.id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    kit.state.db.session.commit()


def test_a_replayed_event_goes_the_way_of_a_first_delivery(
    kit: Kit, subscription: models.Subscription
) -> None:
    event = trigger(kit, subscription, metadata={"seats": "3"})
    put(kit, event, state="dead", attempts=25, last_error="RuntimeError: no", outcome=None)
    # What happened at the processor without a word: the replay looks.
    item = subscription.items[0].processor_id
    kit.fake.update_subscription(
        subscription.processor_id,
        {"items": [{"id": item, "quantity": 4}], "proration": "none"},
        key="elsewhere",
    )
    for untold in kit.fake.pending_events():
        kit.fake.lose(untold)
    assert webhooks.replay([event.id], ADMIN) == 1
    event = the(kit, "evt_1")
    assert (event.state, event.attempts, event.last_error) == ("pending", 0, None)
    assert (event.applied_at, event.finished_at) == (None, None)
    assert webhooks.work_on_due() == 1
    event = the(kit, "evt_1")
    assert (event.state, event.outcome, event.attempts) == ("succeeded", "fetched", 1)
    kit.state.db.session.expire_all()
    assert [each.quantity for each in subscription.items] == [4]
    entry = kit.assert_entry("webhook.replayed")
    assert (entry.actor_type, entry.actor_id) == ("admin", "ada")
    assert entry.data == {"events": ["evt_1"], "rerun_handlers": False}


def test_a_replay_never_goes_back_in_time(kit: Kit, subscription: models.Subscription) -> None:
    event = trigger(kit, subscription, 1, metadata={"seats": "3"})
    trigger(kit, subscription, 2, metadata={"seats": "4"})
    entries = len(kit.entries())
    assert webhooks.replay([event.id], ADMIN) == 1
    webhooks.work_on_due()
    assert the(kit, "evt_1").outcome == "stale"
    assert subscription.meta == {"seats": "4"}
    assert len(kit.entries()) == entries + 1


def test_an_event_that_a_worker_holds_is_left_alone(
    kit: Kit, subscription: models.Subscription
) -> None:
    kit.state.queue.in_process = False
    event = trigger(kit, subscription)
    with kit.app.app_context():
        lease = claims.claim()
        assert webhooks.replay([event.id], ADMIN) == 0
        assert the(kit, "evt_1").claim_token == lease.token
        kit.assert_no_entry("webhook.replayed")
    # Once its lease has run out nobody holds it.
    put(kit, event, claimed_until=datetime.datetime.now(datetime.UTC) - DAY)
    assert webhooks.replay([event.id], ADMIN) == 1


def test_an_event_whose_body_cannot_be_read_fails_again_and_can_be_replayed_again(
    kit: Kit, subscription: models.Subscription
) -> None:
    event = trigger(kit, subscription)
    put(kit, event, state="dead", payload="{", outcome=None)
    for _ in range(2):
        assert webhooks.replay([event.id], ADMIN) == 1
        assert webhooks.work_on_due() == 1
        event = the(kit, "evt_1")
        assert (event.state, event.attempts) == ("failed", 1)
        assert event.last_error.startswith("InvalidRequest: ")


def test_any_number_is_replayed_in_batches(
    kit: Kit, subscription: models.Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "_BATCH", 3)
    for number in range(1, 9):
        trigger(kit, subscription, number)
    events = kit.state.db.session.scalars(
        webhooks.select_events(type=UPDATED, state="succeeded")
    ).all()
    before = [event for event in events if event.processor_id.startswith("evt_")]
    ids = (event.id for event in before[:])
    assert webhooks.replay(ids, ADMIN) == len(before)
    entries = kit.entries("webhook.replayed")
    assert [len(entry.data["events"]) for entry in entries][:2] == [3, 3]
    told = [id for entry in entries for id in entry.data["events"]]
    assert sorted(told) == sorted(event.processor_id for event in before)
    assert webhooks.work_on_due() == len(before)
    kit.assert_settled()


def test_nothing_is_replayed_where_there_is_nothing(kit: Kit) -> None:
    assert webhooks.replay([], ADMIN) == 0
    from flask_accrue.ids import new_id

    assert webhooks.replay([new_id()], ADMIN) == 0
    kit.assert_no_entry("webhook.replayed")


def test_handlers_that_succeeded_are_not_run_again_unless_that_is_asked_for(
    kit: Kit, subscription: models.Subscription
) -> None:
    told = []

    def note(event: Any, context: Any) -> None:
        told.append((context.attempt, context.operation_id))

    kit.state.handlers.append((UPDATED, note))
    event = trigger(kit, subscription)
    webhooks.replay([event.id], ADMIN)
    webhooks.work_on_due()
    assert len(told) == 1
    webhooks.replay([event.id], ADMIN, rerun_handlers=True)
    webhooks.work_on_due()
    assert told[0] == told[1]
    assert kit.entries("webhook.replayed")[-1].data["rerun_handlers"] is True


def test_events_are_selected_by_state_type_processor_and_time(
    kit: Kit, subscription: models.Subscription
) -> None:
    event = trigger(kit, subscription)
    put(kit, event, state="dead")

    def found(**filters: Any) -> int:
        session = kit.state.db.session
        return len(session.scalars(webhooks.select_events(**filters)).all())

    every = found()
    assert every > 1
    assert found(state="dead") == 1
    assert found(type=UPDATED, state="dead") == 1
    assert found(processor="fake") == every
    assert found(processor="stripe") == 0
    now = datetime.datetime.now(datetime.UTC)
    assert found(since=now - DAY) == every
    assert found(since=now + DAY) == 0
    assert found(until=now - DAY) == 0
    received = the(kit, "evt_1").received_at
    assert found(since=received, state="dead") == 1
    assert found(until=received, state="dead") == 0


# -- throwing away ---------------------------------------------------------------------------------


def test_old_events_go_and_the_ledger_stays(kit: Kit, subscription: models.Subscription) -> None:
    kit.state.handlers.append(("*", lambda event, context: None))
    now = datetime.datetime.now(datetime.UTC)
    ages = {
        "succeeded": (13, 15),
        "dead": (89, 91),
        "failed": (500, 501),
        "pending": (500, 501),
    }
    number = 0
    for state, days in ages.items():
        for age in days:
            number += 1
            event = trigger(kit, subscription, number, metadata={"number": str(number)})
            later = now + 2 * 365 * DAY
            put(kit, event, state=state, received_at=now - age * DAY, next_attempt_at=later)
    entries = len(kit.entries())
    before = kit.state.db.session.query(models.WebhookEvent).count()
    assert webhooks.prune(dry_run=True) == 2
    assert kit.state.db.session.query(models.WebhookEvent).count() == before
    assert webhooks.prune() == 2
    assert webhooks.prune() == 0
    kit.state.db.session.rollback()
    left = {
        event.processor_id
        for event in kit.state.db.session.query(models.WebhookEvent)
        if event.processor_id.startswith("evt_") and len(event.processor_id) == 5
    }
    assert left == {"evt_1", "evt_3", "evt_5", "evt_6", "evt_7", "evt_8"}
    # The runs of handlers go with their events.
    events = sa.select(models.WebhookEvent.id)
    orphans = sa.select(models.HandlerRun).where(models.HandlerRun.webhook_event_id.not_in(events))
    assert kit.state.db.session.scalars(orphans).all() == []
    assert kit.state.db.session.query(models.HandlerRun).count() == 6
    assert len(kit.entries()) == entries
    assert verify().findings == []


def test_the_host_says_how_long_events_are_kept(
    kit: Kit, subscription: models.Subscription
) -> None:
    import dataclasses

    kit.state.settings = dataclasses.replace(
        kit.state.settings, retention_days_succeeded=1, retention_days_dead=2
    )
    now = datetime.datetime.now(datetime.UTC)
    for number, (state, days) in enumerate([("succeeded", 1.5), ("dead", 1.5), ("dead", 2.5)]):
        event = trigger(kit, subscription, number)
        put(kit, event, state=state, received_at=now - days * DAY)
    assert webhooks.prune() == 2
    assert the(kit, "evt_1").state == "dead"


def test_more_than_a_batch_is_thrown_away(
    kit: Kit, subscription: models.Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "_BATCH", 2)
    every = kit.state.db.session.query(models.WebhookEvent).count()
    assert every > 4
    kit.state.db.session.execute(
        sa.update(models.WebhookEvent).values(
            received_at=datetime.datetime.now(datetime.UTC) - 15 * DAY
        )
    )
    kit.state.db.session.commit()
    assert webhooks.prune() == every
    # What comes about their objects afterwards is applied as ever.
    assert trigger(kit, subscription, metadata={"seats": "3"}).outcome == "applied"
    assert billing.subscription(subscription.customer) == subscription
