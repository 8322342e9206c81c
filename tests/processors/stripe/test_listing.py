"""Lists, whole."""

from __future__ import annotations

import typing as t

import pytest

from flask_accrue.errors import NotFound
from flask_accrue.processors import objects
from flask_accrue.processors.stripe import StripeProcessor
from tests.processors.stripe.situations import card, kinds
from tests.processors.stripe.stripe_bodies import START, at, listed, sample

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
