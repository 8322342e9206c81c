"""Writing several objects at once, the catalog, and what a fetch didn't find."""

from __future__ import annotations

import dataclasses
import datetime
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import mirror, models
from flask_accrue.mirror import Source, Watermark, watermark
from flask_accrue.money import Money
from flask_accrue.processors import Answer, objects
from flask_accrue.unit_of_work import UnitOfWork, write
from tests.mirror.conftest import HOUR, ORIGIN, START
from tests.mirror.said import card, charge, customer, invoice, line, subscription

if TYPE_CHECKING:
    from tests.mirror.conftest import Mirror


def answer(*found: objects.ProcessorObject, at: datetime.datetime) -> Answer:
    return Answer(objects=found, fresh_from=at, fresh_to=at)


def write_answer(
    mirrored: Mirror, answered: Answer, seen: dict[tuple[str, str], Watermark]
) -> tuple[set[tuple[str, str]], list[tuple[str, str]]]:
    """Write an answer; return the names of all rows, and of those that have to be fetched again."""

    def work(uow: UnitOfWork, owner: models.Customer) -> Any:
        rows, unclear = mirror.write_answers(uow, owner, [answered], seen)
        return set(rows), unclear

    names, unclear = mirrored.within(work)
    return names, unclear


def test_all_that_an_answer_holds_is_written(mirrored: Mirror) -> None:
    seen = {("customer", "cus_1"): watermark(mirrored.customer)}
    found = (subscription(), invoice(lines=(line(),)), charge(), customer(name="Bolt"))
    names, unclear = write_answer(mirrored, answer(*found, at=START), seen)
    assert names == {(obj.kind, obj.processor_id) for obj in found}
    assert unclear == []
    assert mirrored.customer.name == "Bolt"
    assert mirrored.find("invoice", "in_1").subscription.processor_id == "sub_1"


def test_what_an_event_wrote_meanwhile_is_left_and_named(mirrored: Mirror) -> None:
    row = mirrored.put(subscription())
    seen = {("subscription", "sub_1"): watermark(row)}
    mirrored.put(subscription(status="past_due"), event="evt_1")
    found = (subscription(status="active"), invoice())
    names, unclear = write_answer(mirrored, answer(*found, at=mirrored.now), seen)
    assert unclear == [("subscription", "sub_1")]
    assert names == {("subscription", "sub_1"), ("invoice", "in_1")}
    assert mirrored.find("subscription", "sub_1").status == "past_due"
    assert mirrored.find("invoice", "in_1") is not None
    # An answer that is clearly newer may be written all the same.
    later = answer(subscription(status="active"), at=mirrored.now + HOUR)
    assert write_answer(mirrored, later, seen)[1] == []
    assert mirrored.find("subscription", "sub_1").status == "active"


def test_all_are_judged_before_any_is_written(mirrored: Mirror) -> None:
    """Writing an invoice also writes what its subscription has from it."""
    row = mirrored.put(subscription(status="past_due"))
    seen = {("subscription", "sub_1"): watermark(row)}
    paid = invoice(status="paid", lines=(line(period_end=START + HOUR),))
    found = (paid, subscription(status="active"))
    assert write_answer(mirrored, answer(*found, at=START), seen)[1] == []
    found_row = mirrored.find("subscription", "sub_1")
    assert (found_row.status, found_row.paid_until) == ("active", START + HOUR)


# -- what is gone ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("obj", "verb"),
    [
        (customer(), "deleted"),
        (subscription(), "canceled"),
        (card(), "detached"),
        (invoice(), "deleted"),
        (charge(), "deleted"),
    ],
)
def test_what_a_fetch_did_not_find_is_marked_once(
    mirrored: Mirror, obj: objects.ProcessorObject, verb: str
) -> None:
    mirrored.put(obj)
    since = mirrored.now + HOUR

    def gone(at: datetime.datetime) -> Any:
        def work(uow: UnitOfWork, owner: models.Customer) -> None:
            row: Any = owner
            if obj.kind != "customer":
                row = uow.find(models.MIRRORED[obj.kind], "fake", obj.processor_id)
            mirror.mark_gone(uow, owner, row, Source(at, at))

        mirrored.within(work)
        return mirrored.find(obj.kind, obj.processor_id)

    row = gone(since)
    assert mirror.is_gone(row)
    assert mirrored.verbs(obj.kind)[-1] == verb
    count = len(mirrored.entries())
    gone(since)
    gone(since + HOUR)
    assert len(mirrored.entries()) == count
    if obj.kind == "subscription":
        assert (row.status, row.ended_at, row.deleted_at) == ("canceled", since, since)


def test_news_of_what_was_not_found_bring_it_back(mirrored: Mirror) -> None:
    mirrored.put(invoice())

    def work(uow: UnitOfWork, owner: models.Customer) -> None:
        row = uow.find(models.Invoice, "fake", "in_1")
        assert row is not None
        mirror.mark_gone(uow, owner, row, mirrored.told())

    mirrored.within(work)
    assert mirrored.find("invoice", "in_1").deleted_at is not None
    assert mirrored.put(invoice()).deleted_at is None


# -- the catalog -----------------------------------------------------------------------------------

PRODUCT = objects.Product(processor_id="prod_1", name="Pro", created=START)
PRICE = objects.Price(
    processor_id="price_1", product="prod_1", currency="usd", unit_amount=1900, interval="month"
)


def test_products_and_prices_belong_to_nobody_and_are_told(mirrored: Mirror) -> None:
    price = mirrored.put_catalog(PRICE)
    mirrored.put_catalog(PRODUCT)
    assert mirrored.find("price", "price_1").product.name == "Pro"
    mirrored.put_catalog(dataclasses.replace(PRICE, nickname="Old"))
    mirrored.put_catalog(dataclasses.replace(PRICE, nickname="Old"))
    assert mirrored.verbs("price") == ["created", "updated"]
    assert {entry.customer_id for entry in mirrored.entries("price")} == {None}
    row = mirrored.put_catalog(dataclasses.replace(PRICE, nickname="Old", deleted=True))
    assert (row.id, row.active, row.deleted_at) == (price.id, False, mirrored.now)
    assert mirrored.verbs("price")[-1] == "deleted"


@pytest.mark.parametrize("obj", [PRODUCT, PRICE], ids=["product", "price"])
def test_the_two_ways_to_write_refuse_what_is_the_others(
    mirrored: Mirror, obj: objects.ProcessorObject
) -> None:
    with pytest.raises(TypeError, match="doesn't belong to a customer"):
        mirrored.put(obj)
    with pytest.raises(TypeError, match="belongs to a customer"):
        mirrored.put_catalog(invoice())
    assert mirrored.find(obj.kind, obj.processor_id) is None


def test_the_currencies_of_a_price_outlive_an_event_that_leaves_them_out(mirrored: Mirror) -> None:
    options = {"currency_options": {"eur": {"unit_amount": 900}, "jpy": None}}
    mirrored.put_catalog(dataclasses.replace(PRICE, raw=options))
    row = mirrored.put_catalog(
        dataclasses.replace(PRICE, nickname="New", raw={"nickname": "New"}, lacks_currencies=True)
    )
    assert row.raw == {"nickname": "New", **options}
    assert row.currencies == {PRICE.currency, "eur", "jpy"}
    assert (row.money_in("eur"), row.money_in("jpy")) == (Money(900, "eur"), None)
    row = mirrored.put_catalog(dataclasses.replace(PRICE, nickname="New"))
    assert row.currencies == {PRICE.currency}


def test_columns_that_only_exist_here_are_set_with_an_entry_and_survive_news(
    mirrored: Mirror,
) -> None:
    def work(uow: UnitOfWork) -> None:
        owner = uow.lock_processor_customer("fake", "cus_1")
        assert owner is not None
        mirror.set_local(uow, owner, "customer", owner, preferred_timezone="Europe/Berlin")

    for _ in range(2):
        write(work, origin=ORIGIN)
    assert mirrored.verbs("customer") == ["created", "updated"]
    mirrored.put(customer(name="Bolt"))
    assert mirrored.customer.preferred_timezone == "Europe/Berlin"
