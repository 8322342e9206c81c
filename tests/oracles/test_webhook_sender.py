from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import pytest
import stripe

from tests.oracles import webhook_sender
from tests.oracles.http_listener import HttpListener, QuietHandler
from tests.oracles.webhook_sender import body_of, deliver, sample_for, signed, webhook_event

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "whsec_test"
Delivered = tuple[bytes, str]


class Endpoint(QuietHandler):
    """Keep what is posted; refuse what Stripe's own SDK refuses."""

    server: HttpListener[list[Delivered]]

    def do_POST(self) -> None:  # noqa: N802 - the name that http.server calls
        payload, signature = self.read_body(), self.headers["Stripe-Signature"]
        self.server.service.append((payload, signature))
        try:
            stripe.Webhook.construct_event(payload, signature, SECRET)
        except stripe.SignatureVerificationError:
            self.write(400, b"refused", {})
        else:
            self.write(200, b"accepted", {})


@pytest.fixture
def endpoint() -> Iterator[HttpListener[list[Delivered]]]:
    listener: HttpListener[list[Delivered]] = HttpListener(0, Endpoint, [])
    yield listener
    listener.close()


def event() -> bytes:
    return body_of(webhook_event("customer.created", {"id": "cus_1"}, api_version="2020-03-02"))


def test_the_sdk_accepts_what_is_signed_and_refuses_what_is_not(
    endpoint: HttpListener[list[Delivered]],
) -> None:
    payload, now = event(), time.time()

    assert deliver(endpoint.url, payload, signed(payload, SECRET, now)) == (200, "accepted")
    for signature in (
        signed(payload, "whsec_other", now),
        signed(payload + b" ", SECRET, now),
        signed(payload, SECRET, now - 301),
        "t=,v1=",
    ):
        assert deliver(endpoint.url, payload, signature) == (400, "refused")


def test_a_signature_has_the_documented_form() -> None:
    header = signed(b"{}", SECRET, 1_492_774_577.9)

    moment, good, worthless = header.split(",")
    assert moment == "t=1492774577"
    # printf '1492774577.{}' | openssl dgst -sha256 -hmac whsec_test
    assert good == "v1=0d0602f6611bd2252dd4b74b58a4528355a7380639a15e6cc21e3059d56d5b8b"
    assert worthless.startswith("v0=")


def test_an_event_carries_what_it_is_given() -> None:
    made = webhook_event(
        "invoice.paid",
        {"id": "in_1"},
        api_version="2020-03-02",
        created=0,
        event_id="evt_1",
        account="acct_1",
        previous={"status": "open"},
    )

    assert (made["id"], made["created"], made["account"]) == ("evt_1", 0, "acct_1")
    assert made["data"] == {"object": {"id": "in_1"}, "previous_attributes": {"status": "open"}}


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("invoice.paid", "invoice"),
        ("customer.subscription.updated", "subscription"),
        ("checkout.session.completed", "checkout.session"),
        ("charge.dispute.created", "dispute"),
    ],
)
def test_an_event_without_an_object_is_about_a_sample(kind: str, subject: str) -> None:
    assert sample_for(kind)["object"] == subject


def test_the_command_repeats_ages_and_spoils(
    endpoint: HttpListener[list[Delivered]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def send(*more: str) -> str:
        arguments = ["--url", endpoint.url, "--secret", SECRET, "--type", "customer.created"]
        monkeypatch.setattr(sys, "argv", ["webhook_sender", *arguments, *more])
        webhook_sender.main()
        return capsys.readouterr().out

    obj = json.dumps({"id": "cus_1", "object": "customer"})
    assert send("--object", obj, "--repeat", "2") == "200 accepted\n" * 2
    assert send("--age", "301") == "400 refused\n"
    assert send("--bad-signature") == "400 refused\n"
    first, second, *_ = endpoint.service
    assert first[0] == second[0]
