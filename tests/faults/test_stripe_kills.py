"""SIGKILL at every moment of every operation at Stripe: the same id again ends in one effect."""

from __future__ import annotations

import datetime
import signal
import typing as t

import pytest
import sqlalchemy as sa
from flask import current_app

from flask_accrue import billing, clock, models, telemetry
from flask_accrue.processors import objects
from flask_accrue.state import current_state
from tests.faults import victim
from tests.faults.connect_table import CONNECT_OPERATIONS
from tests.faults.operation_table import OPERATIONS, Operation
from tests.faults.shop import Before, Shop, shop
from tests.processors.stripe.stripe_host import org, payer

__all__ = ["org", "payer", "shop"]

EVERY: t.Final = {**OPERATIONS, **CONNECT_OPERATIONS}

MOMENTS = (
    "operation.begun",
    "operation.before_call",
    "operation.after_call",
    "write.locked",
    "write.before_commit",
    "write.committed",
)


def run_and_die(shop: Shop, operation: Operation, moment: str, nth: int = 1) -> int:
    """Carry out an operation in a forked process, which dies at the moment; return how it ended.

    :param nth: when the moment comes for the so manieth time.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    db = current_state().db
    db.session.remove()

    def watch(reached: str) -> None:
        nonlocal nth
        nth -= reached == moment
        if nth == 0:
            victim.die()

    def run() -> None:
        telemetry.observe(watch)
        with app.app_context():
            # With connections of its own to Stripe, too.
            shop.give_up_at_once()
            operation.run(shop.again(), "op-1")

    ended = victim.in_a_fork(db, run)
    operations = models.Operation
    let_go = sa.update(operations).where(operations.leased_until.is_not(None))
    db.session.execute(let_go.values(leased_until=clock.real_now()))
    db.session.commit()
    return ended


def _locks_a_customer(operation: Operation) -> bool:
    """Tell whether there is a customer's chain to lock: not of one to come, nor of what is nobody's."""
    told = {each.partition(".")[0] for each in operation.tells[:1]}
    return "customer" not in operation.makes and not told & objects.NOBODYS


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("name", EVERY)
def test_killed_at_one_moment_after_the_other_it_is_done_once(shop: Shop, name: str) -> None:
    die_and_be_done(shop, EVERY[name])


def die_and_be_done(shop: Shop, operation: Operation) -> None:
    """Carry out an operation that is killed at each moment in turn, until it's done."""
    operation.prepare(shop)
    before = Before(shop)

    for moment in MOMENTS:
        if moment == "write.locked" and not _locks_a_customer(operation):
            continue
        assert run_and_die(shop, operation, moment) == -signal.SIGKILL, moment
    operation.run(shop.again(), "op-1")

    before.check_done(operation)
    [row] = current_state().db.session.scalars(sa.select(models.Operation).filter_by(id="op-1"))
    assert row.state == "done"


@pytest.mark.only("sqlite")
def test_what_is_free_until_a_day_is_never_without_its_end(shop: Shop) -> None:
    ends_at = clock.now().replace(microsecond=0) + datetime.timedelta(days=50)

    def comp(shop: Shop, id: str) -> models.Subscription:
        return billing.comp_subscription(
            shop.org, "price_pro", reason="A fair", ends_at=ends_at, operation_id=id
        )

    def with_coupon(shop: Shop) -> None:
        billing.create_coupon(percent_off=100, duration="forever", id="accrue-comp-forever")

    tells = ("subscription.created", "subscription.comped")
    request = ("POST", "^/v1/subscriptions$")
    beside = {"discount": 1}
    die_and_be_done(
        shop, Operation(comp, request, tells, ("subscription",), beside, prepare=with_coupon)
    )
    made = shop.subscription
    assert (made.ends_at, made.meta["accrue_comp_ends"]) == (ends_at, str(int(ends_at.timestamp())))


@pytest.mark.only("sqlite")
def test_everything_is_charged_to_the_card_that_was_chosen_wherever_a_process_dies(
    shop: Shop,
) -> None:
    def charged_to_another(shop: Shop) -> None:
        billing.add_payment_method(shop.org, "pm_card_mastercard")
        billing.subscribe(shop.org, "price_pro", payment_method=shop.card())

    # The subscription's card is changed by the first request, the default by the second.
    die_and_be_done(
        shop,
        Operation(
            OPERATIONS["use_payment_method"].run,
            ("POST", "^/v1/(customers|subscriptions)/[^/]+$"),
            ("subscription.updated", "customer.updated"),
            prepare=charged_to_another,
        ),
    )
    assert shop.subscription.default_payment_method == shop.card("4444")
    assert billing.customer(shop.org).default_payment_method == shop.card("4444")


@pytest.mark.only("sqlite")
def test_a_schedule_gets_its_phases_wherever_between_its_two_requests_a_process_dies(
    shop: Shop,
) -> None:
    operation = OPERATIONS["schedule_subscription"]
    operation.prepare(shop)
    before = Before(shop)

    for moment in MOMENTS:
        # The first request is through after one of these; from then on it's the second that is met.
        assert run_and_die(shop, operation, moment, nth=2 if moment == MOMENTS[0] else 1) < 0
    schedule = operation.run(shop.again(), "op-1")
    assert operation.run(shop.again(), "op-1") == schedule

    before.check_done(operation)
    assert [len(each["items"]) for each in schedule.phases] == [1, 1]
    [row] = current_state().db.session.scalars(
        sa.select(models.Operation).filter_by(kind="schedule_subscription_phases")
    )
    assert (row.id, row.state) == ("op-1:phases", "done")


@pytest.mark.only("postgresql")
@pytest.mark.parametrize(
    "name",
    ["subscribe", "charge", "refund", "swap_plan", "add_item", "destination_charge", "transfer"],
)
def test_nor_does_it_matter_with_rows_that_are_locked(shop: Shop, name: str) -> None:
    die_and_be_done(shop, EVERY[name])


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_between_a_bill_and_its_payment_it_is_paid_once(shop: Shop, moment: str) -> None:
    operation = OPERATIONS["complete_checkout_session"]
    operation.prepare(shop)
    before = Before(shop)

    assert run_and_die(shop, operation, moment, nth=2) == -signal.SIGKILL
    operation.run(shop.again(), "op-1")

    before.check_done(operation)
    paid = [each for each in shop.server.requests if each.path.endswith("/pay")]
    assert len({each.idempotency_key for each in paid}) == 1
