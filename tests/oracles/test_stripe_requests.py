"""What the contract server refuses before it does anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import stripe

from tests.oracles.stripe_calls import call, client_of, monthly_price, refused

if TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer

FORM = "application/x-www-form-urlencoded"


def test_an_unknown_parameter_is_refused_by_its_name(stripe_client: stripe.StripeClient) -> None:
    params: Any = {"emial": "ada@example.com"}
    with refused(400, code="parameter_unknown", param="emial"):
        stripe_client.v1.customers.create(params)


def test_an_unknown_parameter_deep_inside_is_refused_by_its_path(
    stripe_client: stripe.StripeClient,
) -> None:
    params: Any = {"customer": "cus_1", "items": [{"price": "price_1", "amount": 1}]}
    with refused(400, code="parameter_unknown", param="items[0][amount]"):
        stripe_client.v1.subscriptions.create(params)


def test_the_identifier_of_usage_has_100_characters_at_most(
    stripe_client: stripe.StripeClient,
) -> None:
    params: Any = {
        "event_name": "api_calls",
        "payload": {"value": "1", "stripe_customer_id": "cus_1"},
    }
    stripe_client.v1.billing.meter_events.create({**params, "identifier": "x" * 100})
    with refused(400, param="identifier"):
        stripe_client.v1.billing.meter_events.create({**params, "identifier": "x" * 101})


def test_a_missing_parameter_is_refused(stripe_client: stripe.StripeClient) -> None:
    params: Any = {"amount": 100}
    with refused(400, code="parameter_missing", param="currency"):
        stripe_client.v1.payment_intents.create(params)


@pytest.mark.parametrize(
    ("params", "param", "code"),
    [
        ({"trial_period_days": "soon"}, "trial_period_days", "parameter_invalid_integer"),
        ({"cancel_at_period_end": "maybe"}, "cancel_at_period_end", "parameter_invalid_boolean"),
        ({"collection_method": "by_hand"}, "collection_method", None),
        ({"application_fee_percent": "a tenth"}, "application_fee_percent", None),
        ({"description": "x" * 5001}, "description", "parameter_invalid_string_too_long"),
        ({"items": "price_1"}, "items", None),
        ({"metadata": {"k" * 41: "v"}}, "metadata", None),
        ({"metadata": {"k": "v" * 501}}, "metadata", None),
        ({"metadata": {f"k{n}": "v" for n in range(51)}}, "metadata", None),
        ({"currency": "dollars"}, "currency", None),
        ({"billing_cycle_anchor": ""}, "billing_cycle_anchor", "parameter_invalid_empty"),
    ],
)
def test_a_parameter_of_the_wrong_kind_is_refused(
    stripe_client: stripe.StripeClient, params: Any, param: str, code: str | None
) -> None:
    params["customer"] = "cus_1"
    with refused(400, code=code, param=param):
        stripe_client.v1.subscriptions.create(params)


def test_of_several_shapes_the_one_that_was_meant_is_complained_about(
    stripe_client: stripe.StripeClient,
) -> None:
    params: Any = {"created": {"gte": "soon"}}
    with refused(400, code="parameter_invalid_integer", param="created[gte]"):
        stripe_client.v1.charges.list(params)


def test_an_email_address_must_look_like_one(stripe_client: stripe.StripeClient) -> None:
    with refused(400, code="email_invalid", param="email"):
        stripe_client.v1.customers.create({"email": "ada"})


def test_what_the_documentation_demands_beyond_types_is_demanded(
    stripe_client: stripe.StripeClient,
) -> None:
    customer = stripe_client.v1.customers.create({})
    price = monthly_price(stripe_client)
    with refused(400, code="parameter_missing", param="items"):
        stripe_client.v1.subscriptions.create({"customer": customer.id})
    with refused(400, param="trial_period_days"):
        stripe_client.v1.subscriptions.create(
            {
                "customer": customer.id,
                "items": [{"price": price.id}],
                "trial_period_days": 7,
                "trial_end": 4102444800,
            }
        )
    with refused(400, param="percent_off"):
        stripe_client.v1.coupons.create({"duration": "once"})
    with refused(400, param="charge"):
        stripe_client.v1.refunds.create({})


def test_a_reference_to_an_object_that_nobody_has_is_refused(
    stripe_client: stripe.StripeClient,
) -> None:
    customer = stripe_client.v1.customers.create({})
    with refused(400, code="resource_missing", param="customer"):
        stripe_client.v1.subscriptions.create({"customer": "cus_none", "items": [{"price": "p"}]})
    with refused(400, code="resource_missing", param="items[0][price]"):
        stripe_client.v1.subscriptions.create({"customer": customer.id, "items": [{"price": "p"}]})


def test_keys_of_the_callers_own_are_no_references(stripe_client: stripe.StripeClient) -> None:
    made = stripe_client.v1.customers.create(
        {"metadata": {"subscription": "ours", "customer": "7"}}
    )

    assert made.to_dict()["metadata"] == {"subscription": "ours", "customer": "7"}


def test_a_default_payment_method_must_be_attached_to_the_customer(
    stripe_client: stripe.StripeClient,
) -> None:
    mine, other = (stripe_client.v1.customers.create({}) for _ in range(2))
    card = stripe_client.v1.payment_methods.attach("pm_card_visa", {"customer": other.id})
    settings: Any = {"invoice_settings": {"default_payment_method": card.id}}

    with refused(400, code="resource_missing"):
        stripe_client.v1.customers.update(mine.id, settings)
    assert stripe_client.v1.customers.update(other.id, settings).id == other.id


def test_a_refused_change_leaves_the_object_as_it_was(stripe_client: stripe.StripeClient) -> None:
    customer = stripe_client.v1.customers.create({"metadata": {f"k{n}": "v" for n in range(50)}})

    with refused(400, param="metadata"):
        stripe_client.v1.customers.update(customer.id, {"name": "New", "metadata": {"more": "v"}})

    found = stripe_client.v1.customers.retrieve(customer.id)
    assert found.name is None
    assert found.to_dict() == customer.to_dict()


def test_another_api_version_is_refused(stripe_server: ContractServer) -> None:
    client = client_of(stripe_server, stripe_version="2020-08-27")
    with refused(400):
        client.v1.customers.create({})


def test_the_accounts_default_version_is_refused_too(stripe_server: ContractServer) -> None:
    status, answer, _ = call(
        stripe_server, "GET", "/v1/customers", Authorization="Bearer sk_test_x"
    )

    assert status == 400
    assert "Stripe-Version" in answer["error"]["message"]


@pytest.mark.parametrize("key", ["pk_test_1", "secret", "sk_prod_1"])
def test_a_key_that_is_no_secret_key_is_refused(stripe_server: ContractServer, key: str) -> None:
    with refused(401, code="api_key_invalid"):
        client_of(stripe_server, key).v1.customers.create({})


def test_an_unknown_path_and_an_unknown_verb_are_a_404(stripe_server: ContractServer) -> None:
    version = stripe_server.contract.version
    for method, path in (
        ("GET", "/v1/customer"),
        ("PUT", "/v1/customers"),
        ("GET", "/v1/customers/"),
    ):
        status, answer, _ = call(
            stripe_server, method, path, Authorization="Bearer sk_test_x", Stripe_Version=version
        )
        assert (status, answer["error"]["type"]) == (404, "invalid_request_error")


@pytest.mark.parametrize(
    ("body", "sent_as", "message"),
    [
        (b'{"email": "ada@example.com"}', "application/json", "content type"),
        (b"metadata[a=1", FORM, "parameter name"),
        (b"name=a&name=b", FORM, "sent twice"),
        (b"metadata=1&metadata[a]=1", FORM, "both a value and a hash"),
    ],
)
def test_a_body_that_is_no_proper_form_is_refused(
    stripe_server: ContractServer, body: bytes, sent_as: str, message: str
) -> None:
    status, answer, headers = call(
        stripe_server,
        "POST",
        "/v1/customers",
        body,
        Authorization="Bearer sk_test_x",
        Stripe_Version=stripe_server.contract.version,
        Content_Type=sent_as,
    )
    assert status == 400
    assert message in answer["error"]["message"]
    assert headers["Stripe-Should-Retry"] == "false"


def test_requests_are_logged_with_what_they_asked_and_got(
    stripe_server: ContractServer, stripe_client: stripe.StripeClient
) -> None:
    customer = stripe_client.v1.customers.create(
        {"name": "Ada"}, {"idempotency_key": "key-1", "stripe_account": "acct_1"}
    )

    [request] = stripe_server.requests
    assert (request.method, request.path, request.status) == ("POST", "/v1/customers", 200)
    assert request.operation == "post /v1/customers"
    assert request.params == {"name": "Ada"}
    assert (request.idempotency_key, request.account) == ("key-1", "acct_1")
    assert request.returned == ("customer", customer.id)
    assert stripe_server.requests_to("post", "/v1/customers") == [request]
    assert stripe_server.requests_to("post", "/v1/custom") == []
