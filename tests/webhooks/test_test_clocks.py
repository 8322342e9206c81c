"""Customers of a test clock at Stripe, whose events have its times while answers have real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flask_accrue import billing, models
from tests.processors.stripe.stripe_bodies import START, Json, subscription
from tests.webhooks.told import LATER, charge, customer, intent, invoice_payment, refund, told

if TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer
    from tests.webhooks.told import Told

__all__ = ["told"]

#: Objects of such a customer, before and after, with the types of the news. Most don't name the clock.
NEWS = {
    "subscription": (
        models.Subscription,
        subscription(status="incomplete", test_clock="clock_1"),
        "customer.subscription.updated",
        "active",
    ),
    "payment_intent": (
        models.PaymentIntent,
        intent(status="requires_action", customer="cus_1"),
        "payment_intent.succeeded",
        "succeeded",
    ),
    "charge": (
        models.Charge,
        charge(status="pending", customer="cus_1"),
        "charge.succeeded",
        "succeeded",
    ),
    "refund": (models.Refund, refund(status="pending"), "refund.updated", "succeeded"),
    "invoice_payment": (
        models.InvoicePayment,
        invoice_payment(status="open", customer="cus_1"),
        "invoice_payment.paid",
        "paid",
    ),
}


@pytest.mark.parametrize("kind", NEWS)
def test_what_happens_in_the_clocks_past_is_no_old_news(
    told: Told, stripe_server: ContractServer, kind: str
) -> None:
    model, obj, type, status = NEWS[kind]
    stripe_server.clock.set(LATER + 86_400)
    known(told, stripe_server, obj, kind)
    row = told.find(model, obj["id"])
    # Now it's as an answer told it, today.
    billing.sync(row)
    after: Json = {**obj, "status": status}
    stripe_server.prime(after)
    event = told.tell(type, after, created=START + 60)
    assert (event.state, event.outcome) == ("succeeded", "fetched")
    assert told.find(model, obj["id"]).status == status


@pytest.mark.parametrize("kind", NEWS)
def test_what_happens_in_the_clocks_future_doesnt_keep_todays_answers_away(
    told: Told, stripe_server: ContractServer, kind: str
) -> None:
    model, obj, type, status = NEWS[kind]
    stripe_server.clock.set(LATER + 86_400)
    known(told, stripe_server, obj, kind)
    told.tell(type, obj, created=LATER + 90 * 86_400)
    stripe_server.prime({**obj, "status": status})
    # An older moment of the clock's, told late: how it stands is asked for.
    told.tell(type, obj, created=LATER + 80 * 86_400)
    assert told.find(model, obj["id"]).status == status


def known(told: Told, server: ContractServer, obj: Json, kind: str) -> None:
    """Let the clock's customer be here, and the object."""
    server.prime(customer(test_clock="clock_1"))
    server.prime(charge(customer="cus_1"))
    server.prime(obj)
    told.tell("customer.created", customer(test_clock="clock_1"), created=START)
    made = {"subscription": "customer.subscription.created"}.get(kind, f"{kind}.created")
    told.tell(made, obj, created=START + 1)
