"""Working on events: claimed by lease, tried again, given up, and never two at once on one."""

from __future__ import annotations

import dataclasses
import datetime
import logging
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import billing, leases, models, signals, telemetry, webhooks
from flask_accrue.errors import AuthenticationError, ProcessorUnavailable, RateLimited
from flask_accrue.processors.fake import clock
from flask_accrue.retry import MOST_ATTEMPTS, backoff, told, wait_after
from flask_accrue.webhooks import claims, process
from tests.host import Organization

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask_accrue.testing import Kit

SECOND = datetime.timedelta(seconds=1)


@pytest.fixture
def subscription(kit: Kit, org: Organization) -> models.Subscription:
    """Give a running subscription, about which everything is told."""
    made = kit.subscription(org, price="price_pro")
    kit.advance(minutes=5)
    return made


@pytest.fixture
def later(kit: Kit, subscription: models.Subscription) -> Kit:
    """Give the kit of a host that stores events, and works on them when it's told to."""
    kit.state.queue.in_process = False
    return kit


def stored(kit: Kit, *where: Any) -> list[models.WebhookEvent]:
    """Return the events as the database has them, oldest first."""
    session = kit.state.db.session
    session.rollback()
    session.expire_all()
    events = models.WebhookEvent
    return list(session.scalars(sa.select(events).where(*where).order_by(events.id)))


def trigger(
    kit: Kit,
    about: models.Subscription,
    *,
    seconds: int = 1,
    fault: dict[str, Any] | None = None,
    **changes: Any,
) -> str:
    """Post an event about a subscription, so many seconds from now; return its id.

    :param fault: what the Fake's next fetches run into.
    """
    event_id = f"evt_{seconds}_{len(stored(kit))}"
    body = kit.event_body(
        "customer.subscription.updated",
        about,
        created=kit.now + seconds * SECOND,
        event_id=event_id,
        **changes,
    )
    if fault is not None:
        kit.fake.fail_next("fetch", **fault)
    assert kit.post(body) == 200
    return event_id


def the(kit: Kit, event_id: str) -> models.WebhookEvent:
    [event] = stored(kit, models.WebhookEvent.processor_id == event_id)
    return event


def abandon(kit: Kit) -> None:
    """Let all leases run out."""
    kit.state.db.session.execute(
        sa.update(models.WebhookEvent)
        .where(models.WebhookEvent.claimed_until.is_not(None))
        .values(claimed_until=datetime.datetime.now(datetime.UTC) - SECOND)
    )
    kit.state.db.session.commit()


@pytest.fixture
def at() -> Iterator[Callable[[str, Callable[[], None]], None]]:
    """Give what lets something happen, once, at a named moment of the work."""
    before = list(telemetry._observers)

    def register(moment: str, happen: Callable[[], None]) -> None:
        done = []

        def observe(reached: str) -> None:
            if reached == moment and not done:
                done.append(1)
                happen()

        telemetry.observe(observe)

    yield register
    telemetry._observers[:] = before


# -- claiming --------------------------------------------------------------------------------------


def test_a_claim_takes_the_oldest_due_events_and_nobody_else_gets_them(
    later: Kit, subscription: models.Subscription
) -> None:
    ids = [trigger(later, subscription, seconds=number) for number in range(1, 6)]
    with later.app.app_context():
        first = claims.claim(limit=3)
        second = claims.claim(limit=3)
        assert [row.processor_id for row in first.rows] == ids[:3]
        assert [row.processor_id for row in second.rows] == ids[3:]
        assert not claims.claim().rows
    for event in stored(later, models.WebhookEvent.is_waiting):
        assert event.attempts == 1
        left = event.claimed_until - datetime.datetime.now(datetime.UTC)
        assert datetime.timedelta(minutes=4, seconds=30) < left < datetime.timedelta(minutes=5)


def test_an_event_that_is_not_due_is_left_alone(
    later: Kit, subscription: models.Subscription
) -> None:
    trigger(later, subscription)
    later.state.db.session.execute(
        sa.update(models.WebhookEvent).values(next_attempt_at=later.now + SECOND)
    )
    later.state.db.session.commit()
    assert webhooks.work_on_due() == 0
    later.fake.advance(SECOND)
    assert webhooks.work_on_due() == 1


def test_an_abandoned_event_is_taken_over_alone(
    later: Kit, subscription: models.Subscription
) -> None:
    for number in range(1, 5):
        trigger(later, subscription, seconds=number)
    with later.app.app_context():
        claims.claim(limit=2)
        assert len(claims.claim(limit=1).rows) == 1
        abandon(later)
        sizes = [len(claims.claim().rows) for _ in range(5)]
    assert sizes == [1, 1, 1, 1, 0]


def test_a_lease_runs_in_real_time_whatever_the_clock_of_billing_says(
    later: Kit, subscription: models.Subscription
) -> None:
    trigger(later, subscription)
    with later.app.app_context():
        assert len(claims.claim().rows) == 1
    later.fake.advance(datetime.timedelta(days=400))
    with later.app.app_context():
        assert not claims.claim().rows
    abandon(later)
    with later.app.app_context():
        assert len(claims.claim().rows) == 1


def test_a_lease_is_renewed_for_all_that_are_left(
    later: Kit, subscription: models.Subscription
) -> None:
    for number in (1, 2):
        trigger(later, subscription, seconds=number)
    with later.app.app_context():
        lease = claims.claim()
        abandon(later)
        lease._renewed -= leases.RENEW_AFTER
        lease.keep()
        assert not claims.claim().rows


def test_a_lease_that_somebody_took_over_is_given_up(
    later: Kit, subscription: models.Subscription
) -> None:
    ids = [trigger(later, subscription, seconds=number) for number in (1, 2)]
    with later.app.app_context():
        lease = claims.claim()
        abandon(later)
        taken = claims.claim()
        assert [row.processor_id for row in taken.rows] == ids[:1]
        lease._renewed -= leases.RENEW_AFTER
        with pytest.raises(claims.LeaseLost):
            lease.keep()
        assert [row.processor_id for row in lease.rows] == ids[1:]


def test_what_was_not_begun_in_time_is_put_back_untouched(
    later: Kit, subscription: models.Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 6):
        trigger(later, subscription, seconds=number)
    # What has to be fetched is done one by one.
    fetching = dataclasses.replace(later.state.settings, webhook_source="fetch")
    monkeypatch.setattr(later.state, "settings", fetching)
    seconds = iter(range(0, 10_000, 25))
    monkeypatch.setattr(process.time, "monotonic", lambda: next(seconds))
    done = webhooks.work_on_due(seconds=60)
    assert 0 < done < 5
    monkeypatch.undo()
    left = stored(later, models.WebhookEvent.is_waiting)
    assert len(left) == 5 - done
    for event in left:
        assert (event.claim_token, event.claimed_until, event.attempts) == (None, None, 0)
    assert webhooks.work_on_due() == len(left)


def test_the_callers_session_is_left_alone(later: Kit, subscription: models.Subscription) -> None:
    trigger(later, subscription, metadata={"seats": "3"})
    session = later.state.db.session
    unsaved = Organization(name="Unsaved")
    session.add(unsaved)
    assert webhooks.work_on_due() == 1
    assert unsaved in session.new
    session.rollback()
    assert session.scalar(sa.select(sa.func.count()).select_from(Organization)) == 1


# -- trying again ----------------------------------------------------------------------------------


def test_waits_double_from_15_seconds_up_to_6_hours_give_or_take_a_fifth() -> None:
    for attempts in range(1, MOST_ATTEMPTS + 1):
        middle = min(6 * 3600, 15 * 2 ** (attempts - 1))
        waits = [backoff(attempts).total_seconds() for _ in range(200)]
        assert middle * 0.8 <= min(waits) < middle * 0.85
        assert middle * 1.15 < max(waits) <= middle * 1.2


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        (None, 12, 18),
        (1.5, 12, 18),
        (90, 90, 90),
        (-5, 12, 18),
        (1e300, 86400, 86400),
        (float("inf"), 86400, 86400),
    ],
)
def test_a_processor_that_says_when_to_come_back_is_heeded(
    asked: float | None, least: float, most: float
) -> None:
    wait = wait_after(RateLimited("Too many.", retry_after=asked), 1).total_seconds()
    assert least <= wait <= most


FAULTS = {
    "rate_limited": RateLimited,
    "unavailable": ProcessorUnavailable,
    "authentication": AuthenticationError,
    "timeout": ProcessorUnavailable,
    "connection_reset": ProcessorUnavailable,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_event_whose_fetch_fails_is_tried_again_and_then_succeeds(
    kit: Kit, subscription: models.Subscription, fault: str
) -> None:
    trigger(kit, subscription, seconds=5)
    retry_after = 600 if fault == "rate_limited" else None
    event_id = trigger(
        kit, subscription, seconds=5, fault={"fault": fault, "retry_after": retry_after}
    )
    event = the(kit, event_id)
    assert (event.state, event.attempts, event.outcome) == ("failed", 1, None)
    assert event.last_error.startswith(FAULTS[fault].__name__)
    wait = (event.next_attempt_at - kit.now).total_seconds()
    assert (wait == 600) if fault == "rate_limited" else (12 <= wait <= 18)
    assert (event.claim_token, event.claimed_until) == (None, None)

    assert webhooks.work_on_due() == 0
    kit.fake.advance(600 * SECOND)
    assert webhooks.work_on_due() == 1
    event = the(kit, event_id)
    assert (event.state, event.attempts, event.outcome) == ("succeeded", 2, "fetched")
    assert event.last_error is None


def test_after_25_tries_an_event_is_dead_and_stays_so(
    kit: Kit, subscription: models.Subscription, caplog: pytest.LogCaptureFixture
) -> None:
    heard = []

    def hear(sender: Any, event: models.WebhookEvent) -> None:
        heard.append((event.processor_id, event.state))

    signals.webhook_dead.connect(hear)
    trigger(kit, subscription, seconds=5)
    event_id = trigger(kit, subscription, seconds=5, fault={"fault": "unavailable", "times": 100})
    waits = []
    for attempt in range(1, MOST_ATTEMPTS):
        event = the(kit, event_id)
        assert (event.state, event.attempts) == ("failed", attempt)
        waits.append((event.next_attempt_at - kit.now).total_seconds())
        assert heard == []
        _move_clock(kit, event.next_attempt_at)
        assert webhooks.work_on_due() == 1
    assert waits[0] <= 18
    assert waits[-1] >= 6 * 3600 * 0.8
    event = the(kit, event_id)
    assert (event.state, event.attempts) == ("dead", MOST_ATTEMPTS)
    assert event.finished_at is not None
    assert heard == [(event_id, "dead")]
    _move_clock(kit, kit.now + datetime.timedelta(days=2))
    assert webhooks.work_on_due() == 0
    signals.webhook_dead.disconnect(hear)


def _move_clock(kit: Kit, moment: datetime.datetime) -> None:
    """Move time without letting anything happen at the Fake."""
    with kit.fake._engine.store.writing() as connection:
        clock.move(connection, moment)


def test_a_body_that_cannot_be_read_fails_and_blocks_nobody(
    later: Kit, subscription: models.Subscription
) -> None:
    bad = trigger(later, subscription, seconds=1)
    good = trigger(later, subscription, seconds=2, metadata={"seats": "3"})
    session = later.state.db.session
    session.execute(
        sa.update(models.WebhookEvent)
        .where(models.WebhookEvent.processor_id == bad)
        .values(payload="no JSON at all")
    )
    session.commit()
    assert webhooks.work_on_due() == 2
    assert the(later, bad).state == "failed"
    assert "InvalidRequest" in the(later, bad).last_error
    assert the(later, good).state == "succeeded"


def test_an_event_of_a_processor_that_is_gone_fails_with_what_to_do(
    later: Kit, subscription: models.Subscription
) -> None:
    event_id = trigger(later, subscription)
    later.state.db.session.execute(
        sa.update(models.WebhookEvent)
        .where(models.WebhookEvent.processor_id == event_id)
        .values(processor="paypal")
    )
    later.state.db.session.commit()
    webhooks.work_on_due()
    event = the(later, event_id)
    assert event.state == "failed"
    assert "No processor is named 'paypal'" in event.last_error


def test_an_event_that_kills_its_workers_is_dead_after_25_of_them(
    later: Kit, subscription: models.Subscription, at: Any
) -> None:
    class Killed(BaseException):
        pass

    def kill() -> None:
        raise Killed

    heard = []
    signals.webhook_dead.connect(lambda sender, event: heard.append(event), weak=False)
    poison = trigger(later, subscription, seconds=1)
    deaths = 0
    while the(later, poison).state != "dead":
        at("write.locked", kill)
        abandon(later)
        try:
            webhooks.work_on_due()
        except Killed:
            deaths += 1
        assert deaths <= MOST_ATTEMPTS
    signals.webhook_dead.receivers.clear()
    event = the(later, poison)
    assert deaths == MOST_ATTEMPTS
    assert "none of 25 workers came to its end" in event.last_error
    assert len(heard) == 1


def test_a_killer_costs_its_neighbours_one_attempt(
    later: Kit, subscription: models.Subscription, at: Any
) -> None:
    class Killed(BaseException):
        pass

    def kill() -> None:
        raise Killed

    poison = trigger(later, subscription, seconds=1)
    others = [trigger(later, subscription, seconds=number) for number in (2, 3, 4)]
    at("webhook.mirrored", kill)
    with pytest.raises(Killed):
        webhooks.work_on_due()
    abandon(later)
    at("webhook.mirrored", kill)
    with pytest.raises(Killed):
        webhooks.work_on_due()
    # The killer is leased again; the others are taken over one by one.
    assert webhooks.work_on_due() == 3
    assert {(the(later, each).state, the(later, each).attempts) for each in others} == {
        ("succeeded", 2)
    }
    assert the(later, poison).attempts == 2


# -- who finishes it -------------------------------------------------------------------------------


def test_a_worker_that_lost_its_lease_writes_nothing(
    later: Kit, subscription: models.Subscription, at: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def lose() -> None:
        events = models.WebhookEvent.__table__
        with later.state.db.engine.begin() as connection:
            connection.execute(sa.update(events).values(claim_token=None))

    entries = len(later.entries())
    event_id = trigger(later, subscription, metadata={"seats": "3"})
    # Before the transaction, since on SQLite nobody else writes during it.
    at("webhook.claimed", lose)
    with caplog.at_level(logging.WARNING, "flask_accrue"):
        webhooks.work_on_due()
    assert "lease of webhook event" in caplog.text
    assert len(later.entries()) == entries
    later.state.db.session.refresh(subscription)
    assert "seats" not in subscription.meta
    event = the(later, event_id)
    assert (event.state, event.outcome, event.last_error) == ("pending", None, None)


def test_an_overtaken_worker_changes_nothing_of_what_the_other_did(
    later: Kit, subscription: models.Subscription, at: Any
) -> None:
    def overtake() -> None:
        abandon(later)
        assert webhooks.work_on_due() == 1

    entries = len(later.entries())
    event_id = trigger(later, subscription, metadata={"seats": "3"})
    at("webhook.claimed", overtake)
    webhooks.work_on_due()
    event = the(later, event_id)
    assert (event.state, event.attempts) == ("succeeded", 2)
    assert len(later.entries()) == entries + 1
    later.assert_settled()


def test_nothing_of_an_event_is_kept_that_fails_before_its_commit(
    kit: Kit, subscription: models.Subscription
) -> None:
    failing = [True]

    def react(uow: Any, change: Any) -> None:
        if change.kind == "subscription" and failing:
            raise RuntimeError("A reaction failed.")

    kit.state.reactions.append(react)
    entries = len(kit.entries())
    event_id = trigger(kit, subscription, metadata={"seats": "3"})
    event = the(kit, event_id)
    assert (event.state, event.outcome) == ("failed", None)
    assert event.last_error == "RuntimeError: A reaction failed."
    assert len(kit.entries()) == entries
    kit.state.db.session.refresh(subscription)
    assert "seats" not in subscription.meta

    failing.clear()
    kit.fake.advance(60 * SECOND)
    webhooks.work_on_due()
    kit.state.db.session.refresh(subscription)
    assert subscription.meta["seats"] == "3"
    kit.assert_settled()


# -- what is told ----------------------------------------------------------------------------------


def test_the_host_hears_of_each_event_that_is_done(
    kit: Kit, subscription: models.Subscription
) -> None:
    heard = []

    def hear(sender: Any, event: models.WebhookEvent) -> None:
        heard.append((sender, event.processor_id, event.outcome))

    with signals.webhook_processed.connected_to(hear):
        event_id = trigger(kit, subscription)
    assert heard == [(kit.state, event_id, "applied")]


def test_a_receiver_that_fails_or_breaks_its_session_hurts_no_event(
    later: Kit, subscription: models.Subscription, caplog: pytest.LogCaptureFixture
) -> None:
    def hear(sender: Any, event: models.WebhookEvent) -> None:
        later.state.db.session.add(Organization(id=1, name=None))
        later.state.db.session.flush()

    ids = [trigger(later, subscription, seconds=number) for number in (1, 2, 3)]
    with signals.webhook_processed.connected_to(hear):
        assert webhooks.work_on_due() == 3
    assert {the(later, each).state for each in ids} == {"succeeded"}
    assert "a receiver of accrue-webhook-processed failed" in caplog.text


def test_errors_are_kept_without_parameters_and_fit_for_every_database() -> None:
    statement = sa.exc.DataError(
        "INSERT INTO t VALUES (%(email)s)",
        {"email": "ada@example.com"},
        Exception("value too long\nDETAIL: ada@example.com"),
    )
    assert told(statement, 500) == "DataError: value too long"
    assert told(ValueError("a\0b \ud800 c"), 500) == "ValueError: a\ufffdb ? c"
    assert told(ValueError("long" * 1000), 500) == ("ValueError: " + "long" * 1000)[:500]
    assert told(KeyError(), 500) == "KeyError"


def test_an_error_with_a_nul_in_it_blocks_nobody(
    later: Kit, subscription: models.Subscription, caplog: pytest.LogCaptureFixture
) -> None:
    # What is logged goes to the run's report, and a lone surrogate in it ends a run on many processes.
    caplog.set_level(logging.CRITICAL + 1)

    def react(uow: Any, change: Any) -> None:
        raise ValueError("a\0b \ud800")

    later.state.reactions.append(react)
    event_id = trigger(later, subscription, metadata={"seats": "3"})
    assert webhooks.work_on_due() == 1
    assert the(later, event_id).last_error == "ValueError: a\ufffdb ?"


def test_the_cost_of_an_update_is_at_most_ten_statements(
    later: Kit, subscription: models.Subscription
) -> None:
    renewed = {
        "current_period_start": 1775822400,
        "items": [
            {
                "processor_id": item.processor_id,
                "price": item.price_processor_id,
                "product": item.product_processor_id,
                "quantity": 7,
            }
            for item in subscription.items
        ],
    }
    trigger(later, subscription, **renewed)
    later.state.db.session.rollback()
    statements: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *others: Any) -> None:
        statements.append(statement)

    sa.event.listen(later.state.db.engine, "before_cursor_execute", note)
    assert webhooks.work_on_due() == 1
    sa.event.remove(later.state.db.engine, "before_cursor_execute", note)
    later.state.db.session.refresh(subscription)
    assert [item.quantity for item in subscription.items] == [7]
    later.assert_entry("subscription.quantity_changed", subscription)
    assert len(statements) <= 10, "\n".join(statements)
    touched = " ".join(statements)
    for table in ("subscriptions", "subscription_items", "events", "webhook_events"):
        assert f"accrue_{table}" in touched


def test_an_entry_of_the_ledger_names_the_event_that_led_to_it(
    kit: Kit, subscription: models.Subscription
) -> None:
    event_id = trigger(kit, subscription, metadata={"seats": "3"})
    entry = kit.assert_entry("subscription.updated", subscription)
    event = the(kit, event_id)
    assert (entry.actor_type, entry.actor_id) == ("webhook", event_id)
    assert entry.cause_webhook_id == event.id
    assert entry.occurred_at == event.occurred_at
    assert event.customer_id == subscription.customer_id


def test_news_that_change_nothing_leave_no_entry(
    kit: Kit, subscription: models.Subscription
) -> None:
    entries = len(kit.entries())
    event_id = trigger(kit, subscription)
    assert the(kit, event_id).outcome == "applied"
    assert len(kit.entries()) == entries


def test_old_news_are_stale_and_leave_no_entry(kit: Kit, subscription: models.Subscription) -> None:
    entries = len(kit.entries())
    event_id = trigger(kit, subscription, seconds=-86400, status="canceled")
    event = the(kit, event_id)
    assert (event.state, event.outcome) == ("succeeded", "stale")
    assert len(kit.entries()) == entries
    kit.state.db.session.refresh(subscription)
    assert subscription.is_active


def test_what_was_fetched_is_told_with_the_time_of_the_answer(kit: Kit, org: Organization) -> None:
    """An event is only what made us ask: what the answer shows may have happened long after it."""
    billing.add_payment_method(org, "pm_card_visa")
    made = billing.subscribe(org, "price_pro", trial=datetime.timedelta(days=14))
    trial_end = made.trial_end
    assert trial_end is not None
    # All that was told since is delivered a month later, the oldest first.
    kit.advance(days=31)
    entry = kit.assert_entry("subscription.trial_ended", made)
    assert entry.occurred_at is not None
    assert entry.occurred_at >= trial_end


def test_a_kind_that_is_not_mirrored_is_stored_and_offered(kit: Kit, org: Organization) -> None:
    billing.customer(org)
    kit.deliver()
    topup = {"kind": "topup", "processor_id": "tu_1", "status": "succeeded"}
    assert kit.trigger_event("topup.succeeded", topup, event_id="evt_d") == 200
    event = the(kit, "evt_d")
    assert (event.state, event.outcome) == ("succeeded", "unhandled")
