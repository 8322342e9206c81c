"""What objects consist of: items, lines, payments; and what is kept of kinds that aren't mirrored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from flask_accrue import models
from tests.processors.stripe.stripe_bodies import (
    invoice,
    item,
    line,
    listed,
    sample,
    subscription,
)
from tests.webhooks.told import (
    Json,
    card,
    charge,
    customer,
    intent,
    invoice_payment,
)

if TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer
    from tests.webhooks.told import Told


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


def test_amounts_in_parts_of_a_cent_are_no_amount_and_all_others_are_integers(
    told: Told, stripe_server: ContractServer
) -> None:
    told.tell("customer.created", customer())
    bodies = {
        "price_1": {"unit_amount": 1900, "unit_amount_decimal": "1900"},
        "price_2": {"unit_amount": None, "unit_amount_decimal": "0.25"},
    }
    for id, amounts in bodies.items():
        price = sample("price", id=id, product="prod_1", currency="usd", **amounts)
        stripe_server.prime(price)
        told.tell("price.created", price)
        from_body = told.find(models.Price, id)
        kept = (from_body.unit_amount, from_body.raw)
        assert kept[0] == amounts["unit_amount"]
        # What the API answers is an object of its SDK; here it's the same number and plain JSON.
        told.refer("v1.price.updated", price)
        fetched = told.find(models.Price, id)
        assert fetched.fresh_event is None
        assert (fetched.unit_amount, fetched.raw["unit_amount_decimal"]) == (
            kept[0],
            amounts["unit_amount_decimal"],
        )
        assert type(fetched.raw) is dict
    told.tell("invoice.paid", invoice())
    [stored] = told.find(models.Invoice, "in_1").items
    assert stored.raw["pricing"]["unit_amount_decimal"] == "2000"
    assert {type(stored.amount), type(stored.tax), type(stored.discount)} == {int}


def test_an_old_charge_names_its_invoice_itself(told: Told, stripe_server: ContractServer) -> None:
    told.tell("customer.created", customer())
    told.tell("charge.succeeded", charge(invoice="in_1"), api_version="2022-11-15")
    assert told.find(models.Charge, "ch_1").invoice_processor_id == "in_1"


@pytest.mark.parametrize(
    "kind",
    [
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


@pytest.mark.parametrize("by", ["discount", "subscription"])
def test_news_of_a_discount_have_its_coupon_fetched(
    told: Told, stripe_server: ContractServer, by: str
) -> None:
    told.tell("customer.created", customer())
    told.tell("customer.subscription.created", subscription(discounts=[]))
    discount = sample(
        "discount",
        id="di_1",
        source={"type": "coupon", "coupon": "TEN"},
        customer="cus_1",
        subscription="sub_1",
    )
    stripe_server.prime(discount)
    stripe_server.prime(subscription(discounts=["di_1"]))
    if by == "discount":
        told.tell("customer.discount.created", discount)
    else:
        told.tell("customer.subscription.updated", subscription(discounts=["di_1"]))
    row = told.find(models.Subscription, "sub_1")
    assert [(each["id"], each["coupon"]) for each in row.discounts] == [("di_1", "TEN")]


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


def test_a_price_s_currencies_are_asked_for_since_no_event_tells_them(
    told: Told, stripe_server: ContractServer
) -> None:
    price = sample("price", id="price_1", product="prod_1", currency="usd", unit_amount=1000)
    price.pop("currency_options", None)
    stripe_server.prime({**price, "currency_options": {"eur": {"unit_amount": 900}}})
    event = told.tell("price.created", price)
    assert event.outcome == "fetched"
    assert told.find(models.Price, "price_1").currencies == {"usd", "eur"}
