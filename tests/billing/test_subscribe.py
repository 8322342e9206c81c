"""Beginning a subscription, and which one counts."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import billing, errors, models
from tests.host import Organization

if TYPE_CHECKING:
    from flask_accrue.testing import Kit


def test_a_subscription_is_active_paid_for_and_the_same_after_its_webhooks(
    kit: Kit, payer: Organization
) -> None:
    row = billing.subscribe(payer, "price_pro", quantity=3, metadata={"source": "landing page"})
    for _ in range(2):
        assert row.is_active
        assert [(each.price_processor_id, each.quantity) for each in row.items] == [
            ("price_pro", 3)
        ]
        assert row.meta["source"] == "landing page"
        assert row.current_period_end == datetime.datetime(2026, 4, 10, 12, tzinfo=datetime.UTC)
        assert [each.amount for each in billing.list_charges(payer)] == [5700]
        assert [each.is_paid for each in billing.list_invoices(payer)] == [True]
        kit.deliver()
    kit.assert_entry("subscription.created", row)
    kit.assert_settled()


def test_a_token_becomes_the_card_that_is_charged(kit: Kit, org: Organization) -> None:
    row = billing.subscribe(org, "price_pro", payment_method="pm_card_mastercard")
    (card,) = billing.list_payment_methods(org)
    assert row.default_payment_method_processor_id == card.processor_id
    assert [each.payment_method for each in billing.list_charges(org)] == [card]


def test_a_named_card_is_charged_now_and_at_each_renewal(kit: Kit, payer: Organization) -> None:
    named = billing.add_payment_method(payer, "pm_card_mastercard")
    billing.subscribe(payer, "price_pro", payment_method=named)
    kit.advance(days=32)
    charged = billing.list_charges(payer)
    assert [each.payment_method for each in charged] == [named, named]


def test_a_first_payment_that_is_declined_leaves_one_that_grants_nothing(
    kit: Kit, org: Organization
) -> None:
    billing.add_payment_method(org, "pm_card_chargeCustomerFail_insufficient_funds")
    with pytest.raises(errors.CardError) as raised:
        billing.subscribe(org, "price_pro")
    assert raised.value.decline_code == "insufficient_funds"
    row = billing.subscription(org)
    assert raised.value.row is row
    assert row is not None
    for _ in range(2):
        assert row.is_incomplete
        assert not row.is_active
        kit.deliver()
    # Until it's paid or given up, it's the one there is.
    with pytest.raises(errors.ActionRequired):
        billing.subscribe(org, "price_pro")
    kit.advance(hours=24)
    assert row.is_ended
    billing.add_payment_method(org, "pm_card_visa", default=True)
    assert billing.subscribe(org, "price_pro").is_active


def test_an_invoice_that_is_sent_needs_no_card(kit: Kit, org: Organization) -> None:
    row = billing.subscribe(org, "price_pro", collection_method="send_invoice")
    assert row.is_active
    kit.advance(hours=2)
    (invoice,) = billing.list_invoices(org)
    assert invoice.is_open
    assert billing.list_charges(org) == []


def test_those_that_are_sent_are_due_after_as_many_days_as_are_said(
    kit: Kit, org: Organization
) -> None:
    row = billing.subscribe(org, "price_pro", collection_method="send_invoice", days_until_due=14)
    kit.advance(days=40)
    newest, first = billing.list_invoices(org)
    for invoice in (first, newest):
        assert invoice.finalized_at is not None
        assert invoice.due_date == invoice.finalized_at + datetime.timedelta(days=14)
    assert row.past_due_since == first.due_date


@pytest.mark.parametrize(
    "given",
    [
        {"collection_method": "by_mail"},
        {"days_until_due": 14},
        {"collection_method": "send_invoice", "days_until_due": -1},
        {"collection_method": "send_invoice", "days_until_due": "14"},
        {"collection_method": "send_invoice", "days_until_due": True},
    ],
)
def test_how_it_is_collected_is_checked_before_any_call(
    payer: Organization, calls: list[str], given: dict[str, Any]
) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        billing.subscribe(payer, "price_pro", **given)
    assert refused.value.code == "parameter_invalid"
    assert refused.value.param in given
    with pytest.raises(errors.InvalidRequest):
        billing.subscribe_via_schedule(
            payer, [billing.Phase("price_pro", lasts=(1, "month"))], **given
        )
    assert calls == []


def test_the_first_period_ends_at_the_anchor_and_costs_its_part(
    kit: Kit, payer: Organization
) -> None:
    anchor = kit.now + datetime.timedelta(days=10)
    row = billing.subscribe(payer, "price_pro", billing_cycle_anchor=anchor)
    assert row.current_period_end == anchor
    (invoice,) = billing.list_invoices(payer)
    # 10 of the 28 days from February 20 to March 20.
    assert sum(line.amount for line in invoice.items) == invoice.total == 679
    kit.advance(days=10, hours=2)
    assert row.current_period_end == datetime.datetime(2026, 4, 20, 12, tzinfo=datetime.UTC)
    assert sorted(each.amount for each in billing.list_charges(payer)) == [679, 1900]


def test_months_end_where_the_calendar_says(kit: Kit, payer: Organization) -> None:
    kit.advance(datetime.datetime(2026, 12, 31, 12, tzinfo=datetime.UTC))
    row = billing.subscribe(payer, "price_pro")
    ends = []
    for _ in range(3):
        assert row.current_period_end is not None
        ends.append(f"{row.current_period_end:%Y-%m-%d %H:%M}")
        kit.advance(row.current_period_end + datetime.timedelta(hours=2))
    assert ends == ["2027-01-31 12:00", "2027-02-28 12:00", "2027-03-31 12:00"]
    assert len(billing.list_charges(payer)) == 4


def test_months_are_counted_in_the_processors_zone(kit: Kit, payer: Organization) -> None:
    kit.fake.configure(zone="Europe/Berlin")
    row = billing.subscribe(payer, "price_pro")
    kit.deliver()
    # One o'clock in Berlin, before and after the clocks go forward.
    assert row.current_period_end == datetime.datetime(2026, 4, 10, 11, tzinfo=datetime.UTC)
    kit.advance(row.current_period_end - datetime.timedelta(seconds=1))
    assert len(billing.list_invoices(payer)) == 1
    kit.advance(hours=2)
    assert len(billing.list_charges(payer)) == 2


def test_an_owner_has_one_subscription_of_each_name(kit: Kit, payer: Organization) -> None:
    first = billing.subscribe(payer, "price_pro")
    second = billing.subscribe(payer, "price_team", name="support")
    assert billing.subscription(payer) is first
    assert billing.subscription(payer, "support") is second
    for name in ("default", "support"):
        with pytest.raises(errors.InvalidState) as raised:
            billing.subscribe(payer, "price_pro", name=name)
        assert raised.value.code == "already_subscribed"
    billing.cancel(second)
    assert billing.subscribe(payer, "price_pro", name="support").is_active
    assert len(billing.list_subscriptions(payer)) == 3


def test_the_newest_counts_whatever_was_changed_last(kit: Kit, payer: Organization) -> None:
    made = []
    # Four begin within one second, for which each database has to give the same answer.
    for seconds in (0, 0, 0, 0, 5):
        kit.advance(seconds=seconds)
        made.append(billing.subscribe(payer, "price_pro"))
        billing.cancel(made[-1])
    by_id = max(made[:4], key=lambda each: each.processor_id)
    for old in made[:4]:
        kit.trigger_event("customer.subscription.updated", old)
        billing.put_data(old, {"note": "changed last"})
    assert billing.subscription(payer) is made[4]
    kit.state.db.session.execute(
        sa.delete(models.SubscriptionItem).where(
            models.SubscriptionItem.subscription_id == made[4].id
        )
    )
    kit.state.db.session.execute(
        sa.delete(models.Subscription).where(models.Subscription.id == made[4].id)
    )
    kit.state.db.session.commit()
    assert billing.subscription(payer) is by_id


@pytest.mark.parametrize("state", ["canceled", "incomplete_expired"])
def test_who_subscribes_again_after_the_end_is_subscribed(
    kit: Kit, org: Organization, state: str
) -> None:
    old = kit.subscription(org, state, price="price_pro")
    kit.advance(seconds=1)
    billing.add_payment_method(org, "pm_card_mastercard", default=True)
    new = billing.subscribe(org, "price_pro")
    kit.deliver()
    assert old.is_ended
    assert billing.subscription(org) is new
    assert new.is_active


def test_nothing_is_asked_of_the_processor_to_see_what_there_is(
    kit: Kit, subscription: models.Subscription, payer: Organization, calls: list[str]
) -> None:
    nobody: Any = Organization(name="Nobody", email=None)
    kit.state.db.session.add(nobody)
    kit.state.db.session.commit()
    assert billing.subscription(payer) is subscription
    assert billing.subscription(nobody) is None
    assert billing.list_subscriptions(nobody) == []
    assert billing.get_customer(nobody) is None
    assert calls == []
