"""SIGKILL before it's settled what will be sent, and before it's sent: the same id again sends what the first
had to.
"""

from __future__ import annotations

import signal
import typing as t

import pytest

from flask_accrue import billing, models
from flask_accrue.billing import perform
from flask_accrue.state import current_state
from tests.faults.operation_table import Operation
from tests.faults.operation_table.preparing import scheduled, with_coupon, with_two_cards
from tests.faults.shop import Shop, shop
from tests.faults.test_stripe_kills import run_and_die
from tests.processors.stripe.stripe_host import org, payer

if t.TYPE_CHECKING:
    import collections.abc as c

__all__ = ["org", "payer", "shop"]


def killed(
    shop: Shop, prepare: c.Callable[[Shop], object], run: c.Callable[[Shop, str], t.Any]
) -> t.Any:
    """Kill an operation before it sends anything, twice; return what the same id gives then."""
    operation = Operation(run, ("POST", ""), (), prepare=prepare)
    operation.prepare(shop)
    for moment in ("operation.begun", "operation.frozen"):
        assert run_and_die(shop, operation, moment) == -signal.SIGKILL
    return operation.run(shop.again(), "op-1")


def phases() -> list[billing.Phase]:
    return [billing.Phase("price_pro", lasts=(2, "month"), coupon="TEN")]


@pytest.mark.only("sqlite")
def test_a_subscription_has_the_coupon_and_the_card_that_were_named(shop: Shop) -> None:
    def prepare(shop: Shop) -> None:
        with_coupon(shop)
        with_two_cards(shop)

    made: models.Subscription = killed(
        shop,
        prepare,
        lambda shop, id: billing.subscribe(
            shop.org,
            "price_pro",
            name="second",
            coupon="TEN",
            payment_method=shop.card("4444"),
            operation_id=id,
        ),
    )

    assert [each["coupon"] for each in made.discounts or []] == ["TEN"]
    assert made.default_payment_method_processor_id == shop.card("4444").processor_id


@pytest.mark.only("sqlite")
def test_the_phases_of_a_schedule_have_their_discounts(shop: Shop) -> None:
    made: models.SubscriptionSchedule = killed(
        shop,
        with_coupon,
        lambda shop, id: billing.subscribe_via_schedule(
            shop.org, phases(), name="second", operation_id=id
        ),
    )

    assert [each["coupon"] for each in made.phases[0]["discounts"]] == ["TEN"]


@pytest.mark.only("sqlite")
def test_so_have_the_phases_that_it_s_given_later(shop: Shop) -> None:
    def prepare(shop: Shop) -> None:
        scheduled(shop)
        billing.create_coupon(percent_off=10, duration="forever", id="TEN")

    changed: models.SubscriptionSchedule = killed(
        shop,
        prepare,
        lambda shop, id: billing.update_schedule(
            shop.only(models.SubscriptionSchedule), phases(), operation_id=id
        ),
    )

    assert [each["coupon"] for each in changed.phases[0]["discounts"]] == ["TEN"]


@pytest.mark.only("sqlite")
def test_a_word_is_redeemed(shop: Shop) -> None:
    def prepare(shop: Shop) -> None:
        with_coupon(shop)
        billing.create_promotion_code("TEN", "WELCOME")

    row: models.Subscription = killed(
        shop,
        prepare,
        lambda shop, id: billing.apply_promotion_code(
            shop.subscription, "WELCOME", operation_id=id
        ),
    )

    assert [each["coupon"] for each in row.discounts or []] == ["TEN"]


def discounted(shop: Shop, id: str) -> models.Subscription:
    return billing.subscribe(shop.org, "price_pro", name="second", coupon="TEN", operation_id=id)


@pytest.mark.only("sqlite")
def test_nothing_is_begun_without_what_it_will_send(shop: Shop) -> None:
    with_coupon(shop)
    operation = Operation(discounted, ("POST", ""), ())
    operations = models.Operation

    assert run_and_die(shop, operation, "operation.begun") == -signal.SIGKILL
    session = current_state().db.session
    assert session.get(operations, "op-1") is None
    assert run_and_die(shop, operation, "operation.frozen") == -signal.SIGKILL
    row = session.get(operations, "op-1")
    assert row is not None
    assert row.sent_at is None
    assert row.request["arguments"]["discounts"] == [{"coupon": "TEN"}]


@pytest.mark.only("sqlite")
def test_what_another_call_sets_aside_meanwhile_is_settled_anew(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_coupon(shop)
    assert run_and_die(shop, Operation(discounted, ("POST", ""), ()), "operation.frozen")
    shop = shop.again()
    begin = perform.begin

    def late(*arguments: t.Any, **options: t.Any) -> t.Any:
        # The retry goes by what its first try has frozen, and before it comes to that, another call finds
        # the first try dead.
        monkeypatch.undo()
        billing.cancel(billing.subscribe(shop.org, "price_team", name="second"))
        return begin(*arguments, **options)

    monkeypatch.setattr(perform, "begin", late)
    made = discounted(shop, "op-1")

    assert [each["coupon"] for each in made.discounts or []] == ["TEN"]
    assert made.items[0].price_processor_id == "price_pro"
