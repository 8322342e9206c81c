"""A Stripe processor whose API is the contract server."""

from __future__ import annotations

import typing as t

import pytest

from flask_accrue.processors.stripe import StripeProcessor

if t.TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer


@pytest.fixture
def processor(stripe_server: ContractServer) -> StripeProcessor:
    """Return a processor that gives up at the first failure, so that no test waits."""
    return StripeProcessor("sk_test_oracle", api_base=stripe_server.url, timeout=5.0, retries=0)
