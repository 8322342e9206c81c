"""Events that don't show their object: thin ones, and bodies in a shape that can't be read."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import models
from flask_accrue.processors import objects
from tests.processors.stripe import stripe_bodies as bodies
from tests.processors.stripe.stripe_bodies import (
    END,
    at,
    invoice,
    item,
    listed,
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
    thin_body,
)

if TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer
    from tests.webhooks.told import Told

KINDS: dict[str, tuple[str, Json, Any]] = {
    "subscription": ("customer.subscription.updated", subscription(), models.Subscription),
    "invoice": ("invoice.paid", invoice(), models.Invoice),
    "invoice_payment": ("invoice_payment.paid", invoice_payment(), models.InvoicePayment),
    "payment_method": ("payment_method.updated", card(), models.PaymentMethod),
    "payment_intent": ("payment_intent.succeeded", intent(), models.PaymentIntent),
    "charge": ("charge.succeeded", charge(), models.Charge),
    "refund": ("refund.created", refund(), models.Refund),
    "product": ("product.updated", sample("product", name="Pro"), models.Product),
    "price": ("price.updated", sample("price", product="product_1"), models.Price),
    "dispute": ("charge.dispute.updated", bodies.dispute(), models.Dispute),
    "credit_note": ("credit_note.updated", bodies.credit_note(), models.CreditNote),
    "schedule": (
        "subscription_schedule.updated",
        bodies.schedule(),
        models.SubscriptionSchedule,
    ),
    "coupon": ("coupon.updated", bodies.coupon(), models.Coupon),
    "promotion_code": ("promotion_code.updated", bodies.promotion_code(), models.PromotionCode),
    "tax_id": ("customer.tax_id.updated", bodies.tax_id(), models.TaxId),
    "checkout_session": (
        "checkout.session.completed",
        bodies.checkout_session(),
        models.CheckoutSession,
    ),
}


def unreadable(obj: Json) -> Json:
    """Return an object in a shape that can't be read."""
    return obj | {"created": "some day"}


def prime_all(server: ContractServer) -> None:
    for _, obj, _ in KINDS.values():
        server.prime(obj)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("adopted", [False, True], ids=["known", "adopted"])
def test_what_a_thin_event_refers_to_is_fetched(
    told: Told, stripe_server: ContractServer, kind: str, adopted: bool
) -> None:
    type, obj, model = KINDS[kind]
    stripe_server.prime(customer())
    prime_all(stripe_server)
    if not adopted:
        told.tell("customer.created", customer())
    event = told.refer(f"v1.{type}", obj)
    assert (event.state, event.outcome, event.last_error) == ("succeeded", "fetched", None)
    row = told.find(model, obj["id"])
    if kind not in objects.CATALOG:
        assert row.customer_id == told.find(models.Customer, "cus_1").id == event.customer_id
    # The object was asked for once, however its customer was found.
    paths = [request.path for request in stripe_server.requests_to("GET", ".*")]
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_whose_shape_cannot_be_read_is_fetched(
    told: Told, stripe_server: ContractServer, kind: str
) -> None:
    type, obj, model = KINDS[kind]
    prime_all(stripe_server)
    told.tell("customer.created", customer())
    event = told.tell(type, unreadable(obj))
    assert (event.state, event.outcome, event.last_error) == ("succeeded", "fetched", None)
    assert told.find(model, obj["id"]) is not None


@pytest.mark.parametrize("way", ["thin", "unreadable"])
def test_a_customer_that_is_only_referred_to_is_adopted_once_it_was_fetched(
    told: Told, stripe_server: ContractServer, way: str
) -> None:
    stripe_server.prime(customer())
    if way == "thin":
        event = told.refer("v1.customer.created", customer())
    else:
        event = told.tell("customer.created", unreadable(customer()))
    assert (event.state, event.outcome) == ("succeeded", "fetched")
    row = told.find(models.Customer, "cus_1")
    assert (row.name, row.owner_id, event.customer_id) == ("Acme", "1", row.id)
    assert len(stripe_server.requests) == 1


@pytest.mark.parametrize("way", ["thin", "unreadable"])
def test_a_reference_brings_a_row_up_to_date(
    told: Told, stripe_server: ContractServer, way: str
) -> None:
    told.tell("customer.created", customer())
    told.tell("customer.subscription.created", subscription())
    news = subscription(
        cancel_at_period_end=True, items=listed(item(quantity=3)), metadata={"seats": "3"}
    )
    stripe_server.prime(news)
    if way == "thin":
        event = told.refer("v1.customer.subscription.updated", news)
    else:
        event = told.tell("customer.subscription.updated", unreadable(news))
    assert event.outcome == "fetched"
    row = told.find(models.Subscription, "sub_1")
    assert (row.cancel_at_period_end, row.items[0].quantity) == (True, 3)
    assert len(stripe_server.requests) == 1


def test_an_old_reference_is_stale_and_asks_nobody(
    told: Told, stripe_server: ContractServer
) -> None:
    told.tell("customer.created", customer())
    told.tell("customer.subscription.created", subscription())
    event = told.refer("v1.customer.subscription.updated", subscription(), created=LATER - 60)
    assert (event.state, event.outcome) == ("succeeded", "stale")
    assert stripe_server.requests == []


@pytest.mark.parametrize("way", ["thin", "unreadable"])
def test_a_reference_to_what_is_gone_is_skipped_or_marks_the_row(
    told: Told, stripe_server: ContractServer, way: str
) -> None:
    def tell(type: str, obj: Json) -> models.WebhookEvent:
        return told.refer(f"v1.{type}", obj) if way == "thin" else told.tell(type, unreadable(obj))

    told.tell("customer.created", customer())
    event = tell("invoice.deleted", invoice())
    assert (event.state, event.outcome) == ("succeeded", "skipped")
    assert event.reason == "stripe has no such invoice any more"
    told.tell("invoice.created", invoice(status="draft", payments=None))
    event = tell("invoice.deleted", invoice())
    assert (event.state, event.outcome) == ("succeeded", "fetched")
    assert told.find(models.Invoice, "in_1").deleted_at is not None


def test_a_reference_to_what_the_wrong_key_did_not_find_brings_it_back(
    told: Told, stripe_server: ContractServer
) -> None:
    told.tell("customer.created", customer())
    told.tell("customer.subscription.created", subscription())
    told.refer("v1.customer.subscription.updated", subscription())
    assert told.find(models.Subscription, "sub_1").is_ended
    stripe_server.prime(subscription())
    later = int(datetime.datetime.now(datetime.UTC).timestamp()) + 3600
    stripe_server.clock.set(later)
    event = told.refer("v1.customer.subscription.updated", subscription(), created=later)
    assert event.outcome == "fetched"
    row = told.find(models.Subscription, "sub_1")
    assert (row.status, row.ended_at, row.deleted_at) == ("active", None, None)


def test_a_reference_to_a_detached_card_detaches_ours(
    told: Told, stripe_server: ContractServer
) -> None:
    told.tell("customer.created", customer())
    told.tell("payment_method.attached", card())
    settings = {"default_payment_method": "pm_1"}
    told.tell("customer.updated", customer(invoice_settings=settings))
    stripe_server.prime(card(customer=None))
    event = told.refer("v1.payment_method.detached", card())
    assert (event.state, event.outcome) == ("succeeded", "fetched")
    assert not told.find(models.PaymentMethod, "pm_1").is_attached
    assert told.find(models.Customer, "cus_1").default_payment_method_id is None


@pytest.mark.parametrize("way", ["thin", "unreadable"])
def test_a_failed_payment_dates_its_failure_without_its_body(
    told: Told, stripe_server: ContractServer, way: str
) -> None:
    told.tell("customer.created", customer())
    unpaid = invoice(status="open", payments=None)
    stripe_server.prime(unpaid)
    if way == "thin":
        event = told.refer("v1.invoice.payment_failed", unpaid)
    else:
        event = told.tell("invoice.payment_failed", unreadable(unpaid))
    assert told.find(models.Invoice, "in_1").first_failed_at == event.occurred_at


@pytest.mark.parametrize("fault", [{"status": 429}, {"status": 401}, {"status": 500}])
def test_a_reference_that_cannot_be_followed_now_is_tried_again(
    told: Told, stripe_server: ContractServer, fault: Json
) -> None:
    told.tell("customer.created", customer())
    prime_all(stripe_server)
    stripe_server.queue_answer(times=9, **fault)
    event = told.refer("v1.invoice.paid", invoice())
    assert (event.state, event.outcome) == ("failed", None)
    stripe_server._faults.reset()
    told.try_again()
    assert told.stored()[-1].state == "succeeded"
    assert told.find(models.Invoice, "in_1") is not None


def test_a_reference_to_the_object_of_a_stranger_is_ignored(
    told: Told, stripe_server: ContractServer
) -> None:
    stripe_server.prime(customer(metadata={}))
    stripe_server.prime(invoice())
    stripe_server.prime(intent(customer=None))
    event = told.refer("v1.invoice.paid", invoice())
    assert (event.state, event.outcome) == ("succeeded", "ignored")
    assert "isn't ours" in event.reason
    event = told.refer("v1.payment_intent.succeeded", intent())
    assert event.reason == "this payment_intent has no customer"
    assert told.count() == {}


@pytest.mark.parametrize(
    "related",
    [
        {"id": "mtr_1", "type": "billing.meter", "url": "/v1/billing/meters/mtr_1"},
        {"type": "invoice", "url": "/v1/invoices"},
        {"id": "", "type": "invoice"},
        {"id": "i" * 300, "type": "invoice"},
        {"id": "in_1"},
        {"id": 5, "type": ["invoice"]},
        "in_1",
        None,
    ],
)
def test_a_thin_event_about_nothing_that_is_mirrored_is_unhandled(
    told: Told, stripe_server: ContractServer, related: Any
) -> None:
    body = thin_body("v1.some.event", {"id": "x", "object": "y"}, "evt_thin", at(LATER))
    assert told.post(body | {"related_object": related}).status_code == 200
    [event] = told.stored()
    assert (event.state, event.outcome) == ("succeeded", "unhandled")
    assert stripe_server.requests == []


def test_an_unreadable_object_without_an_id_still_fails(
    told: Told, stripe_server: ContractServer
) -> None:
    told.tell("customer.created", customer())
    event = told.tell("charge.succeeded", without(unreadable(charge()), "id"))
    assert event.state == "failed"
    assert "InvalidRequest" in event.last_error
    assert stripe_server.requests == []


def test_an_unreadable_subscription_that_has_ended_is_fetched_as_ended(
    told: Told, stripe_server: ContractServer
) -> None:
    told.tell("customer.created", customer())
    told.tell("customer.subscription.created", subscription())
    ended = subscription(status="canceled", ended_at=END, canceled_at=END)
    stripe_server.prime(ended)
    event = told.tell("customer.subscription.deleted", unreadable(ended))
    assert event.outcome == "fetched"
    row = told.find(models.Subscription, "sub_1")
    assert (row.status, row.ended_at) == ("canceled", at(END))
