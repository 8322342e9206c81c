from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flask_accrue import billing, errors, models

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization


def test_the_default_card_of_a_live_subscription_is_kept_unless_forced(
    kit: Kit, payer: Organization
) -> None:
    billing.subscribe(payer, "price_pro")
    card = billing.list_payment_methods(payer)[0]
    with pytest.raises(errors.InvalidState) as raised:
        billing.remove_payment_method(card)
    assert raised.value.code == "payment_method_needed"
    assert not billing.remove_payment_method(card, force=True).is_attached
    kit.deliver()
    row = billing.get_customer(payer)
    assert row is not None
    assert row.default_payment_method is None


def test_the_same_card_twice_is_one_row(kit: Kit, payer: Organization) -> None:
    first = billing.list_payment_methods(payer)[0]
    assert billing.add_payment_method(payer, "pm_card_visa") is first
    kit.deliver()
    assert billing.list_payment_methods(payer) == [first]


def test_a_refused_card_tells_why_and_leaves_none(kit: Kit, org: Organization) -> None:
    with pytest.raises(errors.CardError) as raised:
        billing.add_payment_method(org, "pm_card_chargeDeclinedLostCard")
    assert (raised.value.code, raised.value.decline_code) == ("card_declined", "lost_card")
    assert billing.list_payment_methods(org) == []


def test_a_charge_without_a_card_is_refused(kit: Kit, org: Organization) -> None:
    from flask_accrue import Money

    with pytest.raises(errors.NoDefaultPaymentMethod):
        billing.charge(org, Money(500, "usd"))


def test_a_card_chosen_clears_the_one_before(kit: Kit, payer: Organization) -> None:
    second = billing.add_payment_method(payer, "pm_card_mastercard", default=True)
    kit.deliver()
    row = billing.get_customer(payer)
    assert isinstance(row, models.Customer)
    assert row.default_payment_method is second
