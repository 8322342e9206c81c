"""Build, sign and deliver Stripe webhook events without the SDK: late, repeated or badly signed.

    python -m tests.oracles.webhook_sender --url http://127.0.0.1:5000/accrue/webhooks/stripe \\
        --secret whsec_x --type invoice.paid --object @invoice.json --age 301 --repeat 2
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from tests.oracles.stripe_contract import installed_contract

Json = dict[str, Any]


def webhook_event(
    kind: str,
    obj: Json,
    *,
    api_version: str,
    created: int | None = None,
    event_id: str | None = None,
    account: str | None = None,
    previous: Json | None = None,
    livemode: bool = False,
) -> Json:
    """Return the event that Stripe would send about an object.

    :param kind: its type, such as ``invoice.paid``.
    :param created: seconds since the epoch; now by default.
    :param previous: for an update, the changed fields with their former values.
    """
    data: Json = {"object": obj}
    if previous is not None:
        data["previous_attributes"] = previous
    event: Json = {
        "id": event_id or "evt_" + uuid.uuid4().hex[:24],
        "object": "event",
        "api_version": api_version,
        "created": int(time.time()) if created is None else created,
        "data": data,
        "livemode": livemode,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }
    if account:
        event["account"] = account
    return event


def body_of(event: Json) -> bytes:
    """Return an event as the bytes that are signed and sent."""
    return json.dumps(event, indent=2).encode()


def signed(payload: bytes, secret: str, at: float) -> str:
    """Return the ``Stripe-Signature`` of a payload, signed at a time in seconds since the epoch.

    Like Stripe's in test mode it also has a signature of the worthless scheme ``v0``.
    """
    moment = int(at)
    digest = hmac.new(secret.encode(), b"%d." % moment + payload, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest},v0={'0' * 64}"


def deliver(url: str, payload: bytes, signature: str) -> tuple[int, str]:
    """Post a payload to an endpoint as Stripe does; return the status and the body answered."""
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": signature,
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    }
    request = urllib.request.Request(url, payload, headers, method="POST")  # noqa: S310 - a test's own URL
    try:
        with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
            return response.status, response.read().decode(errors="replace")
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode(errors="replace")


def sample_for(kind: str) -> Json:
    """Return a sample of the object that events of a type carry."""
    subject = kind.rpartition(".")[0]
    contract = installed_contract()
    named = subject if subject in contract.schemas else subject.rpartition(".")[2]
    return contract.sample(named)


def main() -> None:
    """Send one event, once or repeatedly."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    for flag in ("--url", "--secret", "--type"):
        parser.add_argument(flag, required=True)
    parser.add_argument("--object", help="JSON, or @file; by default a sample of the type's object")
    parser.add_argument("--api-version", default=None)
    parser.add_argument("--age", type=int, default=0, help="seconds since it was signed")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--bad-signature", action="store_true")
    parser.add_argument("--created", type=int)
    parser.add_argument("--event-id")
    parser.add_argument("--account")
    given = parser.parse_args()
    text = given.object or ""
    text = Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text
    event = webhook_event(
        given.type,
        json.loads(text) if text else sample_for(given.type),
        api_version=given.api_version or installed_contract().version,
        created=given.created,
        event_id=given.event_id,
        account=given.account,
    )
    payload = body_of(event)
    secret = given.secret + ("x" if given.bad_signature else "")
    for _ in range(given.repeat):
        status, answer = deliver(
            given.url, payload, signed(payload, secret, time.time() - given.age)
        )
        sys.stdout.write(f"{status} {answer}\n")


if __name__ == "__main__":
    main()
