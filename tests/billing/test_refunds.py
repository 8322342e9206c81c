from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flask_accrue import Money, billing, errors, models

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization


@pytest.fixture
def paid(kit: Kit, payer: Organization) -> models.Charge:
    """Give a charge of 10 dollars."""
    billing.charge(payer, Money(1000, "usd"))
    return billing.list_charges(payer)[0]


def test_refunds_add_up_to_all_and_never_more(
    kit: Kit, paid: models.Charge, calls: list[str]
) -> None:
    billing.refund(paid, Money(300, "usd"))
    assert paid.is_partially_refunded
    asked = len(calls)
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.refund(paid, Money(701, "usd"))
    assert raised.value.code == "amount_too_large"
    assert len(calls) == asked
    assert billing.refund(paid).amount == 700
    kit.deliver()
    assert paid.is_fully_refunded
    assert paid.amount_refundable == 0
    with pytest.raises(errors.InvalidState) as over:
        billing.refund(paid)
    assert over.value.code == "charge_already_refunded"
    kit.assert_settled()


def test_a_refund_repeated_under_its_id_is_made_once(kit: Kit, paid: models.Charge) -> None:
    first = billing.refund(paid, operation_id="refund-1")
    assert billing.refund(paid, operation_id="refund-1") is first
    assert paid.amount_refundable == 0


def test_giving_back_costs_the_fee_and_its_parts_add_up(kit: Kit, paid: models.Charge) -> None:
    kit.deliver()
    billing.sync(paid)
    assert (paid.fee, paid.net, paid.amount_kept, paid.merchant_loss) == (59, 941, 941, 0)
    parts = [billing.refund(paid, Money(amount, "usd")) for amount in (333, 333, 334)]
    kit.state.db.session.expire_all()
    assert [(each.fee, each.net) for each in parts] == [(0, -333), (0, -333), (0, -334)]
    # Of one second, they are in the order of their ids.
    assert sorted(each.merchant_loss or 0 for each in parts) == [19, 20, 20]
    assert (paid.merchant_loss, paid.amount_kept) == (59, -59)
    kit.deliver()
    kit.assert_settled()
    # Events leave out what something cost, and what was known stays.
    assert (paid.fee, parts[0].fee) == (59, 0)


def test_a_loss_isnt_known_before_the_fee_is(kit: Kit, paid: models.Charge) -> None:
    refund = billing.refund(paid)
    paid.fee = paid.net = None
    assert (paid.merchant_loss, paid.amount_kept, refund.merchant_loss) == (None, None, None)


def test_a_refund_that_fails_gives_the_money_back_to_the_merchant(
    kit: Kit, org: Organization
) -> None:
    billing.add_payment_method(org, "pm_card_refundFail")
    billing.charge(org, Money(1000, "usd"))
    [paid] = billing.list_charges(org)
    refund = billing.refund(paid, Money(400, "usd"))
    assert refund.is_succeeded
    kit.deliver()
    kit.advance(days=1)
    assert refund.is_failed
    assert refund.failure_reason == "expired_or_canceled_card"
    assert (paid.amount_refundable, refund.merchant_loss) == (1000, 0)
    kit.assert_entry("refund.failed", refund)
    assert billing.refund(paid).amount == 1000
    kit.deliver()
    kit.assert_settled()


@pytest.mark.parametrize(
    ("ends", "left"), [("succeeded", 600), ("failed", 1000), ("canceled", 1000)]
)
def test_a_pending_refund_counts_until_the_bank_decides(
    kit: Kit, org: Organization, ends: str, left: int
) -> None:
    billing.add_payment_method(org, "pm_card_pendingRefund")
    billing.charge(org, Money(1000, "usd"))
    [paid] = billing.list_charges(org)
    refund = billing.refund(paid, Money(400, "usd"))
    assert refund.is_pending
    assert paid.amount_refundable == 600
    with pytest.raises(errors.InvalidRequest):
        billing.refund(paid, Money(601, "usd"))
    kit.fake.end_refund(refund.processor_id, ends)
    kit.deliver()
    assert (refund.status, refund.is_pending) == (ends, False)
    assert paid.amount_refundable == left
    kit.assert_entry(f"refund.{ends}", refund)
    kit.assert_settled()


def test_reasons_are_a_closed_list(kit: Kit, paid: models.Charge, calls: list[str]) -> None:
    calls.clear()
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.refund(paid, reason="whim")
    assert raised.value.param == "reason"
    assert calls == []
