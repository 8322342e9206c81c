"""When an app has Stripe, and what it's made of."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import typing as t

import flask
import pytest
from flask_sqlalchemy import SQLAlchemy

from flask_accrue import Accrue
from flask_accrue.errors import ProcessorUnavailable, SignatureError
from flask_accrue.processors import Processor
from flask_accrue.processors.signing import sign
from flask_accrue.processors.stripe import StripeProcessor
from tests.processors.stripe.stripe_bodies import at, event_body, sample

if t.TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer


def processors_of(**config: t.Any) -> dict[str, Processor]:
    app = flask.Flask("host")
    app.config.update(
        SECRET_KEY="a secret of the tests",
        SQLALCHEMY_DATABASE_URI="sqlite://",
        TESTING=True,
        ACCRUE_LEDGER_KEYS=["a:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU="],
        **config,
    )
    SQLAlchemy(app)
    Accrue(app)
    processors: dict[str, Processor] = app.extensions["accrue"].processors
    return processors


def test_a_secret_key_sets_stripe_up() -> None:
    stripe = processors_of(ACCRUE_PROCESSOR="stripe", ACCRUE_STRIPE_SECRET_KEY="sk_live_1")

    assert stripe["stripe"].livemode is True


@pytest.mark.parametrize("endpoint", ["stripe", "stripe/connect"])
def test_an_endpoint_s_secret_alone_sets_stripe_up_without_a_mode(endpoint: str) -> None:
    found = processors_of(ACCRUE_WEBHOOK_SECRETS={endpoint: ["whsec_1"]})

    assert isinstance(found["stripe"], StripeProcessor)
    assert found["stripe"].livemode is None


def test_the_time_of_a_call_is_a_setting(stripe_server: ContractServer) -> None:
    stripe = processors_of(
        ACCRUE_STRIPE_SECRET_KEY="sk_test_1",
        ACCRUE_STRIPE_API_BASE=stripe_server.url,
        ACCRUE_STRIPE_TIMEOUT=0.4,
    )["stripe"]

    began = time.monotonic()
    with stripe_server.hold(), pytest.raises(ProcessorUnavailable):
        stripe.fetch("customer", "cus_1")

    assert time.monotonic() - began < 2


def test_without_either_there_is_no_stripe() -> None:
    assert "stripe" not in processors_of(ACCRUE_WEBHOOK_SECRETS={"fake": ["whsec_1"]})


def test_an_app_without_stripe_doesnt_wait_for_its_sdk() -> None:
    look = "import sys, flask_accrue, flask_accrue.extension; sys.exit('stripe' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0


def test_a_webhook_is_verified_by_the_header_that_stripe_sends() -> None:
    payload = json.dumps(event_body(sample("customer"))).encode()
    now, stripe = at(1767225600), StripeProcessor(None)
    header = {"Stripe-Signature": sign(payload, "whsec_new", 1767225600 - 300)}

    stripe.verify_webhook(payload, header, ["whsec_old", "whsec_new"], now)

    for body, headers, secrets in (
        (payload + b" ", header, ["whsec_new"]),
        (payload, header, ["whsec_old"]),
        (payload, header, []),
        (payload, {}, ["whsec_new"]),
    ):
        with pytest.raises(SignatureError):
            stripe.verify_webhook(body, headers, secrets, now)
