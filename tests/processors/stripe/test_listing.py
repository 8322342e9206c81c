"""Lists, whole."""

from __future__ import annotations

import typing as t

import pytest

from flask_accrue.errors import NotFound, UnsupportedByProcessor
from flask_accrue.processors import objects
from flask_accrue.processors.stripe import StripeProcessor
from tests.processors.stripe.situations import card, kinds
from tests.processors.stripe.stripe_bodies import START, at, item, listed, sample, subscription

if t.TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer


def test_all_cards_are_listed_the_oldest_first(
    world: ContractServer, processor: StripeProcessor
) -> None:
    for number in range(120):
        world.prime(card(f"pm_new_{number:03}", customer="cus_1", created=START + number))
    world.prime(card("pm_theirs", customer="cus_2"))

    answer = processor.list_payment_methods("cus_1")

    listed_ids = [each.processor_id for each in answer.objects]
    assert len(listed_ids) == 121
    assert [id for id in listed_ids if id.startswith("pm_new")] == [
        f"pm_new_{number:03}" for number in range(120)
    ]


def test_a_customer_without_cards_has_an_empty_list(
    world: ContractServer, processor: StripeProcessor
) -> None:
    world.prime(sample("customer", id="cus_2"))

    assert processor.list_payment_methods("cus_2").objects == ()


def test_cards_of_nobody_are_not_found(processor: StripeProcessor) -> None:
    with pytest.raises(NotFound):
        processor.list_payment_methods("cus_gone")


def test_the_catalog_holds_products_then_prices_retired_ones_too(
    world: ContractServer, processor: StripeProcessor
) -> None:
    world.prime(sample("price", id="price_old", product="prod_1", active=False, created=START))

    answer = processor.list_catalog()

    assert kinds(answer) == ["product", "price", "price", "price"]
    retired = next(each for each in answer.objects if each.processor_id == "price_old")
    assert isinstance(retired, objects.Price)
    assert not retired.active


def test_a_list_was_true_from_its_first_page_to_its_last(
    world: ContractServer, processor: StripeProcessor
) -> None:
    world.clock.set(at(START))
    world.queue_answer(
        200,
        listed(),
        path="prices",
        headers={"Date": "Thu, 01 Jan 2026 00:00:09 GMT"},
    )

    answer = processor.list_catalog()

    assert answer.fresh_from == at(START - 1)
    assert answer.fresh_to == at(START + 9)


def every(processor: StripeProcessor, kind: str) -> list[list[objects.ProcessorObject]]:
    """Return all pages of a kind."""
    pages, after = [], None
    while True:
        page = processor.page(kind, after=after)
        pages.append(list(page.answer.objects))
        after = page.after
        if after is None:
            return pages


def test_pages_hold_each_object_once_the_newest_first(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    for number in range(230):
        stripe_server.prime(sample("charge", id=f"ch_{number}", created=START + number))

    pages = every(processor, "charge")

    assert [len(page) for page in pages] == [100, 100, 30]
    ids = [each.processor_id for page in pages for each in page]
    assert ids == [f"ch_{number}" for number in reversed(range(230))]


def test_pages_hold_retired_prices_and_ended_subscriptions_too(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    stripe_server.prime(sample("price", id="price_new", active=True))
    stripe_server.prime(sample("price", id="price_old", active=False))
    stripe_server.prime(subscription(id="sub_1"))
    stripe_server.prime(subscription(id="sub_2", status="canceled"))

    prices = [each.processor_id for page in every(processor, "price") for each in page]
    held = [each.processor_id for page in every(processor, "subscription") for each in page]

    assert {"price_new", "price_old"} <= set(prices)
    assert sorted(held) == ["sub_1", "sub_2"]


def test_a_page_tells_each_object_as_a_fetch_of_it_does(
    world: ContractServer, processor: StripeProcessor
) -> None:
    items = [item(f"si_{number}") for number in range(14)]
    for each in items:
        world.prime({**each, "subscription": "sub_many"})
    world.prime(subscription(id="sub_many", items=listed(*items[:10], has_more=True)))

    for kind in ("customer", "subscription", "invoice", "charge", "payment_intent", "price"):
        told = [each for page in every(processor, kind) for each in page]
        assert told, kind
        for each in told:
            assert processor.fetch(kind, each.processor_id).main == each

    [many] = [
        each
        for each in processor.page("subscription").answer.objects
        if each.processor_id == "sub_many"
    ]
    assert isinstance(many, objects.Subscription)
    assert len(many.items) == 14


def test_what_stripe_lists_by_customer_alone_has_no_pages(processor: StripeProcessor) -> None:
    for kind in ("payment_method", "tax_id", "nothing"):
        with pytest.raises(UnsupportedByProcessor):
            processor.page(kind)


def test_customers_are_found_by_an_address_in_any_spelling(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    for number, email in enumerate(["ada@example.org", "Ada@Example.ORG", "adam@example.org"]):
        stripe_server.prime(sample("customer", id=f"cus_{number}", email=email))
    # The search is a minute late: one was renamed since, and one is new.
    late = listed(sample("customer", id="cus_1", email="Ada@Example.ORG"))
    late["data"].append(sample("customer", id="cus_was", email="grace@example.org"))
    stripe_server.queue_answer(200, late, path="/search$")

    found = processor.page("customer", email="ada@example.org").answer.objects

    assert {each.processor_id for each in found} == {"cus_0", "cus_1"}
    [search] = stripe_server.requests_to("GET", "/v1/customers/search")
    assert search.params["query"] == 'email:"ada@example.org"'


def test_without_a_search_nobody_can_tell_who_has_an_address(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    refusal = {"error": {"type": "invalid_request_error", "message": "No search in your country."}}
    stripe_server.queue_answer(400, refusal, path="/search$")

    with pytest.raises(UnsupportedByProcessor, match="search"):
        processor.page("customer", email="ada@example.org")
