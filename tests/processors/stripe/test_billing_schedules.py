"""Discounts and tax of schedules, from a host's call to Stripe's answer."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from flask_accrue import billing, clock
from flask_accrue.billing import Phase
from flask_accrue.errors import InvalidRequest
from tests.processors.stripe.stripe_bodies import sample
from tests.processors.stripe.stripe_host import org, payer

if t.TYPE_CHECKING:
    from flask_accrue import models
    from tests.host import Organization
    from tests.oracles.stripe_server import ContractServer

__all__ = ["org", "payer"]

FULL = Phase("price_pro", lasts=(1, "month"))
TEAM = Phase("price_team", lasts=(1, "month"), coupon="HALF")
TEAM_ALONE = Phase("price_team", lasts=(1, "month"))


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


VAT = {"percentage": 20.0, "inclusive": False, "active": True, "display_name": "VAT"}
#: What a subscription may have that no host said here, as the processor holds it.
TERMS: dict[str, t.Any] = {
    "application_fee_percent": 12.5,
    "default_payment_method": "pm_own",
    "description": "Pro for Acme",
    "invoice_settings": {
        "account_tax_ids": ["txi_1"],
        "days_until_due": 14,
        "issuer": {"account": "acct_1", "type": "account"},
    },
    "on_behalf_of": "acct_1",
    "transfer_data": {"amount_percent": 80.0, "destination": "acct_1"},
}


def held(server: ContractServer, subscription: models.Subscription) -> t.Any:
    """Return a subscription as the processor holds it."""
    objects = server.objects()["platform"]
    [found] = [each for each in objects if each["id"] == subscription.processor_id]
    return found


def adopted(
    server: ContractServer, subscription: models.Subscription, **changes: t.Any
) -> models.Subscription:
    """Give a subscription what somebody else said at the processor."""
    server.prime({**held(server, subscription), **changes})
    synced = billing.sync(subscription)
    assert synced is not None
    return synced


def taxed(
    server: ContractServer, subscription: models.Subscription, **rates: list[t.Any]
) -> models.Subscription:
    """Give items tax rates of their own, by their prices."""
    items = held(server, subscription)["items"]
    for item in items["data"]:
        item["tax_rates"] = rates[item["price"]["id"]]
    return adopted(server, subscription, items=items)


@pytest.fixture
def vat(stripe_server: ContractServer) -> t.Any:
    rate = sample("tax_rate", id="txr_vat", **VAT)
    stripe_server.prime(rate)
    return rate


def test_a_subscription_keeps_under_a_schedule_what_was_said_of_it_elsewhere(
    payer: models.Customer, org: Organization, vat: t.Any, stripe_server: ContractServer
) -> None:
    connected = sample("account", id="acct_1")
    for each in (connected, sample("tax_id", id="txi_1"), sample("payment_method", id="pm_own")):
        stripe_server.prime(each)
    before = adopted(
        stripe_server, billing.subscribe(org, "price_pro"), default_tax_rates=[vat], **TERMS
    )

    schedule = billing.schedule_subscription(before, [FULL, Phase("price_team", lasts=(1, "year"))])

    [sent] = stripe_server.requests_to(
        "POST", f"/v1/subscription_schedules/{schedule.processor_id}"
    )
    assert len(sent.params["phases"]) == 3
    for phase in sent.params["phases"]:
        assert phase["default_tax_rates"] == ["txr_vat"]
        assert {name: phase.get(name) for name in TERMS} == TERMS
    after = held(stripe_server, before)
    assert [each["id"] for each in after["default_tax_rates"]] == ["txr_vat"]
    assert {name: after[name] for name in TERMS} == TERMS

    billing.update_schedule(schedule, [TEAM_ALONE])

    after = held(stripe_server, before)
    assert [each["id"] for each in after["default_tax_rates"]] == ["txr_vat"]
    assert {name: after[name] for name in TERMS} == TERMS
    assert refused(stripe_server) == []


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("keep_discounts", [True, False])
def test_an_item_keeps_its_tax_rates_and_discounts_under_a_schedule(
    payer: models.Customer,
    org: Organization,
    vat: t.Any,
    stripe_server: ContractServer,
    keep_discounts: bool,
) -> None:
    subscription = billing.subscribe(org, "price_pro")
    given = sample("discount", id="di_item", customer=None, subscription=subscription.processor_id)
    stripe_server.prime(given)
    items = held(stripe_server, subscription)["items"]
    items["data"][0].update(tax_rates=[vat], discounts=["di_item"])
    subscription = adopted(stripe_server, subscription, items=items)

    schedule = billing.schedule_subscription(
        subscription, [FULL, TEAM_ALONE], keep_discounts=keep_discounts
    )

    [sent] = stripe_server.requests_to(
        "POST", f"/v1/subscription_schedules/{schedule.processor_id}"
    )
    rates = [[item["tax_rates"] for item in phase["items"]] for phase in sent.params["phases"]]
    assert rates == [[["txr_vat"]]] * 3
    now, *later = (phase["items"][0].get("discounts") for phase in sent.params["phases"])
    assert now == [{"discount": "di_item"}]
    assert later == [now if keep_discounts else None] * 2
    [item] = held(stripe_server, subscription)["items"]["data"]
    assert [each["id"] for each in item["tax_rates"]] == ["txr_vat"]
    assert item["discounts"] == ["di_item"]
    assert refused(stripe_server) == []


def test_an_item_whose_tax_cannot_be_told_is_refused_and_nothing_changes(
    payer: models.Customer, org: Organization, vat: t.Any, stripe_server: ContractServer
) -> None:
    monthly = {"interval": "month", "interval_count": 1, "usage_type": "licensed"}
    stripe_server.prime(sample("price", id="price_seat", product="prod_1", recurring=monthly))
    both = {"price_pro": 1, "price_team": 2}
    subscription = taxed(
        stripe_server, billing.subscribe(org, items=both), price_pro=[vat], price_team=[]
    )
    phases = [Phase(items={"price_pro": 1, "price_seat": 2}, lasts=(1, "month"))]

    for _ in range(2):
        with pytest.raises(InvalidRequest, match="tax rates of 'price_seat'") as caught:
            billing.schedule_subscription(subscription, phases, operation_id="move")
        assert caught.value.code == "tax_rates_unclear"

    assert held(stripe_server, subscription)["schedule"] is None
    items = held(stripe_server, subscription)["items"]["data"]
    assert [len(each["tax_rates"]) for each in items] == [1, 0]


@pytest.mark.only("sqlite")
def test_tax_goes_on_being_reckoned_for_the_account_that_owes_it(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    stripe_server.prime(sample("account", id="acct_1"))
    owing = {"account": "acct_1", "type": "account"}
    tax = {"disabled_reason": None, "enabled": True, "liability": owing}
    before = adopted(stripe_server, billing.subscribe(org, "price_pro"), automatic_tax=tax)

    schedule = billing.schedule_subscription(
        before, [FULL, Phase("price_team", lasts=(1, "month"), automatic_tax=False)]
    )

    [sent] = stripe_server.requests_to(
        "POST", f"/v1/subscription_schedules/{schedule.processor_id}"
    )
    reckoned = {"enabled": True, "liability": owing}
    told = [each.get("automatic_tax") for each in sent.params["phases"]]
    assert told == [reckoned, reckoned, {"enabled": False}]
    assert held(stripe_server, before)["automatic_tax"] == tax
    assert refused(stripe_server) == []


@pytest.mark.only("sqlite")
def test_terms_of_a_schedule_that_an_earlier_version_wrote_are_asked_for(
    payer: models.Customer, org: Organization, vat: t.Any, stripe_server: ContractServer
) -> None:
    before = adopted(stripe_server, billing.subscribe(org, "price_pro"), default_tax_rates=[vat])
    schedule = billing.schedule_subscription(before, [FULL])
    schedule.phases = [
        {name: value for name, value in phase.items() if name not in ("metadata", "terms")}
        for phase in schedule.phases
    ]

    billing.update_schedule(schedule, [TEAM_ALONE])

    after = held(stripe_server, before)
    assert [each["id"] for each in after["default_tax_rates"]] == ["txr_vat"]


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


def test_so_it_is_in_phases_that_name_a_card_of_their_own(
    payer: models.Customer, org: Organization, half: models.Coupon, stripe_server: ContractServer
) -> None:
    [first] = billing.list_payment_methods(org)
    subscription = billing.subscribe(org, "price_pro", payment_method=first, coupon="HALF")
    schedule = billing.schedule_subscription(subscription, [FULL, TEAM])
    path = f"/v1/subscription_schedules/{schedule.processor_id}"
    [laid] = stripe_server.requests_to("POST", path)
    assert [each["default_payment_method"] for each in laid.params["phases"]] == [
        first.processor_id
    ] * 3
    chosen = billing.add_payment_method(org, "pm_card_mastercard")

    for _ in range(2):
        billing.use_payment_method(org, chosen, operation_id="op")

    _, sent = stripe_server.requests_to("POST", path)
    assert [each.pop("default_payment_method") for each in sent.params["phases"]] == [
        chosen.processor_id
    ] * 3
    # All else is as it was.
    for before, after in zip(laid.params["phases"], sent.params["phases"], strict=True):
        assert after["items"] == [{**each, "quantity": 1} for each in before["items"]]
        assert after.get("discounts") == before.get("discounts")
    assert [each["coupon"] for each in subscription.discounts or []] == ["HALF"]
    assert subscription.default_payment_method == chosen
    assert refused(stripe_server) == []


#: What somebody says at the processor of how a phase begins.
FEE: dict[str, t.Any] = {"discounts": [], "metadata": {}, "price": "price_fee", "quantity": 1}
BEGINS: dict[str, t.Any] = {"add_invoice_items": [FEE], "billing_cycle_anchor": "phase_start"}
#: As it's sent.
BEGINNING: dict[str, t.Any] = {
    "add_invoice_items": [{"price": "price_fee", "quantity": 1}],
    "billing_cycle_anchor": "phase_start",
}


def began(
    server: ContractServer,
    schedule: models.SubscriptionSchedule,
    *which: int,
    **changes: t.Any,
) -> None:
    """Say at the processor how some phases of a schedule begin, and what else is to change in them."""
    once = sample("price", id="price_fee", product="prod_1", recurring=None, type="one_time")
    server.prime(once)
    [found] = [each for each in server.objects()["platform"] if each["id"] == schedule.processor_id]
    for number in which:
        found["phases"][number].update(BEGINS, **changes)
    server.prime(found)


def test_another_card_leaves_how_later_phases_are_billed(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    [first] = billing.list_payment_methods(org)
    subscription = billing.subscribe(org, "price_pro", payment_method=first)
    at_once = Phase("price_team", lasts=(1, "month"), proration="always_invoice")
    schedule = billing.schedule_subscription(subscription, [FULL, at_once])
    began(stripe_server, schedule, 0, 2)
    chosen = billing.add_payment_method(org, "pm_card_mastercard")

    billing.use_payment_method(org, chosen)

    path = f"/v1/subscription_schedules/{schedule.processor_id}"
    _, sent = stripe_server.requests_to("POST", path)
    assert sent.params["proration_behavior"] == "none"
    phases = sent.params["phases"]
    assert [each["proration_behavior"] for each in phases] == [
        "none",
        "create_prorations",
        "always_invoice",
    ]
    # What the current one began with was billed.
    said = [{name: each[name] for name in BEGINNING if name in each} for each in phases]
    assert said == [{}, {}, BEGINNING]
    assert [each["default_payment_method"] for each in phases] == [chosen.processor_id] * 3
    assert refused(stripe_server) == []


@pytest.mark.only("sqlite")
def test_so_it_does_with_the_first_phase_of_a_schedule_that_waits(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    [first] = billing.list_payment_methods(org)
    later = clock.now() + datetime.timedelta(days=10)
    schedule = billing.subscribe_via_schedule(org, [FULL], start=later, payment_method=first)
    began(stripe_server, schedule, 0, default_payment_method=first.processor_id)
    billing.sync(schedule)
    chosen = billing.add_payment_method(org, "pm_card_mastercard")

    billing.update_schedule(schedule, payment_method=chosen)

    path = f"/v1/subscription_schedules/{schedule.processor_id}"
    [sent] = stripe_server.requests_to("POST", path)
    [phase] = sent.params["phases"]
    assert phase["proration_behavior"] == "create_prorations"
    assert {name: phase.get(name) for name in BEGINNING} == BEGINNING
    assert refused(stripe_server) == []
