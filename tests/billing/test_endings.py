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


def _moved(kit: Kit, row: models.Subscription, end: datetime.datetime) -> None:
    billing.cancel_at(row, end - datetime.timedelta(days=16), prorate=True)
    billing.cancel_at(row, end - datetime.timedelta(days=10))


def _moved_beyond(kit: Kit, row: models.Subscription, end: datetime.datetime) -> None:
    billing.cancel_at(row, end - datetime.timedelta(days=16), prorate=True)
    billing.cancel_at(row, end + datetime.timedelta(days=10))


def _prorated_later(kit: Kit, row: models.Subscription, end: datetime.datetime) -> None:
    billing.cancel_at(row, end - datetime.timedelta(days=16))
    billing.cancel_at(row, end - datetime.timedelta(days=20), prorate=True)


def _free_meanwhile(kit: Kit, row: models.Subscription, end: datetime.datetime) -> None:
    billing.cancel_at(row, end - datetime.timedelta(days=16), prorate=True)
    ends_at = end - datetime.timedelta(days=2)
    billing.comp_subscription(row, reason="For a trade fair", ends_at=ends_at)
    billing.remove_discount(row)


def _swapped(proration: str, *, prorate: bool) -> Any:
    def change(kit: Kit, row: models.Subscription, end: datetime.datetime) -> None:
        kit.price("price_alike", 1900)
        billing.cancel_at(row, end - datetime.timedelta(days=16), prorate=prorate)
        billing.swap_plan(row, "price_alike", proration=proration)

    return change


@pytest.mark.parametrize(
    "change",
    [
        _moved,
        _moved_beyond,
        _prorated_later,
        _free_meanwhile,
        _swapped("none", prorate=True),
        _swapped("create_prorations", prorate=False),
    ],
    ids=["moved", "beyond", "prorated", "comped", "swapped", "swapped whole"],
)
def test_whatever_became_of_an_end_a_subscription_that_goes_on_pays_each_period_once(
    kit: Kit, payer: Organization, subscription: models.Subscription, change: Any
) -> None:
    end = subscription.current_period_end
    assert end is not None
    change(kit, subscription, end)
    if subscription.is_canceling:
        billing.resume(subscription)
    kit.advance(days=32)
    assert subscription.is_active
    assert sum(each.total for each in billing.list_invoices(payer)) == 3800
    kit.assert_settled()


def test_a_trial_that_is_ended_before_its_end_and_goes_on_pays_each_period_once(
    kit: Kit, payer: Organization
) -> None:
    row = billing.subscribe(payer, "price_pro", trial=datetime.timedelta(days=14))
    billing.cancel_at(row, kit.now + datetime.timedelta(days=10))
    kit.advance(days=2)
    billing.end_trial(row)
    billing.resume(row)
    kit.advance(days=32)
    assert row.is_active
    assert sum(each.total for each in billing.list_invoices(payer)) == 3800


def test_a_period_that_began_since_an_end_was_set_is_billed_again_when_that_is_taken_back(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    kit.advance(days=1)
    billing.cancel_at(subscription, kit.now + datetime.timedelta(days=9))
    billing.extend_trial(subscription, datetime.timedelta(days=5))
    billing.end_trial(subscription)
    billing.resume(subscription)
    kit.advance(days=32)
    # One of 31 days before the trial, the period that began when it was ended, and the next.
    assert sum(each.total for each in billing.list_invoices(payer)) == 61 + 1900 + 1900


@pytest.mark.parametrize(("prorate", "left"), [(False, 1900), (True, 919)])
def test_an_end_that_replaces_another_costs_what_it_would_alone(
    kit: Kit, payer: Organization, subscription: models.Subscription, prorate: bool, left: int
) -> None:
    end = subscription.current_period_end
    assert end is not None
    billing.cancel_at(subscription, end - datetime.timedelta(days=20), prorate=not prorate)
    billing.cancel_at(subscription, end - datetime.timedelta(days=16), prorate=prorate)
    kit.advance(days=17)
    assert subscription.is_ended
    assert sum(each.total for each in billing.list_invoices(payer)) == left


@pytest.mark.only("sqlite")
def test_what_is_refused_leaves_the_end_within_the_period(
    kit: Kit, subscription: models.Subscription
) -> None:
    when = kit.now + datetime.timedelta(days=9)
    billing.cancel_at(subscription, when)
    with pytest.raises(errors.InvalidRequest):
        billing.swap_plan(subscription, "price_pro", item="gone", proration="always_invoice")
    with pytest.raises(errors.InvalidRequest):
        billing.cancel_at(subscription, kit.now, prorate=True)
    assert subscription.cancel_at == when


@pytest.mark.only("sqlite")
def test_an_end_that_could_not_be_taken_back_is_no_later_than_its_period(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    end = subscription.current_period_end
    billing.cancel_at(subscription, kit.now + datetime.timedelta(days=9))
    card = billing.add_payment_method(payer, "pm_card_chargeCustomerFail")
    billing.set_default_payment_method(payer, card)
    with pytest.raises(errors.CardError):
        billing.swap_plan(
            subscription,
            "price_team",
            proration="always_invoice",
            payment_behavior="error_if_incomplete",
        )
    assert subscription.ends_at == end
    assert subscription.items[0].price_processor_id == "price_pro"


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
