"""Pauses: what isn't collected meanwhile, what they grant, and how they end."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest

from flask_accrue import billing, errors, models
from flask_accrue.entitlements import has_active_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask_accrue.testing import Kit
    from tests.host import Organization

#: What becomes of an invoice while collection is paused, by the pause's behavior.
MEANWHILE: dict[str, Callable[[models.Invoice], bool]] = {
    "void": lambda invoice: invoice.is_void,
    "keep_as_draft": lambda invoice: invoice.is_draft,
    "mark_uncollectible": lambda invoice: invoice.is_uncollectible,
}


@pytest.mark.parametrize("behavior", MEANWHILE)
def test_a_renewal_during_a_pause_costs_nothing_and_its_invoice_is_as_the_pause_says(
    kit: Kit, payer: Organization, subscription: models.Subscription, behavior: str
) -> None:
    billing.pause(subscription, behavior)
    kit.advance(days=33)
    assert subscription.status == "active"
    assert subscription.is_paused
    assert [each.amount for each in billing.list_charges(payer)] == [1900]
    renewal, first = billing.list_invoices(payer)
    assert MEANWHILE[behavior](renewal)
    assert first.is_paid
    billing.resume(subscription)
    kit.advance(days=31)
    assert [each.amount for each in billing.list_charges(payer)] == [1900, 1900]
    kit.assert_settled()


@pytest.mark.parametrize("behavior", MEANWHILE)
def test_a_paused_subscription_grants_nothing_although_its_status_is_active(
    kit: Kit, payer: Organization, subscription: models.Subscription, behavior: str
) -> None:
    assert has_active_plan(payer, "pro")
    billing.pause(subscription, behavior)
    kit.deliver()
    assert subscription.status == "active"
    assert not has_active_plan(payer, "pro")


def test_a_pause_until_a_date_ends_by_itself(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    until = kit.now + datetime.timedelta(days=40)
    billing.pause(subscription, resumes_at=until)
    kit.deliver()
    assert subscription.pause_resumes_at == until
    kit.advance(days=41)
    assert not subscription.is_paused
    assert subscription.pause_resumes_at is None
    kit.advance(days=31)
    assert [each.amount for each in billing.list_charges(payer)] == [1900, 1900]


def test_a_pause_changes_its_behavior_when_its_asked_for_again(
    kit: Kit, subscription: models.Subscription
) -> None:
    billing.pause(subscription, "void")
    assert billing.pause(subscription, "keep_as_draft").pause_behavior == "keep_as_draft"
    kit.deliver()
    assert subscription.pause_behavior == "keep_as_draft"


def test_a_pause_never_withdraws_a_scheduled_end(
    kit: Kit, subscription: models.Subscription
) -> None:
    billing.cancel_at_period_end(subscription)
    billing.pause(subscription)
    kit.deliver()
    assert subscription.is_canceling
    assert subscription.is_paused
    kit.advance(days=32)
    assert subscription.is_ended
    with pytest.raises(errors.InvalidState) as raised:
        billing.resume(subscription)
    assert raised.value.code == "nothing_to_resume"


def test_a_pause_that_cant_be_is_refused_before_the_processor_is_asked(
    kit: Kit, org: Organization, calls: list[str]
) -> None:
    row = kit.subscription(org, "incomplete", price="price_pro")
    calls.clear()
    with pytest.raises(errors.InvalidState) as raised:
        billing.pause(row)
    assert raised.value.code == "subscription_incomplete"
    with pytest.raises(errors.InvalidRequest) as wrong:
        billing.pause(row, "a while")
    assert wrong.value.param == "behavior"
    with pytest.raises(errors.InvalidRequest):
        billing.pause(row, resumes_at=datetime.datetime(2027, 1, 1))  # noqa: DTZ001
    assert calls == []
