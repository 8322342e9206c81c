"""Metered prices of the Fake are billed from what was reported, after their period."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flask_accrue import billing

if TYPE_CHECKING:
    from flask_accrue import models
    from flask_accrue.testing import Kit
    from tests.host import Organization


@pytest.fixture
def subscription(kit: Kit, org: Organization) -> models.Subscription:
    """Give a subscription to a price of 2 cents a call."""
    kit.price("price_calls", 2, usage_type="metered", meter="api_calls")
    billing.add_payment_method(org, "pm_card_visa")
    made = billing.subscribe(org, "price_calls")
    kit.deliver()
    return made


def newest(org: Organization) -> models.Invoice:
    return billing.list_invoices(org)[0]


def test_a_renewal_bills_the_sum_of_the_period_and_the_next_one_only_what_is_new(
    kit: Kit, org: Organization, subscription: models.Subscription
) -> None:
    assert newest(org).total == 0
    billing.report_usage(org, "api_calls", 100)
    kit.advance(days=10)
    billing.report_usage(org, "api_calls", 50)
    billing.report_usage(org, "seats", 7)
    kit.advance(days=22)

    invoice = newest(org)
    assert invoice.is_paid
    assert invoice.total == 300
    [line] = invoice.items
    assert line.quantity == 150
    billing.report_usage(org, "api_calls", 1)
    kit.advance(days=31)
    assert newest(org).total == 2


def test_usage_of_the_period_that_comes_while_the_invoice_is_a_draft_is_billed_with_it(
    kit: Kit, org: Organization, subscription: models.Subscription
) -> None:
    billing.report_usage(org, "api_calls", 100)
    end = subscription.current_period_end
    kit.advance(end)
    assert newest(org).total == 200
    billing.report_usage(org, "api_calls", 11, timestamp=end.replace(day=end.day - 1))
    billing.report_usage(org, "api_calls", 1000)
    kit.advance(hours=1)

    assert newest(org).total == 222


def test_a_period_that_was_corrected_below_nothing_costs_nothing(
    kit: Kit, org: Organization, subscription: models.Subscription
) -> None:
    billing.report_usage(org, "api_calls", -5)
    kit.advance(days=32)

    assert newest(org).total == 0


def test_the_last_invoice_of_a_scheduled_end_bills_what_was_used(
    kit: Kit, org: Organization, subscription: models.Subscription
) -> None:
    billing.cancel_at_period_end(subscription)
    billing.report_usage(org, "api_calls", 100)
    kit.advance(days=32)

    assert newest(org).total == 200


def test_what_was_used_in_a_trial_is_free(kit: Kit, org: Organization) -> None:
    kit.price("price_calls", 2, usage_type="metered", meter="api_calls")
    kit.subscription(org, "trialing", price="price_calls")
    billing.add_payment_method(org, "pm_card_visa")
    billing.report_usage(org, "api_calls", 100)
    kit.advance(days=20)

    assert newest(org).total == 0
