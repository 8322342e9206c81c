"""``flask accrue webhooks types``: what an endpoint has to be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flask_accrue.processors.stripe import event_types
from tests.host import create_host
from tests.processors.stripe.stripe_host import LEDGER_KEY

if TYPE_CHECKING:
    from flask import Flask

    from tests.cli.conftest import Run


@pytest.fixture
def app() -> Flask:
    """Give a host that bills with Stripe; its database is never asked."""
    app, _, _ = create_host(
        "sqlite://",
        ACCRUE_PROCESSOR="stripe",
        ACCRUE_STRIPE_SECRET_KEY="sk_test_oracle",
        ACCRUE_LEDGER_KEYS=[LEDGER_KEY],
    )
    return app


def test_the_types_are_printed_a_line_each(run: Run) -> None:
    assert run("webhooks", "types").output.splitlines() == list(event_types.ACCOUNT)
    assert run("webhooks", "types", "stripe/connect").output.splitlines() == list(
        event_types.CONNECT
    )


def test_an_endpoint_without_a_list_is_refused(run: Run) -> None:
    said = run("webhooks", "types", "paypal", exit_code=1).output
    assert "'paypal'" in said
    assert "stripe, stripe/connect" in said
