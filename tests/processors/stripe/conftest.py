"""A Stripe processor whose API is the contract server."""

from __future__ import annotations

import typing as t

import pytest

from flask_accrue.processors.stripe import StripeProcessor
from tests.processors.stripe.situations import prime_world

if t.TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer


@pytest.fixture
def processor(stripe_server: ContractServer) -> StripeProcessor:
    """Return a processor that gives up at the first failure, so that no test waits."""
    return StripeProcessor("sk_test_oracle", api_base=stripe_server.url, timeout=5.0, retries=0)


@pytest.fixture
def patient(stripe_server: ContractServer) -> StripeProcessor:
    """Return a processor that tries again at once."""
    return StripeProcessor(
        "sk_test_oracle", api_base=stripe_server.url, timeout=5.0, retries=2, retry_delay=0.0
    )


@pytest.fixture
def world(stripe_server: ContractServer) -> ContractServer:
    """Give the server with a customer, a card, a subscription and what it was billed."""
    prime_world(stripe_server)
    return stripe_server
