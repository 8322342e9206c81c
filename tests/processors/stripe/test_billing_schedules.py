"""Discounts and tax of schedules, from a host's call to Stripe's answer."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from flask_accrue import billing, clock
from flask_accrue.billing import Phase
from tests.processors.stripe.stripe_host import org, payer

if t.TYPE_CHECKING:
    from flask_accrue import models
    from tests.host import Organization
    from tests.oracles.stripe_server import ContractServer

__all__ = ["org", "payer"]

FULL = Phase("price_pro", lasts=(1, "month"))
TEAM = Phase("price_team", lasts=(1, "month"), coupon="HALF")


@pytest.fixture
def half(payer: models.Customer) -> models.Coupon:
    """Give a coupon of 50 %."""
    return billing.create_coupon(percent_off=50, duration="forever", id="HALF")


def refused(server: ContractServer) -> list[t.Any]:
    return [request.error for request in server.requests if request.status != 200]


def test_phases_take_off_what_they_name(
    payer: models.Customer, org: Organization, half: models.Coupon, stripe_server: ContractServer
) -> None:
    code = billing.create_promotion_code(half, "SPRING")

    schedule = billing.subscribe_via_schedule(
        org,
        [
            Phase("price_pro", lasts=(3, "month"), promotion_code="spring"),
            Phase("price_pro", lasts=(1, "year"), automatic_tax=False),
        ],
        automatic_tax=True,
    )

    [sent] = stripe_server.requests_to("POST", "/v1/subscription_schedules")
    first, second = sent.params["phases"]
    assert first["discounts"] == [{"promotion_code": code.processor_id}]
    assert "discounts" not in second
    assert second["automatic_tax"] == {"enabled": False}
    assert sent.params["default_settings"]["automatic_tax"] == {"enabled": True}
    subscription = schedule.subscription
    assert subscription is not None
    assert subscription.automatic_tax is True
    [given] = subscription.discounts or []
    assert (given["coupon"], given["promotion_code"]) == ("HALF", code.processor_id)
    assert schedule.phases[0]["discounts"][0]["promotion_code"] == code.processor_id
    assert schedule.phases[1]["automatic_tax"] is False
    assert refused(stripe_server) == []


def test_a_subscription_s_discounts_and_tax_go_on_under_a_schedule(
    payer: models.Customer, org: Organization, half: models.Coupon, stripe_server: ContractServer
) -> None:
    subscription = billing.subscribe(org, "price_pro", coupon="HALF", automatic_tax=True)
    [held] = subscription.discounts or []

    schedule = billing.schedule_subscription(subscription, [FULL, TEAM])

    [sent] = stripe_server.requests_to(
        "POST", f"/v1/subscription_schedules/{schedule.processor_id}"
    )
    by_id = [{"discount": held["id"]}]
    assert [each["discounts"] for each in sent.params["phases"]] == [by_id] * 3
    # Said for the schedule alone, so that it can be switched for all of them.
    assert not any("automatic_tax" in each for each in sent.params["phases"])
    assert sent.params["default_settings"] == {"automatic_tax": {"enabled": True}}
    assert billing.subscription(org).discounts == [held]  # type: ignore[union-attr]
    assert refused(stripe_server) == []


def test_what_a_phase_has_taken_off_goes_on_when_it_s_named_again(
    payer: models.Customer, org: Organization, half: models.Coupon, stripe_server: ContractServer
) -> None:
    schedule = billing.subscribe_via_schedule(org, [TEAM])
    [held] = schedule.subscription.discounts or []  # type: ignore[union-attr]

    billing.update_schedule(schedule, [TEAM, FULL], automatic_tax=True)

    [sent] = stripe_server.requests_to(
        "POST", f"/v1/subscription_schedules/{schedule.processor_id}"
    )
    assert sent.params["phases"][0]["discounts"] == [{"discount": held["id"]}]
    assert sent.params["default_settings"] == {"automatic_tax": {"enabled": True}}
    after = billing.subscription(org)
    assert after is not None
    assert (after.discounts, after.automatic_tax) == ([held], True)
    assert billing.sync(half).times_redeemed == 1  # type: ignore[union-attr]
    assert refused(stripe_server) == []


def test_what_is_free_until_a_day_is_made_by_one_request(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    ends_at = clock.now().replace(microsecond=0) + datetime.timedelta(days=50)
    made = billing.comp_subscription(org, "price_pro", reason="A fair", ends_at=ends_at)
    assert (made.ends_at, made.meta["accrue_comp_reason"]) == (ends_at, "A fair")
    [sent] = stripe_server.requests_to("POST", "/v1/subscriptions")
    assert sent.params["cancel_at"] == ends_at.timestamp()
    assert sent.params["proration_behavior"] == "none"
    assert stripe_server.requests_to("POST", f"/v1/subscriptions/{made.processor_id}") == []
    billing.swap_plan(made, "price_team", proration="none")
    assert made.ends_at == ends_at
    assert refused(stripe_server) == []


def test_the_tax_of_a_subscription_is_switched(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    subscription = billing.subscribe(org, "price_pro")
    billing.set_automatic_tax(subscription, True)
    [sent] = stripe_server.requests_to("POST", f"/v1/subscriptions/{subscription.processor_id}")
    assert sent.params["automatic_tax"] == {"enabled": True}
    assert subscription.automatic_tax is True
    billing.set_automatic_tax(subscription, False)
    assert subscription.automatic_tax is False
    assert refused(stripe_server) == []


def test_a_card_that_is_chosen_for_everything_is_its_schedules_too(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    [first] = billing.list_payment_methods(org)
    schedule = billing.subscribe_via_schedule(
        org, [FULL, FULL], payment_method=first, automatic_tax=True
    )
    chosen = billing.add_payment_method(org, "pm_card_mastercard")

    billing.use_payment_method(org, chosen)

    [sent] = stripe_server.requests_to(
        "POST", f"/v1/subscription_schedules/{schedule.processor_id}"
    )
    assert sent.params["default_settings"] == {"default_payment_method": chosen.processor_id}
    assert schedule.default_payment_method_processor_id == chosen.processor_id
    subscription = schedule.subscription
    assert subscription is not None
    assert subscription.default_payment_method == chosen
    assert subscription.automatic_tax is True
    assert refused(stripe_server) == []
