"""Objects that the processor doesn't have any more, and the cards that customers pay with."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import models
from tests.processors.stripe.stripe_bodies import (
    END,
    invoice,
    sample,
    subscription,
)
from tests.webhooks.told import (
    LATER,
    Json,
    card,
    charge,
    customer,
)

if TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer
    from tests.webhooks.told import Told


# -- what is gone ----------------------------------------------------------------------------------


def test_what_we_never_had_and_stripe_has_no_more_is_skipped(
    told: Told, stripe_server: ContractServer
) -> None:
    told.tell("customer.created", customer())
    event = told.tell("charge.succeeded", charge(), api_version="1999-01-01")
    assert (event.state, event.outcome) == ("succeeded", "skipped")
    assert event.reason == "stripe has no such charge any more"
    assert told.count() == {"customer": 1}


@pytest.mark.parametrize("kind", ["subscription", "invoice", "product", "payment_method"])
def test_what_stripe_has_no_more_is_marked_as_gone(
    told: Told, stripe_server: ContractServer, kind: str
) -> None:
    told.tell("customer.created", customer())
    objects: dict[str, tuple[str, Json, Any]] = {
        "subscription": ("customer.subscription", subscription(), models.Subscription),
        "invoice": ("invoice", invoice(), models.Invoice),
        "product": ("product", sample("product", name="Pro"), models.Product),
        "payment_method": ("payment_method", card(), models.PaymentMethod),
    }
    subject, obj, model = objects[kind]
    told.tell(f"{subject}.created", obj)
    assert told.find(model, obj["id"]).deleted_at is None
    entries = told.db.session.query(models.LedgerEntry).count()
    event = told.tell(f"{subject}.updated", obj, api_version="1999-01-01")
    assert event.outcome == "fetched"
    row = told.find(model, obj["id"])
    if kind == "payment_method":
        assert not row.is_attached
    else:
        assert row.deleted_at is not None
    if kind == "subscription":
        assert row.is_ended
    newest = (
        told.db.session.query(models.LedgerEntry).order_by(models.LedgerEntry.id.desc()).first()
    )
    assert told.db.session.query(models.LedgerEntry).count() == entries + 1
    assert newest is not None
    assert newest.subject_type == kind


def test_a_subscription_that_the_wrong_key_did_not_find_comes_back_with_its_news(
    told: Told, stripe_server: ContractServer
) -> None:
    told.tell("customer.created", customer())
    told.tell("customer.subscription.created", subscription())
    told.tell("customer.subscription.updated", subscription(), api_version="1999-01-01")
    assert told.find(models.Subscription, "sub_1").is_ended
    later = int(datetime.datetime.now(datetime.UTC).timestamp()) + 60
    told.tell("customer.subscription.updated", subscription(), created=later)
    row = told.find(models.Subscription, "sub_1")
    assert (row.status, row.ended_at, row.deleted_at) == ("active", None, None)


def test_a_deleted_customer_takes_its_subscriptions_and_cards_along(
    told: Told, stripe_server: ContractServer
) -> None:
    settings = {"default_payment_method": "pm_1"}
    told.tell("customer.created", customer())
    told.tell("payment_method.attached", card())
    told.tell("customer.updated", customer(invoice_settings=settings))
    told.tell("customer.subscription.created", subscription())
    event = told.tell("customer.deleted", customer(invoice_settings=settings))
    row = told.find(models.Customer, "cus_1")
    assert (row.deleted_at, row.owner_key) == (event.occurred_at, None)
    assert row.default_payment_method_id is None
    assert row.name == "Acme"
    ended = told.find(models.Subscription, "sub_1")
    assert (ended.is_ended, ended.ended_at) == (True, event.occurred_at)
    assert not told.find(models.PaymentMethod, "pm_1").is_attached
    kinds = {entry.type for entry in told.db.session.query(models.LedgerEntry)}
    assert {"customer.deleted", "subscription.canceled", "payment_method.detached"} <= kinds


def test_a_delete_event_of_a_subscription_is_its_end(
    told: Told, stripe_server: ContractServer
) -> None:
    told.tell("customer.created", customer())
    told.tell("customer.subscription.created", subscription())
    gone = subscription(status="canceled", ended_at=END, canceled_at=END)
    told.tell("customer.subscription.deleted", gone)
    row = told.find(models.Subscription, "sub_1")
    assert (row.status, row.deleted_at) == ("canceled", None)
    assert row.ended_at == datetime.datetime.fromtimestamp(END, datetime.UTC)


@pytest.mark.parametrize("status", ["active", "trialing", "past_due", "incomplete"])
def test_a_subscription_that_is_deleted_is_over_whatever_its_body_says_last(
    told: Told, stripe_server: ContractServer, status: str
) -> None:
    told.tell("customer.created", customer())
    told.tell("customer.subscription.created", subscription(status=status))
    event = told.tell("customer.subscription.deleted", subscription(status=status))
    assert event.outcome == "applied"
    row = told.find(models.Subscription, "sub_1")
    assert (row.status, row.is_ended, row.deleted_at) == ("canceled", True, None)


def test_a_draft_that_was_deleted_stays_as_deleted(
    told: Told, stripe_server: ContractServer
) -> None:
    told.tell("customer.created", customer())
    draft = invoice(status="draft", payments=None)
    told.tell("invoice.created", draft)
    event = told.tell("invoice.deleted", draft)
    assert told.find(models.Invoice, "in_1").deleted_at == event.occurred_at


# -- cards -----------------------------------------------------------------------------------------


def test_a_detached_card_stops_being_the_default(told: Told, stripe_server: ContractServer) -> None:
    told.tell("customer.created", customer())
    told.tell("payment_method.attached", card())
    settings = {"default_payment_method": "pm_1"}
    told.tell("customer.updated", customer(invoice_settings=settings))
    assert told.find(models.Customer, "cus_1").default_payment_method.last4 == "4242"
    previous = {"customer": "cus_1"}
    event = told.tell("payment_method.detached", card(customer=None), previous=previous)
    assert event.outcome == "applied"
    row = told.find(models.PaymentMethod, "pm_1")
    assert row.detached_at == event.occurred_at
    assert told.find(models.Customer, "cus_1").default_payment_method_id is None
    # It can't be fetched any more, so nobody tried.
    assert stripe_server.requests == []


def test_a_detached_card_that_was_no_default_leaves_the_default_alone(
    told: Told, stripe_server: ContractServer
) -> None:
    settings = {"default_payment_method": "pm_1"}
    told.tell("customer.created", customer(invoice_settings=settings))
    for id in ("pm_1", "pm_2"):
        told.tell("payment_method.attached", card(id))
    for id in ("pm_2", "pm_9"):
        # The second one is one that was never heard of.
        event = told.tell(
            "payment_method.detached", card(id, customer=None), previous={"customer": "cus_1"}
        )
        assert event.outcome == "applied"
        assert not told.find(models.PaymentMethod, id).is_attached
    default = told.find(models.Customer, "cus_1").default_payment_method
    assert default.processor_id == "pm_1"
    assert stripe_server.requests == []


def test_a_default_that_was_detached_does_not_come_back_by_old_news(
    told: Told, stripe_server: ContractServer
) -> None:
    settings = {"default_payment_method": "pm_1"}
    told.tell("customer.created", customer(invoice_settings=settings))
    told.tell("payment_method.attached", card())
    told.tell("payment_method.detached", card(customer=None), previous={"customer": "cus_1"})
    told.tell("customer.updated", customer(invoice_settings=settings))
    told.tell("payment_method.updated", card(), created=LATER - 60)
    assert told.find(models.Customer, "cus_1").default_payment_method_id is None
    assert not told.find(models.PaymentMethod, "pm_1").is_attached


def test_the_default_is_what_the_customer_says_last(
    told: Told, stripe_server: ContractServer
) -> None:
    told.tell("customer.created", customer())
    for id in ("pm_1", "pm_2"):
        told.tell("payment_method.attached", card(id))
    for named in ("pm_1", "pm_2", None, "pm_2"):
        settings = {"default_payment_method": named}
        told.tell("customer.updated", customer(invoice_settings=settings))
        row = told.find(models.Customer, "cus_1")
        default = row.default_payment_method
        assert (None if default is None else default.processor_id) == named


def test_a_default_card_that_comes_after_its_customer_becomes_the_default(
    told: Told, stripe_server: ContractServer
) -> None:
    settings = {"default_payment_method": "pm_2"}
    told.tell("customer.created", customer(invoice_settings=settings))
    told.tell("payment_method.attached", card("pm_1"))
    assert told.find(models.Customer, "cus_1").default_payment_method_id is None
    told.tell("payment_method.attached", card("pm_2"))
    assert told.find(models.Customer, "cus_1").default_payment_method.processor_id == "pm_2"


def test_the_object_tells_what_it_is_and_not_the_events_name(
    told: Told, stripe_server: ContractServer
) -> None:
    told.tell("customer.created", customer())
    old_card = {
        "id": "card_1",
        "object": "card",
        "brand": "Visa",
        "last4": "4242",
        "exp_month": 1,
        "exp_year": 2030,
        "customer": "cus_1",
    }
    told.tell("payment_method.updated", old_card)
    told.tell("customer.source.updated", card("pm_2"))
    assert told.find(models.PaymentMethod, "card_1").brand == "visa"
    assert told.find(models.PaymentMethod, "pm_2").last4 == "4242"
