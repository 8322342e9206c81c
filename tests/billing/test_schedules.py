"""Subscriptions that change by a schedule."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from flask_accrue import InvalidRequest, InvalidState, billing, models
from flask_accrue.billing import Phase
from flask_accrue.errors import IdempotencyConflict, NotAttached, ProcessorUnavailable
from tests.host import Organization

if TYPE_CHECKING:
    from flask_accrue.testing import Kit

HALF = Phase("price_pro", lasts=(2, "month"))
FULL = Phase("price_team", lasts=(1, "month"))


def hour_later(kit: Kit, **span: int) -> None:
    """Let time pass, and drafts be collected."""
    kit.fake.advance(datetime.timedelta(**span) if span else datetime.timedelta())
    kit.fake.advance(datetime.timedelta(hours=1, minutes=1))
    kit.deliver()


def now_of(kit: Kit, schedule: models.SubscriptionSchedule) -> models.SubscriptionSchedule:
    kit.state.db.session.rollback()
    return kit.state.db.session.get_one(
        models.SubscriptionSchedule, schedule.id, populate_existing=True
    )


def running(kit: Kit, org: Organization, name: str = "default") -> models.Subscription:
    kit.state.db.session.rollback()
    found = billing.subscription(org, name)
    assert found is not None
    return found


def entries(kit: Kit, prefix: str) -> list[str]:
    entry = models.LedgerEntry
    found = kit.state.db.session.scalars(sa.select(entry).order_by(entry.id))
    return [each.type for each in found if each.type.startswith(prefix)]


@pytest.mark.parametrize("ends", ["with its period", "at a date", "when it's no longer free"])
def test_what_is_to_end_is_put_under_no_schedule(
    kit: Kit, payer: Organization, subscription: models.Subscription, calls: list[str], ends: str
) -> None:
    later = kit.now + datetime.timedelta(days=100)
    if ends == "with its period":
        billing.cancel_at_period_end(subscription)
    elif ends == "at a date":
        billing.cancel_at(subscription, later)
    else:
        billing.comp_subscription(subscription, reason="A friend", ends_at=later)
    ends_at = subscription.ends_at
    calls.clear()
    with pytest.raises(InvalidState) as raised:
        billing.schedule_subscription(
            subscription, [billing.Phase("price_team", lasts=(1, "month"))]
        )
    assert raised.value.code == "subscription_canceling"
    assert calls == []
    assert subscription.ends_at == ends_at
    billing.resume(subscription)
    billing.schedule_subscription(subscription, [billing.Phase("price_team", lasts=(1, "month"))])
    kit.advance(days=40)
    assert [each.price_processor_id for each in subscription.items] == ["price_team"]
    assert subscription.is_active


def test_a_schedule_goes_through_its_phases_and_lets_its_subscription_go_on(
    kit: Kit, payer: Organization
) -> None:
    schedule = billing.subscribe_via_schedule(payer, [HALF, FULL], metadata={"deal": "spring"})

    assert schedule.status == "active"
    subscription = running(kit, payer)
    assert schedule.subscription == subscription
    assert (subscription.status, subscription.meta["deal"]) == ("active", "spring")
    assert [item.price_processor_id for item in subscription.items] == ["price_pro"]
    hour_later(kit)
    assert [invoice.total for invoice in billing.list_invoices(payer)] == [1900]
    hour_later(kit, days=31)
    assert [item.price_processor_id for item in running(kit, payer).items] == ["price_pro"]
    hour_later(kit, days=31)
    assert [item.price_processor_id for item in running(kit, payer).items] == ["price_team"]
    assert sorted(each.total for each in billing.list_invoices(payer)) == [1900, 1900, 4900]
    hour_later(kit, days=31)
    schedule = now_of(kit, schedule)
    assert schedule.status == "completed"
    assert schedule.completed_at is not None
    assert running(kit, payer).is_recurring
    assert all(invoice.is_paid for invoice in billing.list_invoices(payer))
    assert entries(kit, "subscription_schedule") == [
        "subscription_schedule.created",
        "subscription_schedule.updated",
        "subscription_schedule.completed",
    ]
    kit.assert_settled()


def test_a_schedule_that_cancels_tells_the_end_with_its_last_phase(
    kit: Kit, payer: Organization
) -> None:
    schedule = billing.subscribe_via_schedule(payer, [HALF, FULL], end_behavior="cancel")
    assert not running(kit, payer).is_canceling
    hour_later(kit, days=62)
    last = running(kit, payer)
    assert last.is_canceling
    assert last.cancel_at == datetime.datetime.fromisoformat(schedule.phases[-1]["end"])
    hour_later(kit, days=31)
    assert running(kit, payer).is_ended
    assert now_of(kit, schedule).status == "completed"
    types = [event.type for event in kit.fake.events()]
    assert types.index("subscription_schedule.expiring") < types.index(
        "subscription_schedule.completed"
    )
    assert types.count("customer.subscription.deleted") == 1


def test_a_schedule_that_begins_later_makes_its_subscription_then(
    kit: Kit, payer: Organization
) -> None:
    later = kit.fake.clock.now() + datetime.timedelta(days=10)
    schedule = billing.subscribe_via_schedule(payer, [HALF], start=later, name="addon")

    assert schedule.status == "not_started"
    assert (schedule.subscription, billing.subscription(payer, "addon")) == (None, None)
    hour_later(kit, days=10)
    assert now_of(kit, schedule).status == "active"
    made = running(kit, payer, "addon")
    assert (made.status, made.name) == ("active", "addon")
    assert made == now_of(kit, schedule).subscription


def test_those_that_are_sent_are_due_after_as_many_days_as_are_said(
    kit: Kit, payer: Organization
) -> None:
    billing.subscribe_via_schedule(
        payer,
        [Phase("price_pro", lasts=(1, "month"))],
        start=kit.now + datetime.timedelta(days=3),
        collection_method="send_invoice",
        days_until_due=14,
    )
    kit.advance(days=5)
    (invoice,) = billing.list_invoices(payer)
    assert invoice.finalized_at is not None
    assert invoice.due_date == invoice.finalized_at + datetime.timedelta(days=14)


def test_a_beginning_that_fails_ends_the_schedule(kit: Kit, payer: Organization) -> None:
    later = kit.fake.clock.now() + datetime.timedelta(days=10)
    schedule = billing.subscribe_via_schedule(payer, [HALF], start=later)
    kit.fake.deactivate_price("price_pro")
    hour_later(kit, days=10)
    assert now_of(kit, schedule).status == "canceled"
    assert billing.subscription(payer) is None


def test_a_trial_is_the_whole_first_phase_or_a_span_of_it(kit: Kit, payer: Organization) -> None:
    whole = billing.subscribe_via_schedule(
        payer, [Phase("price_pro", lasts=(14, "day"), trial=True), FULL]
    )
    part = billing.subscribe_via_schedule(
        payer,
        [Phase("price_pro", lasts=(1, "month"), trial=datetime.timedelta(days=7))],
        name="part",
    )

    assert whole.subscription is not None
    assert part.subscription is not None
    now = kit.fake.clock.now().replace(microsecond=0)
    assert whole.subscription.trial_end == now + datetime.timedelta(days=14)
    assert part.subscription.trial_end == now + datetime.timedelta(days=7)
    hour_later(kit, days=14)
    after = running(kit, payer)
    assert (after.status, after.items[0].price_processor_id) == ("active", "price_team")
    assert [each.total for each in billing.list_invoices(payer)].count(4900) == 1


def test_a_phase_may_begin_within_a_period_and_be_billed_at_once(
    kit: Kit, payer: Organization
) -> None:
    billing.subscribe_via_schedule(
        payer,
        [
            Phase("price_pro", lasts=(15, "day")),
            Phase("price_team", lasts=(1, "year"), proration="always_invoice"),
        ],
    )
    hour_later(kit, days=15)
    [first, second] = sorted(billing.list_invoices(payer), key=lambda each: each.created)
    assert first.total == 1900
    assert 0 < second.total < 4900 - 1900
    assert second.is_paid


def test_several_items_and_quantities_change_with_a_phase(kit: Kit, payer: Organization) -> None:
    billing.subscribe_via_schedule(
        payer,
        [
            Phase(items={"price_pro": 2, "price_metered": None}, lasts=(1, "month")),
            Phase(items={"price_pro": 1, "price_team": 3}, lasts=(1, "month")),
        ],
    )
    kept = {each.price_processor_id: each.processor_id for each in running(kit, payer).items}
    hour_later(kit, days=31)
    after = running(kit, payer)
    assert {each.price_processor_id: each.quantity for each in after.items} == {
        "price_pro": 1,
        "price_team": 3,
    }
    assert after.items[0].processor_id == kept["price_pro"]


def test_one_subscription_of_a_name_holds_for_schedules_too(kit: Kit, payer: Organization) -> None:
    later = kit.fake.clock.now() + datetime.timedelta(days=10)
    waiting = billing.subscribe_via_schedule(payer, [HALF], start=later)
    for again in (
        lambda: billing.subscribe(payer, "price_team"),
        lambda: billing.subscribe_via_schedule(payer, [FULL]),
    ):
        with pytest.raises(InvalidState) as refused:
            again()
        assert refused.value.code == "already_subscribed"
    billing.cancel_schedule(waiting)
    billing.subscribe(payer, "price_team")
    with pytest.raises(InvalidState) as refused:
        billing.subscribe_via_schedule(payer, [FULL])
    assert refused.value.code == "already_subscribed"


def test_a_repeat_returns_the_same_schedule(kit: Kit, payer: Organization) -> None:
    made = billing.subscribe_via_schedule(payer, [HALF, FULL], operation_id="deal")
    assert billing.subscribe_via_schedule(payer, [HALF, FULL], operation_id="deal") == made
    with pytest.raises(IdempotencyConflict):
        billing.subscribe_via_schedule(payer, [FULL], operation_id="deal")
    assert [each.id for each in billing.list_schedules(payer)] == [made.id]
    assert len(billing.list_subscriptions(payer)) == 1


def test_a_lost_answer_is_found_again(kit: Kit, payer: Organization) -> None:
    kit.fake.fail_next("create_schedule", "connection_reset", when="after")
    with pytest.raises(ProcessorUnavailable):
        billing.subscribe_via_schedule(payer, [HALF], operation_id="deal")
    made = billing.subscribe_via_schedule(payer, [HALF], operation_id="deal")
    assert made.subscription is not None
    assert len(billing.list_subscriptions(payer)) == 1
    types = [event.type for event in kit.fake.events()]
    assert types.count("subscription_schedule.created") == 1


def test_what_another_kind_left_behind_is_found_under_the_guard_of_the_name(
    kit: Kit, payer: Organization, age_operations: object
) -> None:
    kit.fake.fail_next("create_schedule", "connection_reset", when="after")
    with pytest.raises(ProcessorUnavailable):
        billing.subscribe_via_schedule(payer, [HALF])
    age_operations()  # type: ignore[operator]
    with pytest.raises(InvalidState) as refused:
        billing.subscribe(payer, "price_team")
    assert refused.value.code == "already_subscribed"
    assert len(billing.list_schedules(payer)) == 1


def test_a_running_subscription_is_put_under_a_schedule(
    kit: Kit, subscription: models.Subscription, org: Organization
) -> None:
    schedule = billing.schedule_subscription(subscription, [FULL], end_behavior="cancel")

    assert schedule.status == "active"
    assert schedule.subscription_processor_id == subscription.processor_id
    assert [len(phase["items"]) for phase in schedule.phases] == [1, 1]
    assert running(kit, org).items[0].price_processor_id == "price_pro"
    with pytest.raises(InvalidState) as refused:
        billing.schedule_subscription(subscription, [FULL])
    assert refused.value.code == "subscription_scheduled"
    hour_later(kit, days=31)
    assert running(kit, org).items[0].price_processor_id == "price_team"
    assert sorted(each.total for each in billing.list_invoices(org)) == [1900, 4900]
    hour_later(kit, days=31)
    assert running(kit, org).is_ended


def test_what_a_schedule_decides_is_refused_elsewhere(kit: Kit, payer: Organization) -> None:
    billing.subscribe_via_schedule(payer, [HALF], end_behavior="cancel")
    subscription = running(kit, payer)
    assert subscription.is_canceling
    for refused_change in (
        lambda: billing.cancel_at_period_end(subscription),
        lambda: billing.cancel_at(subscription, kit.fake.clock.now() + datetime.timedelta(days=3)),
        lambda: billing.resume(subscription),
    ):
        with pytest.raises(InvalidState) as refused:
            refused_change()
        assert refused.value.code == "subscription_scheduled"
    swapped = billing.swap_plan(subscription, "price_team", proration="none")
    assert swapped.is_canceling
    kit.deliver()
    [schedule] = billing.list_schedules(payer)
    assert schedule.phases[0]["items"] == [{"price": "price_team", "quantity": 1}]


def test_canceling_the_subscription_ends_its_schedule(kit: Kit, payer: Organization) -> None:
    schedule = billing.subscribe_via_schedule(payer, [HALF, FULL])
    billing.cancel(running(kit, payer))
    kit.deliver()
    assert now_of(kit, schedule).status == "canceled"
    with pytest.raises(InvalidState) as refused:
        billing.release_schedule(schedule)
    assert refused.value.code == "schedule_over"


def test_a_released_subscription_goes_on_by_itself(kit: Kit, payer: Organization) -> None:
    schedule = billing.subscribe_via_schedule(payer, [HALF], end_behavior="cancel")
    released = billing.release_schedule(schedule)
    assert (released.status, running(kit, payer).is_canceling) == ("released", False)
    hour_later(kit, days=70)
    assert running(kit, payer).is_recurring


def test_a_release_may_keep_the_end(kit: Kit, payer: Organization) -> None:
    schedule = billing.subscribe_via_schedule(payer, [HALF], end_behavior="cancel")
    billing.release_schedule(schedule, keep_cancel_date=True)
    assert running(kit, payer).is_canceling
    hour_later(kit, days=70)
    assert running(kit, payer).is_ended


def test_canceling_a_schedule_ends_its_subscription(kit: Kit, payer: Organization) -> None:
    schedule = billing.subscribe_via_schedule(payer, [HALF, FULL])
    hour_later(kit)
    canceled = billing.cancel_schedule(schedule, invoice_now=True, prorate=True)
    assert canceled.status == "canceled"
    assert running(kit, payer).is_ended
    assert "subscription_schedule.canceled" in entries(kit, "subscription_schedule")


def test_phases_are_changed_while_one_runs(kit: Kit, payer: Organization) -> None:
    schedule = billing.subscribe_via_schedule(payer, [HALF, FULL])
    changed = billing.update_schedule(
        schedule,
        [Phase("price_team", lasts=(1, "month"))],
        proration="none",
        end_behavior="cancel",
        metadata={"deal": "new"},
    )
    assert len(changed.phases) == 1
    assert (changed.end_behavior, changed.meta["deal"]) == ("cancel", "new")
    assert changed.name == "default"
    after = running(kit, payer)
    assert after.items[0].price_processor_id == "price_team"
    assert after.is_canceling


def test_one_that_waits_is_moved(kit: Kit, payer: Organization) -> None:
    now = kit.fake.clock.now()
    schedule = billing.subscribe_via_schedule(
        payer, [HALF], start=now + datetime.timedelta(days=10)
    )
    moved = billing.update_schedule(schedule, [FULL], start=now + datetime.timedelta(days=20))
    assert moved.status == "not_started"
    hour_later(kit, days=15)
    assert billing.subscription(payer) is None
    hour_later(kit, days=6)
    assert running(kit, payer).items[0].price_processor_id == "price_team"


@pytest.mark.parametrize(
    ("phases", "param"),
    [
        ([], "phases"),
        ("price_pro", "phases"),
        ([Phase("price_pro", lasts=(1, "month"))] * 11, "phases"),
        ([Phase("price_pro")], "lasts"),
        ([Phase("price_pro", lasts=(0, "month"))], "lasts"),
        ([Phase("price_pro", lasts=(1, "fortnight"))], "lasts"),
        ([Phase(lasts=(1, "month"))], "price"),
        ([Phase("price_pro", lasts=(1, "month"), proration="later")], "proration"),
        ([Phase("price_pro", lasts=(1, "month"), trial=datetime.timedelta())], "trial"),
        ([Phase("price_pro", until=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))], "until"),
        ([HALF, Phase("price_pro", lasts=(1, "month"), trial=datetime.timedelta(1))], "trial"),
        ([Phase("price_metered", quantity=2, lasts=(1, "month"))], "quantity"),
    ],
)
def test_phases_that_cant_be_are_refused_before_any_call(
    kit: Kit, payer: Organization, calls: list[str], phases: list[Phase], param: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        billing.subscribe_via_schedule(payer, phases)
    assert refused.value.param == param
    assert calls == []


def test_a_change_has_to_say_what(kit: Kit, payer: Organization) -> None:
    schedule = billing.subscribe_via_schedule(payer, [HALF])
    with pytest.raises(InvalidRequest, match="Nothing was said"):
        billing.update_schedule(schedule)
    with pytest.raises(InvalidRequest, match="phases together"):
        billing.update_schedule(schedule, start=kit.fake.clock.now())
    with pytest.raises(InvalidState) as refused:
        billing.update_schedule(schedule, [FULL], start=kit.fake.clock.now())
    assert refused.value.code == "schedule_begun"


def test_a_first_payment_that_fails_makes_it_past_due(kit: Kit, org: Organization) -> None:
    billing.add_payment_method(org, "tok_chargeCustomerFail")
    billing.subscribe_via_schedule(org, [HALF])
    assert running(kit, org).is_active
    hour_later(kit)
    assert running(kit, org).is_past_due


@pytest.mark.parametrize("days", [None, 3], ids=["running", "waiting"])
def test_a_card_that_is_chosen_for_everything_is_its_schedules_too(
    kit: Kit, payer: Organization, days: int | None
) -> None:
    [first] = billing.list_payment_methods(payer)
    chosen = billing.add_payment_method(payer, "pm_card_mastercard")
    start = None if days is None else kit.fake.clock.now() + datetime.timedelta(days=days)
    schedule = billing.subscribe_via_schedule(
        payer, [HALF, FULL], start=start, payment_method=first
    )
    hour_later(kit)
    for _ in range(2):
        billing.use_payment_method(payer, chosen, operation_id="op")
        assert now_of(kit, schedule).default_payment_method_processor_id == chosen.processor_id
        kit.deliver()
    before = {each.id for each in billing.list_charges(payer)}

    hour_later(kit, days=70)

    assert running(kit, payer).items[0].price_processor_id == "price_team"
    assert running(kit, payer).default_payment_method == chosen
    later = [each for each in billing.list_charges(payer) if each.id not in before]
    assert {each.payment_method_processor_id for each in later} == {chosen.processor_id}
    kit.assert_settled()


def test_a_schedule_s_card_is_one_of_its_customer(kit: Kit, payer: Organization) -> None:
    other = Organization(name="Globex")
    kit.state.db.session.add(other)
    foreign = billing.add_payment_method(other, "pm_card_visa")
    schedule = billing.subscribe_via_schedule(payer, [HALF, FULL])
    with pytest.raises(NotAttached):
        billing.update_schedule(schedule, payment_method=foreign)
    assert now_of(kit, schedule).default_payment_method_processor_id is None
