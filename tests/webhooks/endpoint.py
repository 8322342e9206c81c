"""The endpoint for Stripe's events of a host, as Stripe sees it, and what it has stored."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from flask_accrue import models
from flask_accrue.processors.signing import sign

if TYPE_CHECKING:
    from flask import Flask
    from flask_sqlalchemy import SQLAlchemy

STRIPE = "/accrue/webhooks/stripe"
STRIPE_CONFIG = {
    "ACCRUE_STRIPE_SECRET_KEY": "sk_test_x",
    "ACCRUE_WEBHOOK_SECRETS": {"stripe": ["whsec_new", "whsec_old"], "stripe/connect": ["whsec_c"]},
    "ACCRUE_LEDGER_KEYS": ["k1:c2l4dGVlbiBieXRlcyBvciBtb3JlLCBhcyBrZXlzIGFyZQ=="],
}


class Endpoint:
    """The endpoint, from outside."""

    def __init__(self, app: Flask, db: SQLAlchemy) -> None:
        self.app, self.db = app, db

    def post(
        self,
        body: bytes | dict[str, Any],
        *,
        secret: str = "whsec_new",  # noqa: S107 - of these tests
        age: int = 0,
        path: str = STRIPE,
        **headers: str,
    ) -> Any:
        """Post a body, signed unless a header is given."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        signature = sign(payload, secret, int(time.time()) - age)
        with self.app.test_client() as client:
            answer = client.post(
                path, data=payload, headers={"Stripe-Signature": signature, **headers}
            )
            answer.close()
        return answer

    def stored(self) -> list[models.WebhookEvent]:
        """Return the events, oldest first."""
        self.db.session.rollback()
        self.db.session.expire_all()
        events = models.WebhookEvent
        return list(self.db.session.scalars(sa.select(events).order_by(events.received_at)))

    def find(self, model: Any, processor_id: str) -> Any:
        """Return a mirrored row by Stripe's id, or ``None``."""
        self.db.session.rollback()
        self.db.session.expire_all()
        return self.db.session.scalars(
            sa.select(model).where(model.processor_id == processor_id)
        ).one_or_none()
