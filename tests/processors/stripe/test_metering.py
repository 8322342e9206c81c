"""Usage at Stripe: each fault of the line or the API, and that it's counted once all the same."""

from __future__ import annotations

import datetime
import json
import time
import typing as t

import pytest
import sqlalchemy as sa
from flask import current_app

from flask_accrue import billing, clock, connect, ledger, metering, models, signals
from flask_accrue.clock import to_unix
from flask_accrue.jobs import run_periodic
from flask_accrue.origins import Actor
from flask_accrue.processors.signing import sign
from flask_accrue.processors.stripe import StripeProcessor
from flask_accrue.processors.stripe.metering import read_error_report
from flask_accrue.state import current_state
from tests.host import Organization, running_host
from tests.oracles.stripe_contract import installed_contract
from tests.processors.stripe.test_sdk_contract import Watched, asked_in_vain

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.oracles.stripe_server import ContractServer
    from tests.processors.stripe.stripe_bodies import Json

SECRET = "whsec_of_tests"
ERROR_REPORT = "v1.billing.meter.error_report_triggered"
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
        "ACCRUE_WEBHOOK_SECRETS": {"stripe": [SECRET]},
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


def keys(server: ContractServer) -> list[str]:
    """Return the idempotency keys of all reports, the first one first."""
    return [str(request.idempotency_key) for request in server.requests_to("POST", PATH)]


def identifiers(server: ContractServer) -> list[str]:
    return [request.params["identifier"] for request in server.requests_to("POST", PATH)]


def test_the_identifier_goes_in_the_body_and_the_key_is_the_rows(
    org: Organization, stripe_server: ContractServer
) -> None:
    moment = clock.now() - datetime.timedelta(days=3)
    row = billing.report_usage(org, "api_calls", 25, identifier="batch:1", timestamp=moment)

    assert row.is_reported
    [request] = stripe_server.requests_to("POST", PATH)
    # Another operation's id may be the same, and keys are shared by all requests.
    assert request.idempotency_key == f"usage:{row.id}:0"
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


# -- what Stripe refuses later ---------------------------------------------------------------------


def report_of(**refused: str) -> Json:
    """Return an error report as the API's second version tells it, of keys and what is wrong with them."""
    samples = [
        {"error_message": message, "request": {"identifier": key}}
        for key, message in refused.items()
    ]
    kind = {"code": "no_meter", "error_count": len(samples), "sample_errors": samples}
    reason = {"error_count": len(samples), "error_types": [kind]}
    return {
        "id": "evt_report",
        "object": "v2.core.event",
        "type": ERROR_REPORT,
        "created": "2026-01-31T10:15:30.250Z",
        "livemode": False,
        "data": {"developer_message_summary": "There are errors.", "reason": reason},
    }


def test_the_sdk_knows_every_field_of_a_report_that_is_read() -> None:
    contract, body = (
        installed_contract(),
        Watched(report_of(refused="There is no meter api_calls.")),
    )

    assert len(read_error_report(body)) == 1
    assert asked_in_vain(body, contract.schemas[ERROR_REPORT], contract, "report") == set()
    assert body.asked == {"data"}


def hear_of(server: ContractServer, report: Json, account: str | None = None) -> None:
    """Let Stripe send the report's event, which shows none of it until it's asked for."""
    server.prime(report, account)
    shown = {name: value for name, value in report.items() if name != "data"}
    payload = json.dumps(shown).encode()
    with current_app.test_client() as client:
        headers = {"Stripe-Signature": sign(payload, SECRET, int(time.time()))}
        answer = client.post("/accrue/webhooks/stripe", data=payload, headers=headers)
        # What came in is worked on once the response is out.
        answer.close()
    assert answer.status_code == 200
    current_state().db.session.rollback()
    current_state().db.session.expire_all()


def test_usage_that_stripe_cant_count_after_all_is_given_up_and_can_be_retried(
    org: Organization, stripe_server: ContractServer
) -> None:
    told: list[str] = []

    def note(state: t.Any, event: models.MeterEvent) -> None:
        told.append(event.identifier)

    signals.usage_report_failed.connect(note)
    counted = billing.report_usage(org, "api_calls", identifier="counted")
    row = billing.report_usage(org, "api_calls", 7, identifier="refused")

    _, key = keys(stripe_server)
    elsewhere = {"usage:0": "Not ours.", "usage:" + "0" * 32 + ":0": "Nor this."}
    report = report_of(**{key: "There is no meter api_calls."}, **elsewhere)
    hear_of(stripe_server, report)

    assert (row.is_failed, row.last_error) == (True, "There is no meter api_calls.")
    assert counted.is_reported
    assert told == ["refused"]
    [entry] = current_state().db.session.scalars(
        sa.select(models.LedgerEntry).filter_by(type="usage.refused")
    )
    assert entry.data == {"identifiers": ["refused"]}

    assert metering.retry([row.id], Actor("system", "test")) == 1
    metering.work_on_due()

    current_state().db.session.expire_all()
    assert row.is_reported
    # Under the old name Stripe would take it for counted.
    assert identifiers(stripe_server) == ["counted", "refused", f"usage:{row.id}:1"]
    assert keys(stripe_server)[-1] == f"usage:{row.id}:1"
    assert ledger.verify().is_intact


def retry(row: models.MeterEvent) -> None:
    metering.retry([row.id], Actor("system", "test"))
    metering.work_on_due()
    current_state().db.session.expire_all()


@pytest.mark.parametrize(
    "identifier", ["batch 17", "Stück:17", "x" * 100], ids=["space", "umlaut", "longest"]
)
@pytest.mark.parametrize("named", [keys, identifiers])
def test_usage_of_any_identifier_is_found_when_its_refused_however_often(
    org: Organization,
    stripe_server: ContractServer,
    identifier: str,
    named: t.Callable[[ContractServer], list[str]],
) -> None:
    row = billing.report_usage(org, "api_calls", 7, identifier=identifier)
    assert identifiers(stripe_server) == [identifier]

    for number in range(1, 3):
        report = report_of(**{named(stripe_server)[-1]: "There is no meter api_calls."})
        hear_of(stripe_server, {**report, "id": f"evt_report{number}"})
        assert (row.is_failed, row.refusals) == (True, number)
        retry(row)
        assert row.is_reported, row.last_error

    assert len({*keys(stripe_server)}) == len({*identifiers(stripe_server)}) == 3


@pytest.mark.only("sqlite")
def test_usage_that_is_sent_again_isnt_taken_for_any_other(
    org: Organization, stripe_server: ContractServer
) -> None:
    row = billing.report_usage(org, "api_calls", 7, identifier="a")
    other = billing.report_usage(org, "api_calls", 5, identifier="a:1")
    hear_of(stripe_server, report_of(**{keys(stripe_server)[0]: "There is no meter api_calls."}))
    assert other.is_reported

    retry(row)

    assert (row.is_reported, row.last_error) == (True, None)
    assert len({*keys(stripe_server)}) == len({*identifiers(stripe_server)}) == 3


@pytest.mark.only("sqlite")
def test_an_operation_may_have_the_id_of_usage(
    org: Organization, stripe_server: ContractServer
) -> None:
    billing.update_customer(org, name="Acme & Co", operation_id="order-1")

    assert billing.report_usage(org, "api_calls", identifier="order-1").is_reported


def test_what_an_accounts_report_names_isnt_the_platforms(
    org: Organization, stripe_server: ContractServer
) -> None:
    account = connect.create_account(type="express").processor_id
    ours = billing.report_usage(org, "api_calls", 7, identifier="a")
    with connect.account(account):
        billing.customer(org)
        theirs = billing.report_usage(org, "api_calls", 7, identifier="b")
    report = report_of(a="There is no meter api_calls.", b="There is no meter api_calls.")

    hear_of(stripe_server, {**report, "context": account}, account)
    assert (ours.is_reported, theirs.is_failed) == (True, True)

    retry(theirs)
    key = keys(stripe_server)[-1]
    report = report_of(**{"a": "Refused.", key: "Refused."})
    hear_of(stripe_server, {**report, "id": "evt_report2"})
    assert (ours.is_failed, theirs.is_reported) == (True, True)


def test_a_report_that_comes_again_leaves_alone_what_was_sent_since(
    org: Organization, stripe_server: ContractServer
) -> None:
    row = billing.report_usage(org, "api_calls", identifier="refused")
    hear_of(stripe_server, report_of(refused="There is no meter api_calls."))
    metering.retry([row.id], Actor("system", "test"))
    metering.work_on_due()

    again = report_of(refused="There is no meter api_calls.")
    hear_of(stripe_server, {**again, "id": "evt_report2"})

    assert row.is_reported


def test_a_report_that_cant_be_fetched_is_tried_again(
    org: Organization, stripe_server: ContractServer
) -> None:
    billing.report_usage(org, "api_calls", identifier="refused")
    stripe_server.queue_answer(500, path="^/v2/core/events/")

    hear_of(stripe_server, report_of(refused="There is no meter api_calls."))

    [event] = current_state().db.session.scalars(sa.select(models.WebhookEvent))
    assert event.state == "failed"
    assert event.next_attempt_at > event.received_at
