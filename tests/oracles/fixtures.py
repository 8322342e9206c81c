"""Fixtures around the oracles: ``pytest_plugins = ["tests.oracles.fixtures"]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.oracles.braintree_server import (
    MERCHANT,
    PRIVATE_KEY,
    PUBLIC_KEY,
    BraintreeServer,
    start_braintree_server,
)
from tests.oracles.stripe_server import ContractServer, start_contract_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    import braintree
    import stripe


@pytest.fixture
def stripe_server() -> Iterator[ContractServer]:
    """Run a strict contract server of the test's own."""
    with start_contract_server() as server:
        yield server


@pytest.fixture
def stripe_client(stripe_server: ContractServer) -> stripe.StripeClient:
    """Return the real SDK's client, made for the contract server, without retries."""
    import stripe  # takes a fifth of a second, which tests without it needn't wait

    return stripe.StripeClient(
        "sk_test_oracle", base_addresses={"api": stripe_server.url}, max_network_retries=0
    )


@pytest.fixture
def braintree_server() -> Iterator[BraintreeServer]:
    """Run a Braintree gateway of the test's own."""
    with start_braintree_server() as server:
        yield server


@pytest.fixture
def braintree_gateway(
    braintree_server: BraintreeServer, monkeypatch: pytest.MonkeyPatch
) -> braintree.BraintreeGateway:
    """Return the real SDK's gateway, made for the server."""
    import braintree

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    url, port = braintree_server.url, braintree_server.port
    environment = braintree.Environment("local", "127.0.0.1", port, url, False, None)
    configuration = braintree.Configuration(environment, MERCHANT, PUBLIC_KEY, PRIVATE_KEY)
    return braintree.BraintreeGateway(configuration)
