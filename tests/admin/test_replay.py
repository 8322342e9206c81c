"""Replaying webhooks: one from its page, or those that were ticked in the list."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import models
from tests.visitors import HostAuth, Visitor, forms

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization

LIST = "/billing/admin/webhooks"
DO = f"{LIST}/do/replay"


@pytest.fixture
def dead(kit: Kit, org: Organization) -> list[models.WebhookEvent]:
    """Give events that were given up, and a handler that by now would run."""
    kit.subscription(org, price="price_pro")
    session = kit.state.db.session
    found = session.query(models.WebhookEvent).order_by(models.WebhookEvent.id).limit(3).all()
    for event in found:
        event.state, event.attempts, event.last_error = "dead", 25, "RuntimeError: mended by now"
    session.commit()
    return found


def states(kit: Kit, events: list[models.WebhookEvent]) -> list[str]:
    kit.state.db.session.rollback()
    return [event.state for event in events]


def test_one_event_is_replayed_and_worked_on_after_the_answer(
    kit: Kit, dead: list[models.WebhookEvent], operator: Visitor, auth: HostAuth
) -> None:
    seen: list[str] = []

    def handler(event: Any, context: Any) -> None:
        seen.append(event.type)

    kit.state.handlers.append(("*", handler))
    path = f"{LIST}/{dead[0].id}"
    assert "Mend the cause, then replay it." in operator.get(path).text
    type = dead[0].type
    assert operator.submit(f"{path}/do/replay").status_code == 303
    assert "due again" in operator.get(path).text
    assert states(kit, dead) == ["succeeded", "dead", "dead"]
    assert seen == [type]
    entry = kit.entries("webhook.replayed")[-1]
    assert (entry.actor_type, entry.actor_id) == ("admin", "operator-1")
    assert auth.audit[-1][1]["ids"] == [str(dead[0].id)]


@pytest.mark.only("sqlite")
def test_those_that_are_ticked_are_replayed_after_a_question(
    kit: Kit, dead: list[models.WebhookEvent], operator: Visitor
) -> None:
    page = operator.get(f"{LIST}?state=dead&select=page").text
    action, fields = forms(page)[0]
    ids = [str(event.id) for event in dead]
    assert sorted(fields.getlist("id")) == sorted(ids)
    assert forms(operator.get(f"{LIST}?state=dead").text)[0][1].getlist("id") == []
    fields.setlist("id", ids[:2])
    asked = operator.post(action, fields)
    assert "Replay 2 events?" in asked.text
    assert states(kit, dead) == ["dead"] * 3
    again, confirmed = forms(asked.text)[0]
    assert operator.post(again, confirmed).location == LIST
    assert states(kit, dead) == ["succeeded", "succeeded", "dead"]
    assert "2 events are due again." in operator.get(LIST).text


@pytest.mark.only("sqlite")
def test_nonsense_in_the_selection_does_nothing(
    kit: Kit, dead: list[models.WebhookEvent], operator: Visitor
) -> None:
    _, fields = forms(operator.get(f"{LIST}?state=dead").text)[0]
    for ids in ([], ["x"], ["%00", "1; DROP TABLE accrue_webhook_events"], ["0" * 500]):
        fields.setlist("id", ids)
        answer = operator.post(DO, fields)
        assert answer.status_code == 303
        assert "Nothing was selected" in operator.get(LIST).text
    fields.setlist("id", [str(dead[0].id)] * 101)
    assert operator.post(DO, fields).status_code == 400
    assert operator.get(DO).status_code == 404
    assert operator.post(f"{LIST}/do/cancel", fields).status_code == 404
    assert operator.post("/billing/admin/subscriptions/do/cancel", fields).status_code == 404
    assert states(kit, dead) == ["dead"] * 3


@pytest.mark.only("sqlite")
def test_a_replay_needs_the_token_of_our_own_form(
    kit: Kit, dead: list[models.WebhookEvent], operator: Visitor
) -> None:
    fields = {"id": str(dead[0].id), "confirmed": "1"}
    assert operator.post(DO, fields).status_code == 400
    assert operator.post(f"{LIST}/{dead[0].id}/do/replay").status_code == 400
    _, good = forms(operator.get(LIST).text)[0]
    # Confirmed without having been asked: the question comes first all the same.
    asked = operator.post(DO, {**fields, "csrf_token": good["csrf_token"]})
    assert "Please confirm once more" in asked.text
    assert states(kit, dead) == ["dead"] * 3


@pytest.mark.only("sqlite")
def test_the_navigation_says_how_many_are_dead(
    kit: Kit, dead: list[models.WebhookEvent], operator: Visitor
) -> None:
    page = operator.get("/billing/admin").text
    assert '<span class="ac-nav__count">3</span>' in page
    assert "Webhook events are dead" in page


@pytest.mark.only("sqlite")
def test_a_web_process_works_on_what_was_replayed_for_ten_seconds_at_most(
    kit: Kit,
    dead: list[models.WebhookEvent],
    operator: Visitor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, slow = time.monotonic, [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: real() + slow[0])

    def take_six_seconds(event: Any, context: Any) -> None:
        slow[0] += 6

    kit.state.handlers.append(("*", take_six_seconds))
    action, fields = forms(operator.get(f"{LIST}?state=dead&select=page").text)[0]
    again, confirmed = forms(operator.post(action, fields).text)[0]
    assert operator.post(again, confirmed).location == LIST
    assert sorted(states(kit, dead)) == ["pending", "succeeded", "succeeded"]
