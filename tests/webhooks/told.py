"""A host that Stripe tells about its customer, and the objects of that customer."""

from __future__ import annotations

import datetime
import itertools
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import models, webhooks
from tests.host import Organization, create_host
from tests.processors.stripe.stripe_bodies import START, event_body, sample, without
from tests.processors.stripe.stripe_bodies import invoice_payment as sample_payment
from tests.webhooks.endpoint import STRIPE_CONFIG, Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.oracles.stripe_server import ContractServer

Json = dict[str, Any]

LATER = START + 3600


class Told(Endpoint):
    """A host that Stripe tells things, each a second after the last."""

    seconds = itertools.count(LATER)

    def tell(self, type: str, obj: Json, **others: Any) -> models.WebhookEvent:
        """Post an event about an object, and return how it stands afterwards."""
        number = next(self.seconds)
        others = {"created": number, "event_id": f"evt_{number}"} | others
        return self._deliver(event_body(obj, type, **others))

    def refer(self, type: str, obj: Json, *, created: int | None = None) -> models.WebhookEvent:
        """Post a thin event, which names an object without showing it."""
        number = next(self.seconds)
        happened = datetime.datetime.fromtimestamp(created or number, datetime.UTC)
        return self._deliver(thin_body(type, obj, f"evt_{number}", happened))

    def _deliver(self, body: Json) -> models.WebhookEvent:
        assert self.post(body).status_code == 200
        [stored] = [each for each in self.stored() if each.processor_id == body["id"]]
        return stored

    def count(self) -> dict[str, int]:
        """Count the rows of each mirrored kind that has any."""
        self.db.session.rollback()
        found = {
            kind: self.db.session.scalar(sa.select(sa.func.count()).select_from(model))
            for kind, model in models.MIRRORED.items()
        }
        return {kind: count for kind, count in found.items() if count}

    def try_again(self) -> None:
        """Let what failed be due again, and work on it."""
        self.db.session.execute(
            sa.update(models.WebhookEvent).values(
                next_attempt_at=datetime.datetime.now(datetime.UTC)
            )
        )
        self.db.session.commit()
        webhooks.work_on_due()


def thin_body(type: str, obj: Json, event_id: str, happened: datetime.datetime) -> Json:
    """Return a thin event, as the API's second version writes them."""
    return {
        "id": event_id,
        "object": "v2.core.event",
        "type": type,
        "created": happened.isoformat().replace("+00:00", "Z"),
        "livemode": False,
        "context": None,
        "related_object": {"id": obj["id"], "type": obj["object"], "url": f"/v1/{obj['id']}"},
    }


@pytest.fixture
def further_config() -> Json:
    """Give what else the host is configured with; for tests to replace."""
    return {}


@pytest.fixture
def told(database_url: str, stripe_server: ContractServer, further_config: Json) -> Iterator[Told]:
    config = {**STRIPE_CONFIG, "ACCRUE_STRIPE_API_BASE": stripe_server.url, **further_config}
    app, db, _ = create_host(database_url, **config)
    with app.app_context():
        db.session.add(Organization(id=1, name="Acme"))
        db.session.commit()
        yield Told(app, db)
        db.session.remove()
        db.engine.dispose()


def customer(**changes: Any) -> Json:
    """Return a customer of ours."""
    return (
        sample(
            "customer",
            id="cus_1",
            name="Acme",
            email="billing@acme.example",
            invoice_settings={"default_payment_method": None},
            default_source=None,
            metadata={"accrue_owner": "Organization:1"},
            created=START,
        )
        | changes
    )


def card(id: str = "pm_1", **changes: Any) -> Json:
    details = {"brand": "visa", "last4": "4242", "exp_month": 1, "exp_year": 2030}
    return sample("payment_method", id=id, type="card", card=details, created=START) | changes


def charge(**changes: Any) -> Json:
    return (
        sample(
            "charge",
            id="ch_1",
            status="succeeded",
            amount=1785,
            amount_captured=1785,
            amount_refunded=0,
            currency="usd",
            payment_intent="pi_1",
            payment_method="pm_1",
            balance_transaction=None,
            created=START,
        )
        | changes
    )


def intent(**changes: Any) -> Json:
    return (
        sample(
            "payment_intent",
            id="pi_1",
            status="succeeded",
            amount=1785,
            currency="usd",
            latest_charge="ch_1",
            created=START,
        )
        | changes
    )


def invoice_payment(**changes: Any) -> Json:
    """Return a payment, which doesn't say whose it is."""
    return without(sample_payment(), "customer") | changes


def refund(**changes: Any) -> Json:
    """Return a refund, which doesn't say whose it is."""
    body = sample("refund", id="re_1", charge="ch_1", payment_intent="pi_1", amount=100)
    return (
        without(body, "customer")
        | {"status": "succeeded", "currency": "usd", "created": START}
        | changes
    )
