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
