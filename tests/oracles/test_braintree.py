"""The real Braintree SDK against the gateway that stands in for Braintree's."""

from __future__ import annotations

import datetime as dt
import urllib.request
from typing import TYPE_CHECKING, Any

import braintree
import pytest

if TYPE_CHECKING:
    from tests.oracles.braintree_server import BraintreeServer

Gateway = Any  # the SDK has no types

NONCE = "fake-valid-nonce"


def customer_with_card(gateway: Gateway) -> tuple[str, str]:
    """Create a customer with a card; return the id and the card's token."""
    made = gateway.customer.create({"first_name": "Ada", "payment_method_nonce": NONCE})
    return made.customer.id, made.customer.credit_cards[0].token


def codes(result: Any) -> list[str]:
    """Return the codes of a refusal."""
    assert not result.is_success
    return [error.code for error in result.errors.deep_errors]


def test_a_customer_is_created_found_changed_and_deleted(braintree_gateway: Gateway) -> None:
    customers = braintree_gateway.customer
    made = customers.create({"id": "org_1", "email": "ada@example.com", "first_name": "Ada & Co"})
    assert (made.is_success, made.customer.id) == (True, "org_1")
    assert codes(customers.create({"id": "org_1"})) == ["91609"]

    assert customers.find("org_1").first_name == "Ada & Co"
    assert customers.update("org_1", {"email": "grace@example.com"}).is_success
    assert customers.find("org_1").email == "grace@example.com"
    assert isinstance(customers.find("org_1").created_at, dt.datetime)

    assert customers.delete("org_1").is_success
    with pytest.raises(braintree.exceptions.NotFoundError):
        customers.find("org_1")


def test_customers_are_searched(braintree_gateway: Gateway) -> None:
    for name in ("Ada", "Adele", "Grace"):
        braintree_gateway.customer.create({"first_name": name})

    search = braintree.CustomerSearch
    found = braintree_gateway.customer.search(search.first_name.starts_with("Ad"))

    assert sorted(row.first_name for row in found.items) == ["Ada", "Adele"]


def test_one_card_of_a_customer_is_the_default(braintree_gateway: Gateway) -> None:
    customer_id, first = customer_with_card(braintree_gateway)
    methods = braintree_gateway.payment_method
    wanted = {"customer_id": customer_id, "payment_method_nonce": NONCE}

    second = methods.create(wanted).payment_method.token
    assert (methods.find(first).default, methods.find(second).default) == (True, False)
    assert methods.update(second, {"options": {"make_default": True}}).is_success
    assert (methods.find(first).default, methods.find(second).default) == (False, True)
    third = methods.create({**wanted, "options": {"make_default": True}}).payment_method.token
    assert (methods.find(second).default, methods.find(third).default) == (False, True)
    assert methods.delete(third).is_success
    assert len(braintree_gateway.customer.find(customer_id).payment_methods) == 2

    assert methods.delete(second).is_success
    with pytest.raises(braintree.exceptions.NotFoundError):
        methods.find(second)


def test_a_refused_and_a_used_nonce(braintree_gateway: Gateway) -> None:
    customer_id, _ = customer_with_card(braintree_gateway)
    for nonce, code in (
        ("fake-processor-declined-visa-nonce", "81703"),
        ("fake-consumed-nonce", "93107"),
    ):
        wanted = {"customer_id": customer_id, "payment_method_nonce": nonce}
        assert codes(braintree_gateway.payment_method.create(wanted)) == [code]


def test_plans_are_those_that_were_set(
    braintree_server: BraintreeServer, braintree_gateway: Gateway
) -> None:
    assert [plan.id for plan in braintree_gateway.plan.all()] == ["basic"]

    braintree_server.gateway.set_plans([{"id": "team", "price": "49.00"}])

    [plan] = braintree_gateway.plan.all()
    assert (plan.id, str(plan.price)) == ("team", "49.00")
    assert braintree_gateway.plan.find("team").billing_frequency == 1


def test_a_subscription_is_charged_and_lasts_a_calendar_month(
    braintree_server: BraintreeServer, braintree_gateway: Gateway
) -> None:
    braintree_server.gateway.clock.set(dt.datetime(2028, 1, 31, tzinfo=dt.UTC))
    _, token = customer_with_card(braintree_gateway)

    made = braintree_gateway.subscription.create(
        {"plan_id": "basic", "payment_method_token": token}
    )

    subscription = made.subscription
    assert subscription.status == braintree.Subscription.Status.Active
    assert subscription.paid_through_date == dt.date(2028, 2, 28)
    assert subscription.next_billing_date == dt.date(2028, 2, 29)
    [transaction] = subscription.transactions
    assert str(transaction.amount) == "10.00"
    assert transaction.subscription_id == subscription.id


def test_a_trial_is_charged_when_it_ends(braintree_gateway: Gateway) -> None:
    _, token = customer_with_card(braintree_gateway)
    subscriptions = braintree_gateway.subscription

    made = subscriptions.create(
        {
            "plan_id": "basic",
            "payment_method_token": token,
            "trial_period": True,
            "trial_duration": 14,
            "trial_duration_unit": "day",
        }
    )

    assert made.subscription.trial_period
    assert made.subscription.transactions == []
    assert made.subscription.next_billing_date == made.subscription.first_billing_date


def test_a_subscription_is_changed_ended_by_its_cycles_and_canceled(
    braintree_server: BraintreeServer, braintree_gateway: Gateway
) -> None:
    braintree_server.gateway.set_plans(
        [{"id": "basic", "price": "10.00"}, {"id": "team", "price": "49.00"}]
    )
    _, token = customer_with_card(braintree_gateway)
    subscriptions = braintree_gateway.subscription
    made = subscriptions.create({"plan_id": "basic", "payment_method_token": token})
    key = made.subscription.id

    swapped = subscriptions.update(key, {"plan_id": "team"}).subscription
    assert (swapped.plan_id, str(swapped.price)) == ("team", "49.00")
    ending = subscriptions.update(key, {"number_of_billing_cycles": 1, "never_expires": False})
    assert ending.subscription.number_of_billing_cycles == 1
    assert subscriptions.cancel(key).subscription.status == "Canceled"

    assert subscriptions.find(key).status == "Canceled"
    assert codes(subscriptions.cancel(key)) == ["81905"]
    assert codes(subscriptions.update(key, {"plan_id": "basic"})) == ["81901"]


def test_what_a_subscription_needs(braintree_gateway: Gateway) -> None:
    _, token = customer_with_card(braintree_gateway)
    subscriptions = braintree_gateway.subscription
    assert codes(subscriptions.create({"plan_id": "none", "payment_method_token": token})) == [
        "91904"
    ]
    wrong_card = {"plan_id": "basic", "payment_method_token": "none"}
    assert codes(subscriptions.create(wrong_card)) == ["91903"]
    taken = {"id": "sub_1", "plan_id": "basic", "payment_method_token": token}
    subscriptions.create(taken)
    assert codes(subscriptions.create(taken)) == ["81902"]
    assert codes(subscriptions.update("sub_1", {"plan_id": "none"})) == ["91904"]


def test_deleting_the_card_or_the_customer_cancels_the_subscription(
    braintree_gateway: Gateway,
) -> None:
    for delete in ("card", "customer"):
        customer_id, token = customer_with_card(braintree_gateway)
        wanted = {"plan_id": "basic", "payment_method_token": token}
        key = braintree_gateway.subscription.create(wanted).subscription.id
        if delete == "card":
            braintree_gateway.payment_method.delete(token)
        else:
            braintree_gateway.customer.delete(customer_id)
        assert braintree_gateway.subscription.find(key).status == "Canceled"


def test_subscriptions_are_searched(braintree_gateway: Gateway) -> None:
    _, token = customer_with_card(braintree_gateway)
    wanted = {"plan_id": "basic", "payment_method_token": token}
    keys = [braintree_gateway.subscription.create(wanted).subscription.id for _ in range(2)]
    braintree_gateway.subscription.cancel(keys[0])

    search = braintree.SubscriptionSearch
    found = braintree_gateway.subscription.search(search.status == "Active")

    assert [row.id for row in found.items] == [keys[1]]


def test_a_sale_is_declined_authorized_or_submitted(braintree_gateway: Gateway) -> None:
    _, token = customer_with_card(braintree_gateway)
    sale = braintree_gateway.transaction.sale

    declined = sale({"amount": "2001.00", "payment_method_token": token})
    assert not declined.is_success
    assert declined.transaction.processor_response_code == "2001"
    assert (
        sale({"amount": "5.00", "payment_method_token": token}).transaction.status == "authorized"
    )
    submitted = sale(
        {
            "amount": "5.00",
            "payment_method_token": token,
            "options": {"submit_for_settlement": True},
        }
    )
    assert submitted.transaction.status == "submitted_for_settlement"
    assert codes(sale({"payment_method_token": token})) == ["81502"]


def test_what_is_unsettled_is_voided_and_what_is_settled_is_refunded(
    braintree_gateway: Gateway,
) -> None:
    _, token = customer_with_card(braintree_gateway)
    transactions = braintree_gateway.transaction
    wanted = {"amount": "9.00", "payment_method_token": token}
    first, second = (transactions.sale(wanted).transaction.id for _ in range(2))

    assert codes(transactions.refund(first)) == ["91506"]
    assert transactions.void(first).transaction.status == "voided"
    assert codes(transactions.void(first)) == ["91504"]

    assert transactions.submit_for_settlement(second).is_success
    assert braintree_gateway.testing.settle_transaction(second).transaction.status == "settled"
    part = transactions.refund(second, "4.00")
    assert part.transaction.refunded_transaction_id == second
    assert codes(transactions.refund(second, "5.01")) == ["91521"]
    assert transactions.refund(second, "5.00").is_success
    assert len(transactions.find(second).refund_ids) == 2


def test_transactions_are_searched(braintree_gateway: Gateway) -> None:
    _, token = customer_with_card(braintree_gateway)
    wanted = {"amount": "9.00", "payment_method_token": token, "order_id": "order-1"}
    made = braintree_gateway.transaction.sale(wanted).transaction

    search = braintree.TransactionSearch
    found = braintree_gateway.transaction.search(search.order_id == "order-1")

    assert [row.id for row in found.items] == [made.id]


def test_a_client_token_is_given(braintree_gateway: Gateway) -> None:
    assert braintree_gateway.client_token.generate()


def test_an_unknown_id_is_not_found(braintree_gateway: Gateway) -> None:
    for find in (
        braintree_gateway.customer.find,
        braintree_gateway.payment_method.find,
        braintree_gateway.subscription.find,
        braintree_gateway.transaction.find,
        braintree_gateway.plan.find,
    ):
        with pytest.raises(braintree.exceptions.NotFoundError):
            find("none")


def test_other_keys_and_another_merchant_are_refused(
    braintree_server: BraintreeServer, braintree_gateway: Gateway
) -> None:
    environment = braintree_gateway.config.environment
    for merchant, key, error in (
        ("m1", "wrong", braintree.exceptions.AuthenticationError),
        ("m2", "priv", braintree.exceptions.NotFoundError),
    ):
        configuration = braintree.Configuration(environment, merchant, "pub", key)
        with pytest.raises(error):
            braintree.BraintreeGateway(configuration).customer.create({})
    assert [request["status"] for request in braintree_server.requests] == [401, 404]


def test_the_control_plane_sets_plans_and_time_and_forgets(
    braintree_server: BraintreeServer, braintree_gateway: Gateway
) -> None:
    def control(path: str, body: bytes = b"") -> None:
        urllib.request.urlopen(f"{braintree_server.url}/_control/{path}", body).close()  # noqa: S310 - local

    control("plans", b'[{"id": "team"}]')
    control("clock", b'{"at": 1762799364}')
    made = braintree_gateway.customer.create({}).customer
    assert made.created_at == dt.datetime(2025, 11, 10, 18, 29, 24)  # noqa: DTZ001 - as the SDK has it
    assert [plan.id for plan in braintree_gateway.plan.all()] == ["team"]

    control("reset")

    assert braintree_server.requests == []
    assert [plan.id for plan in braintree_gateway.plan.all()] == ["basic"]
    with pytest.raises(braintree.exceptions.NotFoundError):
        braintree_gateway.customer.find(made.id)
