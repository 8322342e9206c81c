"""What is announced of the next invoice is what comes."""

from __future__ import annotations

import pytest

from flask_accrue.money import Money
from flask_accrue.processors import objects


def told_upcoming(shop):
    found = [
        shop.fake.read_event(event.body).object
        for event in shop.fake.pending_events()
        if event.type == "invoice.upcoming"
    ]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("balance", [0, -500, -9000])
@pytest.mark.parametrize("country", ["DE", "JP", None])
def test_the_tax_that_is_announced_is_billed(shop, country, balance):
    customer = shop.customer()
    if country:
        location = {"address": {"country": country}, "ip_address": None}
        shop.fake.update_customer(customer, {"tax_location": location}, key=shop.key())
    made = shop.subscribe(customer, automatic_tax=country is not None)
    shop.fake.set_balance(customer, balance)
    item = shop.subscription(made).items[0].processor_id
    shop.change(made, items=[{"id": item, "quantity": 3}], proration="create_prorations")
    shop.forget_events()
    shop.advance(days=31, hours=2)

    announced = told_upcoming(shop)
    billed = shop.invoice(shop.subscription(made).latest_invoice)

    for name in ("subtotal", "tax", "total_taxes", "total", "amount_due", "automatic_tax_status"):
        assert getattr(announced, name) == getattr(billed, name), name
    assert announced.tax == sum(each.amount for each in announced.total_taxes)
    assert (announced.tax > 0) == (country is not None)
    assert isinstance(announced, objects.Invoice)
    assert announced.amount_due == max(0, announced.total + balance)
    assert Money(announced.total, announced.currency) > Money(0, announced.currency)
