"""Payments in steps, refunds and cards for later, with Stripe as the processor."""

from __future__ import annotations

import typing as t

import pytest

from flask_accrue import billing, connect, models
from flask_accrue.errors import InvalidRequest, InvalidState
from flask_accrue.money import Money
from tests.processors.stripe.situations import charge, payment_intent
from tests.processors.stripe.stripe_bodies import Json, sample
from tests.processors.stripe.stripe_host import entries, org, payer, rows

if t.TYPE_CHECKING:
    from tests.host import Organization
    from tests.oracles.stripe_server import ContractServer

__all__ = ["org", "payer"]


def transaction(id: str, amount: int, fee: int) -> Json:
    of = {"amount": amount, "fee": fee, "net": amount - fee, "currency": "usd"}
    return sample("balance_transaction", id=id, **of)


def give_back(server: ContractServer, refund: Json, of: Json, *, status: str = "succeeded") -> None:
    """Let the server answer the next refund with what it cost and what is left of the charge."""
    body = {**refund, "status": status, "charge": of}
    server.queue_answer(200, body, method="POST", path="^/v1/refunds$", remembered=True)


@pytest.fixture
def paid(payer: models.Customer, org: Organization, stripe_server: ContractServer) -> models.Charge:
    """Give a charge of 10 dollars, of which Stripe has kept 59 cents."""
    of_payer = {"customer": payer.processor_id, "amount": 1000}
    body = charge(
        **of_payer, amount_captured=1000, balance_transaction=transaction("txn_1", 1000, 59)
    )
    made = payment_intent(**of_payer, status="succeeded", latest_charge=body)
    stripe_server.queue_answer(200, made, path="^/v1/payment_intents$", remembered=True)
    billing.charge(org, Money(1000, "usd"))
    return t.cast(models.Charge, rows(models.Charge)[0])


def test_stripe_keeps_its_fee_when_money_is_given_back(
    paid: models.Charge, payer: models.Customer, stripe_server: ContractServer
) -> None:
    assert (paid.fee, paid.net, paid.merchant_loss) == (59, 941, 0)
    left = charge(
        customer=payer.processor_id, amount=1000, amount_captured=1000, amount_refunded=1000
    )
    given = sample("refund", id="re_1", charge="ch_1", amount=1000, currency="usd")
    cost = {"balance_transaction": transaction("txn_2", -1000, 0)}
    # The charge comes without its own transaction: what was known of it stays.
    give_back(stripe_server, given | cost, {**left, "balance_transaction": "txn_1"})

    refund = billing.refund(paid)

    [request] = stripe_server.requests_to("POST", "/v1/refunds")
    assert request.params["expand"] == ["balance_transaction", "charge.balance_transaction"]
    assert (refund.fee, refund.net, refund.merchant_loss) == (0, -1000, 59)
    assert (paid.fee, paid.amount_kept, paid.merchant_loss) == (59, -59, 59)
    assert paid.is_fully_refunded


def test_a_refund_in_another_currency_s_balance_tells_no_fee(
    paid: models.Charge, payer: models.Customer, stripe_server: ContractServer
) -> None:
    left = charge(
        customer=payer.processor_id, amount=1000, amount_captured=1000, amount_refunded=400
    )
    given = sample("refund", id="re_1", charge="ch_1", amount=400, currency="usd")
    euros = transaction("txn_2", -370, 0) | {"currency": "eur"}
    give_back(stripe_server, given | {"balance_transaction": euros}, left, status="pending")

    refund = billing.refund(paid, Money(400, "usd"))

    assert refund.is_pending
    assert (refund.fee, refund.net, refund.merchant_loss) == (None, None, None)
    assert paid.amount_refundable == 600


def test_held_money_is_captured(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    intent = billing.create_payment_intent(
        org,
        Money(500, "usd"),
        capture_method="manual",
        confirm=True,
        statement_descriptor="DEPOSIT",
    )
    assert intent.requires_capture
    with pytest.raises(InvalidRequest) as raised:
        billing.capture(intent, Money(501, "usd"))
    assert raised.value.code == "amount_too_large"
    assert billing.capture(intent, Money(300, "usd")).amount_received == 300
    with pytest.raises(InvalidState):
        billing.capture(intent)
    [request] = stripe_server.requests_to(
        "POST", f"/v1/payment_intents/{intent.processor_id}/capture"
    )
    assert request.params["amount_to_capture"] == 300


def test_a_secret_is_asked_for_and_stored_nowhere(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    intent = billing.create_payment_intent(org, Money(500, "usd"))
    setup = billing.create_setup_intent(org)
    for row in (intent, setup):
        assert row.client_secret == f"{row.processor_id}_secret_mock"
        assert billing.client_secret(row) == row.client_secret
        assert "secret_" not in repr(row.raw)
    assert "setup_intent.created" in entries()


def test_a_card_that_was_set_up_in_the_browser_comes_by_return(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    setup = billing.create_setup_intent(org)
    mine = sample(
        "payment_method",
        id="pm_new",
        type="card",
        card={"brand": "visa", "last4": "3220", "exp_month": 1, "exp_year": 2035},
        customer=payer.processor_id,
    )
    stripe_server.prime(mine)
    stands = next(
        each for each in stripe_server.objects()["platform"] if each["id"] == setup.processor_id
    )
    stripe_server.prime({**stands, "status": "succeeded", "payment_method": "pm_new"})

    for _ in range(2):
        assert billing.sync_setup_intent(setup).is_succeeded

    assert {card.last4 for card in billing.list_payment_methods(org)} == {"4242", "3220"}
    assert entries().count("setup_intent.succeeded") == 1
    assert entries().count("payment_method.attached") == 2


@pytest.mark.parametrize("settled", ["usd", "eur"])
def test_a_part_of_a_charge_is_transferred_in_the_currency_in_which_it_was_settled(
    payer: models.Customer, stripe_server: ContractServer, settled: str
) -> None:
    account = connect.create_account(type="express")
    stripe_server.prime(transaction("txn_1", 1000, 59) | {"currency": settled})
    of_payer = {"customer": payer.processor_id, "currency": "eur"}
    paid = charge(**of_payer, amount=1000, amount_captured=1000, balance_transaction="txn_1")
    stripe_server.prime(paid)
    intent = payment_intent(**of_payer, status="succeeded", latest_charge=paid)
    stripe_server.queue_answer(200, intent, method="POST", path="^/v1/payment_intents")
    billing.charge(payer, Money(1000, "eur"))
    [row] = rows(models.Charge)

    if settled == "eur":
        with pytest.raises(InvalidRequest, match="in EUR, not USD"):
            connect.transfer(account, Money(300, "usd"), charge=row)
    connect.transfer(account, Money(300, settled), charge=row)

    [sent] = stripe_server.requests_to("POST", "/v1/transfers")
    assert (sent.params["currency"], sent.params["source_transaction"]) == (settled, paid["id"])
