"""Charging a card once, in every currency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flask_accrue import Money, billing, errors
from tests.host import Organization

if TYPE_CHECKING:
    from flask_accrue.testing import Kit

#: An amount in minor units, how many of them to give back, and how the amount is written.
AMOUNTS = {
    "usd": (1999, 999, "19.99 USD"),
    "jpy": (1999, 999, "1999 JPY"),
    "kwd": (1990, 990, "1.990 KWD"),
    "huf": (199900, 99900, "1999.00 HUF"),
    "isk": (199900, 99900, "1999.00 ISK"),
}


def _another(kit: Kit, name: str) -> Organization:
    organization = Organization(name=name, email=None)
    kit.state.db.session.add(organization)
    kit.state.db.session.commit()
    return organization


def test_amounts_are_minor_units_of_their_currency_from_the_charge_to_the_last_refund(
    kit: Kit,
) -> None:
    for currency, (amount, part, written) in AMOUNTS.items():
        org = _another(kit, currency)
        billing.add_payment_method(org, "pm_card_visa")
        intent = billing.charge(org, Money(amount, currency))
        assert (intent.amount, intent.currency) == (amount, currency)
        (charged,) = billing.list_charges(org)
        assert charged.money == Money(amount, currency)
        assert str(charged.money) == written
        first = billing.refund(charged, Money(part, currency))
        assert (first.amount, first.currency) == (part, currency)
        assert charged.amount_refundable == amount - part
        assert billing.refund(charged).amount == amount - part
        kit.deliver()
        assert charged.is_fully_refunded
        assert charged.money == Money(amount, currency)
        told = kit.assert_entry("charge.succeeded", charged).state or {}
        assert (told["amount"], told["currency"]) == (amount, currency)
    kit.assert_settled()


def test_the_named_card_is_charged_and_else_the_default(kit: Kit, payer: Organization) -> None:
    named = billing.add_payment_method(payer, "pm_card_mastercard")
    billing.charge(payer, Money(500, "usd"))
    billing.charge(payer, Money(700, "usd"), payment_method=named)
    brands = {
        each.amount: each.payment_method and each.payment_method.brand
        for each in billing.list_charges(payer)
    }
    assert brands == {500: "visa", 700: "mastercard"}


def test_a_named_card_that_is_declined_is_never_replaced_by_another(
    kit: Kit, payer: Organization
) -> None:
    named = billing.add_payment_method(payer, "pm_card_chargeCustomerFail_insufficient_funds")
    with pytest.raises(errors.CardError) as raised:
        billing.charge(payer, Money(500, "usd"), payment_method=named)
    assert (raised.value.code, raised.value.decline_code) == ("card_declined", "insufficient_funds")
    kit.deliver()
    (refused,) = billing.list_charges(payer)
    assert refused.is_failed
    assert refused.decline_code == "insufficient_funds"
    assert refused.payment_method is named
    with pytest.raises(errors.InvalidState) as over:
        billing.refund(refused)
    assert over.value.code == "charge_not_succeeded"
    kit.assert_settled()


def test_a_card_that_was_removed_is_not_charged(
    kit: Kit, payer: Organization, calls: list[str]
) -> None:
    removed = billing.add_payment_method(payer, "pm_card_mastercard")
    billing.remove_payment_method(removed)
    calls.clear()
    with pytest.raises(errors.NotAttached):
        billing.charge(payer, Money(500, "usd"), payment_method=removed)
    assert calls == []


def test_description_and_metadata_are_told_to_the_processor(kit: Kit, payer: Organization) -> None:
    intent = billing.charge(
        payer, Money(500, "usd"), description="Setting up", metadata={"job": "7"}
    )
    told = kit.fake.fetch("payment_intent", intent.processor_id).main.raw
    assert told["description"] == "Setting up"
    assert told["metadata"]["job"] == "7"


def test_charges_are_listed_newest_first_and_are_nobody_elses(
    kit: Kit, payer: Organization
) -> None:
    other = _another(kit, "Other")
    billing.add_payment_method(other, "pm_card_visa")
    billing.charge(other, Money(9900, "usd"))
    for amount in (100, 200, 300):
        kit.advance(seconds=1)
        billing.charge(payer, Money(amount, "usd"))
    assert [each.amount for each in billing.list_charges(payer)] == [300, 200, 100]
    assert [each.amount for each in billing.list_charges(other)] == [9900]
    assert billing.list_charges(_another(kit, "Nobody")) == []
