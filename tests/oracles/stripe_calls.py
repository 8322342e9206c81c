"""Short ways into the states that the contract server's tests begin with."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
import stripe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.oracles.stripe_server import ContractServer


def client_of(
    server: ContractServer, key: str = "sk_test_oracle", *, retries: int = 0, **options: Any
) -> stripe.StripeClient:
    """Return the real SDK's client for a server."""
    return stripe.StripeClient(
        key, base_addresses={"api": server.url}, max_network_retries=retries, **options
    )


def monthly_price(client: stripe.StripeClient, amount: int = 1900) -> stripe.Price:
    """Create a product with a monthly price."""
    product = client.v1.products.create({"name": "Pro"})
    return client.v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": amount,
            "recurring": {"interval": "month"},
        }
    )


def subscription(client: stripe.StripeClient, **params: Any) -> stripe.Subscription:
    """Subscribe a new customer to a new monthly price."""
    customer = client.v1.customers.create({"email": "ada@example.com"})
    params |= {"customer": customer.id, "items": [{"price": monthly_price(client).id}]}
    wanted: Any = params
    return client.v1.subscriptions.create(wanted)


@contextlib.contextmanager
def refused(status: int, *, code: str | None = None, param: str | None = None) -> Iterator[None]:
    """Expect the API to refuse what the block does."""
    with pytest.raises(stripe.StripeError) as caught:
        yield
    error = caught.value
    body: Any = error.json_body or {}
    said = body.get("error", {})  # the SDK's own .code is not set on each class
    assert (error.http_status, said.get("code")) == (status, code), repr(error)
    if param is not None:
        assert getattr(error, "param", None) == param, repr(error)


def call(
    server: ContractServer, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, Any, dict[str, str]]:
    """Make a request without the SDK; return status, answer and headers."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(server.url + path, data, sent, method=method)  # noqa: S310 - local
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - local
            return response.status, json.load(response), dict(response.headers)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.load(refusal), dict(refusal.headers)
