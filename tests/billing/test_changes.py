from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import billing, errors, models

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization


def _price(row: models.Subscription) -> str | None:
    return row.items[0].price_processor_id


def test_a_swap_uncancels_keeps_the_quantity_and_the_trial(kit: Kit, payer: Organization) -> None:
    row = billing.subscribe(payer, "price_pro", quantity=3, trial=datetime.timedelta(days=9))
    ends = row.trial_end
    billing.cancel_at_period_end(row)
    billing.swap_plan(row, "price_team", proration="create_prorations")
    kit.deliver()
    assert (_price(row), row.items[0].quantity, row.trial_end) == ("price_team", 3, ends)
    assert not row.is_canceling
    kit.assert_settled()


def test_a_swap_needs_to_be_told_how_to_prorate(
    kit: Kit, subscription: models.Subscription, calls: list[str]
) -> None:
    swap: Any = billing.swap_plan
    with pytest.raises(TypeError):
        swap(subscription, "price_team")
    with pytest.raises(errors.InvalidRequest):
        swap(subscription, "price_team", proration="some")
    assert calls == []


@pytest.mark.parametrize("change", ["swap", "quantity"])
def test_a_change_whose_payment_fails_stands_and_is_told(
    kit: Kit, subscription: models.Subscription, change: str
) -> None:
    kit.fake.fail_next("update_subscription", "decline", decline_code="insufficient_funds")
    with pytest.raises(errors.CardError) as raised:  # noqa: PT012 - one of two
        if change == "swap":
            billing.swap_plan(subscription, "price_team", proration="always_invoice")
        else:
            billing.update_quantity(subscription, 4, proration="always_invoice")
    assert (raised.value.code, raised.value.decline_code) == ("card_declined", "insufficient_funds")
    assert raised.value.row is subscription
    assert subscription.is_past_due
    changed = (_price(subscription), subscription.items[0].quantity)
    assert changed == (("price_team", 1) if change == "swap" else ("price_pro", 4))
    kit.deliver()
    assert subscription.is_past_due


@pytest.mark.parametrize("change", ["swap", "quantity"])
def test_with_error_if_incomplete_nothing_changes(
    kit: Kit, subscription: models.Subscription, change: str
) -> None:
    kit.fake.fail_next("update_subscription", "decline")
    options: Any = {"proration": "always_invoice", "payment_behavior": "error_if_incomplete"}
    with pytest.raises(errors.CardError):  # noqa: PT012 - one of two
        if change == "swap":
            billing.swap_plan(subscription, "price_team", **options)
        else:
            billing.update_quantity(subscription, 4, **options)
    kit.deliver()
    assert (_price(subscription), subscription.items[0].quantity) == ("price_pro", 1)
    assert subscription.is_active


def test_a_downgrade_with_a_bad_card_stays_active(kit: Kit, payer: Organization) -> None:
    row = billing.subscribe(payer, "price_team")
    for card in billing.list_payment_methods(payer):
        kit.fake.set_card_behavior(card.processor_id, "decline:generic_decline")
    kit.advance(days=3)
    billing.swap_plan(row, "price_pro", proration="always_invoice")
    kit.deliver()
    assert row.is_active
    assert not row.is_past_due


@pytest.mark.parametrize(("price", "seats"), [("price_team", 3), ("price_pro", 1)])
def test_the_parts_of_a_change_in_mid_period_add_up_to_what_is_billed(
    kit: Kit, payer: Organization, price: str, seats: int
) -> None:
    row = billing.subscribe(payer, "price_team", quantity=2)
    kit.advance(days=7, hours=5, seconds=11)
    billing.swap_plan(row, price, quantity=seats, proration="always_invoice")
    kit.deliver()
    changed, first = billing.list_invoices(payer)
    assert first.total == 9800
    assert len(changed.items) == 2
    assert changed.items[0].amount * changed.items[1].amount < 0
    assert sum(line.amount for line in changed.items) == changed.total
    charged = sum(each.amount for each in billing.list_charges(payer))
    assert charged == first.amount_due + max(changed.total, 0)
    # What is given back is credit for the next invoice, to the cent.
    kit.advance(days=31)
    renewal = billing.list_invoices(payer)[0]
    assert renewal.amount_due == max(0, renewal.total + min(0, changed.total))


def test_an_incomplete_subscription_isnt_changed(kit: Kit, org: Organization) -> None:
    row = kit.subscription(org, "incomplete", price="price_pro")
    acts: list[Any] = [
        lambda: billing.swap_plan(row, "price_team", proration="none"),
        lambda: billing.update_quantity(row, 2),
        lambda: billing.increment(row),
    ]
    for act in acts:
        with pytest.raises(errors.InvalidState) as raised:
            act()
        assert raised.value.code == "subscription_incomplete"


def test_quantities_go_up_and_stop_at_one(kit: Kit, subscription: models.Subscription) -> None:
    assert billing.increment(subscription, 4).items[0].quantity == 5
    assert billing.decrement(subscription).items[0].quantity == 4
    assert billing.decrement(subscription, 9).items[0].quantity == 1
    with pytest.raises(errors.InvalidRequest):
        billing.update_quantity(subscription, 0)
    with pytest.raises(errors.InvalidRequest):
        billing.increment(subscription, -1)


def test_a_quantity_of_zero_is_allowed_at_the_beginning(kit: Kit, payer: Organization) -> None:
    row = billing.subscribe(payer, "price_pro", quantity=0)
    assert row.items[0].quantity == 0
    assert billing.decrement(row).items[0].quantity == 0


def test_metered_prices_have_no_quantity_and_licensed_ones_get_one(
    kit: Kit, payer: Organization
) -> None:
    row = billing.subscribe(payer, "price_metered")
    assert row.items[0].quantity is None
    with pytest.raises(errors.InvalidRequest):
        billing.increment(row)
    billing.swap_plan(row, "price_pro", proration="none")
    assert row.items[0].quantity == 1


def test_with_several_items_the_one_that_is_meant_has_to_be_named(
    kit: Kit, subscription: models.Subscription, calls: list[str]
) -> None:
    processor_id = subscription.processor_id
    kit.state.db.session.rollback()
    change: Any = {"items": [{"price": "price_team"}], "proration": "none"}
    kit.fake.update_subscription(processor_id, change, key="elsewhere")
    kit.deliver()
    assert len(subscription.items) == 2
    calls.clear()
    acts: list[Any] = [
        lambda: billing.swap_plan(subscription, "price_yearly", proration="none"),
        lambda: billing.update_quantity(subscription, 2),
        lambda: billing.increment(subscription),
    ]
    for act in acts:
        with pytest.raises(errors.MultiItemSubscription):
            act()
    assert calls == []
