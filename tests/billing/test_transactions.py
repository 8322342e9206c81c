from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import Money, billing, errors, models
from tests.host import Organization

if TYPE_CHECKING:
    from flask_accrue.testing import Kit


def test_no_transaction_is_open_while_the_processor_is_called(
    kit: Kit, org: Organization, calls: list[str]
) -> None:
    card = billing.add_payment_method(org, "pm_card_visa")
    row = billing.subscribe(org, "price_pro", trial=datetime.timedelta(days=3))
    billing.update_customer(org, name="Renamed")
    billing.extend_trial(row, datetime.timedelta(days=1))
    billing.swap_plan(row, "price_team", proration="always_invoice")
    billing.increment(row)
    billing.pause(row)
    billing.resume(row)
    billing.cancel_at_period_end(row)
    billing.charge(org, Money(500, "usd"))
    billing.refund(billing.list_charges(org)[0])
    billing.sync_customer(org)
    billing.sync_payment_methods(org)
    billing.sync_catalog()
    billing.cancel(row)
    billing.remove_payment_method(card)
    assert {"create_customer", "update_subscription", "fetch", "list_catalog"} <= set(calls)


@pytest.mark.parametrize("when", ["before", "after"])
def test_no_transaction_is_open_while_a_lost_answer_is_looked_for(
    kit: Kit, payer: Organization, calls: list[str], when: str
) -> None:
    kit.fake.fail_next("create_charge", "timeout", when=when)
    with pytest.raises(errors.ProcessorUnavailable):
        billing.charge(payer, Money(500, "usd"), operation_id="charge-1")
    assert billing.charge(payer, Money(500, "usd"), operation_id="charge-1").is_succeeded
    assert "find" in calls


def test_no_transaction_is_open_while_a_payment_that_waits_is_looked_at(
    kit: Kit, org: Organization, calls: list[str]
) -> None:
    billing.add_payment_method(org, "pm_card_authenticationRequired")
    for _ in range(2):
        with pytest.raises(errors.ActionRequired):
            billing.subscribe(org, "price_pro")
    intent = kit.state.db.session.scalars(sa.select(models.PaymentIntent)).one()
    billing.sync_payment(intent)
    assert "fetch" in calls


def test_pending_work_of_the_host_survives_a_call_that_fails(kit: Kit, payer: Organization) -> None:
    session = kit.state.db.session
    session.add(Organization(name="Pending", email=None))
    payer.name = "Changed"
    with pytest.raises(errors.InvalidRequest):
        billing.subscribe(payer, "price_nothing")
    session.rollback()
    assert payer.name == "Changed"
    assert session.scalars(sa.select(Organization.name)).all() == ["Changed", "Pending"]


def test_a_call_inside_begin_nested_is_refused_before_anything_is_sent(
    kit: Kit, payer: Organization, calls: list[str]
) -> None:
    with kit.state.db.session.begin_nested(), pytest.raises(errors.InvalidState) as raised:
        billing.subscribe(payer, "price_pro")
    assert raised.value.code == "nested_transaction"
    assert calls == []


def test_what_only_reads_neither_commits_nor_flushes(
    kit: Kit, subscription: models.Subscription, calls: list[str]
) -> None:
    session = kit.state.db.session()
    org = session.scalars(sa.select(Organization)).one()
    session.commit()
    ended: list[str] = []
    for name in ("after_commit", "after_rollback", "after_flush"):
        sa.event.listen(session, name, lambda *_, name=name: ended.append(name))
    org.id  # noqa: B018 - loaded before anything is pending
    pending = Organization(name=None, email=None)
    session.add(pending)
    reads: list[Any] = [
        billing.get_customer,
        billing.subscription,
        billing.list_subscriptions,
        billing.list_payment_methods,
        billing.list_invoices,
        billing.list_charges,
    ]
    for read in reads:
        assert read(org)
    assert billing.list_prices()
    assert billing.list_products()
    assert billing.search("Acme")
    assert ended == []
    assert pending in session.new
    assert calls == []
    session.expunge(pending)


def test_objects_of_the_host_stay_usable(kit: Kit, payer: Organization) -> None:
    with pytest.raises(errors.CardError):
        billing.add_payment_method(payer, "pm_card_chargeDeclined")
    assert payer.name == "Acme"
    row = billing.subscribe(payer, "price_pro")
    payer.name = "Renamed after"
    kit.state.db.session.commit()
    assert payer in kit.state.db.session
    assert row.customer.owner_id == str(payer.id)


def test_what_the_processor_did_is_kept_although_the_call_raises(
    kit: Kit, org: Organization
) -> None:
    billing.add_payment_method(org, "pm_card_authenticationRequired")
    with pytest.raises(errors.ActionRequired):
        billing.subscribe(org, "price_pro")
    kit.state.db.session.rollback()
    row = billing.subscription(org)
    assert row is not None
    assert row.is_incomplete
    kit.assert_entry("subscription.created", row)
