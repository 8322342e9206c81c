"""What Stripe really answered, read from the events that it implies and from the API."""

from __future__ import annotations

import dataclasses
import json
import os
import typing as t
from pathlib import Path

import pytest

from flask_accrue.errors import CardError
from flask_accrue.processors import Answer, objects
from flask_accrue.processors.stripe import StripeProcessor, events
from tests.processors.stripe.stripe_bodies import Json, at, sample
from tests.recordings import VARIABLE, RecordedCase, recorded_cases

if t.TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer


def read_all(case: RecordedCase) -> list[tuple[Json, objects.ProcessorObject]]:
    """Return each recorded object, and what its event carries."""
    pairs = []
    for event in case.events():
        found = events.read_event(event.payload).object
        assert found is not None, event.type
        pairs.append((event.object, found))
    return pairs


def last(case: RecordedCase, kind: type[objects.ProcessorObject]) -> t.Any:
    return next(found for _, found in reversed(read_all(case)) if isinstance(found, kind))


@recorded_cases()
def test_every_recorded_object_is_read(case: RecordedCase) -> None:
    for raw, found in read_all(case):
        assert (found.kind, found.processor_id) == (raw["object"], raw["id"])
        assert found.metadata == raw.get("metadata", {})
        assert found.created == at(raw["created"])
        for name in ("status", "currency", "amount", "total", "number", "name", "email"):
            if name in raw and hasattr(found, name):
                assert getattr(found, name) == raw[name], name


@recorded_cases()
def test_every_recorded_event_is_usable(case: RecordedCase) -> None:
    for event in case.events():
        found = events.read_event(event.payload)
        assert (found.usable, found.fetchable, found.livemode) == (True, True, False)
        assert found.created == at(event.created)
        assert found.customer == event.object.get("customer") or event.object["object"] in (
            "customer",
            "invoice_payment",
        )


@recorded_cases()
def test_no_recorded_secret_is_kept(case: RecordedCase) -> None:
    for event in case.events():
        found = events.read_event(event.payload)
        assert "_secret_" not in repr([found.raw, getattr(found.object, "raw", None)])


@recorded_cases()
def test_a_fetch_reads_what_a_webhook_reads(
    case: RecordedCase, stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    newest = {(found.kind, found.processor_id): found for _, found in read_all(case)}
    for obj in case.final_objects():
        stripe_server.prime(obj)

    for (kind, processor_id), found in newest.items():
        fetched = processor.fetch(kind, processor_id).main
        if isinstance(fetched, objects.Invoice):
            assert isinstance(fetched.payments, tuple)
            for payment in fetched.payments:
                assert payment == newest["invoice_payment", payment.processor_id]
            fetched = dataclasses.replace(fetched, payments=objects.UNSAID)
        assert fetched == found


@recorded_cases()
def test_bodies_with_ids_instead_of_objects_say_the_same(case: RecordedCase) -> None:
    whole = [events.read_event(event.payload).object for event in case.events()]
    plain = [events.read_event(event.payload).object for event in case.events(unexpanded=True)]

    for expanded, unexpanded in zip(whole, plain, strict=True):
        if isinstance(expanded, objects.Charge):
            assert isinstance(unexpanded, objects.Charge)
            assert (unexpanded.fee, unexpanded.net) == (objects.UNSAID, objects.UNSAID)
            assert unexpanded.payment_intent == expanded.payment_intent
        else:
            assert unexpanded == expanded


@recorded_cases("subscription-created")
def test_a_subscription_that_was_paid_at_once(case: RecordedCase) -> None:
    subscription = last(case, objects.Subscription)
    assert (subscription.status, subscription.customer) == ("active", "cus_TOnRzwk3w8KAot")
    assert subscription.latest_invoice == "in_1SRzqCKXBGcbgpbZs4xgnmrX"
    assert subscription.current_period_end == at(1765391364)
    assert [(item.price, item.quantity) for item in subscription.items] == [("small-monthly", 1)]

    charge = last(case, objects.Charge)
    assert (charge.amount, charge.amount_captured, charge.fee, charge.net) == (
        2500,
        2500,
        103,
        2397,
    )
    assert charge.payment_intent == "pi_3SRzqCKXBGcbgpbZ0OZAHYwq"
    assert charge.invoice is objects.UNSAID

    payment = last(case, objects.InvoicePayment)
    assert payment.invoice == "in_1SRzqCKXBGcbgpbZs4xgnmrX"
    assert payment.payment_intent == charge.payment_intent
    assert (payment.status, payment.amount_paid, payment.paid_at) == ("paid", 2500, at(1762799365))

    invoice = last(case, objects.Invoice)
    assert invoice.subscription == subscription.processor_id
    assert (invoice.total, invoice.amount_remaining, invoice.attempt_count) == (2500, 0, 1)
    [line] = invoice.lines
    assert (line.amount, line.price, line.proration) == (2500, "small-monthly", False)
    assert line.subscription_item == subscription.items[0].processor_id

    customer = last(case, objects.Customer)
    card = last(case, objects.PaymentMethod)
    assert customer.default_payment_method == card.processor_id
    assert (card.brand, card.last4, card.exp_month, card.exp_year) == ("visa", "4242", 11, 2026)


@recorded_cases("subscription-needs-authentication")
def test_a_subscription_whose_first_payment_needs_the_customer(case: RecordedCase) -> None:
    assert last(case, objects.Subscription).status == "incomplete"
    intent = last(case, objects.PaymentIntent)
    assert (intent.status, intent.amount, intent.amount_received) == ("requires_action", 2500, 0)
    assert (intent.latest_charge, intent.error_code) == (None, None)


@recorded_cases("subscription-paused-and-resumed")
def test_a_pause_leaves_the_status_as_it_was(case: RecordedCase) -> None:
    seen = [found for _, found in read_all(case) if isinstance(found, objects.Subscription)]

    assert [each.status for each in seen] == ["active", "active", "active"]
    assert [each.pause_behavior is not None for each in seen] == [False, True, False]


@recorded_cases("subscription-swapped")
def test_a_swap_from_monthly_to_yearly(case: RecordedCase) -> None:
    seen = [found for _, found in read_all(case) if isinstance(found, objects.Subscription)]
    assert [each.items[0].price for each in seen] == ["small-monthly", "small-annual"]
    assert seen[0].items[0].processor_id == seen[1].items[0].processor_id
    assert seen[1].current_period_end == at(1794335351)

    invoice = last(case, objects.Invoice)
    assert [(line.amount, line.price, line.proration) for line in invoice.lines] == [
        (-2500, "small-monthly", True),
        (25000, "small-annual", True),
    ]
    assert (invoice.total, invoice.billing_reason) == (22500, "subscription_update")


@recorded_cases("trial")
def test_a_trial_is_the_first_period(case: RecordedCase) -> None:
    found = last(case, objects.Subscription)

    assert found.status == "trialing"
    assert found.trial_end == found.current_period_end == found.billing_cycle_anchor
    assert found.trial_start == found.start_date


@recorded_cases("old-api-subscription")
def test_a_subscription_in_the_shapes_of_2020(case: RecordedCase) -> None:
    customer = last(case, objects.Customer)
    assert customer.default_payment_method == "card_fakefakefakefakefake0001"
    assert customer.preferred_locale is None

    subscription = last(case, objects.Subscription)
    assert subscription.current_period_end == at(1560673576)
    assert subscription.currency == "usd"
    assert subscription.items[0].current_period_end == at(1560673576)
    assert (subscription.items[0].price, subscription.items[0].product) == (
        "gold21323",
        "prod_fake1",
    )
    assert subscription.discounts == ()

    invoice = last(case, objects.Invoice)
    assert invoice.subscription == subscription.processor_id
    assert (invoice.subtotal, invoice.discount, invoice.tax, invoice.total) == (2000, 0, 261, 2000)
    assert (invoice.lines, invoice.payments) == (objects.UNSAID, objects.UNSAID)
    assert invoice.paid_at == at(1593225983)

    charge = last(case, objects.Charge)
    assert charge.invoice == invoice.processor_id
    assert (charge.payment_intent, charge.payment_method) == (
        "pi_fakefakefakefakefake0001",
        "card_fakefakefakefakefake0001",
    )
    assert charge.fee is objects.UNSAID


@recorded_cases("card-declined")
def test_a_decline_as_it_was_recorded(
    case: RecordedCase, stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    [refusal] = calls_of(case, "POST", "/v1/payment_methods")
    stripe_server.queue_answer(402, refusal, remembered=False)

    with pytest.raises(CardError, match="Your card was declined") as caught:
        processor.fetch("customer", "cus_1")

    assert (caught.value.code, caught.value.decline_code) == ("card_declined", "generic_decline")
    assert (caught.value.param, caught.value.http_status) == (None, 402)


def calls_of(case: RecordedCase, method: str, path: str) -> list[Json]:
    """Return the bodies that were answered to such calls."""
    recording = json.loads((Path(os.environ[VARIABLE]) / f"{case.name}.json").read_text())
    return [
        call["body"]
        for call in recording["calls"]
        if call["method"] == method and call["path"].startswith(path)
    ]


def told(case: RecordedCase, server: ContractServer, processor: StripeProcessor) -> Answer:
    """Subscribe, and let the server answer what was recorded."""
    subscribed = calls_of(case, "POST", "/v1/subscriptions")[0]
    server.prime(sample("customer", id=subscribed["customer"]))
    price = subscribed["items"]["data"][0]["price"]
    server.prime(price)
    for part in ("/v1/payment_intents/", "/v1/charges/"):
        for body in calls_of(case, "GET", part)[:1]:
            server.prime(body)
    server.queue_answer(200, subscribed, method="POST", remembered=True)
    return processor.create_subscription(
        subscribed["customer"],
        items=[{"price": price["id"]}],
        trial_end=None,
        payment_method=None,
        collection_method="charge_automatically",
        billing_cycle_anchor=None,
        metadata={},
        key="key-1",
    )


@recorded_cases("subscription-needs-authentication")
def test_a_recorded_first_payment_needs_the_customer(
    case: RecordedCase, stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    answer = told(case, stripe_server, processor)

    assert [each.kind for each in answer.objects] == ["subscription", "invoice", "payment_intent"]
    intent = answer.first(objects.PaymentIntent)
    assert intent is not None
    assert intent.requires_action
    shown = calls_of(case, "POST", "/v1/subscriptions")[0]["latest_invoice"]
    assert answer.client_secret == shown["confirmation_secret"]["client_secret"]


@recorded_cases("subscription-swapped")
def test_a_recorded_first_payment_brings_its_charge(
    case: RecordedCase, stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    answer = told(case, stripe_server, processor)

    kinds = [each.kind for each in answer.objects]
    assert kinds == ["subscription", "invoice", "payment_intent", "charge"]
    assert isinstance(answer.main, objects.Subscription)
    assert answer.main.status == "active"


@recorded_cases("trial")
def test_a_recorded_trial_has_nothing_to_pay(
    case: RecordedCase, stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    answer = told(case, stripe_server, processor)

    assert [each.kind for each in answer.objects] == ["subscription", "invoice"]
    assert answer.client_secret is None
