"""A host that bills with Stripe, as the contract server plays it."""

from __future__ import annotations

import typing as t

import pytest
import sqlalchemy as sa

from flask_accrue import billing, models
from flask_accrue.state import current_state
from tests.host import Organization, create_host
from tests.processors.stripe.situations import charge, payment_intent
from tests.processors.stripe.stripe_bodies import (
    Json,
    invoice,
    invoice_payment,
    listed,
    sample,
    subscription,
)

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.oracles.stripe_server import ContractServer

LEDGER_KEY = "a:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU="


@pytest.fixture
def org(database_url: str, stripe_server: ContractServer) -> Iterator[Organization]:
    """Give a saved organization of a host that bills with Stripe, in its app context."""
    app, db, _ = create_host(
        database_url,
        ACCRUE_PROCESSOR="stripe",
        ACCRUE_STRIPE_SECRET_KEY="sk_test_oracle",
        ACCRUE_STRIPE_API_BASE=stripe_server.url,
        ACCRUE_LEDGER_KEYS=[LEDGER_KEY],
        ACCRUE_ALLOWED_REDIRECT_HOSTS=["host.example"],
    )
    with app.app_context():
        organization = Organization(name="Acme", email="billing@acme.example")
        db.session.add(organization)
        db.session.commit()
        yield organization
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()


@pytest.fixture
def payer(org: Organization, stripe_server: ContractServer) -> models.Customer:
    """Give its customer with a card; there are two prices at Stripe."""
    stripe_server.prime(sample("product", id="prod_1", name="Pro"))
    for id in ("price_pro", "price_team"):
        monthly = {"interval": "month", "interval_count": 1, "usage_type": "licensed"}
        stripe_server.prime(sample("price", id=id, product="prod_1", recurring=monthly))
    billing.sync_catalog()
    billing.add_payment_method(org, "pm_card_visa")
    return billing.customer(org)


def rows(model: type[t.Any]) -> list[t.Any]:
    return list(current_state().db.session.scalars(sa.select(model)))


def entries() -> list[str]:
    """Return what the ledger tells, the oldest first."""
    entry = models.LedgerEntry
    found = current_state().db.session.scalars(sa.select(entry).order_by(entry.id))
    return [each.type for each in found]


def bill_next_change(
    server: ContractServer, payer: models.Customer, status: str, intent: Json
) -> None:
    """Let the next change of a subscription be billed, and paid as the intent tells."""
    of_payer, account = {"customer": payer.processor_id}, payer.account
    kept = [
        each for each in server.objects()[account or "platform"] if each["object"] == "subscription"
    ]
    changed = (kept or [subscription(**of_payer)])[-1] | {"status": status}
    details = {"metadata": {}, "subscription": changed["id"]}
    owed = invoice(
        **of_payer,
        # However long it takes until the change is asked for, this is made after that.
        created=int(server.clock.now()) + 60,
        status="open",
        amount_paid=0,
        amount_remaining=1785,
        parent={"type": "subscription_details", "subscription_details": details},
        payments=listed(invoice_payment(status="open", amount_paid=None)),
    )
    server.prime(payment_intent(**of_payer, **intent), account)
    server.prime(charge(**of_payer, status="failed", captured=False), account)
    server.prime(owed, account)
    server.prime({**changed, "latest_invoice": owed["id"]}, account)
    body = {**changed, "latest_invoice": owed}
    server.queue_answer(200, body, method="POST", path="/subscriptions", remembered=True)
