from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import billing, errors, models

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization


def test_cancel_at_period_end_then_now(kit: Kit, subscription: models.Subscription) -> None:
    billing.cancel_at_period_end(subscription)
    kit.deliver()
    assert subscription.is_canceling
    assert subscription.is_active
    assert billing.cancel(subscription).is_ended
    kit.deliver()
    assert subscription.is_ended
    kit.assert_settled()


def test_a_scheduled_end_comes(kit: Kit, subscription: models.Subscription) -> None:
    billing.cancel_at_period_end(subscription)
    kit.advance(days=32)
    assert subscription.is_ended


def test_a_date_to_end_survives_the_webhooks_and_is_withdrawn(
    kit: Kit, subscription: models.Subscription
) -> None:
    when = kit.now + datetime.timedelta(days=10)
    billing.cancel_at(subscription, when)
    kit.deliver()
    kit.trigger_event("customer.subscription.updated", subscription)
    assert subscription.cancel_at == when
    assert not billing.resume(subscription).is_canceling
    with pytest.raises(errors.InvalidRequest):
        billing.cancel_at(subscription, kit.now)


@pytest.mark.parametrize(("prorate", "left"), [(False, [1900]), (True, [-981, 1900])])
def test_a_date_within_the_period_gives_the_rest_back_only_if_asked_to(
    kit: Kit, payer: Organization, subscription: models.Subscription, prorate: bool, left: list[int]
) -> None:
    end = subscription.current_period_end
    assert end is not None
    # 16 of the period's 31 days are left then.
    billing.cancel_at(subscription, end - datetime.timedelta(days=16), prorate=prorate)
    kit.advance(days=17)
    assert subscription.is_ended
    assert sorted(each.total for each in billing.list_invoices(payer)) == left
    kit.assert_settled()


@pytest.mark.parametrize("prorate", [False, True])
def test_an_end_that_is_withdrawn_costs_what_it_did_before(
    kit: Kit, payer: Organization, subscription: models.Subscription, prorate: bool
) -> None:
    for withdrawn in (billing.resume, billing.cancel_at_period_end):
        billing.cancel_at(subscription, kit.now + datetime.timedelta(days=9), prorate=prorate)
        withdrawn(subscription)
    billing.resume(subscription)
    kit.advance(days=32)
    assert subscription.is_active
    assert [each.total for each in billing.list_invoices(payer)] == [1900, 1900]


def test_cancel_at_period_end_while_past_due_ends_now(kit: Kit, org: Organization) -> None:
    row = kit.subscription(org, "past_due", price="price_pro")
    assert billing.cancel_at_period_end(row).is_ended


def test_a_trial_canceled_ends_with_the_trial_and_resume_brings_it_back(
    kit: Kit, payer: Organization
) -> None:
    row = billing.subscribe(payer, "price_pro", trial=datetime.timedelta(days=9))
    ends = row.trial_end
    billing.cancel_at_period_end(row)
    kit.deliver()
    assert row.ends_at == ends
    assert billing.resume(row).trial_end == ends
    kit.deliver()
    assert row.is_trialing
    assert row.trial_end == ends


def test_canceling_what_has_ended_does_nothing(
    kit: Kit, subscription: models.Subscription, calls: list[str]
) -> None:
    billing.cancel(subscription)
    kit.deliver()
    entries, made = len(kit.entries()), len(calls)
    assert billing.cancel(subscription) is subscription
    assert (len(kit.entries()), len(calls)) == (entries, made)
    for act in (billing.cancel_at_period_end, billing.pause, billing.resume):
        with pytest.raises(errors.InvalidState):
            act(subscription)


def test_canceling_what_the_processor_no_longer_has_mirrors_that(
    kit: Kit, subscription: models.Subscription
) -> None:
    kit.fake.cancel_subscription(
        subscription.processor_id, invoice_now=False, prorate=False, key="elsewhere"
    )
    assert not subscription.is_ended
    assert billing.cancel(subscription).is_ended
    kit.deliver()
    kit.assert_settled()


def test_canceling_what_the_processor_knows_nothing_of_ends_it_here(
    kit: Kit, subscription: models.Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*arguments: Any, **options: Any) -> Any:
        raise errors.NotFound("No such subscription.")

    for name in ("cancel_subscription", "fetch"):
        monkeypatch.setattr(kit.fake, name, unknown)
    assert billing.cancel(subscription).is_ended
    assert billing.cancel(subscription) is subscription
    kit.assert_settled()


def test_other_errors_of_a_cancel_are_told(kit: Kit, subscription: models.Subscription) -> None:
    kit.fake.fail_next("cancel_subscription", "unavailable")
    with pytest.raises(errors.ProcessorUnavailable):
        billing.cancel(subscription)
    assert subscription.is_active


def test_resume_without_an_end_or_a_pause_is_refused(
    kit: Kit, subscription: models.Subscription, calls: list[str]
) -> None:
    with pytest.raises(errors.InvalidState) as raised:
        billing.resume(subscription)
    assert raised.value.code == "nothing_to_resume"
    assert calls == []


@pytest.mark.parametrize("behavior", ["void", "keep_as_draft", "mark_uncollectible"])
def test_a_pause_leaves_the_status_and_is_undone(
    kit: Kit, subscription: models.Subscription, behavior: Any
) -> None:
    billing.pause(subscription, behavior)
    kit.deliver()
    assert subscription.status == "active"
    assert subscription.is_paused
    assert subscription.pause_behavior == behavior
    billing.resume(subscription)
    kit.deliver()
    assert not subscription.is_paused
    kit.assert_settled()


def test_a_pause_and_a_scheduled_end_are_undone_together(
    kit: Kit, subscription: models.Subscription
) -> None:
    billing.pause(subscription)
    billing.cancel_at_period_end(subscription)
    billing.resume(subscription)
    assert not subscription.is_paused
    assert not subscription.is_canceling


def test_subscribing_again_after_a_cancel_counts(kit: Kit, payer: Organization) -> None:
    first = billing.subscribe(payer, "price_pro")
    billing.cancel(first)
    kit.advance(seconds=1)
    second = billing.subscribe(payer, "price_team")
    kit.trigger_event("customer.subscription.updated", first)
    assert billing.subscription(payer) is second
