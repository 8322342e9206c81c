"""The SDK's log: no client secret and no link that lets in whoever has it, however much is logged."""

from __future__ import annotations

import logging
import typing as t

import pytest

from flask_accrue import Money, billing, connect, errors, models
from flask_accrue.processors.stripe import StripeProcessor
from tests.processors.stripe.stripe_host import org, payer

if t.TYPE_CHECKING:
    from tests.host import Organization
    from tests.oracles.stripe_server import ContractServer

__all__ = ["org", "payer"]


@pytest.mark.only("sqlite")
def test_nothing_secret_is_logged_and_what_was_asked_is(
    payer: models.Customer, org: Organization, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    setup = billing.create_setup_intent(org)
    payment = billing.create_payment_intent(org, Money(500, "usd"), confirm=False)
    account = connect.create_account(type="express")
    target = "https://host.example/"
    secrets = [
        setup.client_secret,
        payment.client_secret,
        billing.client_secret(payment),
        billing.create_billing_portal_session(org, target, mounted=False).url,
        billing.create_checkout_session(org, "price_pro", success_url=target).url,
        connect.account_link(account, return_url=target, refresh_url=target).url,
    ]

    assert all(secrets)
    for secret in secrets:
        assert str(secret) not in caplog.text
    assert "billing@acme.example" not in caplog.text
    assert "sk_test_oracle" not in caplog.text
    assert "/v1/setup_intents" in caplog.text
    assert "response_code=200" in caplog.text
    assert "/logs/req_" in caplog.text
    assert "Left out by Flask-Accrue" in caplog.text


def test_a_refusal_is_logged_without_what_it_quotes(
    processor: StripeProcessor, stripe_server: ContractServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    said = "No such payment: pi_1_secret_2, asked with whsec_3."
    body = {"error": {"type": "invalid_request_error", "message": said}}
    stripe_server.queue_answer(400, body)

    with pytest.raises(errors.InvalidRequest):
        processor.fetch("customer", "cus_1")

    assert "No such payment: [removed], asked with [removed]" in caplog.text
    assert "secret_2" not in caplog.text


def test_the_log_is_looked_through_once_for_all_apps(processor: StripeProcessor) -> None:
    before = list(logging.getLogger("stripe").filters)
    StripeProcessor("sk_test_another")
    assert len(before) == 1
    assert logging.getLogger("stripe").filters == before
