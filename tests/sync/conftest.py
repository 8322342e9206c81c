from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.host import running_host
from tests.sync.account import Account
from tests.webhooks.endpoint import STRIPE_CONFIG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.oracles.stripe_server import ContractServer


@pytest.fixture
def account(database_url: str, stripe_server: ContractServer) -> Iterator[Account]:
    """Give a host with Stripe, in an app context; its account is empty."""
    config = {
        **STRIPE_CONFIG,
        "ACCRUE_PROCESSOR": "stripe",
        "ACCRUE_STRIPE_API_BASE": stripe_server.url,
    }
    with running_host(database_url, **config) as (app, db, accrue), app.app_context():
        yield Account(app, db, accrue, stripe_server)
