"""A host that bills with Stripe, a customer of it, and what happens between that one's browser and Stripe."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from flask import session

from flask_accrue import ActionRequired, billing, models
from flask_accrue.processors.signing import sign
from flask_accrue.processors.stripe import versions
from tests.host import Organization, running_host
from tests.oracles.webhook_sender import webhook_event
from tests.processors.stripe.situations import WAITS, charge
from tests.processors.stripe.stripe_bodies import Json, sample
from tests.processors.stripe.stripe_host import LEDGER_KEY, bill_next_change
from tests.visitors import Visitor, give_log_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from tests.oracles.stripe_server import ContractServer

SECRET = "whsec_of_the_test"
CONFIG = {
    "ACCRUE_PROCESSOR": "stripe",
    "ACCRUE_STRIPE_SECRET_KEY": "sk_test_oracle",
    "ACCRUE_WEBHOOK_SECRETS": {"stripe": [SECRET]},
    "ACCRUE_LEDGER_KEYS": [LEDGER_KEY],
    "ACCRUE_ENTITLEMENTS": {"plans": {"pro": {"prices": ["price_pro"]}}},
}


class Customer:
    """The organization 1 of a host, its rows, and Stripe as the contract server plays it."""

    def __init__(self, app: Flask, db: Any, server: ContractServer) -> None:
        self.app, self.db, self.server = app, db, server
        self.visitor = Visitor(app, "1")

    def owner(self) -> Organization:
        """Return the organization, as its row stands."""
        self.db.session.rollback()
        found: Organization = self.db.session.get(Organization, 1)
        return found

    @property
    def subscription(self) -> models.Subscription:
        """The organization's subscription, as its row stands."""
        found = billing.subscription(self.owner())
        assert found is not None
        return found

    def subscribe(self) -> str:
        """Subscribe, with a first payment that the bank wants confirmed; return the page for that."""
        payer = billing.customer(self.owner())
        bill_next_change(self.server, payer, "incomplete", WAITS | {"created": self.now()})
        with pytest.raises(ActionRequired) as raised:
            billing.subscribe(self.owner(), "price_pro")
        assert raised.value.url is not None
        return raised.value.url

    def now(self) -> int:
        """Return Stripe's time."""
        return int(self.server.clock.now())

    # -- at Stripe ---------------------------------------------------------------------------------

    def stands(self, id: str) -> Json:
        """Return an object as it stands at Stripe."""
        return next(each for each in self.server.objects()["platform"] if each["id"] == id)

    def change(self, id: str, **changes: Any) -> None:
        """Change an object at Stripe, where nobody here is told of it."""
        self.server.prime({**self.stands(id), **changes})

    def pay(self) -> None:
        """Let the customer confirm the first payment at the bank."""
        payer = self.stands("pi_1")["customer"]
        paid = charge(id="ch_2", customer=payer, created=self.now())
        self.server.prime(paid)
        self.change("pi_1", status="succeeded", amount_received=1785, latest_charge="ch_2")
        payments = self.stands("in_1")["payments"]
        [payment] = payments["data"]
        payment |= {"status": "paid", "amount_paid": 1785}
        self.change("in_1", status="paid", amount_paid=1785, amount_remaining=0, payments=payments)
        self.change(self._subscription_id(), status="active")

    def decline(self, code: str = "insufficient_funds") -> None:
        """Let the bank decline the card that was confirmed."""
        why = {"code": "card_declined", "decline_code": code}
        self.change(
            "pi_1", status="requires_payment_method", payment_method=None, last_payment_error=why
        )

    def expire(self) -> None:
        """Let 23 hours pass without a confirmation."""
        self.change("pi_1", status="canceled", canceled_at=self.now())
        self.change("in_1", status="void")
        self.change(self._subscription_id(), status="incomplete_expired", ended_at=self.now())

    def add_card(self, id: str = "pm_new", last4: str = "3220") -> None:
        """Let there be a card at Stripe that is the customer's."""
        details = {"brand": "visa", "last4": last4, "exp_month": 1, "exp_year": 2035}
        every = self.server.objects()["platform"]
        payer = next(each["id"] for each in every if each["object"] == "customer")
        self.server.prime(
            sample("payment_method", id=id, type="card", card=details, customer=payer)
        )

    def _subscription_id(self) -> str:
        every = self.server.objects()["platform"]
        return next(str(each["id"]) for each in every if each["object"] == "subscription")

    # -- events ------------------------------------------------------------------------------------

    def hear(self) -> None:
        """Let Stripe tell of the first payment, and of all that hangs on it."""
        for kind, id in (
            ("charge.succeeded", "ch_2"),
            ("payment_intent.succeeded", "pi_1"),
            ("invoice.paid", "in_1"),
            ("customer.subscription.updated", self._subscription_id()),
        ):
            self.hear_of(kind, id)

    def hear_of(self, kind: str, id: str) -> None:
        """Let Stripe tell of an object as it stands."""
        stands = self.stands(id)
        event = webhook_event(
            kind, stands, api_version=versions.PINNED, created=self.now(), event_id=f"evt_{kind}"
        )
        body = json.dumps(event).encode()
        answer = Visitor(self.app).post(
            "/accrue/webhooks/stripe",
            body,
            content_type="application/json",
            headers={"Stripe-Signature": sign(body, SECRET, int(time.time()))},
        )
        assert answer.status_code == 200

    # -- here --------------------------------------------------------------------------------------

    def told(self) -> list[str]:
        """Return the types of the ledger's entries, sorted."""
        self.db.session.rollback()
        return sorted(self.db.session.scalars(sa.select(models.LedgerEntry.type)))

    def rows(self) -> dict[str, Any]:
        """Return what the rows of the payment say, whoever told it."""
        self.db.session.rollback()
        self.db.session.expire_all()
        found: dict[str, Any] = {}
        for model in (models.PaymentIntent, models.Invoice, models.Charge, models.Subscription):
            for row in self.db.session.scalars(sa.select(model)):
                found[row.processor_id] = {
                    column.key: getattr(row, column.key)
                    for column in sa.inspect(model).column_attrs
                    if column.key not in _LOCAL
                }
        return found


#: Columns that tell when and by whom, not what.
_LOCAL = frozenset(
    "id customer_id lock_version created_at updated_at fresh_from fresh_to fresh_event raw "
    "created fee net".split()
)


@pytest.fixture
def customer(
    request: pytest.FixtureRequest, database_url: str, stripe_server: ContractServer
) -> Iterator[Customer]:
    """Give the customer, who has a card; without a publishable key for tests that say so in their name."""
    key = (
        {}
        if "without_a_publishable_key" in request.node.name
        else {"ACCRUE_STRIPE_PUBLISHABLE_KEY": "pk_test_oracle"}
    )
    config = CONFIG | key | {"ACCRUE_STRIPE_API_BASE": stripe_server.url}
    with running_host(database_url, **config) as (app, db, accrue):
        give_log_in(app)

        @accrue.owner_loader
        def owner() -> Organization | None:
            user_id = session.get("_user_id")
            return db.session.get(Organization, int(user_id)) if user_id else None

        with app.app_context():
            db.session.add(Organization(id=1, name="Acme", email="billing@acme.example"))
            db.session.commit()
            made = Customer(app, db, stripe_server)
            stripe_server.prime(sample("product", id="prod_1", name="Pro"))
            monthly = {"interval": "month", "interval_count": 1, "usage_type": "licensed"}
            stripe_server.prime(
                sample(
                    "price", id="price_pro", product="prod_1", unit_amount=2000, recurring=monthly
                )
            )
            stripe_server.prime(
                sample(
                    "price",
                    id="price_book",
                    product="prod_1",
                    type="one_time",
                    unit_amount=3000,
                    recurring=None,
                )
            )
            billing.sync_catalog()
            billing.add_payment_method(made.owner(), "pm_card_visa")
            yield made
