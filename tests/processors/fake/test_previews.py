"""What the Fake says will be billed, and what is."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flask_accrue.errors import InvalidRequest, NotFound
from flask_accrue.money import Money
from flask_accrue.processors import objects
from flask_accrue.processors.fake import FakeProcessor
from tests.processors.fake.conftest import START, Shop
from tests.processors.fake.test_properties import dump

PRICES = ("price_pro", "price_team", "price_year", "price_free")
DAY = 86400


def preview(shop: Shop, answer: t.Any, **changes: t.Any) -> objects.Invoice:
    found = shop.fake.preview_invoice(answer.main.processor_id, changes).main
    assert isinstance(found, objects.Invoice)
    return found


def bill(invoice: objects.Invoice) -> list[t.Any]:
    lines = [(each.price, each.amount, each.quantity, each.proration) for each in invoice.lines]
    sums = (invoice.subtotal, invoice.total, invoice.starting_balance, invoice.amount_due)
    return [invoice.currency, *sums, *sorted(lines, key=repr)]


changes = st.one_of(
    st.builds(lambda price: [{"id": 0, "price": price}], st.sampled_from(PRICES)),
    st.builds(lambda number: [{"id": 0, "quantity": number}], st.integers(0, 7)),
    st.builds(
        lambda price, number: [{"price": price, "quantity": number}],
        st.sampled_from(PRICES),
        st.integers(0, 7),
    ),
    st.just([{"price": "price_usage"}]),
    st.just([{"id": 1, "deleted": True}]),
    st.just([{"id": 0, "deleted": True}, {"id": 1, "quantity": 2}]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    before=changes,
    wanted=changes,
    early=st.integers(0, 20 * DAY),
    later=st.integers(0, 20 * DAY),
    hesitation=st.integers(0, 7 * DAY),
    proration=st.sampled_from(["create_prorations", "none", "always_invoice"]),
    trial=st.sampled_from([None, 60]),
    balance=st.integers(-9000, 9000),
)
def test_the_bill_is_what_was_said_before_to_the_cent(
    before, wanted, early, later, hesitation, proration, trial, balance
):
    fake = FakeProcessor(seed=1)
    fake.freeze(START)
    shop = Shop(fake).catalog()
    customer = shop.customer()
    fake.set_balance(customer, balance)
    items = [{"price": "price_pro", "quantity": 3}, {"price": "price_team"}]
    days = None if trial is None else datetime.timedelta(days=trial)
    answer = shop.subscribe(customer, items=items, trial=days)

    def named(those: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
        there = shop.subscription(answer).items
        return [
            each if "id" not in each else {**each, "id": there[each["id"]].processor_id}
            for each in those
            if each.get("id", 0) < len(there)
        ]

    try:
        fake.advance(datetime.timedelta(seconds=early))
        shop.change(answer, items=named(before), proration="create_prorations")
        fake.advance(datetime.timedelta(seconds=later))
        asked = {"items": named(wanted), "proration": proration}
        if proration != "none":
            asked["proration_date"] = int(fake.clock.now().timestamp())
        said = preview(shop, answer, **asked)
    except InvalidRequest:
        fake.close()
        return
    known = {each.processor_id for each in shop.invoices(customer)}
    period_end = shop.subscription(answer).current_period_end
    fake.advance(min(datetime.timedelta(seconds=hesitation), period_end - fake.clock.now()) / 2)
    shop.change(answer, **asked)
    end = shop.subscription(answer).current_period_end
    new = [each for each in shop.invoices(customer) if each.processor_id not in known]
    if not new:
        fake.advance(end - fake.clock.now())
        new = [each for each in shop.invoices(customer) if each.processor_id not in known]

    assert bill(new[0]) == bill(said)
    fake.close()


def test_a_preview_changes_nothing(shop):
    customer = shop.customer()
    answer = shop.subscribe(customer)
    shop.advance(days=9)
    item = shop.subscription(answer).items[0].processor_id
    before = dump(shop.fake)

    preview(shop, answer)
    preview(shop, answer, items=[{"id": item, "quantity": 9}], proration="always_invoice")
    with pytest.raises(InvalidRequest):
        preview(shop, answer, items=[{"id": item, "deleted": True}], proration="none")

    assert dump(shop.fake) == before


def test_without_a_change_it_tells_the_next_period(shop):
    answer = shop.subscribe(shop.customer(), quantity=2)

    said = preview(shop, answer)

    end = shop.subscription(answer).current_period_end
    [line] = said.lines
    assert (said.total, line.period_start, line.quantity) == (3800, end, 2)
    assert (said.processor_id, said.status, said.number) == ("", "draft", None)


@pytest.mark.parametrize("how", ["canceled", "ending", "incomplete"])
def test_what_wont_be_billed_again_has_no_next_invoice(shop, how):
    customer = shop.customer()
    if how == "incomplete":
        shop.use(customer, "pm_card_chargeCustomerFail")
    answer = shop.subscribe(customer)
    if how == "canceled":
        shop.cancel(answer)
    elif how == "ending":
        shop.change(answer, cancel_at_period_end=True)

    with pytest.raises(InvalidRequest) as caught:
        preview(shop, answer)

    assert caught.value.code == "invoice_upcoming_none"


@pytest.mark.parametrize("waits", ["credit", "swap", "usage"])
def test_of_what_ends_the_last_bill_is_told(shop, waits):
    metered = shop.fake.create_price(
        "prod_pro", Money(3, "usd"), usage_type="metered", meter="api_calls"
    ).processor_id
    customer = shop.customer()
    answer = shop.subscribe(customer, items=[{"price": "price_pro"}, {"price": metered}])
    shop.advance(days=10)
    now = int(shop.fake.clock.now().timestamp())
    end = now + 7 * DAY
    if waits == "swap":
        shop.swap(answer, "price_team")
    elif waits == "usage":
        shop.fake.create_meter_event(
            customer=customer,
            event_name="api_calls",
            value=9,
            identifier="u",
            timestamp=now,
            key="u",
        )
    proration = "create_prorations" if waits == "credit" else "none"
    shop.change(answer, cancel_at=end, proration=proration)
    before = dump(shop.fake)

    said = preview(shop, answer)

    assert dump(shop.fake) == before
    shop.advance(days=8)
    last = shop.invoice(shop.subscription(answer).latest_invoice)
    assert bill(last) == bill(said)
    assert last.created == datetime.datetime.fromtimestamp(end, datetime.UTC)


def test_what_isnt_there_has_no_preview(shop):
    with pytest.raises(NotFound):
        shop.fake.preview_invoice("sub_unknown", {})
