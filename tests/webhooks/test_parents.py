"""Objects that come before what they belong to, or that are nobody's."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import billing, connect, models
from tests.host import Organization
from tests.processors.stripe.stripe_bodies import (
    END,
    START,
    invoice,
    sample,
    subscription,
    without,
)
from tests.webhooks.told import (
    LATER,
    Json,
    card,
    charge,
    customer,
    intent,
    invoice_payment,
    refund,
)

if TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer
    from tests.webhooks.told import Told


def test_an_invoice_before_its_customer_brings_the_customer_along(
    told: Told, stripe_server: ContractServer
) -> None:
    stripe_server.prime(customer())
    event = told.tell("invoice.paid", invoice())
    assert (event.state, event.outcome) == ("succeeded", "applied")
    [row] = told.db.session.scalars(sa.select(models.Customer))
    assert (row.processor_id, row.owner_type, row.owner_id) == ("cus_1", "Organization", "1")
    assert told.find(models.Invoice, "in_1").customer_id == row.id
    assert event.customer_id == row.id
    # The subscription came neither with it nor before, and is linked when it comes.
    told.tell("customer.subscription.created", subscription())
    assert told.find(models.Invoice, "in_1").subscription.processor_id == "sub_1"
    assert told.find(models.Subscription, "sub_1").paid_until == datetime.datetime.fromtimestamp(
        END, datetime.UTC
    )


def test_a_refund_belongs_to_the_customer_of_its_charge(
    told: Told, stripe_server: ContractServer
) -> None:
    told.tell("customer.created", customer())
    stripe_server.prime(charge())
    event = told.tell("refund.created", refund())
    assert event.outcome == "applied"
    assert len(stripe_server.requests_to("GET", "/v1/charges/ch_1")) == 1
    row = told.find(models.Refund, "re_1")
    assert row.customer_id == told.find(models.Customer, "cus_1").id
    # The charge was only asked whose it is; its own news brings its row, and then nobody is asked.
    assert "charge" not in told.count()
    told.tell("charge.refunded", charge(amount_refunded=100))
    told.tell("charge.refund.updated", refund(status="failed"))
    assert told.find(models.Refund, "re_1").status == "failed"
    assert [each.id for each in told.find(models.Charge, "ch_1").refunds] == [row.id]
    assert len(stripe_server.requests_to("GET", ".*")) == 1


def test_a_refund_without_a_charge_belongs_to_the_customer_of_its_intent(
    told: Told, stripe_server: ContractServer
) -> None:
    told.tell("customer.created", customer())
    stripe_server.prime(intent())
    event = told.tell("refund.created", refund(charge=None))
    assert event.outcome == "applied"
    assert told.count()["refund"] == 1


def test_a_payment_belongs_to_the_customer_of_its_invoice(
    told: Told, stripe_server: ContractServer
) -> None:
    told.tell("customer.created", customer())
    stripe_server.prime(invoice())
    assert told.tell("invoice_payment.paid", invoice_payment()).outcome == "applied"
    assert told.count() == {"customer": 1, "invoice_payment": 1}
    told.tell("invoice.paid", invoice(payments=None))
    told.tell("invoice_payment.paid", invoice_payment(id="inpay_2"))
    assert told.count() == {"customer": 1, "invoice": 1, "invoice_payment": 2}
    assert len(stripe_server.requests_to("GET", ".*")) == 1


@pytest.mark.parametrize(
    ("type", "obj"),
    [
        ("refund.created", refund()),
        ("refund.created", refund(charge=None, payment_intent=None)),
        ("invoice_payment.paid", invoice_payment()),
        ("charge.succeeded", charge(customer=None)),
        ("payment_intent.created", intent(customer=None)),
        ("payment_method.detached", card(customer=None)),
    ],
)
def test_what_has_no_customer_is_ignored_with_the_reason(
    told: Told, stripe_server: ContractServer, type: str, obj: Json
) -> None:
    event = told.tell(type, obj)
    assert (event.state, event.outcome) == ("succeeded", "ignored")
    assert event.reason == f"this {obj['object']} has no customer"
    assert told.count() == {}


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"accrue_owner": ""},
        {"accrue_owner": "Organization"},
        {"accrue_owner": "Organization:"},
        {"accrue_owner": ":1"},
        {"accrue_owner": "organization:1"},
        {"accrue_owner": "Team:1"},
        {"accrue_owner": "Organization:01"},
        {"accrue_owner": "Organization: 1"},
        {"accrue_owner": "Organization:one"},
        {"accrue_owner": "Organization:" + "1" * 300},
        {"owner": "Organization:1"},
        {"accrue_owner": "Organization:1", "accrue_installation": "staging"},
    ],
)
@pytest.mark.parametrize("first", ["customer", "invoice"])
def test_a_customer_of_somebody_else_is_ignored_with_the_reason(
    told: Told, stripe_server: ContractServer, metadata: Json, first: str
) -> None:
    stripe_server.prime(customer(metadata=metadata))
    if first == "customer":
        event = told.tell("customer.created", customer(metadata=metadata))
    else:
        event = told.tell("invoice.paid", invoice())
    assert (event.state, event.outcome) == ("succeeded", "ignored")
    assert "isn't ours" in event.reason
    assert told.count() == {}


def test_a_customer_that_is_gone_is_ignored(told: Told, stripe_server: ContractServer) -> None:
    event = told.tell("invoice.paid", invoice())
    assert (event.outcome, event.reason) == ("ignored", "stripe has no customer cus_1")
    stripe_server.prime({"id": "cus_2", "object": "customer", "deleted": True})
    event = told.tell("invoice.paid", invoice(customer="cus_2"))
    assert (event.outcome, event.reason) == ("ignored", "the customer is deleted and wasn't ours")
    assert told.count() == {}


def test_an_owner_keeps_the_customer_it_has(told: Told, stripe_server: ContractServer) -> None:
    told.tell("customer.created", customer())
    event = told.tell("customer.created", customer(id="cus_2"))
    assert (event.outcome, event.reason) == ("ignored", "the owner has another customer here")
    told.tell("customer.deleted", customer())
    told.tell("customer.updated", customer(id="cus_2"))
    [first, second] = told.db.session.scalars(
        sa.select(models.Customer).order_by(models.Customer.generation)
    )
    assert (first.processor_id, first.owner_key, first.generation) == ("cus_1", None, 1)
    assert (second.processor_id, second.generation) == ("cus_2", 2)
    assert second.owner_key == "Organization:1"


def test_an_upcoming_invoice_has_no_id_and_leaves_no_row(
    told: Told, stripe_server: ContractServer
) -> None:
    told.tell("customer.created", customer())
    for upcoming in (without(invoice(), "id"), invoice(id=None), invoice(id="upcoming_in_1")):
        event = told.tell("invoice.upcoming", upcoming)
        assert (event.state, event.outcome) == ("succeeded", "unhandled")
        assert event.customer_id == told.find(models.Customer, "cus_1").id
    assert told.count() == {"customer": 1}
    assert stripe_server.requests == []


FAULTS: dict[str, dict[str, Any]] = {
    "wrong key": {"status": 401},
    "no permission": {"status": 403},
    "rate limit": {"status": 429, "headers": {"Retry-After": "77"}},
    "failure": {"status": 500},
    "unavailable": {"status": 503},
    "bad request": {"status": 400},
    "decline": {
        "status": 402,
        "body": {"error": {"type": "card_error", "code": "card_declined", "message": "No."}},
    },
    "conflict": {"status": 409},
    "another 404": {
        "status": 404,
        "body": {
            "error": {"type": "invalid_request_error", "code": "url_invalid", "message": "No."}
        },
    },
    "a proxy's 404": {"status": 404, "body": "<html>Not here</html>"},
    "no JSON": {"status": 200, "body": "<html>"},
    "something else": {"status": 200, "body": {"id": "cus_9", "object": "customer"}},
}


@pytest.mark.parametrize("fault", [*FAULTS, "reset"])
@pytest.mark.parametrize("asked", ["customer", "object", "parent"])
def test_only_what_stripe_says_is_not_there_is_left_out_and_all_else_is_tried_again(
    told: Told, stripe_server: ContractServer, fault: str, asked: str
) -> None:
    stripe_server.prime(customer())
    stripe_server.prime(charge())
    if asked != "customer":
        told.tell("customer.created", customer())
    if asked == "object":
        told.tell("charge.succeeded", charge(), created=LATER - 60)
    rows = told.count()
    if fault == "reset":
        stripe_server.queue_reset(times=9)
    else:
        stripe_server.queue_answer(**{"times": 9, **FAULTS[fault]})
    if asked == "customer":
        event = told.tell("charge.succeeded", charge())
    elif asked == "object":
        event = told.tell("charge.updated", charge(), created=LATER - 60)
    else:
        event = told.tell("refund.created", refund())
    assert (event.state, event.outcome) == ("failed", None)
    assert told.count() == rows
    if fault == "rate limit":
        wait = event.next_attempt_at - datetime.datetime.now(datetime.UTC)
        assert 60 < wait.total_seconds() <= 77

    stripe_server._faults.reset()
    told.try_again()
    [again] = [each for each in told.stored() if each.id == event.id]
    assert (again.state, again.attempts) == ("succeeded", 2)
    assert told.count() != rows or asked == "object"


def test_a_customer_that_only_an_account_s_event_shows_is_not_brought_along(
    told: Told, stripe_server: ContractServer
) -> None:
    stripe_server.prime(customer(), account="acct_9")
    stripe_server.prime(charge(), account="acct_9")
    unconnected = told.tell("refund.created", refund(), account="acct_9")
    assert (unconnected.outcome, unconnected.reason) == (
        "ignored",
        "the account acct_9 isn't connected here",
    )
    customer_in("acct_9", told, stripe_server)
    rows = told.count()
    event = told.tell("refund.created", refund(id="re_2"), account="acct_9")
    assert (event.state, event.outcome) == ("succeeded", "ignored")
    assert told.count() == rows


def customer_in(account: str, told: Told, stripe_server: ContractServer) -> models.Customer:
    """Connect an account, and make our organization a customer there."""
    stripe_server.prime(sample("account", id=account, metadata={}, created=START))
    connect.fetch_account(account, processor="stripe")
    with connect.account(account):
        return billing.customer(told.db.session.get_one(Organization, 1), "stripe")


def test_the_event_of_another_account_is_fetched_from_there(
    told: Told, stripe_server: ContractServer
) -> None:
    payer = customer_in("acct_9", told, stripe_server)
    stripe_server.prime(charge(customer=payer.processor_id), account="acct_9")
    before = len(stripe_server.requests)
    event = told.tell("refund.created", refund(), account="acct_9")
    assert (event.outcome, event.account) == ("applied", "acct_9")
    asked = stripe_server.requests[before:]
    assert [(request.method, request.path) for request in asked] == [("GET", "/v1/charges/ch_1")]
    assert {request.headers.get("Stripe-Account") for request in asked} == {"acct_9"}
    # And the object itself, when its body can't be told from what there is.
    stripe_server.prime(refund(amount=50), account="acct_9")
    again = told.tell(
        "refund.updated", refund(), account="acct_9", created=int(event.occurred_at.timestamp())
    )
    assert again.outcome == "fetched"
    assert told.find(models.Refund, "re_1").amount == 50
    assert stripe_server.requests[-1].headers["Stripe-Account"] == "acct_9"
