"""Actions: asked for on a page of their own, done once, and written down with who asked and why."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from flask_wtf import CSRFProtect

from flask_accrue import billing, models
from flask_accrue.processors.fake import FakeProcessor
from tests.visitors import HostAuth, Visitor, forms

if TYPE_CHECKING:
    from flask import Flask

    from flask_accrue.testing import Kit
    from tests.host import Organization

pytestmark = pytest.mark.only("sqlite")

ADMIN = "/billing/admin"


def page_of(subscription: models.Subscription) -> str:
    return f"{ADMIN}/subscriptions/{subscription.id}"


def again(kit: Kit, org: Organization) -> models.Subscription:
    """Return the subscription as another connection sees it now."""
    kit.state.db.session.rollback()
    found = billing.subscription(org)
    assert found is not None
    return found


def test_an_operator_cancels_now(
    kit: Kit, org: Organization, operator: Visitor, auth: HostAuth
) -> None:
    subscription = kit.subscription(org, price="price_pro")
    path = page_of(subscription)
    answer = operator.submit(f"{path}/do/cancel", choice="now", reason="asked on the phone")
    assert answer.status_code == 303
    assert answer.location == path
    assert "The subscription has ended." in operator.get(path).text
    assert again(kit, org).is_ended
    asked = kit.assert_entry("subscription.cancel_requested", subscription)
    done = kit.assert_entry("subscription.canceled", subscription)
    for entry in (asked, done):
        assert (entry.actor_type, entry.actor_id) == ("admin", "operator-1")
    assert asked.id < done.id
    assert asked.data == {"choice": "now", "reason": "asked on the phone"}
    assert asked.operation_id == done.operation_id
    assert asked.operation_id is not None
    assert done.cause_entry_id == asked.id
    [(user, told)] = auth.audit
    assert user == told["operator"] == "operator-1"
    assert told["action"] == "subscriptions.cancel"
    assert told["ids"] == [str(subscription.id)]
    assert told["reason"] == "asked on the phone"


def test_an_operator_cancels_at_the_end_of_the_period_and_thinks_better_of_it(
    kit: Kit, org: Organization, operator: Visitor
) -> None:
    subscription = kit.subscription(org, price="price_pro")
    path = page_of(subscription)
    asked = operator.get(f"{path}/do/cancel").text
    assert "until 10 Apr 2026" in asked
    operator.submit(f"{path}/do/cancel")
    assert again(kit, org).is_canceling
    assert "ends on 10 Apr 2026" in operator.get(path).text
    assert "renews as before" in operator.get(f"{path}/do/resume").text
    operator.submit(f"{path}/do/resume")
    assert again(kit, org).is_recurring
    assert kit.assert_entry("subscription.resume_requested").actor_type == "admin"
    kit.deliver()
    kit.assert_settled()


@pytest.mark.parametrize("state", ["past_due", "incomplete"])
def test_what_was_never_paid_can_only_end_now(
    kit: Kit, org: Organization, operator: Visitor, state: str
) -> None:
    subscription = kit.subscription(org, state, price="price_pro")
    page = operator.get(f"{page_of(subscription)}/do/cancel").text
    assert 'value="period_end"' not in page
    assert 'value="now"' in page
    _, fields = forms(page)[0]
    fields["choice"] = "period_end"
    assert operator.post(f"{page_of(subscription)}/do/cancel", fields).status_code == 400
    assert not again(kit, org).is_ended


@pytest.mark.parametrize(
    ("state", "actions"),
    [
        ("active", {"cancel"}),
        ("canceling", {"cancel", "resume"}),
        ("paused", {"cancel", "resume"}),
        ("canceled", set()),
        ("trialing", {"cancel"}),
    ],
)
def test_what_is_offered_depends_on_the_state(
    kit: Kit, org: Organization, operator: Visitor, state: str, actions: set[str]
) -> None:
    subscription = kit.subscription(org, state, price="price_pro")
    assert set(re.findall(r"/do/([a-z]+)", operator.get(page_of(subscription)).text)) == actions
    for name in {"cancel", "resume"} - actions:
        answer = operator.get(f"{page_of(subscription)}/do/{name}")
        assert answer.status_code == 303
        assert "Nothing was done" in operator.get(page_of(subscription)).text


def test_asking_changes_nothing(kit: Kit, org: Organization, operator: Visitor) -> None:
    subscription = kit.subscription(org, price="price_pro")
    before = len(kit.entries())
    operator.get(f"{page_of(subscription)}/do/cancel")
    operator.get(f"{page_of(subscription)}/do/cancel?choice=now&confirmed=1")
    assert again(kit, org).is_recurring
    assert len(kit.entries()) == before


# -- forgery and repetition ------------------------------------------------------------------------


def test_a_form_without_a_token_or_with_a_strangers_does_nothing(
    kit: Kit, org: Organization, app: Flask, operator: Visitor
) -> None:
    subscription = kit.subscription(org, price="price_pro")
    path = f"{page_of(subscription)}/do/cancel"
    _, fields = forms(operator.get(path).text)[0]
    _, foreign = forms(Visitor(app, "operator-2").get(path).text)[0]
    for token in (None, "", "x", foreign["csrf_token"]):
        forged = fields.copy()
        if token is None:
            del forged["csrf_token"]
        else:
            forged["csrf_token"] = token
        answer = operator.post(path, forged)
        assert answer.status_code == 400
        assert "Nothing was done" in answer.text
    assert again(kit, org).is_recurring


def test_forms_are_checked_although_the_host_switched_its_own_check_off(
    kit: Kit, org: Organization, app: Flask, operator: Visitor
) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    subscription = kit.subscription(org, price="price_pro")
    path = f"{page_of(subscription)}/do/cancel"
    assert operator.post(path, {"choice": "now"}).status_code == 400
    assert again(kit, org).is_recurring


def test_over_https_a_form_must_come_from_this_host(
    kit: Kit, org: Organization, operator: Visitor
) -> None:
    subscription = kit.subscription(org, price="price_pro")
    path = f"{page_of(subscription)}/do/cancel"
    secure = {"base_url": "https://localhost"}
    _, fields = forms(operator.get(path, **secure).text)[0]
    for referrer in (None, "https://evil.example/", "http://localhost/"):
        headers = {} if referrer is None else {"Referer": referrer}
        assert operator.post(path, fields, headers=headers, **secure).status_code == 400
    answer = operator.post(path, fields, headers={"Referer": f"https://localhost{path}"}, **secure)
    assert answer.status_code == 303


def test_a_form_that_is_sent_twice_acts_once(
    kit: Kit, org: Organization, operator: Visitor
) -> None:
    subscription = kit.subscription(org, price="price_pro")
    path = f"{page_of(subscription)}/do/cancel"
    _, fields = forms(operator.get(path).text)[0]
    first, second = operator.post(path, fields), operator.post(path, fields)
    assert first.status_code == second.status_code == 303
    kit.state.db.session.rollback()
    assert len(kit.entries("subscription.cancel_requested")) == 1
    operations = kit.state.db.session.query(models.Operation)
    assert operations.filter_by(kind="cancel_at_period_end").count() == 1


def test_the_token_of_one_action_is_not_good_for_another(
    kit: Kit, org: Organization, other: Organization, app: Flask, operator: Visitor
) -> None:
    mine = kit.subscription(org, "canceling", price="price_pro")
    theirs = kit.subscription(other, price="price_pro")
    _, resume = forms(operator.get(f"{page_of(mine)}/do/resume").text)[0]
    _, cancel = forms(operator.get(f"{page_of(mine)}/do/cancel").text)[0]
    _, colleague = forms(Visitor(app, "operator-2").get(f"{page_of(theirs)}/do/cancel").text)[0]
    path = f"{page_of(theirs)}/do/cancel"
    for token in (resume["operation"], cancel["operation"], colleague["operation"], "x", ""):
        _, fields = forms(operator.get(path).text)[0]
        fields["operation"] = token
        answer = operator.post(path, fields)
        assert answer.status_code == 200
        assert "Please confirm once more" in answer.text
    kit.state.db.session.rollback()
    assert kit.entries("subscription.cancel_requested") == []


# -- who may ---------------------------------------------------------------------------------------


def test_what_cannot_be_undone_needs_a_fresh_log_in(
    kit: Kit, org: Organization, app: Flask, operator: Visitor
) -> None:
    subscription = kit.subscription(org, price="price_pro")
    path = f"{page_of(subscription)}/do/cancel"
    _, fields = forms(operator.get(path).text)[0]
    operator.log_in("operator-1", fresh=False)
    asked = operator.get(path)
    assert asked.status_code == 303
    back = path.replace("/", "%2F") + "%3Fback%3D1"
    assert asked.location == f"/log-in?next={back}"
    sent = operator.post(path, fields)
    assert sent.status_code == 303
    assert sent.location == path
    assert again(kit, org).is_recurring
    # A log-in page that sends somebody back as they were makes no circle.
    circle = operator.get(f"{path}?back=1")
    assert circle.status_code == 403
    assert "log in again" in circle.text


def test_what_can_be_undone_needs_none(kit: Kit, org: Organization, operator: Visitor) -> None:
    subscription = kit.subscription(org, "canceling", price="price_pro")
    operator.log_in("operator-1", fresh=False)
    assert operator.submit(f"{page_of(subscription)}/do/resume").status_code == 303
    assert again(kit, org).is_recurring


def test_without_a_page_to_prove_it_at_the_answer_is_a_403(
    kit: Kit, org: Organization, app: Flask, operator: Visitor
) -> None:
    app.login_manager.login_view = None  # type: ignore[attr-defined]
    subscription = kit.subscription(org, price="price_pro")
    operator.log_in("operator-1", fresh=False)
    assert operator.get(f"{page_of(subscription)}/do/cancel").status_code == 403


def test_the_host_says_who_may_do_what(
    kit: Kit, org: Organization, operator: Visitor, auth: HostAuth
) -> None:
    subscription = kit.subscription(org, "canceling", price="price_pro")
    path = page_of(subscription)
    _, fields = forms(operator.get(f"{path}/do/cancel").text)[0]
    auth.refused.add("subscriptions.cancel")
    assert set(re.findall(r"/do/([a-z]+)", operator.get(path).text)) == {"resume"}
    assert operator.get(f"{path}/do/cancel").status_code == 403
    assert operator.post(f"{path}/do/cancel", fields).status_code == 403
    assert not again(kit, org).is_ended


# -- what the processor says -----------------------------------------------------------------------


def test_what_the_processor_can_not_do_is_said_before_it_is_asked(
    kit: Kit, org: Organization, operator: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscription = kit.subscription(org, price="price_pro")
    monkeypatch.setattr(FakeProcessor, "capabilities", frozenset())
    page = operator.get(page_of(subscription)).text
    assert "Cancel: fake can&#39;t do this." in page
    assert "/do/cancel" not in page
    assert operator.get(f"{page_of(subscription)}/do/cancel").status_code == 303
    assert again(kit, org).is_recurring


def test_an_answer_that_was_lost_is_found_by_confirming_again(
    kit: Kit, org: Organization, operator: Visitor, auth: HostAuth
) -> None:
    subscription = kit.subscription(org, price="price_pro")
    path = f"{page_of(subscription)}/do/cancel"
    kit.fake.fail_next("cancel_subscription", "timeout", when="after")
    lost = operator.submit(path, choice="now", reason="lost")
    assert lost.status_code == 503
    assert "Whether it was done isn&#39;t known" in lost.text
    assert auth.audit[-1][1]["failed"] == "ProcessorUnavailable"
    _, fields = forms(lost.text)[0]
    assert fields["reason"] == "lost"
    assert re.search(r'value="now"\s+checked', lost.text)
    fields["choice"] = "now"
    assert operator.post(path, fields).status_code == 303
    assert again(kit, org).is_ended
    assert len(kit.entries("subscription.cancel_requested")) == 1
    kit.deliver()
    kit.assert_settled()


def test_a_refusal_of_the_processor_is_told(kit: Kit, org: Organization, operator: Visitor) -> None:
    subscription = kit.subscription(org, price="price_pro")
    path = page_of(subscription)
    kit.fake.fail_next("update_subscription", "authentication")
    assert operator.submit(f"{path}/do/cancel").status_code == 303
    assert "Nothing was done." in operator.get(path).text
    assert again(kit, org).is_recurring


def test_the_hosts_own_check_of_forms_may_stand_beside_ours(
    app: Flask, request: pytest.FixtureRequest
) -> None:
    # Before the first request, so before what the other fixtures bring about.
    CSRFProtect(app)
    kit, org, operator = (request.getfixturevalue(name) for name in ("kit", "org", "operator"))
    subscription = kit.subscription(org, price="price_pro")
    path = f"{page_of(subscription)}/do/cancel"
    refused = operator.post(path, {"choice": "now"})
    assert refused.status_code == 400
    assert "Nothing was done" in refused.text
    assert operator.submit(path).status_code == 303
    assert again(kit, org).is_canceling
