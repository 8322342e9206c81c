"""Objects that come before what they belong to, that are nobody's, or that are gone."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import models
from tests.processors.stripe.stripe_bodies import (
    END,
    invoice,
    item,
    line,
    listed,
    sample,
    subscription,
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


# -- whose it is -----------------------------------------------------------------------------------


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
        {"accrue_owner": "Organization:" + "1" * 300},
        {"owner": "Organization:1"},
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


FAULTS: dict[str, dict[str, Any]] = {
    "wrong key": {"status": 401},
    "no permission": {"status": 403},
    "rate limit": {"status": 429, "headers": {"Retry-After": "77"}},
    "failure": {"status": 500},
    "unavailable": {"status": 503},
    "bad request": {"status": 400},
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


def test_the_event_of_another_account_is_fetched_from_there(
    told: Told, stripe_server: ContractServer
) -> None:
    stripe_server.prime(customer(), account="acct_9")
    stripe_server.prime(charge(), account="acct_9")
    event = told.tell("refund.created", refund(), account="acct_9")
    assert (event.outcome, event.account) == ("applied", "acct_9")
    asked = stripe_server.requests_to("GET", ".*")
    assert [request.path for request in asked] == ["/v1/charges/ch_1", "/v1/customers/cus_1"]
    assert {request.headers.get("Stripe-Account") for request in asked} == {"acct_9"}
    # And the object itself, when its body can't be told from what there is.
    stripe_server.prime(refund(amount=50), account="acct_9")
    again = told.tell(
        "refund.updated", refund(), account="acct_9", created=int(event.occurred_at.timestamp())
    )
    assert again.outcome == "fetched"
    assert told.find(models.Refund, "re_1").amount == 50
    assert stripe_server.requests[-1].headers["Stripe-Account"] == "acct_9"


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


# -- items, lines and payments ---------------------------------------------------------------------


def test_an_item_that_is_missing_goes_and_old_lines_that_name_it_still_find_it(
    told: Told, stripe_server: ContractServer
) -> None:
    told.tell("customer.created", customer())
    both = subscription(items=listed(item("si_1"), item("si_2")))
    told.tell("customer.subscription.created", both)
    told.tell("invoice.paid", invoice())
    told.tell("customer.subscription.updated", subscription(items=listed(item("si_2"))))
    row = told.find(models.Subscription, "sub_1")
    assert [each.processor_id for each in row.items] == ["si_2"]
    [old_line] = told.find(models.Invoice, "in_1").items
    assert old_line.subscription_item_processor_id == "si_1"
    named = told.find(models.SubscriptionItem, "si_1")
    assert named.removed_at is not None
    assert named.price_processor_id == "price_pro"
    # It may come back, which the processor does when a swap is undone.
    told.tell("customer.subscription.updated", both)
    assert told.find(models.SubscriptionItem, "si_1").removed_at is None


def test_lines_are_written_by_their_place_and_removed_ones_go(
    told: Told, stripe_server: ContractServer
) -> None:
    told.tell("customer.created", customer())
    two = listed(line(id=None, amount=1500), line(id=None, amount=500))
    for _ in range(3):
        told.tell("invoice.updated", invoice(lines=two))
    assert [each.amount for each in told.find(models.Invoice, "in_1").items] == [1500, 500]
    assert told.db.session.query(models.InvoiceItem).count() == 2
    told.tell("invoice.updated", invoice(lines=listed(line(id="il_9", amount=2000))))
    [left] = told.find(models.Invoice, "in_1").items
    assert (left.processor_id, left.amount) == ("il_9", 2000)
    assert told.db.session.query(models.InvoiceItem).count() == 1


def test_a_list_that_is_cut_off_is_fetched_whole(told: Told, stripe_server: ContractServer) -> None:
    told.tell("customer.created", customer())
    stripe_server.prime(invoice(lines=listed(line(), line(id="il_2"))))
    event = told.tell("invoice.paid", invoice(lines=listed(line(), has_more=True)))
    assert event.outcome == "fetched"
    assert len(told.find(models.Invoice, "in_1").items) == 2


def test_an_expansion_that_is_left_out_erases_nothing(
    told: Told, stripe_server: ContractServer
) -> None:
    told.tell("customer.created", customer())
    balance = sample("balance_transaction", id="txn_1", fee=82, net=1703, currency="usd")
    told.tell("charge.succeeded", charge(balance_transaction=balance))
    told.tell("charge.updated", charge(description="Another"))
    told.tell("charge.updated", charge(balance_transaction=None))
    row = told.find(models.Charge, "ch_1")
    assert (row.fee, row.net) == (82, 1703)
    told.tell("invoice.paid", invoice())
    told.tell("invoice.updated", {k: v for k, v in invoice().items() if k != "payments"})
    told.tell("invoice.updated", {k: v for k, v in invoice().items() if k != "lines"})
    found = told.find(models.Invoice, "in_1")
    assert (len(found.payments), len(found.items)) == (1, 1)


NEWS: dict[str, tuple[str, Json]] = {
    "invoice": ("invoice.paid", invoice(payments=None)),
    "payment": ("invoice_payment.paid", invoice_payment()),
    "intent": ("payment_intent.succeeded", intent()),
    "charge": ("charge.succeeded", charge()),
    "card": ("payment_method.attached", card()),
    "subscription": ("customer.subscription.created", subscription()),
}


@pytest.mark.parametrize("seed", range(6))
def test_a_charge_finds_its_invoice_subscription_and_card_whichever_comes_first(
    told: Told, stripe_server: ContractServer, seed: int
) -> None:
    import random

    stripe_server.prime(customer())
    stripe_server.prime(invoice())
    names = random.Random(seed).sample(sorted(NEWS), len(NEWS))
    for name in names:
        assert told.tell(*NEWS[name]).outcome == "applied"
    row = told.find(models.Charge, "ch_1")
    assert row.invoice_processor_id == "in_1", names
    assert row.payment_method.last4 == "4242"
    assert told.find(models.PaymentIntent, "pi_1").invoice_processor_id == "in_1"
    found = told.find(models.Invoice, "in_1")
    assert found.subscription.processor_id == "sub_1"
    assert [each.processor_id for each in found.payments] == ["inpay_1"]


def test_an_old_charge_names_its_invoice_itself(told: Told, stripe_server: ContractServer) -> None:
    told.tell("customer.created", customer())
    told.tell("charge.succeeded", charge(invoice="in_1"), api_version="2022-11-15")
    assert told.find(models.Charge, "ch_1").invoice_processor_id == "in_1"


@pytest.mark.parametrize(
    "kind",
    [
        "checkout.session",
        "setup_intent",
        "tax_id",
        "coupon",
        "promotion_code",
        "subscription_schedule",
        "credit_note",
        "account",
        "payout",
        "person",
    ],
)
def test_a_kind_that_is_not_mirrored_yet_is_stored_and_offered(
    told: Told, stripe_server: ContractServer, kind: str
) -> None:
    heard = []
    told.app.extensions["accrue"].handlers.append(("*", lambda event, _: heard.append(event)))
    event = told.tell(f"{kind}.created", sample(kind))
    assert (event.state, event.outcome) == ("succeeded", "unhandled")
    assert [each.raw["data"]["object"]["object"] for each in heard] == [kind]
    assert told.count() == {}


def test_no_client_secret_is_kept_anywhere(told: Told, stripe_server: ContractServer) -> None:
    secret = "pi_1_secret_zXcVbNm"
    stripe_server.prime(intent(client_secret=secret))
    told.tell("customer.created", customer())
    first = told.tell("payment_intent.created", intent(client_secret=secret))
    told.tell(
        "payment_intent.succeeded",
        intent(client_secret=secret),
        created=int(first.occurred_at.timestamp()),
    )
    for table in models.Base.metadata.sorted_tables:
        for row in told.db.session.execute(sa.select(table)):
            assert secret not in str(row._mapping), table.name
