"""Usage at Stripe: each fault of the line or the API, and that it's counted once all the same."""

from __future__ import annotations

import datetime
import typing as t

import pytest
import sqlalchemy as sa

from flask_accrue import billing, clock, models
from flask_accrue.clock import to_unix
from flask_accrue.jobs import run_periodic
from flask_accrue.processors.stripe import StripeProcessor
from flask_accrue.state import current_state
from tests.host import Organization, running_host

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.oracles.stripe_server import ContractServer
    from tests.processors.stripe.stripe_bodies import Json

PATH = "/v1/billing/meter_events"
LEDGER_KEY = "a:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU="


@pytest.fixture
def org(database_url: str, stripe_server: ContractServer) -> Iterator[Organization]:
    """Give a customer of a host that bills with Stripe and gives up at the first failure."""
    options: dict[str, t.Any] = {
        "ACCRUE_PROCESSOR": "stripe",
        "ACCRUE_STRIPE_SECRET_KEY": "sk_test_oracle",
        "ACCRUE_STRIPE_API_BASE": stripe_server.url,
        "ACCRUE_LEDGER_KEYS": [LEDGER_KEY],
    }
    with running_host(database_url, **options) as (app, db, _), app.app_context():
        organization = Organization(name="Acme", email="billing@acme.example")
        db.session.add(organization)
        db.session.commit()
        billing.customer(organization)
        stripe = StripeProcessor(
            "sk_test_oracle", api_base=stripe_server.url, retries=0, timeout=1.0
        )
        t.cast("dict[str, t.Any]", current_state().processors)["stripe"] = stripe
        yield organization


def strike(server: ContractServer, **fault: t.Any) -> None:
    server.queue_fault({"method": "POST", "path": f"^{PATH}$", **fault})


def said(message: str) -> Json:
    return {"error": {"type": "invalid_request_error", "message": message}}


def make_due() -> None:
    """Do what the time would that a failed try has to wait."""
    session = current_state().db.session
    session.execute(sa.update(models.MeterEvent).values(next_attempt_at=clock.now()))
    session.commit()


def the_row() -> models.MeterEvent:
    session = current_state().db.session
    session.rollback()
    return session.scalars(sa.select(models.MeterEvent)).one()


def test_the_identifier_goes_in_the_body_and_is_the_idempotency_key(
    org: Organization, stripe_server: ContractServer
) -> None:
    moment = clock.now() - datetime.timedelta(days=3)
    row = billing.report_usage(org, "api_calls", 25, identifier="batch:1", timestamp=moment)

    assert row.is_reported
    [request] = stripe_server.requests_to("POST", PATH)
    assert request.idempotency_key == "batch:1"
    assert request.params == {
        "event_name": "api_calls",
        "payload": {
            "stripe_customer_id": billing.customer(org).processor_id,
            "value": "25",
        },
        "identifier": "batch:1",
        "timestamp": to_unix(moment),
    }


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 401},
        {"status": 409},
        {"status": 429},
        {"status": 500},
        {"status": 500, "acts": True},
        {"status": 502, "body": "<html>Bad gateway</html>"},
        {"delay": 1.5, "status": 500},
        {"delay": 1.5, "acts": True},
        {"reset": True},
        {"reset": True, "acts": True},
    ],
)
def test_what_failed_is_sent_again_with_the_same_key_and_body(
    org: Organization, stripe_server: ContractServer, fault: dict[str, t.Any]
) -> None:
    strike(stripe_server, **fault)
    row = billing.report_usage(org, "api_calls", identifier="a")
    assert row.is_waiting
    assert row.last_error
    assert "sk_test" not in row.last_error
    make_due()
    assert run_periodic("report_usage") == 1

    assert the_row().is_reported
    first, again = stripe_server.requests_to("POST", PATH)
    assert (first.idempotency_key, first.params) == (again.idempotency_key, again.params)


@pytest.mark.parametrize("status", [400, 404])
def test_what_stripe_refuses_is_given_up_with_its_words(
    org: Organization, stripe_server: ContractServer, status: int
) -> None:
    strike(stripe_server, status=status, body=said("No active meter found for sk_test_oracle."))
    row = billing.report_usage(org, "api_calls", identifier="a")

    assert row.is_failed
    assert row.last_error == "InvalidRequest: No active meter found for [removed]"
    make_due()
    assert run_periodic("report_usage") == 0


def test_an_identifier_that_stripe_has_was_reported(
    org: Organization, stripe_server: ContractServer
) -> None:
    body = said("An event already exists with identifier a.")
    strike(stripe_server, status=400, body=body)

    assert billing.report_usage(org, "api_calls", identifier="a").is_reported
