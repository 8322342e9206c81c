"""Trials: how they begin, are prolonged, and end."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest

from flask_accrue import billing, errors, models
from flask_accrue.entitlements import has_active_plan

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization

DAYS = datetime.timedelta(days=1)


@pytest.fixture
def trial(kit: Kit, payer: Organization) -> models.Subscription:
    """Give a trial of 9 days."""
    made = billing.subscribe(payer, "price_pro", trial=9 * DAYS)
    kit.deliver()
    return made


def test_a_trial_costs_nothing_until_it_ends_and_then_its_price(
    kit: Kit, payer: Organization, trial: models.Subscription
) -> None:
    assert trial.is_trialing
    assert trial.is_active
    assert trial.trial_end == trial.current_period_end == kit.now + 9 * DAYS
    assert billing.list_charges(payer) == []
    kit.advance(days=9, hours=2)
    assert not trial.is_trialing
    assert trial.is_active
    assert [each.amount for each in billing.list_charges(payer)] == [1900]
    assert trial.current_period_end == datetime.datetime(2026, 4, 19, 12, tzinfo=datetime.UTC)
    kit.assert_settled()


def test_a_trial_may_last_until_a_time_in_any_zone(kit: Kit, org: Organization) -> None:
    tokyo = datetime.timezone(datetime.timedelta(hours=9))
    row = billing.subscribe(
        org, "price_pro", trial=datetime.datetime(2026, 3, 20, 1, 30, tzinfo=tokyo)
    )
    kit.deliver()
    assert row.trial_end == datetime.datetime(2026, 3, 19, 16, 30, tzinfo=datetime.UTC)


def test_a_trial_is_prolonged_from_its_end_and_not_from_now(
    kit: Kit, trial: models.Subscription
) -> None:
    ends = trial.trial_end
    assert ends is not None
    kit.advance(days=4)
    assert billing.extend_trial(trial, 5 * DAYS).trial_end == ends + 5 * DAYS
    kit.deliver()
    kit.advance(days=8)
    assert trial.is_trialing
    assert billing.extend_trial(trial, ends + 20 * DAYS).trial_end == ends + 20 * DAYS


def test_a_trial_for_a_running_one_begins_now(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    row = billing.extend_trial(subscription, 5 * DAYS)
    kit.deliver()
    assert row.is_trialing
    assert row.trial_end == kit.now + 5 * DAYS
    kit.advance(days=5, hours=2)
    assert not row.is_trialing
    # Nothing was given back, as nothing was billed for the trial.
    assert [each.amount for each in billing.list_charges(payer)] == [1900, 1900]


def test_a_trial_that_is_ended_is_billed_at_once(
    kit: Kit, payer: Organization, trial: models.Subscription
) -> None:
    kit.advance(days=2)
    assert not billing.end_trial(trial).is_trialing
    assert trial.is_active
    assert [each.amount for each in billing.list_charges(payer)] == [1900]
    kit.deliver()
    assert trial.trial_end == kit.now
    assert not trial.is_canceling
    with pytest.raises(errors.InvalidState) as raised:
        billing.end_trial(trial)
    assert raised.value.code == "not_trialing"
    kit.assert_settled()


def test_a_trial_whose_first_payment_is_declined_is_past_due_and_told(
    kit: Kit, payer: Organization, trial: models.Subscription
) -> None:
    card = billing.list_payment_methods(payer)[0]
    kit.fake.set_card_behavior(card.processor_id, "decline:lost_card")
    with pytest.raises(errors.CardError) as raised:
        billing.end_trial(trial)
    assert raised.value.decline_code == "lost_card"
    assert raised.value.row is trial
    for _ in range(2):
        assert trial.is_past_due
        assert not trial.is_trialing
        kit.deliver()


@pytest.mark.parametrize(("rule", "left"), [("pause", "paused"), ("cancel", "canceled")])
def test_a_trial_without_a_card_grants_nothing_after_its_end(
    kit: Kit, org: Organization, rule: str, left: str
) -> None:
    kit.fake.configure(trial_without_card=rule)
    row = billing.subscribe(org, "price_pro", trial=3 * DAYS)
    kit.deliver()
    assert row.is_trialing
    assert has_active_plan(org, "pro")
    kit.advance(days=3, hours=2)
    assert row.status == left
    assert not row.is_active
    assert not has_active_plan(org, "pro")


def test_what_was_paused_after_a_trial_without_a_card_is_resumed_with_one(
    kit: Kit, org: Organization
) -> None:
    kit.fake.configure(trial_without_card="pause")
    row = billing.subscribe(org, "price_pro", trial=3 * DAYS)
    kit.advance(days=10)
    assert row.is_paused
    billing.add_payment_method(org, "pm_card_visa")
    for _ in range(2):
        assert billing.resume(row, operation_id="op") is row
        assert row.is_active
        assert not row.is_paused
        assert row.current_period_start == kit.now
        kit.deliver()
    assert has_active_plan(org, "pro")
    assert [each.amount for each in billing.list_charges(org)] == [1900]
    with pytest.raises(errors.InvalidState):
        billing.resume(row)


def test_a_trial_that_lapsed_before_its_webhook_came_is_told_the_same_by_row_and_list(
    kit: Kit, trial: models.Subscription
) -> None:
    kit.fake.advance(9 * DAYS + datetime.timedelta(hours=2))
    session = kit.state.db.session
    for _ in range(2):
        session.refresh(trial)
        for says in ("is_trialing", "is_active", "is_ended"):
            listed = session.query(models.Subscription).filter(getattr(models.Subscription, says))
            assert [*listed] == ([trial] if getattr(trial, says) else []), says
        kit.deliver()
    assert not trial.is_trialing


def test_a_trial_that_was_ended_elsewhere_is_cleared_here(
    kit: Kit, trial: models.Subscription
) -> None:
    kit.advance(seconds=1)
    kit.trigger_event(
        "customer.subscription.updated", trial, status="active", trial_start=None, trial_end=None
    )
    assert trial.trial_end is None
    assert not trial.is_trialing


def test_a_trial_that_was_canceled_isnt_one_any_more_although_its_end_is_ahead(
    kit: Kit, trial: models.Subscription
) -> None:
    billing.cancel(trial)
    kit.deliver()
    assert trial.trial_end is not None
    assert trial.trial_end > kit.now
    assert not trial.is_trialing
    with pytest.raises(errors.InvalidState) as raised:
        billing.extend_trial(trial, 5 * DAYS)
    assert raised.value.code == "subscription_ended"


def test_a_trial_without_an_end_in_the_calendar_is_refused(
    kit: Kit, trial: models.Subscription, calls: list[str]
) -> None:
    for wrong in (datetime.timedelta(days=3_000_000), datetime.timedelta(), kit.now):
        with pytest.raises(errors.InvalidRequest) as raised:
            billing.extend_trial(trial, wrong)
        assert raised.value.param == "trial"
    assert calls == []
