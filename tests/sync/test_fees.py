"""What charges and refunds have cost is asked for where nothing has told it."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

import pytest
import sqlalchemy as sa

from flask_accrue import Money, billing, connect, models
from flask_accrue.errors import ProcessorUnavailable
from flask_accrue.processors import Answer
from flask_accrue.processors.fake import FakeProcessor
from flask_accrue.state import current_state
from flask_accrue.sync import fees, reconcile_fees
from tests.host import app, kit, org

if t.TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization

__all__ = ["app", "kit", "org"]

usd = lambda cents: Money(cents, "usd")  # noqa: E731 - a word for a test


def pass_time(kit: Kit, **by: int) -> None:
    """Let time pass, and nobody tell of it: what happens meanwhile is fetched, with what it costs."""
    kit.fake.advance(datetime.timedelta(**by))


def told() -> list[tuple[int | None, int | None]]:
    session = current_state().db.session
    session.rollback()
    charges = models.Charge
    found = session.scalars(sa.select(charges).order_by(charges.created, charges.processor_id))
    return [(each.fee, each.net) for each in found]


def entries() -> list[str]:
    entry = models.LedgerEntry
    found = sa.select(entry.type).where(entry.subject_type.in_(("charge", "refund")))
    return list(current_state().db.session.scalars(found.order_by(entry.id)))


def test_what_charges_and_refunds_have_cost_is_known_the_day_after(
    kit: Kit, org: Organization
) -> None:
    billing.add_payment_method(org, "pm_card_visa")
    billing.charge(org, usd(1000))
    [charge] = billing.list_charges(org)
    billing.refund(charge, usd(200))
    session = current_state().db.session
    # As an event would have told it, whose body doesn't say.
    session.execute(sa.update(models.Refund).values(fee=None, net=None))
    session.commit()
    assert (charge.fee, charge.refunds[0].merchant_loss) == (None, None)
    assert reconcile_fees() == 0  # what is known is new
    pass_time(kit, hours=13)

    assert reconcile_fees() == 2

    session.expire_all()
    assert (charge.fee, charge.net) == (59, 941)
    assert charge.refunds[0].merchant_loss == 12
    assert entries()[-2:] == ["charge.updated", "refund.updated"]
    assert reconcile_fees() == 0


def test_what_failed_or_is_held_has_no_fee_and_isnt_asked_for(kit: Kit, org: Organization) -> None:
    billing.add_payment_method(org, "pm_card_visa")
    kit.fake.fail_next(fault="decline", decline_code="insufficient_funds")
    with pytest.raises(Exception, match="declined"):
        billing.charge(org, usd(1000))
    billing.create_payment_intent(org, usd(1000), capture_method="manual", confirm=True)
    pass_time(kit, hours=13)

    assert asks_nobody(kit, org)
    assert told() == [(None, None)] * 2


def asks_nobody(kit: Kit, org: Organization) -> bool:
    """Tell whether reconciling leaves a fault for the next call that is made."""
    kit.fake.fail_next("fetch", "timeout")
    assert reconcile_fees() == 0
    try:
        kit.fake.fetch("customer", billing.customer(org).processor_id)
    except ProcessorUnavailable:
        return True
    return False


def test_what_has_no_fee_is_asked_for_twice_a_day_at_most(
    kit: Kit, org: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    billing.add_payment_method(org, "pm_card_visa")
    billing.charge(org, usd(1000))
    pass_time(kit, hours=13)
    really = FakeProcessor.fetch

    def fetch_without_fee(self: FakeProcessor, kind: str, processor_id: str) -> Answer:
        # As of a charge whose fee is in another currency.
        answer = really(self, kind, processor_id)
        whole = (dataclasses.replace(each, fee=None, net=None) for each in answer.objects)
        return dataclasses.replace(answer, objects=tuple(whole))

    for _ in range(2):
        with monkeypatch.context() as patched:
            patched.setattr(FakeProcessor, "fetch", fetch_without_fee)
            assert reconcile_fees() == 0
        assert asks_nobody(kit, org)
        pass_time(kit, hours=13)

    assert reconcile_fees() == 1


def test_a_fee_of_a_week_ago_isnt_asked_for_any_more(kit: Kit, org: Organization) -> None:
    billing.add_payment_method(org, "pm_card_visa")
    billing.charge(org, usd(1000))
    pass_time(kit, days=8)

    assert reconcile_fees() == 0
    assert told() == [(None, None)]


def test_what_cant_be_asked_now_is_asked_the_next_time(kit: Kit, org: Organization) -> None:
    billing.add_payment_method(org, "pm_card_visa")
    billing.charge(org, usd(1000))
    pass_time(kit, hours=13)
    kit.fake.fail_next("fetch", "timeout")

    assert reconcile_fees() == 0
    assert reconcile_fees() == 1


def test_fees_in_an_account_are_asked_for_there_whatever_another_one_says(
    kit: Kit, org: Organization
) -> None:
    billing.add_payment_method(org, "pm_card_visa")
    billing.charge(org, usd(1000))
    for _ in range(2):
        made = connect.create_account(type="express")
        kit.fake.complete_account(made.processor_id)
        with connect.account(made.processor_id):
            billing.add_payment_method(org, "pm_card_visa")
            connect.direct_charge(org, usd(1000))
    kit.fake.deauthorize_account(made.processor_id)
    pass_time(kit, hours=13)

    assert reconcile_fees() == 2
    assert sorted(told(), key=str) == [(59, 941), (59, 941), (None, None)]


def test_many_are_found_in_lists(
    kit: Kit, org: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fees, "_SINGLY", 0)
    billing.add_payment_method(org, "pm_card_visa")
    for cents in range(1000, 1500, 100):
        billing.charge(org, usd(cents))
        pass_time(kit, hours=3)
    # The newest one is too new to be asked for, and none is fetched by itself.
    kit.fake.fail_next("fetch", "timeout", times=10)

    assert reconcile_fees() == 1
    pass_time(kit, hours=12)
    assert reconcile_fees() == 4
    assert [fee for fee, _ in told()] == [59, 62, 65, 68, 71]
