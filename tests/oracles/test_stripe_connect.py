"""What the contract server does for connected accounts, and the one thing that it knows of v2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.oracles.stripe_calls import refused

if TYPE_CHECKING:
    import stripe

    from tests.oracles.stripe_server import ContractServer

Json = dict[str, Any]


@pytest.fixture
def account(stripe_client: stripe.StripeClient) -> str:
    return stripe_client.v1.accounts.create({"type": "express", "country": "AT"}).id


def pay(client: stripe.StripeClient, **params: Any) -> stripe.PaymentIntent:
    wanted: Any = {"amount": 1000, "currency": "usd", "payment_method": "pm_card_visa"}
    wanted |= {"confirm": True, "expand": ["latest_charge.transfer"], **params}
    return client.v1.payment_intents.create(wanted)


def test_a_payment_for_an_account_has_a_charge_and_a_transfer(
    stripe_client: stripe.StripeClient, account: str
) -> None:
    paid = pay(
        stripe_client, transfer_data={"destination": account}, application_fee_amount=100
    ).to_dict()

    charge = paid["latest_charge"]
    assert (charge["amount"], charge["application_fee_amount"]) == (1000, 100)
    assert (charge["transfer"]["amount"], charge["transfer"]["destination"]) == (1000, account)
    assert charge["transfer"]["source_transaction"] == charge["id"]


def test_a_part_may_be_moved_or_nothing_yet(
    stripe_client: stripe.StripeClient, account: str
) -> None:
    part = {"destination": account, "amount": 700}
    moved = pay(stripe_client, transfer_data=part).to_dict()["latest_charge"]["transfer"]
    later = pay(stripe_client, transfer_group="sale-1").to_dict()["latest_charge"]

    assert moved["amount"] == 700
    assert later.get("transfer") is None


def test_a_payment_of_the_platforms_alone_has_no_charge(
    stripe_client: stripe.StripeClient,
) -> None:
    assert pay(stripe_client).latest_charge is None


def test_a_refund_takes_back_its_part_of_the_transfer(
    stripe_client: stripe.StripeClient, account: str
) -> None:
    paid = pay(stripe_client, transfer_data={"destination": account}).to_dict()
    charge = paid["latest_charge"]
    back: Any = {"charge": charge["id"], "amount": 250, "reverse_transfer": True}

    stripe_client.v1.refunds.create(back)

    transfer = stripe_client.v1.transfers.retrieve(charge["transfer"]["id"])
    assert (transfer.amount_reversed, transfer.reversed) == (250, False)


@pytest.mark.parametrize("option", ["reverse_transfer", "refund_application_fee"])
def test_what_was_not_shared_is_not_taken_back(
    stripe_client: stripe.StripeClient, option: str
) -> None:
    charge = pay(stripe_client, transfer_group="sale-1").to_dict()["latest_charge"]
    back: Any = {"charge": charge["id"], option: True}

    with refused(400, param=option):
        stripe_client.v1.refunds.create(back)


def test_a_thin_event_is_fetched_from_v2(
    stripe_client: stripe.StripeClient, stripe_server: ContractServer
) -> None:
    event = {"id": "evt_1", "object": "v2.core.event", "type": "v1.billing.meter.no_meter_found"}
    stripe_server.prime({**event, "created": "2026-01-31T10:15:30.250Z", "livemode": False})

    assert stripe_client.v2.core.events.retrieve("evt_1").type == event["type"]


def test_the_contract_knows_what_the_error_report_of_a_meter_holds(
    stripe_server: ContractServer,
) -> None:
    report = stripe_server.contract.schemas["v1.billing.meter.error_report_triggered"]

    reason = report["properties"]["data"]["properties"]["reason"]["properties"]
    sample = reason["error_types"]["items"]["properties"]["sample_errors"]["items"]["properties"]
    assert set(sample) == {"error_message", "request"}


def test_nothing_else_of_v2_is_there(stripe_client: stripe.StripeClient) -> None:
    with refused(404):
        stripe_client.v2.core.event_destinations.retrieve("ed_1")
