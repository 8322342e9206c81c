from __future__ import annotations

import datetime

import pytest

from flask_accrue.errors import InvalidRequest, NotFound
from flask_accrue.processors import objects

MONTH_END = datetime.datetime(2026, 2, 28, 12, tzinfo=datetime.UTC)


def test_a_subscription_is_paid_and_active_at_once(shop, start):
    answer = shop.subscribe(shop.customer(), quantity=3)

    subscription, invoice, intent, charge = answer.objects
    assert subscription.status == "active"
    assert (subscription.current_period_start, subscription.current_period_end) == (
        start,
        MONTH_END,
    )
    (item,) = subscription.items
    assert (item.price, item.quantity, item.current_period_end) == ("price_pro", 3, MONTH_END)
    assert subscription.latest_invoice == invoice.processor_id
    assert (invoice.status, invoice.total, invoice.amount_paid, invoice.amount_remaining) == (
        "paid",
        5700,
        5700,
        0,
    )
    assert (invoice.lines[0].period_start, invoice.lines[0].period_end) == (start, MONTH_END)
    assert invoice.payments[0].charge == charge.processor_id == intent.latest_charge
    assert charge.invoice == invoice.processor_id
    assert answer.client_secret is None


def test_the_events_are_those_that_stripe_writes(fake, shop):
    customer = shop.customer()
    shop.forget_events()

    shop.subscribe(customer)

    assert shop.types() == [
        "customer.updated",
        "customer.subscription.created",
        "invoice.created",
        "payment_intent.created",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice_payment.paid",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
        "customer.subscription.updated",
    ]
    created, updated = (
        fake.read_event(event.body)
        for event in fake.pending_events()
        if event.type.startswith("customer.subscription")
    )
    assert created.object.status == "incomplete"
    assert updated.object.status == "active"
    assert updated.raw["previous"] == {"status": "incomplete"}
    assert created.object.latest_invoice == updated.object.latest_invoice is not None


def test_a_decline_leaves_it_incomplete_with_the_invoice_open(fake, shop):
    customer = shop.customer("pm_card_chargeCustomerFail_insufficient_funds")
    shop.forget_events()

    answer = shop.subscribe(customer)

    subscription, invoice, intent, charge = answer.objects
    assert subscription.status == "incomplete"
    assert (invoice.status, invoice.amount_remaining, invoice.attempt_count) == ("open", 1900, 1)
    assert invoice.next_payment_attempt is None
    assert intent.status == "requires_payment_method"
    assert (intent.error_code, intent.error_decline_code) == (
        "card_declined",
        "insufficient_funds",
    )
    assert (charge.status, charge.decline_code) == ("failed", "insufficient_funds")
    assert answer.client_secret.startswith(f"{intent.processor_id}_secret_")
    assert "invoice.payment_failed" in shop.types()
    assert "invoice.payment_action_required" not in shop.types()


def test_a_card_that_asks_for_the_customer_leaves_it_incomplete(fake, shop):
    customer = shop.customer("pm_card_authenticationRequired")

    answer = shop.subscribe(customer)

    subscription, invoice, intent = answer.objects
    assert subscription.status == "incomplete"
    assert invoice.status == "open"
    assert intent.status == "requires_action"
    assert answer.client_secret
    assert "invoice.payment_action_required" in shop.types()


def test_a_client_secret_is_told_once_and_stored_nowhere(fake, shop):
    answer = shop.subscribe(shop.customer("pm_card_authenticationRequired"))

    fetched = fake.fetch("payment_intent", answer.objects[2].processor_id)
    told = [repr(each.raw) for each in (*answer.objects, *fetched.objects)]
    told += [event.body.decode() for event in fake.events()]

    assert not any("_secret_" in text for text in told)
    assert answer.client_secret not in repr(answer)


def test_after_23_hours_an_incomplete_one_is_given_up(fake, shop):
    answer = shop.subscribe(shop.customer("pm_card_chargeCustomerFail"))
    shop.forget_events()

    shop.advance(hours=22, minutes=59)
    assert shop.subscription(answer).status == "incomplete"
    shop.advance(minutes=1)

    assert shop.subscription(answer).status == "incomplete_expired"
    assert shop.invoice(answer.objects[1].processor_id).status == "void"
    assert fake.fetch("payment_intent", answer.objects[2].processor_id).main.status == "canceled"
    assert shop.types() == [
        "customer.subscription.updated",
        "payment_intent.canceled",
        "invoice.voided",
    ]
    assert shop.advance(days=100) == 0


def test_the_first_period_up_to_an_anchor_is_charged_in_part(fake, shop, start):
    anchor = datetime.datetime(2026, 2, 14, 12, tzinfo=datetime.UTC)

    answer = shop.subscribe(shop.customer(), billing_cycle_anchor=int(anchor.timestamp()))

    # 14 of the 31 days from 14 January on.
    assert answer.objects[1].total == 1900 - round(1900 * 17 / 31)
    assert answer.main.current_period_end == anchor
    shop.advance(days=14)
    renewed = shop.subscription(answer)
    assert renewed.current_period_end == datetime.datetime(2026, 3, 14, 12, tzinfo=datetime.UTC)
    assert shop.invoice(renewed.latest_invoice).total == 1900


def test_something_free_is_active_without_a_card(fake, shop):
    answer = shop.subscribe(shop.customer(card=None), "price_free")

    subscription, invoice = answer.objects
    assert subscription.status == "active"
    assert (invoice.status, invoice.total, invoice.payments) == ("paid", 0, ())


def test_a_quantity_of_nothing_is_allowed(shop):
    answer = shop.subscribe(shop.customer(), quantity=0)

    assert answer.main.status == "active"
    assert answer.objects[1].total == 0


def test_a_metered_price_has_no_quantity(shop):
    answer = shop.subscribe(shop.customer(), "price_usage")
    assert answer.main.items[0].quantity is None

    with pytest.raises(InvalidRequest):
        shop.subscribe(shop.customer(), "price_usage", 2)


def test_several_items_are_billed_together(shop):
    items = [{"price": "price_pro"}, {"price": "price_team", "quantity": 2}]

    answer = shop.subscribe(shop.customer(), items=items)

    assert [line.amount for line in answer.objects[1].lines] == [1900, 9800]
    assert answer.objects[1].total == 11700


def test_without_a_card_there_is_nothing_to_charge(fake, shop):
    customer = shop.customer(card=None)
    shop.forget_events()

    with pytest.raises(InvalidRequest) as caught:
        shop.subscribe(customer)

    assert caught.value.code == "resource_missing"
    assert shop.types() == []


@pytest.mark.parametrize(
    ("given", "error", "param", "code"),
    [
        ({"price": "price_none"}, NotFound, "items[price]", "resource_missing"),
        ({"price": "price_old"}, InvalidRequest, "items[price]", "price_inactive"),
        ({"price": "price_once"}, InvalidRequest, "items[price]", "price_not_recurring"),
        ({"quantity": -1}, InvalidRequest, "items[quantity]", "parameter_invalid_integer"),
        ({"quantity": "2"}, InvalidRequest, "items[quantity]", "parameter_invalid_integer"),
        ({"quantity": True}, InvalidRequest, "items[quantity]", "parameter_invalid_integer"),
        ({"payment_method": "pm_x"}, InvalidRequest, "default_payment_method", "resource_missing"),
        ({"trial_end": 1}, InvalidRequest, "trial_end", "parameter_invalid"),
        ({"trial_end": "soon"}, InvalidRequest, "trial_end", "parameter_invalid_integer"),
        ({"trial_end": 2**60}, InvalidRequest, "trial_end", "parameter_invalid"),
        ({"price": {"id": "price_pro"}}, NotFound, "items[price]", "resource_missing"),
        (
            {"billing_cycle_anchor": 4_000_000_000},
            InvalidRequest,
            "billing_cycle_anchor",
            "parameter_invalid",
        ),
        ({"collection_method": "beg"}, InvalidRequest, "collection_method", "parameter_invalid"),
        ({"items": [{"price": "price_pro"}] * 2}, InvalidRequest, "items", "parameter_invalid"),
        (
            {"items": [{"price": "price_pro"}, {"price": "price_year"}]},
            InvalidRequest,
            "items",
            "parameter_invalid",
        ),
        (
            {"items": [{"price": "price_pro"}, {"price": "price_euro"}]},
            InvalidRequest,
            "items",
            "currency_mismatch",
        ),
    ],
)
def test_what_cannot_be_sold_like_that_is_refused_and_leaves_nothing(
    fake, shop, given, error, param, code
):
    from flask_accrue.money import Money

    fake.create_price("prod_pro", Money(1, "usd"), id="price_old")
    fake.deactivate_price("price_old")
    fake.create_price("prod_pro", Money(1, "usd"), None, id="price_once")
    customer = shop.customer()
    shop.forget_events()

    with pytest.raises(error) as caught:
        shop.subscribe(customer, **given)

    assert (caught.value.param, caught.value.code) == (param, code)
    assert shop.types() == []
    assert shop.invoices(customer) == []


def test_currencies_are_not_combined_on_one_customer(fake, shop):
    customer = shop.customer()
    shop.subscribe(customer)

    with pytest.raises(InvalidRequest) as caught:
        shop.subscribe(customer, "price_euro")

    assert caught.value.code == "currency_mismatch"


def test_an_invoice_that_is_sent_is_open_after_an_hour_and_overdue_after_a_month(fake, shop):
    answer = shop.subscribe(shop.customer(card=None), collection_method="send_invoice")
    assert answer.main.status == "active"
    assert answer.objects[1].status == "draft"

    shop.advance(hours=1)
    invoice = shop.invoice(answer.objects[1].processor_id)
    assert invoice.status == "open"
    assert invoice.due_date == fake.clock.now() + datetime.timedelta(days=30)

    shop.advance(days=27)
    assert shop.subscription(answer).status == "active"
    shop.advance(days=3)
    assert shop.subscription(answer).status == "past_due"
    assert "invoice.overdue" in shop.types()


def test_a_subscription_is_found_by_its_operation_and_customer(fake, shop):
    customer = shop.customer()
    made = shop.subscribe(customer, metadata={"accrue_operation": "op"})

    found = fake.find("subscription", "op", within=customer)
    assert found.first(objects.Subscription).processor_id == made.main.processor_id
    assert fake.find("subscription", "op", within=shop.customer()) is None
