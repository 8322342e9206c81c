"""What is measured: the floor, and ours. Both are served by gunicorn and configured by the environment.

The floor is the least that a careful view can do: verify the HMAC, parse the JSON, insert the same row
through SQLAlchemy Core, commit.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
import os
import time
import uuid

import sqlalchemy as sa
from flask import Flask, Response, abort, request

from flask_accrue import models
from flask_accrue.clock import from_unix, real_now
from tests.host import create_host

SECRET = "whsec_of_the_benchmark"
LEDGER_KEY = "bench:" + "QUFB" * 11


def floor() -> Flask:
    """Build the floor."""
    app = Flask("floor")
    engine = sa.create_engine(os.environ["BENCH_DATABASE"])
    table = models.WebhookEvent.__table__
    insert = sa.insert(table)

    @app.post("/hook")
    def hook() -> Response:
        payload = request.get_data()
        parts = dict(part.split("=", 1) for part in request.headers["Stripe-Signature"].split(","))
        signed = parts["t"].encode() + b"." + payload
        expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, parts["v1"]) or time.time() - int(parts["t"]) > 300:
            abort(400)
        event = json.loads(payload)
        now = real_now()
        with engine.begin() as connection:
            connection.execute(
                insert,
                {
                    "id": uuid.uuid4(),
                    "created_at": now,
                    "updated_at": now,
                    "received_at": now,
                    "processor": "floor",
                    "endpoint": "",
                    "processor_id": event["id"],
                    "type": event["type"],
                    "account": None,
                    "livemode": event["livemode"],
                    "api_version": event["api_version"],
                    "occurred_at": from_unix(event["created"]),
                    "payload": payload.decode(),
                    "state": "pending",
                    "attempts": 0,
                    # Not before all is over, so that no worker takes it for an event of its own.
                    "next_attempt_at": now + datetime.timedelta(days=365),
                },
            )
        return Response(status=200)

    return app


def ours() -> Flask:
    """Build a host whose processor is Stripe; nothing of it is called."""
    config = {
        "ACCRUE_PROCESSOR": "stripe",
        "ACCRUE_STRIPE_SECRET_KEY": "sk_test_bench",
        "ACCRUE_STRIPE_API_BASE": "http://127.0.0.1:9",
        "ACCRUE_WEBHOOK_SECRETS": {"stripe": [SECRET]},
        "ACCRUE_LEDGER_KEYS": [LEDGER_KEY],
    }
    if redis := os.environ.get("BENCH_REDIS"):
        config["ACCRUE_REDIS_URL"] = redis
    app, _, _ = create_host(os.environ["BENCH_DATABASE"], **config)
    return app
