"""Subscriptions of several prices, and each of their items."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import billing, errors, ledger, models

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization


def _items(row: models.Subscription) -> dict[str, int | None]:
    return {each.price_processor_id: each.quantity for each in row.items}


@pytest.fixture
def both(kit: Kit, payer: Organization) -> models.Subscription:
    """Give a subscription to two prices, all its events delivered."""
    made = billing.subscribe(payer, items={"price_pro": None, "price_team": 3})
    kit.deliver()
    return made


def test_a_subscription_begins_with_several_prices_on_one_bill(
    kit: Kit, payer: Organization
) -> None:
    wanted = {"price_pro": None, "price_team": 3, "price_metered": None}
    row = billing.subscribe(payer, items=wanted)
    kit.deliver()
    assert _items(row) == {"price_pro": 1, "price_team": 3, "price_metered": None}
    [invoice] = billing.list_invoices(payer)
    assert invoice.total == 1900 + 3 * 4900
    kit.assert_settled()


def test_items_are_prices_with_quantities(payer: Organization, calls: list[str]) -> None:
    wrong: list[dict[str, Any]] = [
        {"price": "price_pro", "items": {"price_team": 1}},
        {"quantity": 2, "items": {"price_team": 1}},
        {},
        {"items": {}},
        {"items": ["price_pro"]},
        {"items": {"": 1}},
        {"items": {"price_pro": -1}},
        {"items": {"price_pro": True}},
        {"items": {"price_pro": 1, "price_metered": 1}},
    ]
    for given in wrong:
        with pytest.raises(errors.InvalidRequest):
            billing.subscribe(payer, **given)
    assert calls == []


def test_subscribing_to_the_same_items_again_gives_the_same_subscription(
    kit: Kit, payer: Organization
) -> None:
    wanted = {"price_pro": None, "price_team": 3}
    row = billing.subscribe(payer, items=wanted, operation_id="sign-up")
    assert billing.subscribe(payer, items=wanted, operation_id="sign-up") is row
    with pytest.raises(errors.IdempotencyConflict):
        billing.subscribe(payer, items={"price_pro": None}, operation_id="sign-up")


def test_an_item_is_added_and_billed_for_the_rest_of_the_period(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    kit.advance(days=10)
    billing.add_item(subscription, "price_team", quantity=2, proration="always_invoice")
    kit.deliver()
    assert _items(subscription) == {"price_pro": 1, "price_team": 2}
    billed = billing.list_invoices(payer)[0]
    assert 0 < billed.total < 2 * 4900
    assert billed.is_paid
    kit.assert_settled()


def test_a_metered_price_is_added_without_a_quantity(
    kit: Kit, subscription: models.Subscription
) -> None:
    with pytest.raises(errors.InvalidRequest):
        billing.add_item(subscription, "price_metered", quantity=2, proration="none")
    billing.add_item(subscription, "price_metered", proration="none")
    assert _items(subscription) == {"price_pro": 1, "price_metered": None}
    billing.swap_plan(subscription, "price_team", item="price_metered", proration="none")
    assert _items(subscription) == {"price_pro": 1, "price_team": 1}


def test_an_item_that_is_removed_grants_nothing_and_old_lines_still_name_it(
    kit: Kit, payer: Organization, both: models.Subscription
) -> None:
    gone = both.items[0]
    billing.remove_item(both, gone, proration="create_prorations")
    kit.deliver()
    assert _items(both) == {"price_team": 3}
    assert not gone.is_live
    [invoice] = billing.list_invoices(payer)
    named = {line.subscription_item_processor_id for line in invoice.items}
    assert gone.processor_id in named
    kit.assert_settled()


def test_the_last_item_stays(kit: Kit, both: models.Subscription, calls: list[str]) -> None:
    billing.remove_item(both, "price_pro", proration="none")
    calls.clear()
    with pytest.raises(errors.InvalidState) as raised:
        billing.remove_item(both, "price_team", proration="none")
    assert raised.value.code == "last_item"
    assert calls == []


def test_a_price_is_in_a_subscription_once(
    kit: Kit, both: models.Subscription, calls: list[str]
) -> None:
    acts: list[Any] = [
        lambda: billing.add_item(both, "price_team", proration="none"),
        lambda: billing.swap_plan(both, "price_team", item="price_pro", proration="none"),
    ]
    for act in acts:
        with pytest.raises(errors.InvalidState) as raised:
            act()
        assert raised.value.code == "duplicate_price"
    assert calls == []


def test_the_item_that_is_named_changes_and_the_others_dont(
    kit: Kit, both: models.Subscription
) -> None:
    billing.update_quantity(both, 5, item="price_team")
    assert _items(both) == {"price_pro": 1, "price_team": 5}
    billing.increment(both, 2, item="price_pro")
    billing.decrement(both, item=both.items[1])
    assert _items(both) == {"price_pro": 3, "price_team": 4}
    kit.price("price_lite", 990)
    billing.swap_plan(both, "price_lite", item="price_pro", proration="none")
    assert _items(both) == {"price_lite": 3, "price_team": 4}


def test_an_item_that_isnt_there_cant_be_meant(
    kit: Kit, both: models.Subscription, calls: list[str]
) -> None:
    acts: list[Any] = [
        lambda: billing.update_quantity(both, 2, item="price_yearly"),
        lambda: billing.remove_item(both, "price_yearly", proration="none"),
        lambda: billing.swap_plan(both, "price_yearly", item="si_gone", proration="none"),
        lambda: billing.increment(both, item=7),  # type: ignore[arg-type]
    ]
    for act in acts:
        with pytest.raises(errors.InvalidRequest):
            act()
    assert calls == []


def test_adding_needs_to_be_told_how_to_prorate(
    subscription: models.Subscription, calls: list[str]
) -> None:
    add: Any = billing.add_item
    with pytest.raises(TypeError):
        add(subscription, "price_team")
    with pytest.raises(errors.InvalidRequest):
        add(subscription, "price_team", proration="some")
    assert calls == []


def test_items_of_what_has_ended_or_not_begun_stay(kit: Kit, org: Organization) -> None:
    row = kit.subscription(org, "incomplete", price="price_pro")
    with pytest.raises(errors.InvalidState):
        billing.add_item(row, "price_team", proration="none")
    billing.cancel(row)
    with pytest.raises(errors.InvalidState):
        billing.add_item(row, "price_team", proration="none")


def test_an_item_whose_payment_fails_is_added_and_the_caller_is_told(
    kit: Kit, subscription: models.Subscription
) -> None:
    kit.advance(days=3)
    kit.fake.fail_next("update_subscription", "decline", decline_code="insufficient_funds")
    with pytest.raises(errors.CardError) as raised:
        billing.add_item(subscription, "price_team", proration="always_invoice")
    assert raised.value.decline_code == "insufficient_funds"
    assert _items(subscription) == {"price_pro": 1, "price_team": 1}
    assert subscription.is_past_due


def test_adding_and_removing_twice_under_one_id_is_done_once(
    kit: Kit, subscription: models.Subscription, calls: list[str]
) -> None:
    for _ in range(2):
        billing.add_item(subscription, "price_team", proration="none", operation_id="add")
    for _ in range(2):
        billing.remove_item(subscription, "price_team", proration="none", operation_id="remove")
    assert _items(subscription) == {"price_pro": 1}
    assert calls == ["update_subscription"] * 2
    told = [each.type for each in kit.entries()][-2:]
    assert told == ["subscription.item_added", "subscription.item_removed"]
    assert ledger.verify().is_intact


def test_a_lost_answer_to_adding_leaves_one_item(
    kit: Kit, subscription: models.Subscription, age_operations: Any
) -> None:
    kit.fake.fail_next("update_subscription", "timeout", when="after")
    with pytest.raises(errors.ProcessorUnavailable):
        billing.add_item(subscription, "price_team", proration="none", operation_id="add")
    age_operations(datetime.timedelta(minutes=3))
    billing.add_item(subscription, "price_team", proration="none", operation_id="add")
    kit.deliver()
    assert _items(subscription) == {"price_pro": 1, "price_team": 1}
    kit.assert_settled()
