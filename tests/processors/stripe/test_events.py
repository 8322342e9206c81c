"""What a webhook says, told by the object that it carries."""

from __future__ import annotations

import datetime
import json
import typing as t

import pytest

from flask_accrue.errors import InvalidRequest
from flask_accrue.processors import Reference, objects
from flask_accrue.processors.stripe import StripeProcessor, events
from tests.processors.stripe.stripe_bodies import (
    START,
    Json,
    at,
    dispute,
    event,
    event_body,
    invoice,
    invoice_payment,
    item,
    line,
    listed,
    sample,
    subscription,
    without,
)

CARD: Json = {
    "id": "card_1",
    "object": "card",
    "brand": "Visa",
    "customer": "cus_1",
    "last4": "4242",
    "exp_month": 6,
    "exp_year": 2031,
}


def test_the_envelope_is_read() -> None:
    found = event(subscription(), "customer.subscription.updated", account="acct_1", livemode=True)

    assert (found.processor_id, found.type) == ("evt_1", "customer.subscription.updated")
    assert (found.created, found.account, found.livemode) == (at(START), "acct_1", True)
    assert found.api_version is not None
    assert found.raw["data"]["object"]["id"] == "sub_1"


def test_the_envelope_alone_is_read_without_its_object() -> None:
    broken = json.dumps(event_body({"object": "customer", "id": 7}, "customer.updated"))

    found = StripeProcessor(None).read_envelope(broken)

    assert (found.processor_id, found.object) == ("evt_1", None)
    with pytest.raises(InvalidRequest):
        StripeProcessor(None).read_event(broken)


def test_an_event_without_an_account_is_the_platform_s_own() -> None:
    assert event(subscription()).account is None


@pytest.mark.parametrize(
    ("version", "usable"),
    [
        ("2020-03-02", True),
        ("2024-09-30.acacia", True),
        ("2025-10-29.clover", True),
        ("2026-10-28.endive", True),
        ("2020-03-01", False),
        ("2015-10-16", False),
        ("2099-01-01.zinnia", False),
        ("2025-08-27.preview", False),
        ("2025-03-31.basil; custom_checkout_beta=v1", False),
        ("not a version", False),
        (None, False),
    ],
)
def test_a_body_is_usable_in_the_listed_versions(version: str | None, usable: bool) -> None:
    found = event(subscription(), api_version=version)

    assert (found.usable, found.fetchable) == (usable, True)
    assert found.object is not None


def test_under_a_test_clock_no_time_tells_what_is_newer() -> None:
    found = event(subscription(test_clock="clock_1"))

    assert (found.simulated, found.usable, found.fetchable) == (True, False, True)
    assert not event(subscription(test_clock=None)).simulated


@pytest.mark.parametrize(
    ("obj", "type", "kind"),
    [
        (sample("customer"), "customer.updated", "customer"),
        (sample("payment_method"), "payment_method.attached", "payment_method"),
        (CARD, "payment_method.updated", "payment_method"),
        (CARD, "customer.source.expiring", "payment_method"),
        (sample("product"), "product.updated", "product"),
        (sample("price"), "price.created", "price"),
        (subscription(), "customer.subscription.trial_will_end", "subscription"),
        (invoice(), "invoice.payment_action_required", "invoice"),
        (invoice_payment(), "invoice_payment.paid", "invoice_payment"),
        (sample("payment_intent"), "payment_intent.succeeded", "payment_intent"),
        (sample("charge"), "charge.refunded", "charge"),
        (sample("refund"), "charge.refund.updated", "refund"),
        (sample("refund"), "refund.failed", "refund"),
    ],
)
def test_the_object_tells_what_an_event_carries(obj: Json, type: str, kind: str) -> None:
    found = event(obj, type)

    assert found.object is not None
    assert (found.object.kind, found.object.processor_id) == (kind, obj["id"])
    assert found.usable


@pytest.mark.parametrize(
    "kind",
    ["setup_intent", "source_transaction", "test_helpers.test_clock"],
)
def test_a_kind_that_isnt_mirrored_has_no_object_but_its_customer(kind: str) -> None:
    found = event({"id": "x_1", "object": kind, "customer": "cus_1"}, f"{kind}.updated")

    assert (found.object, found.customer) == (None, "cus_1")


@pytest.mark.parametrize(
    ("obj", "customer"),
    [
        (sample("customer", id="cus_7"), "cus_7"),
        (subscription(customer={"id": "cus_7", "object": "customer"}), "cus_7"),
        (sample("charge", customer=None), None),
        (sample("refund", charge={"id": "ch_1", "customer": "cus_7"}, customer=None), "cus_7"),
        (dispute(charge={"id": "ch_1", "customer": "cus_7"}), "cus_7"),
        (invoice_payment(customer=None), None),
        ({"object": "discount", "customer": 7}, None),
        (dispute(), None),
    ],
)
def test_whom_an_event_is_about_is_told_as_far_as_it_says_so(
    obj: Json, customer: str | None
) -> None:
    assert event(obj).customer == customer


# -- what only the event's name says ---------------------------------------------------------------


def test_deleting_a_subscription_is_an_update_to_canceled() -> None:
    raw = subscription(status="canceled", ended_at=START)

    found = event(raw, "customer.subscription.deleted")

    assert isinstance(found.object, objects.Subscription)
    assert (found.object.status, found.object.ended_at) == ("canceled", at(START))
    assert not found.object.deleted


@pytest.mark.parametrize(
    ("status", "after"), [("active", "canceled"), ("incomplete_expired", "incomplete_expired")]
)
def test_a_deleted_subscription_has_ended_whatever_its_body_says(status: str, after: str) -> None:
    found = event(subscription(status=status), "customer.subscription.deleted")

    assert isinstance(found.object, objects.Subscription)
    assert found.object.status == after


@pytest.mark.parametrize("kind", ["customer", "product", "price", "invoice"])
def test_a_delete_event_marks_its_object_as_deleted(kind: str) -> None:
    body = invoice() if kind == "invoice" else sample(kind)

    found = event(body, f"{kind}.deleted")

    assert found.object is not None
    assert found.object.deleted
    assert not t.cast(objects.ProcessorObject, event(body, f"{kind}.updated").object).deleted


def test_deleting_something_of_a_customer_doesnt_delete_the_customer() -> None:
    found = event(sample("customer"), "customer.discount.deleted")

    assert found.object is not None
    assert not found.object.deleted


@pytest.mark.parametrize(
    ("of", "reference"),
    [
        ({"subscription": "sub_1"}, Reference("subscription", "sub_1")),
        ({"subscription": None}, Reference("customer", "cus_1")),
        ({"invoice": "in_1"}, None),
        ({"subscription": 7, "customer": None}, None),
    ],
)
def test_a_discount_refers_to_what_it_is_of(of: Json, reference: Reference | None) -> None:
    discount = {"id": "di_1", "object": "discount", "customer": "cus_1", **of}

    found = event(discount, "customer.discount.created")

    assert (found.object, found.reference) == (None, reference)
    assert found.fetchable is (reference is not None)


def test_a_detached_payment_method_is_taken_from_the_body_with_its_former_customer() -> None:
    found = event(
        sample("payment_method", id="pm_1", customer=None),
        "payment_method.detached",
        previous={"customer": "cus_1"},
    )

    assert isinstance(found.object, objects.PaymentMethod)
    assert (found.object.customer, found.customer) == (None, "cus_1")
    assert not found.fetchable


def test_a_detached_payment_method_whose_customer_nobody_names_has_none() -> None:
    found = event(sample("payment_method", customer=None), "payment_method.detached")

    assert found.customer is None


def test_a_deleted_card_is_detached_from_the_customer_that_it_names() -> None:
    found = event(CARD, "customer.source.deleted")

    assert isinstance(found.object, objects.PaymentMethod)
    assert (found.object.customer, found.customer) == (None, "cus_1")
    assert not found.fetchable


def test_cards_from_before_payment_methods_are_never_fetched() -> None:
    found = event(CARD, "customer.source.updated")

    assert isinstance(found.object, objects.PaymentMethod)
    assert (found.object.customer, found.fetchable, found.usable) == ("cus_1", False, True)


@pytest.mark.parametrize(
    "obj",
    [CARD | {"customer": None, "account": "acct_1"}, without(sample("source"), "customer")],
    ids=["a connected account's card", "a source of nobody yet"],
)
def test_a_card_of_no_customer_isnt_mirrored(obj: Json) -> None:
    assert event(obj, "source.chargeable").object is None


@pytest.mark.parametrize(
    ("type", "failed"),
    [
        ("invoice.payment_failed", True),
        ("invoice.payment_action_required", False),
        ("invoice.finalization_failed", False),
        ("invoice.paid", False),
    ],
)
def test_only_a_failed_payment_is_one(type: str, failed: bool) -> None:
    assert event(invoice(status="open"), type).payment_failed is failed


# -- what can't be written -------------------------------------------------------------------------


@pytest.mark.parametrize("object_id", ["absent", None, "", "upcoming_in_1ABC"])
def test_an_upcoming_invoice_is_neither_mirrored_nor_fetched(object_id: str | None) -> None:
    body = without(invoice(), "id") if object_id == "absent" else invoice(id=object_id)

    found = event(body, "invoice.upcoming")

    assert (found.object, found.fetchable, found.customer) == (None, False, "cus_1")


@pytest.mark.parametrize("body", [invoice(customer=None), subscription(customer=None)])
def test_an_invoice_or_subscription_of_nobody_isnt_mirrored(body: Json) -> None:
    found = event(body, "invoice.updated")

    assert (found.object, found.customer) == (None, None)


def test_a_subscription_whose_items_are_cut_off_has_to_be_fetched() -> None:
    found = event(subscription(items=listed(item(), has_more=True)))

    assert (found.usable, found.fetchable) == (False, True)


def test_an_invoice_whose_lines_are_cut_off_has_to_be_fetched() -> None:
    found = event(invoice(lines=listed(line(), has_more=True)), "invoice.paid")

    assert (found.usable, found.fetchable) == (False, True)


def test_a_plan_has_to_be_fetched_as_the_price_that_it_is() -> None:
    plan = {
        "id": "gold",
        "object": "plan",
        "amount": 1900,
        "currency": "usd",
        "interval": "month",
        "product": "prod_1",
    }

    updated, deleted = event(plan, "plan.updated"), event(plan, "plan.deleted")

    assert isinstance(updated.object, objects.Price)
    assert (updated.usable, updated.fetchable) == (False, True)
    assert isinstance(deleted.object, objects.Price)
    assert deleted.object.deleted


@pytest.mark.parametrize(
    "type", ["v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found"]
)
def test_an_error_report_of_a_meter_refuses_usage(type: str) -> None:
    body = {
        "id": "evt_thin",
        "object": "v2.core.event",
        "type": type,
        "created": "2026-01-31T10:15:30.250Z",
        "livemode": False,
    }

    assert events.read_event(json.dumps(body)).refuses_usage
    assert not events.read_event(json.dumps({**body, "type": "v1.invoice.paid"})).refuses_usage


def test_a_thin_event_about_a_kind_that_isnt_mirrored_refers_to_nothing() -> None:
    body = {
        "id": "evt_thin",
        "object": "v2.core.event",
        "type": "v1.billing.meter.error_report_triggered",
        "created": "2026-01-31T10:15:30.250Z",
        "livemode": False,
        "context": "acct_1",
        "related_object": {
            "id": "mtr_1",
            "type": "billing.meter",
            "url": "/v1/billing/meters/mtr_1",
        },
    }

    found = events.read_event(json.dumps(body))

    assert found.created == datetime.datetime(2026, 1, 31, 10, 15, 30, 250000, tzinfo=datetime.UTC)
    assert (found.account, found.api_version) == ("acct_1", None)
    assert (found.object, found.reference) == (None, None)
    assert (found.usable, found.fetchable) == (False, False)
    for wrong in ("yesterday", "2026-01-31T10:15:30", "0001-01-01T00:00:00+12:00", 5, None):
        with pytest.raises(InvalidRequest):
            events.read_event(json.dumps(body | {"created": wrong}))


@pytest.mark.parametrize(
    ("name", "kind"), [("invoice", "invoice"), ("plan", "price"), ("payment_method",) * 2]
)
def test_a_thin_event_refers_to_what_it_is_about(name: str, kind: str) -> None:
    body = {
        "id": "evt_thin",
        "object": "v2.core.event",
        "type": f"v1.{name}.updated",
        "created": "2026-01-31T10:15:30.250Z",
        "livemode": True,
        "related_object": {"id": "x_1", "type": name, "url": f"/v1/{name}s/x_1"},
    }

    found = events.read_event(json.dumps(body))

    assert found.reference == found.subject == Reference(kind, "x_1")
    assert (found.object, found.usable, found.fetchable) == (None, False, True)


def test_an_object_in_an_unknown_shape_is_referred_to() -> None:
    found = event(subscription(items="none"), "customer.subscription.updated")

    assert found.reference == Reference("subscription", "sub_1")
    assert (found.object, found.usable, found.fetchable) == (None, False, True)
    assert found.customer == "cus_1"


@pytest.mark.parametrize("kind", ["card", "source", "bank_account"])
def test_a_card_from_before_payment_methods_in_an_unknown_shape_is_refused(kind: str) -> None:
    with pytest.raises(InvalidRequest):
        event(sample("card", object=kind, type=7, created="some day"), "customer.source.updated")


# -- secrets ---------------------------------------------------------------------------------------


def test_no_client_secret_is_kept_at_any_depth() -> None:
    secret = "pi_3SRzqC_secret_q1w2e3"
    url = f"https://hooks.stripe.com/3ds?payment_intent_client_secret={secret}&source=src_1"
    intent = sample(
        "payment_intent",
        id="pi_3SRzqC",
        client_secret=secret,
        next_action={"type": "redirect_to_url", "redirect_to_url": {"url": url}},
    )

    found = event(intent, "payment_intent.requires_action")

    assert secret not in json.dumps(found.raw)
    assert isinstance(found.object, objects.PaymentIntent)
    assert secret not in json.dumps(found.object.raw)
    assert found.object.client_secret is None
    assert "client_secret" not in found.object.raw
    nested = invoice(confirmation_secret={"client_secret": secret, "type": "payment_intent"})
    assert secret not in json.dumps(event(subscription(latest_invoice=nested)).raw)


@pytest.mark.parametrize("sign", ["=", "%3D", "%3d", "%253D", "%22", " ", "/"])
def test_no_client_secret_is_kept_that_stands_in_an_address_within_an_address(sign: str) -> None:
    url = f"https://hooks.stripe.com/3ds?onward=client_secret{sign}pi_3SRzqC_secret_q1w2e3&a=b"
    intent = sample("payment_intent", next_action={"redirect_to_url": {"url": url}})

    found = event(intent, "payment_intent.requires_action")

    assert isinstance(found.object, objects.PaymentIntent)
    kept = found.object.raw["next_action"]["redirect_to_url"]["url"]
    assert kept == f"https://hooks.stripe.com/3ds?onward=client_secret{sign}[removed]&a=b"


@pytest.mark.parametrize("text", ["the secret_garden of cus_1", "docs_our_secret_santa", "%"])
def test_words_that_only_sound_secret_are_kept(text: str) -> None:
    found = event(sample("customer", description=text))

    assert found.object is not None
    assert found.object.raw["description"] == text
