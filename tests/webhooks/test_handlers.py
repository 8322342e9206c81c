"""The host's handlers: each at least once for each event, and only those again that failed."""

from __future__ import annotations

import datetime
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import Money, billing, models, telemetry, webhooks
from flask_accrue.origins import Actor, current_actor
from tests.host import Organization, create_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask

    from flask_accrue import Accrue
    from flask_accrue.testing import Kit

MINUTE = datetime.timedelta(minutes=1)
UPDATED = "customer.subscription.updated"


@pytest.fixture
def host(database_url: str) -> Iterator[tuple[Flask, Any, Accrue]]:
    app, db, accrue = create_host(database_url)
    yield app, db, accrue
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def app(host: tuple[Flask, Any, Accrue]) -> Flask:
    return host[0]


@pytest.fixture
def accrue(host: tuple[Flask, Any, Accrue]) -> Accrue:
    return host[2]


@pytest.fixture
def subscription(kit: Kit, org: Organization) -> models.Subscription:
    made = kit.subscription(org, price="price_pro")
    kit.advance(minutes=5)
    return made


def runs(kit: Kit, event_id: str) -> dict[str, tuple[str, int, str | None]]:
    """Return how each handler's run of an event stands, by the last part of its name."""
    event = stored(kit, event_id)
    return {
        run.handler.rpartition(".")[2]: (run.state, run.attempts, run.last_error)
        for run in event.handler_runs
    }


def stored(kit: Kit, event_id: str) -> models.WebhookEvent:
    session = kit.state.db.session
    session.rollback()
    session.expire_all()
    return session.scalars(
        sa.select(models.WebhookEvent).where(models.WebhookEvent.processor_id == event_id)
    ).one()


def trigger(kit: Kit, about: Any, type: str = UPDATED, **changes: Any) -> str:
    event_id = "evt_of_the_test"
    assert kit.trigger_event(type, about, event_id=event_id, **changes) == 200
    return event_id


def try_again(kit: Kit) -> int:
    kit.fake.advance(10 * MINUTE)
    return webhooks.work_on_due()


def test_handlers_of_the_type_and_of_all_types_run_once_with_what_they_need(
    kit: Kit, accrue: Accrue, subscription: models.Subscription, org: Organization
) -> None:
    told = []

    @accrue.on(UPDATED)
    def on_update(event: Any, context: Any) -> None:
        told.append(("type", event, context))

    @accrue.on("*")
    def on_all(event: Any, context: Any) -> None:
        told.append(("all", event, context))

    @accrue.on("customer.subscription.deleted")
    def on_end(event: Any, context: Any) -> None:
        raise AssertionError("This is no end.")

    event_id = trigger(kit, subscription, metadata={"seats": "3"})
    assert [each[0] for each in told] == ["type", "all"]
    _, event, context = told[0]
    assert event.type == UPDATED
    assert event.object.processor_id == subscription.processor_id
    assert event.object.metadata == {"seats": "3"}
    assert event.raw["id"] == event_id
    assert context.customer.id == subscription.customer_id
    assert (context.owner.id, context.attempt) == (org.id, 1)
    assert context.operation_id != told[1][2].operation_id
    assert runs(kit, event_id) == {
        "on_update": ("succeeded", 1, None),
        "on_all": ("succeeded", 1, None),
    }
    assert stored(kit, event_id).state == "succeeded"


def test_a_handler_sees_what_the_event_has_written(
    kit: Kit, accrue: Accrue, subscription: models.Subscription
) -> None:
    seen = []

    @accrue.on(UPDATED)
    def look(event: Any, context: Any) -> None:
        row = billing.subscription(context.owner)
        assert row is not None
        seen.append(row.meta)

    trigger(kit, subscription, metadata={"seats": "3"})
    assert seen == [{"seats": "3"}]


def test_only_what_failed_is_run_again_under_the_same_operation(
    kit: Kit, accrue: Accrue, subscription: models.Subscription
) -> None:
    told: list[tuple[str, int, str]] = []
    failing = [True]

    @accrue.on(UPDATED)
    def flaky(event: Any, context: Any) -> None:
        told.append(("flaky", context.attempt, context.operation_id))
        if failing:
            raise RuntimeError("The warehouse is closed.")

    @accrue.on(UPDATED)
    def steady(event: Any, context: Any) -> None:
        told.append(("steady", context.attempt, context.operation_id))

    entries = len(kit.entries())
    event_id = trigger(kit, subscription, metadata={"seats": "3"})
    event = stored(kit, event_id)
    assert (event.state, event.outcome, event.attempts) == ("failed", "applied", 1)
    assert "flaky: RuntimeError: The warehouse is closed." in event.last_error
    assert runs(kit, event_id) == {
        "flaky": ("failed", 1, "RuntimeError: The warehouse is closed."),
        "steady": ("succeeded", 1, None),
    }
    assert try_again(kit) == 1
    failing.clear()
    assert try_again(kit) == 1

    assert [(name, attempt) for name, attempt, _ in told] == [
        ("flaky", 1),
        ("steady", 1),
        ("flaky", 2),
        ("flaky", 3),
    ]
    assert len({operation for name, _, operation in told if name == "flaky"}) == 1
    assert runs(kit, event_id)["flaky"] == ("succeeded", 3, None)
    event = stored(kit, event_id)
    assert (event.state, event.last_error, event.attempts) == ("succeeded", None, 3)
    # What it says was written once, before any handler ran.
    assert len(kit.entries()) == entries + 1


def test_a_function_registered_twice_runs_once(
    kit: Kit, accrue: Accrue, subscription: models.Subscription
) -> None:
    told = []

    @accrue.on("*")
    @accrue.on(UPDATED)
    def note(event: Any, context: Any) -> None:
        told.append(event.type)

    trigger(kit, subscription)
    assert told == [UPDATED]


def test_handlers_run_for_stale_and_unmirrored_events_and_not_for_ignored_ones(
    kit: Kit, accrue: Accrue, subscription: models.Subscription
) -> None:
    told = []

    @accrue.on("*")
    def note(event: Any, context: Any) -> None:
        told.append((event.type, None if context.customer is None else context.customer.id))

    kit.trigger_event(UPDATED, subscription, created=kit.now - datetime.timedelta(days=1))
    kit.trigger_event("topup.created", {"kind": "topup", "processor_id": "tu_1"})
    customer = {"kind": "customer", "processor_id": "cus_of_another", "metadata": {}}
    kit.trigger_event("customer.created", customer)
    assert told == [(UPDATED, subscription.customer_id), ("topup.created", None)]
    outcomes = [event.outcome for event in kit.state.db.session.query(models.WebhookEvent)]
    assert {"stale", "unhandled", "ignored"} <= set(outcomes)


def test_an_upcoming_invoice_is_offered_with_its_customer(
    kit: Kit, accrue: Accrue, subscription: models.Subscription
) -> None:
    told = []

    @accrue.on("invoice.upcoming")
    def note(event: Any, context: Any) -> None:
        told.append((event.object.total, context.customer.id))

    assert subscription.current_period_end is not None
    kit.advance(subscription.current_period_end)
    assert told == [(1900, subscription.customer_id)]


def test_billing_operations_of_a_handler_happen_once_however_often_it_runs(
    kit: Kit, accrue: Accrue, subscription: models.Subscription
) -> None:
    charges = []

    @accrue.on(UPDATED)
    def charge_for_setup(event: Any, context: Any) -> None:
        charges.append(billing.charge(context.owner, Money(500, "usd")).processor_id)
        if context.attempt < 3:
            raise RuntimeError("The handler was cut off.")

    event_id = trigger(kit, subscription)
    for _ in range(3):
        try_again(kit)
    assert runs(kit, event_id)["charge_for_setup"] == ("succeeded", 3, None)
    assert len(charges) == 3
    assert len(set(charges)) == 1
    found = kit.state.db.session.query(models.PaymentIntent).filter_by(amount=500).all()
    assert [row.processor_id for row in found] == charges[:1]
    # And by a replay that runs all handlers again.
    webhooks.replay([stored(kit, event_id).id], Actor("admin", "1"), rerun_handlers=True)
    assert webhooks.work_on_due() == 1
    assert len(charges) == 4
    assert len(set(charges)) == 1


def test_a_handler_acts_as_its_event(
    kit: Kit, accrue: Accrue, subscription: models.Subscription
) -> None:
    actors = []

    @accrue.on(UPDATED)
    def act(event: Any, context: Any) -> None:
        actors.append(current_actor())
        billing.update_customer(context.owner, name="Acme Inc.")

    event_id = trigger(kit, subscription)
    assert actors == [Actor("webhook", event_id)]
    entry = kit.assert_entry("customer.updated")
    assert (entry.actor_type, entry.actor_id) == ("webhook", event_id)
    assert entry.cause_webhook_id == stored(kit, event_id).id


# -- handlers that misbehave -----------------------------------------------------------------------


def test_a_handler_that_leaves_its_session_broken_hurts_nobody(
    kit: Kit, accrue: Accrue, subscription: models.Subscription
) -> None:
    session = kit.state.db.session
    told = []

    @accrue.on(UPDATED)
    def break_it(event: Any, context: Any) -> None:
        try:
            session.execute(sa.text("SELECT no_such_column"))
        except sa.exc.DBAPIError:
            told.append("broken")

    @accrue.on(UPDATED)
    def leave_work(event: Any, context: Any) -> None:
        context.owner.name = "Never committed"
        session.add(Organization(name="Never committed either"))
        session.flush()
        told.append("left")

    @accrue.on(UPDATED)
    def close_it(event: Any, context: Any) -> None:
        session.remove()
        told.append("removed")

    @accrue.on(UPDATED)
    def commit_it(event: Any, context: Any) -> None:
        context.owner.email = "handled@acme.example"
        session.commit()
        told.append("committed")

    event_id = trigger(kit, subscription)
    assert told == ["broken", "left", "removed", "committed"]
    assert {state for state, _, _ in runs(kit, event_id).values()} == {"succeeded"}
    session.expire_all()
    assert [(row.name, row.email) for row in session.scalars(sa.select(Organization))] == [
        ("Acme", "handled@acme.example")
    ]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("a\0b"),
        RuntimeError("\ud800"),
        RuntimeError("x" * 100_000),
        sa.exc.DataError("SELECT %(card)s", {"card": "4242"}, Exception("wrong")),
        pytest.param(None, id="abort"),
    ],
)
def test_whatever_a_handler_raises_is_kept_and_tried_again(
    kit: Kit,
    accrue: Accrue,
    subscription: models.Subscription,
    error: Exception | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Half a surrogate pair can't be sent from one test process to another, as captured logs are.
    caplog.set_level(logging.CRITICAL + 1, "flask_accrue.webhooks")
    from flask import abort

    @accrue.on(UPDATED)
    def fail(event: Any, context: Any) -> None:
        if context.attempt == 1:
            if error is None:
                abort(404)
            raise error

    event_id = trigger(kit, subscription)
    event = stored(kit, event_id)
    assert event.state == "failed"
    assert "4242" not in event.last_error
    assert len(event.last_error) < 1000
    try_again(kit)
    assert stored(kit, event_id).state == "succeeded"


def test_an_error_message_that_cannot_be_made_is_no_reason_to_stop(
    kit: Kit, accrue: Accrue, subscription: models.Subscription
) -> None:
    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise ValueError("no words")

    @accrue.on(UPDATED)
    def fail(event: Any, context: Any) -> None:
        raise Unspeakable

    event_id = trigger(kit, subscription)
    assert "Unspeakable" in stored(kit, event_id).last_error


def test_a_handler_that_is_gone_is_no_silent_loss(
    kit: Kit, accrue: Accrue, subscription: models.Subscription
) -> None:
    @accrue.on(UPDATED)
    def fail(event: Any, context: Any) -> None:
        raise RuntimeError

    event_id = trigger(kit, subscription)
    kit.state.handlers.clear()
    try_again(kit)
    event = stored(kit, event_id)
    assert event.state == "failed"
    assert "no handler of that name is registered any more" in event.last_error


def test_a_handler_registered_later_gets_a_replayed_event(
    kit: Kit, accrue: Accrue, subscription: models.Subscription
) -> None:
    told = []

    @accrue.on(UPDATED)
    def early(event: Any, context: Any) -> None:
        told.append("early")

    event_id = trigger(kit, subscription)

    @accrue.on(UPDATED)
    def late(event: Any, context: Any) -> None:
        told.append("late")

    webhooks.replay([stored(kit, event_id).id], Actor("admin", "1"))
    webhooks.work_on_due()
    assert told == ["early", "late"]


# -- while it takes long ---------------------------------------------------------------------------


def test_the_lease_is_kept_while_handlers_take_long(
    kit: Kit,
    accrue: Accrue,
    subscription: models.Subscription,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leases = []

    @accrue.on(UPDATED)
    def first(event: Any, context: Any) -> None:
        soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=5)
        kit.state.db.session.execute(
            sa.update(models.WebhookEvent)
            .where(models.WebhookEvent.claimed_until.is_not(None))
            .values(claimed_until=soon)
        )
        kit.state.db.session.commit()
        monkeypatch.setattr("flask_accrue.leases.RENEW_AFTER", 0.0)

    @accrue.on(UPDATED)
    def second(event: Any, context: Any) -> None:
        held = models.WebhookEvent.claimed_until
        leases.extend(kit.state.db.session.scalars(sa.select(held).where(held.is_not(None))))

    event_id = trigger(kit, subscription)
    [until] = leases
    assert until > datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=4)
    assert stored(kit, event_id).state == "succeeded"


def test_a_worker_whose_lease_ran_out_runs_no_further_handler(
    kit: Kit,
    accrue: Accrue,
    subscription: models.Subscription,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []

    claimed = models.WebhookEvent.claimed_until

    @accrue.on(UPDATED)
    def slow(event: Any, context: Any) -> None:
        told.append("slow")
        if told.count("slow") == 1:
            past = datetime.datetime.now(datetime.UTC) - MINUTE
            kit.state.db.session.execute(
                sa.update(models.WebhookEvent)
                .where(claimed.is_not(None))
                .values(claimed_until=past)
            )
            kit.state.db.session.commit()
            monkeypatch.setattr("flask_accrue.leases.RENEW_AFTER", 0.0)
            assert webhooks.work_on_due() >= 1

    @accrue.on(UPDATED)
    def next_one(event: Any, context: Any) -> None:
        told.append("next")

    event_id = trigger(kit, subscription)
    # The other worker ran both; this one ran the first before it knew.
    assert told == ["slow", "slow", "next"]
    assert {state for state, _, _ in runs(kit, event_id).values()} == {"succeeded"}
    assert stored(kit, event_id).state == "succeeded"


@pytest.fixture
def at() -> Iterator[Callable[[str, Callable[[], None]], None]]:
    before = list(telemetry._observers)

    def register(moment: str, happen: Callable[[], None]) -> None:
        telemetry.observe(lambda reached: happen() if reached == moment else None)

    yield register
    telemetry._observers[:] = before


def test_handlers_run_after_the_commit_of_what_the_event_says(
    kit: Kit, accrue: Accrue, subscription: models.Subscription, at: Any
) -> None:
    order = []
    at("write.committed", lambda: order.append("committed"))

    @accrue.on(UPDATED)
    def note(event: Any, context: Any) -> None:
        order.append("handled")

    trigger(kit, subscription, metadata={"seats": "3"})
    assert order == ["committed", "handled"]


def test_a_handler_that_takes_its_own_life_is_run_again_and_then_given_up(
    kit: Kit, accrue: Accrue, subscription: models.Subscription
) -> None:
    kit.state.queue.in_process = False
    deaths = []

    @accrue.on(UPDATED)
    def leave(event: Any, context: Any) -> None:
        deaths.append(1)
        raise SystemExit(3)

    event_id = trigger(kit, subscription)
    while stored(kit, event_id).state != "dead":
        assert len(deaths) < 30
        past = datetime.datetime.now(datetime.UTC) - MINUTE
        kit.state.db.session.execute(
            sa.update(models.WebhookEvent)
            .where(models.WebhookEvent.claimed_until.is_not(None))
            .values(claimed_until=past)
        )
        kit.state.db.session.commit()
        try:
            webhooks.work_on_due()
        except SystemExit:
            continue
    assert len(deaths) == 25


def test_the_body_that_a_handler_gets_is_the_one_that_came(
    kit: Kit, accrue: Accrue, subscription: models.Subscription
) -> None:
    told = []

    @accrue.on(UPDATED)
    def note(event: Any, context: Any) -> None:
        told.append(event.raw)

    event_id = trigger(kit, subscription, metadata={"größe": "3"})
    assert told == [json.loads(stored(kit, event_id).payload)]
