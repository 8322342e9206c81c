"""What of a body may be kept: all of it but what lets somebody act in the customer's name."""

from __future__ import annotations

import json

import pytest

from flask_accrue.processors.stripe import StripeProcessor

STRIPE = StripeProcessor(None)


def test_a_client_secret_is_taken_out_and_the_rest_is_kept() -> None:
    intent = {"id": "pi_1", "object": "payment_intent", "client_secret": "pi_1_secret_ABC", "a": 1}
    event = {"id": "evt_1", "object": "event", "data": {"object": intent}}
    kept = STRIPE.storable(json.dumps(event))
    assert "secret_ABC" not in kept
    assert json.loads(kept)["data"]["object"] == {"id": "pi_1", "object": "payment_intent", "a": 1}


@pytest.mark.parametrize(
    "kind",
    ["billing_portal.session", "account_link", "login_link", "identity.verification_session"],
)
def test_a_link_that_lets_in_whoever_has_it_is_taken_out(kind: str) -> None:
    made = {"object": kind, "url": "https://billing.stripe.com/p/session/live_x", "created": 5}
    event = {"id": "evt_1", "object": "event", "url": "kept", "data": {"object": made}}
    kept = json.loads(STRIPE.storable(json.dumps(event)))
    assert kept["data"]["object"] == {"object": kind, "created": 5}
    assert kept["url"] == "kept"


def test_a_body_without_a_secret_stays_as_it_came() -> None:
    body = '{ "id" : "evt_1",\n "object":"event" }'
    assert STRIPE.storable(body) == body
