"""Payments in steps: made now, captured or given up later."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import Money, billing, errors, models
from tests.host import Organization

if TYPE_CHECKING:
    from flask_accrue.testing import Kit

#: An amount in minor units, a part of it, by currency.
AMOUNTS = {"usd": (1999, 999), "jpy": (1999, 999), "kwd": (1990, 990), "huf": (199900, 99900)}


def hold(payer: Organization, amount: int = 1000, **given: Any) -> models.PaymentIntent:
    """Have the bank hold an amount on the payer's default card."""
    wanted = {"capture_method": "manual", "confirm": True, **given}
    return billing.create_payment_intent(payer, Money(amount, "usd"), **wanted)


def charge_of(payer: Organization) -> models.Charge:
    [row] = billing.list_charges(payer)
    return row


def test_a_payment_that_nobody_confirmed_waits_with_a_secret_for_its_browser(
    kit: Kit, payer: Organization
) -> None:
    intent = billing.create_payment_intent(payer, Money(1000, "usd"), description="A deposit")
    assert intent.requires_payment_method
    assert intent.client_secret is not None
    assert intent.client_secret.startswith(f"{intent.processor_id}_secret_")
    assert billing.client_secret(intent) == intent.client_secret
    assert billing.list_charges(payer) == []
    kit.assert_entry("payment_intent.requires_payment_method", intent)
    kit.deliver()
    kit.assert_settled()


def test_its_secret_is_stored_nowhere_and_asked_for_again_by_a_repetition(
    kit: Kit, payer: Organization
) -> None:
    intent = billing.create_payment_intent(payer, Money(1000, "usd"), operation_id="deposit")
    secret = intent.client_secret
    assert secret
    kit.deliver()
    session = kit.state.db.session
    tables = sa.inspect(session.get_bind(mapper=models.Operation.__mapper__)).get_table_names()
    told = "".join(repr(session.execute(sa.text(f"SELECT * FROM {name}")).all()) for name in tables)
    assert intent.processor_id in told
    assert "_secret_" not in told
    session.expunge_all()
    again = billing.create_payment_intent(payer, Money(1000, "usd"), operation_id="deposit")
    assert again.client_secret == secret


def test_held_money_is_captured_in_part_and_the_rest_let_go(kit: Kit, payer: Organization) -> None:
    intent = hold(payer)
    held = charge_of(payer)
    assert (intent.requires_capture, intent.amount_capturable) == (True, 1000)
    assert (held.captured, held.amount_captured, held.amount_refundable) == (False, 0, 0)
    assert held.capture_before == kit.now + datetime.timedelta(days=7)
    kit.deliver()

    captured = billing.capture(intent, Money(700, "usd"))

    assert captured.is_succeeded
    assert (captured.amount_received, captured.amount_capturable) == (700, 0)
    taken = charge_of(payer)
    assert (taken.captured, taken.amount_captured, taken.amount_refundable) == (True, 700, 700)
    assert not taken.is_partially_refunded
    assert kit.assert_entry("charge.captured", taken)
    kit.deliver()
    kit.assert_settled()
    assert [each.type for each in kit.fake.events()].count("charge.captured") == 1


def test_what_was_captured_is_what_can_be_given_back(kit: Kit, payer: Organization) -> None:
    billing.capture(hold(payer), Money(700, "usd"))
    taken = charge_of(payer)
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.refund(taken, Money(701, "usd"))
    assert raised.value.code == "amount_too_large"
    assert billing.refund(taken, Money(200, "usd")).amount == 200
    assert taken.is_partially_refunded
    assert billing.refund(taken).amount == 500
    assert taken.is_fully_refunded
    kit.deliver()
    kit.assert_settled()


def test_more_than_is_held_cant_be_captured(
    kit: Kit, payer: Organization, calls: list[str]
) -> None:
    intent = hold(payer)
    calls.clear()
    for amount, code in (
        (Money(1001, "usd"), "amount_too_large"),
        (Money(0, "usd"), "amount_invalid"),
        (Money(700, "eur"), "currency_mismatch"),
        (700, "amount_invalid"),
    ):
        with pytest.raises(errors.InvalidRequest) as raised:
            billing.capture(intent, amount)  # type: ignore[arg-type]
        assert raised.value.code == code
    assert calls == []


def test_nothing_is_captured_twice(kit: Kit, payer: Organization) -> None:
    intent = hold(payer)
    first = billing.capture(intent, operation_id="delivered")
    assert billing.capture(intent, operation_id="delivered") is first
    with pytest.raises(errors.InvalidState) as raised:
        billing.capture(intent)
    assert raised.value.code == "payment_not_capturable"
    assert charge_of(payer).amount_captured == 1000


def test_what_nobody_captures_is_let_go_after_a_week(kit: Kit, payer: Organization) -> None:
    intent = hold(payer)
    kit.deliver()
    kit.advance(days=7)
    assert intent.is_canceled
    assert (intent.cancellation_reason, intent.amount_capturable) == ("automatic", 0)
    assert not charge_of(payer).captured
    kit.assert_entry("charge.released", charge_of(payer))
    with pytest.raises(errors.InvalidState, match="let go") as raised:
        billing.capture(intent)
    assert raised.value.code == "payment_not_capturable"
    assert "charge.expired" in [each.type for each in kit.fake.events()]
    kit.assert_settled()


def test_a_payment_is_given_up_and_what_it_held_let_go(kit: Kit, payer: Organization) -> None:
    intent = hold(payer)
    canceled = billing.cancel_payment_intent(intent, reason="requested_by_customer")
    assert canceled.is_canceled
    assert canceled.cancellation_reason == "requested_by_customer"
    assert charge_of(payer).amount_refundable == 0
    assert not charge_of(payer).is_fully_refunded
    kit.deliver()
    assert billing.cancel_payment_intent(intent) is intent
    kit.assert_entry("payment_intent.canceled", intent)
    kit.assert_settled()


def test_a_payment_that_was_made_or_is_an_invoices_isnt_given_up(
    kit: Kit, payer: Organization, subscription: models.Subscription, calls: list[str]
) -> None:
    made = billing.charge(payer, Money(500, "usd"))
    of_invoice = kit.state.db.session.scalars(
        sa.select(models.PaymentIntent).where(
            models.PaymentIntent.invoice_processor_id.is_not(None)
        )
    ).one()
    of_invoice.status = "requires_payment_method"
    calls.clear()
    for intent, code in ((made, "payment_succeeded"), (of_invoice, "payment_of_invoice")):
        with pytest.raises(errors.InvalidState) as raised:
            billing.cancel_payment_intent(intent)
        assert raised.value.code == code
    assert calls == []


def test_a_hold_that_the_bank_wants_confirmed_is_held_once_it_is(
    kit: Kit, org: Organization
) -> None:
    billing.add_payment_method(org, "pm_card_authenticationRequired")
    with pytest.raises(errors.ActionRequired) as raised:
        hold(org)
    assert raised.value.row.requires_action
    assert billing.confirm_payment(raised.value.row).requires_capture
    assert billing.capture(raised.value.row).is_succeeded
    kit.deliver()
    kit.assert_settled()


def test_a_hold_that_is_declined_holds_nothing(kit: Kit, org: Organization) -> None:
    billing.add_payment_method(org, "pm_card_chargeCustomerFail_insufficient_funds")
    for _ in range(2):
        with pytest.raises(errors.CardError) as raised:
            hold(org, operation_id="deposit")
        assert raised.value.decline_code == "insufficient_funds"
    assert charge_of(org).is_failed
    kit.deliver()
    kit.assert_settled()


def test_a_held_charge_is_given_up_and_not_refunded(kit: Kit, payer: Organization) -> None:
    hold(payer)
    with pytest.raises(errors.InvalidState) as raised:
        billing.refund(charge_of(payer))
    assert raised.value.code == "charge_not_captured"


def test_holding_and_capturing_goes_by_minor_units(kit: Kit) -> None:
    for currency, (amount, part) in AMOUNTS.items():
        org = _another(kit, currency)
        billing.add_payment_method(org, "pm_card_visa")
        intent = billing.create_payment_intent(
            org, Money(amount, currency), capture_method="manual", confirm=True
        )
        assert intent.money == Money(amount, currency)
        assert billing.capture(intent, Money(part, currency)).amount_received == part
    kit.deliver()
    kit.assert_settled()


def test_what_makes_no_sense_is_named_before_any_call(
    kit: Kit, payer: Organization, calls: list[str]
) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"capture_method": "later"}, "capture_method"),
        ({"setup_future_usage": "always"}, "setup_future_usage"),
        ({"statement_descriptor": "<b>"}, "statement_descriptor"),
        ({"statement_descriptor": "1234"}, "statement_descriptor"),
        ({"statement_descriptor": "x" * 23}, "statement_descriptor"),
        ({"payment_method": "4242424242424242"}, "payment_method"),
    ]
    for given, param in wrong:
        with pytest.raises(errors.InvalidRequest) as raised:
            billing.create_payment_intent(payer, Money(500, "usd"), **given)
        assert raised.value.param == param
        assert "4242" not in str(raised.value)
    with pytest.raises(errors.InvalidRequest):
        billing.create_payment_intent(payer, Money(-1, "usd"))
    assert calls == []


def test_without_a_card_nothing_is_confirmed(kit: Kit, org: Organization) -> None:
    with pytest.raises(errors.NoDefaultPaymentMethod):
        hold(org)


def test_what_is_told_of_a_payment_reaches_the_processor(kit: Kit, payer: Organization) -> None:
    card = billing.list_payment_methods(payer)[0]
    intent = billing.create_payment_intent(
        payer,
        Money(500, "usd"),
        payment_method=card,
        setup_future_usage="off_session",
        description="A deposit",
        statement_descriptor="DEPOSIT 7",
        metadata={"order": "7"},
    )
    assert intent.is_succeeded
    told = kit.fake.fetch("payment_intent", intent.processor_id).main.raw
    assert (told["description"], told["statement_descriptor"]) == ("A deposit", "DEPOSIT 7")
    assert (told["setup_future_usage"], told["metadata"]["order"]) == ("off_session", "7")


def _another(kit: Kit, name: str) -> Organization:
    organization = Organization(name=name, email=None)
    kit.state.db.session.add(organization)
    kit.state.db.session.commit()
    return organization
