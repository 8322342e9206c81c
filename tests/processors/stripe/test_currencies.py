"""Prices that are sold in several currencies, each customer in theirs."""

from __future__ import annotations

import typing as t

import pytest

from flask_accrue import billing, models
from flask_accrue.errors import InvalidRequest
from flask_accrue.money import Money
from flask_accrue.state import current_state
from tests.processors.stripe.stripe_bodies import sample
from tests.processors.stripe.stripe_host import org, payer, rows

if t.TYPE_CHECKING:
    from tests.host import Organization
    from tests.oracles.stripe_server import ContractServer

__all__ = ["org", "payer"]

MONTHLY = {"interval": "month", "interval_count": 1, "usage_type": "licensed"}


def option(amount: int) -> dict[str, t.Any]:
    return {
        "custom_unit_amount": None,
        "tax_behavior": "unspecified",
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }


def prime(server: ContractServer, **amounts: int) -> None:
    """Have Stripe hold a price in dollars, and in other currencies."""
    server.prime(
        sample(
            "price",
            id="price_world",
            product="prod_1",
            active=True,
            recurring=MONTHLY,
            currency="usd",
            unit_amount=1000,
            currency_options={name: option(amount) for name, amount in amounts.items()},
        )
    )


def price() -> models.Price:
    [found] = [each for each in rows(models.Price) if each.processor_id == "price_world"]
    return t.cast("models.Price", found)


@pytest.fixture
def european(payer: models.Customer, stripe_server: ContractServer) -> models.Customer:
    """Give a customer who pays in euros; there is a price in dollars and euros."""
    [held] = [
        each for each in stripe_server.objects()["platform"] if each["id"] == payer.processor_id
    ]
    stripe_server.prime({**held, "currency": "eur"})
    prime(stripe_server, usd=1000, eur=900)
    billing.sync_catalog()
    billing.sync(payer)
    assert payer.currency == "eur"
    return payer


def test_a_price_is_for_whoever_pays_in_one_of_its_currencies(
    european: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    assert price().currencies == {"usd", "eur"}
    assert price().money_in("eur") == Money(900, "eur")
    assert price().money_in("gbp") is None

    billing.subscribe(org, "price_world")

    [sent] = stripe_server.requests_to("POST", "/v1/subscriptions")
    assert sent.params["items"][0]["price"] == "price_world"
    # Else Stripe takes the price's own, and refuses it.
    assert sent.params["currency"] == "eur"


@pytest.mark.only("sqlite")
def test_the_phases_of_a_schedule_are_paid_in_the_customers_currency(
    european: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    phases = [billing.Phase("price_world", lasts=(each, "month")) for each in (1, 2)]
    billing.subscribe_via_schedule(org, phases)
    made = billing.subscribe(org, "price_world", name="other")
    billing.schedule_subscription(made, phases)

    sent = [
        *stripe_server.requests_to("POST", "/v1/subscription_schedules"),
        *(
            each
            for each in stripe_server.requests
            if each.path.startswith("/v1/subscription_schedules/")
        ),
    ]
    said = [each.params["phases"] for each in sent if each.params and "phases" in each.params]
    assert [[phase["currency"] for phase in each] for each in said] == [["eur"] * 2, ["eur"] * 3]


@pytest.mark.only("sqlite")
def test_the_currency_goes_without_saying_where_its_the_prices_own(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    billing.subscribe(org, "price_pro")
    [sent] = stripe_server.requests_to("POST", "/v1/subscriptions")
    assert "currency" not in sent.params


@pytest.mark.only("sqlite")
def test_a_price_in_other_currencies_is_refused_before_any_call(
    european: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    prime(stripe_server, usd=1000, gbp=800)
    billing.sync_catalog()
    calls = len(stripe_server.requests)

    with pytest.raises(InvalidRequest, match="in GBP and USD, and this customer pays in EUR") as no:
        billing.subscribe(org, "price_world")

    assert no.value.code == "currency_mismatch"
    assert len(stripe_server.requests) == calls


@pytest.mark.only("sqlite")
def test_a_price_in_their_currency_is_offered_to_customers(
    european: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    billing.subscribe(org, "price_world")
    [held] = [
        each for each in stripe_server.objects()["platform"] if each["object"] == "subscription"
    ]
    stripe_server.prime({**held, "currency": "eur"})
    subscription = billing.sync(rows(models.Subscription)[0])

    current_state().db.session.commit()
    link = billing.create_billing_portal_session(
        org,
        "https://host.example/",
        flow="subscription_update",
        subscription=subscription,
        prices=["price_world"],
        mounted=True,
    )
    assert link.url
    with pytest.raises(InvalidRequest, match="in the same currency"):
        billing.create_billing_portal_session(
            org,
            "https://host.example/",
            flow="subscription_update",
            subscription=subscription,
            prices=["price_pro"],
            mounted=True,
        )
