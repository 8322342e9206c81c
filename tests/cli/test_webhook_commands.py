"""``flask accrue webhooks``: what came in, what failed, and doing it again."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import models

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.cli.conftest import Run
    from tests.host import Organization

UPDATED = "customer.subscription.updated"


@pytest.fixture
def event(kit: Kit, org: Organization) -> models.WebhookEvent:
    """Give a dead event among others that are done."""
    subscription = kit.subscription(org, price="price_pro")
    kit.trigger_event(UPDATED, subscription, event_id="evt_dead", metadata={"seats": "3"})
    events = models.WebhookEvent
    kit.state.db.session.execute(
        sa.update(events)
        .where(events.processor_id == "evt_dead")
        .values(state="dead", attempts=25, outcome=None, last_error="RuntimeError: no")
    )
    kit.state.db.session.commit()
    return kit.state.db.session.scalars(
        sa.select(events).where(events.processor_id == "evt_dead")
    ).one()


def test_a_list_shows_the_oldest_first_and_filters(run: Run, event: models.WebhookEvent) -> None:
    lines = run("webhooks", "list").output.splitlines()
    assert len(lines) > 3
    assert lines == sorted(lines)
    [line] = run("webhooks", "list", "--state", "dead").output.splitlines()
    assert str(event.id) in line
    assert line.endswith(UPDATED)
    assert len(run("webhooks", "list", "--limit", "2").output.splitlines()) == 2
    told = json.loads(run("webhooks", "list", "--type", UPDATED, "--json").output)
    assert "evt_dead" in {each["processor_id"] for each in told}
    assert {each["type"] for each in told} == {UPDATED}
    tomorrow = f"{datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1):%Y-%m-%d}"
    assert "No event is like that." in run("webhooks", "list", "--since", tomorrow).stderr
    assert json.loads(run("webhooks", "list", "--since", tomorrow, "--json").output) == []
    assert len(run("webhooks", "list", "--until", tomorrow).output.splitlines()) == len(lines)
    run("webhooks", "list", "--state", "lost", exit_code=2)


@pytest.mark.parametrize("by", ["our id", "the processor's id"])
def test_an_event_is_shown_with_its_tries_handlers_and_body(
    run: Run, kit: Kit, event: models.WebhookEvent, by: str
) -> None:
    run_of_handler = models.HandlerRun(
        webhook_event_id=event.id,
        handler="shop.notify",
        state="failed",
        attempts=3,
        last_error="ValueError: no",
    )
    kit.state.db.session.add(run_of_handler)
    kit.state.db.session.commit()
    id = str(event.id) if by == "our id" else "evt_dead"
    text = run("webhooks", "show", id).output
    for part in (
        "state: dead",
        "last_error: RuntimeError: no",
        "handler shop.notify: failed after 3 tries",
        "  ValueError: no",
        '"seats": "3"',
    ):
        assert part in text
    told = json.loads(run("webhooks", "show", id, "--json").output)
    assert (told["state"], told["attempts"]) == ("dead", 25)
    assert told["body"]["id"] == "evt_dead"
    assert told["handlers"][0]["handler"] == "shop.notify"


def test_a_body_that_is_no_json_is_shown_as_it_is(
    run: Run, kit: Kit, event: models.WebhookEvent
) -> None:
    event.payload = "<notification>"
    kit.state.db.session.commit()
    assert "<notification>" in run("webhooks", "show", "evt_dead").output
    told = json.loads(run("webhooks", "show", "evt_dead", "--json").output)
    assert told["body"] == "<notification>"


def test_an_id_that_nobody_or_several_have_is_refused(
    run: Run, kit: Kit, event: models.WebhookEvent
) -> None:
    result = run("webhooks", "show", "evt_none", exit_code=1)
    assert "No event has the id 'evt_none'." in result.output
    twin = {
        name: getattr(event, name)
        for name in ("processor_id", "type", "livemode", "payload", "occurred_at")
    }
    kit.state.db.session.add(
        models.WebhookEvent(
            **twin, processor="fake", endpoint="other", next_attempt_at=event.next_attempt_at
        )
    )
    kit.state.db.session.commit()
    result = run("webhooks", "show", "evt_dead", exit_code=1)
    assert "Several events have the id 'evt_dead'." in result.output


def test_one_is_replayed_by_its_id(run: Run, kit: Kit, event: models.WebhookEvent) -> None:
    id = event.id
    result = run("webhooks", "replay", "evt_dead")
    assert result.output.splitlines() == ["1 are due again.", "1 were worked on."]
    kit.state.db.session.expire_all()
    assert kit.state.db.session.get(models.WebhookEvent, id).state == "succeeded"
    entry = kit.assert_entry("webhook.replayed")
    assert (entry.actor_type, entry.actor_id) == ("system", "cli")


def test_many_are_replayed_by_filter_and_counted_first(
    run: Run, kit: Kit, event: models.WebhookEvent
) -> None:
    id = event.id
    assert run("webhooks", "replay", "--state", "dead", "--dry-run").output == (
        "1 would be replayed.\n"
    )
    kit.assert_no_entry("webhook.replayed")
    assert "1 are due again." in run("webhooks", "replay", "--state", "dead").output
    kit.state.db.session.expire_all()
    assert kit.state.db.session.get(models.WebhookEvent, id).state == "succeeded"
    assert run("webhooks", "replay", "--state", "dead").output == "0 are due again.\n"


@pytest.mark.parametrize("arguments", [[], ["evt_dead", "--state", "dead"], ["--dry-run"]])
def test_what_is_to_be_replayed_has_to_be_said_in_one_way(
    run: Run, event: models.WebhookEvent, arguments: list[str]
) -> None:
    result = run("webhooks", "replay", *arguments, exit_code=2)
    assert "Name events, or select them with options such as --state dead." in result.output


def test_handlers_are_run_again_on_demand(run: Run, kit: Kit, event: models.WebhookEvent) -> None:
    told: list[Any] = []

    def note(event: Any, context: Any) -> None:
        told.append(context.attempt)

    kit.state.handlers.append((UPDATED, note))
    run("webhooks", "replay", "evt_dead")
    run("webhooks", "replay", "evt_dead")
    assert told == [1]
    run("webhooks", "replay", "evt_dead", "--rerun-handlers")
    assert told == [1, 1]


def test_old_events_are_counted_and_pruned(run: Run, kit: Kit, event: models.WebhookEvent) -> None:
    old = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=91)
    event.received_at = old
    kit.state.db.session.commit()
    assert run("webhooks", "prune", "--dry-run").output == "1 would be deleted.\n"
    assert run("webhooks", "prune").output == "1 were deleted.\n"
    assert run("webhooks", "prune").output == "0 were deleted.\n"
