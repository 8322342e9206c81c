"""Repeating what the customer had to confirm: what returns is paid, held or on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import Money, billing, connect, errors, models
from flask_accrue.billing import Phase

if TYPE_CHECKING:
    import collections.abc as c

    from flask_accrue.testing import Kit
    from tests.host import Organization

    Act = c.Callable[[models.PaymentMethod], Any]

FIVE = Money(500, "usd")


def intents(kit: Kit) -> list[models.PaymentIntent]:
    session = kit.state.db.session
    session.rollback()
    return list(session.scalars(sa.select(models.PaymentIntent)))


@pytest.fixture
def wary(org: Organization) -> Organization:
    """Give an organization whose card has to be confirmed at each payment."""
    billing.add_payment_method(org, "pm_card_authenticationRequired")
    return org


def account(kit: Kit) -> str:
    made = connect.create_account(type="express", country="AT", email="ada@example.com")
    kit.fake.complete_account(made.processor_id)
    kit.deliver()
    return made.processor_id


def separately(kit: Kit, org: Organization) -> c.Callable[[], Any]:
    parts = [(account(kit), Money(100, "usd"))]
    return lambda: connect.separate_charge_and_transfer(
        org, FIVE, parts, group="order-1", operation_id="order-1"
    )


def to_destination(kit: Kit, org: Organization) -> c.Callable[[], Any]:
    seller = account(kit)
    return lambda: connect.destination_charge(org, FIVE, seller, operation_id="order-1")


CHARGES: dict[str, c.Callable[[Kit, Organization], c.Callable[[], Any]]] = {
    "charge": lambda kit, org: lambda: billing.charge(org, FIVE, operation_id="order-1"),
    "create_payment_intent": lambda kit, org: (
        lambda: billing.create_payment_intent(org, FIVE, confirm=True, operation_id="order-1")
    ),
    "hold": lambda kit, org: (
        lambda: billing.create_payment_intent(
            org, FIVE, confirm=True, capture_method="manual", operation_id="order-1"
        )
    ),
    "destination_charge": to_destination,
    "separate_charge_and_transfer": separately,
}


@pytest.mark.parametrize("kind", CHARGES)
def test_a_charge_whose_payment_was_canceled_isnt_given_for_a_paid_one(
    kit: Kit, wary: Organization, kind: str
) -> None:
    charge = CHARGES[kind](kit, wary)
    for _ in range(2):
        with pytest.raises(errors.ActionRequired) as waiting:
            charge()
    billing.cancel_payment_intent(waiting.value.row)

    for delivered in (False, True):
        with pytest.raises(errors.InvalidState, match="another operation id") as said:
            charge()
        assert said.value.code == "payment_canceled", delivered
        kit.deliver()
    assert len(intents(kit)) == 1


@pytest.mark.only("sqlite")
def test_a_charge_whose_confirmation_failed_says_so_until_its_paid(
    kit: Kit, wary: Organization
) -> None:
    with pytest.raises(errors.ActionRequired) as waiting:
        billing.charge(wary, FIVE, operation_id="order-1")
    payment = waiting.value.row
    kit.fake.fail_authentication(payment.processor_id)
    kit.deliver()

    with pytest.raises(errors.CardError) as said:
        billing.charge(wary, FIVE, operation_id="order-1")
    assert said.value.code == "payment_intent_authentication_failure"
    assert said.value.row is payment

    card = billing.add_payment_method(wary, "pm_card_visa")
    billing.confirm_payment(payment, payment_method=card)
    assert billing.charge(wary, FIVE, operation_id="order-1") is payment


@pytest.mark.only("sqlite")
def test_what_is_held_returns_until_its_let_go(kit: Kit, wary: Organization) -> None:
    hold = CHARGES["hold"](kit, wary)
    with pytest.raises(errors.ActionRequired) as waiting:
        hold()
    payment = waiting.value.row
    billing.confirm_payment(payment)
    assert hold() is payment
    assert payment.requires_capture

    billing.cancel_payment_intent(payment, operation_id="let-go")
    with pytest.raises(errors.InvalidState, match="canceled"):
        hold()
    # Giving it up is what that one was asked for.
    assert billing.cancel_payment_intent(payment, operation_id="let-go") is payment


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("status", ["processing", "succeeded"])
def test_a_payment_on_its_way_returns(kit: Kit, wary: Organization, status: str) -> None:
    with pytest.raises(errors.ActionRequired) as waiting:
        billing.charge(wary, FIVE, operation_id="order-1")
    payment = waiting.value.row
    # Cards of the Fake take no time.
    payment.status = status
    kit.state.db.session.commit()

    assert billing.charge(wary, FIVE, operation_id="order-1") is payment


@pytest.mark.only("sqlite")
def test_a_payment_in_steps_can_be_tried_with_another_card(kit: Kit, wary: Organization) -> None:
    made = billing.create_payment_intent(wary, FIVE, confirm=False, operation_id="order-1")
    card = billing.list_payment_methods(wary)[0]
    with pytest.raises(errors.ActionRequired):
        billing.confirm_payment(made, payment_method=card)
    kit.fake.fail_authentication(made.processor_id)
    kit.deliver()
    again = billing.create_payment_intent(wary, FIVE, confirm=False, operation_id="order-1")
    assert again is made
    assert again.client_secret


def test_a_subscription_whose_first_payment_ran_out_isnt_given_for_a_paid_one(
    kit: Kit, wary: Organization
) -> None:
    with pytest.raises(errors.ActionRequired):
        billing.subscribe(wary, "price_pro", operation_id="sign-up")
    kit.advance(hours=24)

    with pytest.raises(errors.InvalidState) as said:
        billing.subscribe(wary, "price_pro", operation_id="sign-up")
    assert said.value.code == "payment_canceled"
    with pytest.raises(errors.ActionRequired):
        billing.subscribe(wary, "price_pro", operation_id="sign-up-again")


def test_an_invoice_that_was_voided_isnt_given_for_a_paid_one(kit: Kit, wary: Organization) -> None:
    invoice = billing.create_invoice(wary, currency="usd")
    billing.add_invoice_item(invoice, FIVE, description="Setup")
    billing.finalize_invoice(invoice)
    for _ in range(2):
        with pytest.raises(errors.ActionRequired):
            billing.pay_invoice(invoice, operation_id="pay")
    billing.void_invoice(invoice)

    with pytest.raises(errors.InvalidState, match="void") as said:
        billing.pay_invoice(invoice, operation_id="pay")
    assert said.value.code == "payment_canceled"


def test_an_invoice_whose_payment_is_told_before_it_is_isnt_called_unpaid(
    kit: Kit, wary: Organization
) -> None:
    invoice = billing.create_invoice(wary, currency="usd")
    billing.add_invoice_item(invoice, FIVE, description="Setup")
    billing.finalize_invoice(invoice)
    with pytest.raises(errors.ActionRequired):
        billing.pay_invoice(invoice, operation_id="pay")
    kit.deliver()
    [payment] = intents(kit)
    kit.fake.confirm_payment(payment.processor_id, payment_method=None, key="confirmed")
    kit.deliver(only="payment_intent.succeeded")
    assert invoice.is_open

    assert billing.pay_invoice(invoice, operation_id="pay") is invoice
    kit.deliver()
    assert billing.pay_invoice(invoice, operation_id="pay").is_paid


def test_a_checkout_that_was_closed_isnt_given_for_a_paid_one(kit: Kit, wary: Organization) -> None:
    kit.price("price_once", 2500, interval=None)
    session = billing.create_checkout_session(
        wary, price="price_once", mode="payment", success_url="/welcome"
    ).session
    card = billing.list_payment_methods(wary)[0]
    for _ in range(2):
        with pytest.raises(errors.ActionRequired):
            billing.complete_checkout_session(session, card, operation_id="pay")
    kit.advance(days=2)

    with pytest.raises(errors.InvalidState):
        billing.complete_checkout_session(session, card, operation_id="pay")


@pytest.mark.only("sqlite")
@pytest.mark.parametrize(
    ("canceled", "error"), [(True, "setup_ended"), (False, "setup_intent_authentication_failure")]
)
def test_a_card_that_was_given_up_isnt_given_for_one_that_is_set_up(
    kit: Kit, org: Organization, canceled: bool, error: str
) -> None:
    setup = billing.create_setup_intent(org)
    token = "pm_card_authenticationRequired"
    for _ in range(2):
        with pytest.raises(errors.ActionRequired):
            billing.confirm_setup_intent(setup, token, operation_id="card")
    if canceled:
        billing.cancel_setup_intent(setup)
    else:
        kit.fake.fail_setup(setup.processor_id)
        kit.deliver()

    with pytest.raises(errors.AccrueError) as said:
        billing.confirm_setup_intent(setup, token, operation_id="card")
    assert said.value.code == error


def by_a_schedule(payer: Organization) -> Act:
    schedule = billing.subscribe_via_schedule(payer, [Phase("price_pro", lasts=(1, "month"))])
    return lambda card: billing.update_schedule(schedule, payment_method=card, operation_id="op")


def by_a_subscription(payer: Organization) -> Act:
    subscription = billing.subscribe(payer, "price_pro")
    return lambda card: billing.set_subscription_payment_method(
        subscription, card, operation_id="op"
    )


def of_an_invoice(payer: Organization) -> Act:
    invoice = billing.create_invoice(payer, currency="usd", auto_advance=False)
    billing.add_invoice_item(invoice, FIVE, description="Setting up")
    billing.finalize_invoice(invoice)
    return lambda card: billing.pay_invoice(invoice, payment_method=card, operation_id="op")


def of_a_payment(payer: Organization) -> Act:
    intent = billing.create_payment_intent(payer, FIVE)
    return lambda card: billing.confirm_payment(intent, payment_method=card, operation_id="op")


def at_a_checkout(payer: Organization) -> Act:
    page = billing.create_checkout_session(payer, "price_pro", success_url="/")
    return lambda card: billing.complete_checkout_session(page.session, card, operation_id="op")


#: What is done with a card that is named.
WITH_A_CARD: dict[str, c.Callable[[Organization], Act]] = {
    "update_schedule": by_a_schedule,
    "set_subscription_payment_method": by_a_subscription,
    "pay_invoice": of_an_invoice,
    "confirm_payment": of_a_payment,
    "complete_checkout_session": at_a_checkout,
    "use_payment_method": lambda payer: (
        lambda card: billing.use_payment_method(payer, card, operation_id="op")
    ),
    "set_default_payment_method": lambda payer: (
        lambda card: billing.set_default_payment_method(payer, card, operation_id="op")
    ),
    "charge": lambda payer: (
        lambda card: billing.charge(payer, FIVE, payment_method=card, operation_id="op")
    ),
    "create_payment_intent": lambda payer: (
        lambda card: billing.create_payment_intent(
            payer, FIVE, payment_method=card, operation_id="op"
        )
    ),
}


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("operation", WITH_A_CARD)
def test_what_was_done_with_a_card_is_repeated_when_that_was_removed(
    kit: Kit, payer: Organization, calls: list[str], operation: str
) -> None:
    act = WITH_A_CARD[operation](payer)
    card = billing.add_payment_method(payer, "pm_card_mastercard")
    done = act(card)
    billing.remove_payment_method(card, force=True)
    kit.deliver()
    calls.clear()

    assert act(card) == done
    assert calls == []


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("operation", WITH_A_CARD)
def test_nothing_is_begun_with_a_card_that_was_removed(
    kit: Kit, payer: Organization, calls: list[str], operation: str
) -> None:
    act = WITH_A_CARD[operation](payer)
    removed = billing.add_payment_method(payer, "pm_card_mastercard")
    billing.remove_payment_method(removed, force=True)
    calls.clear()

    with pytest.raises(errors.NotAttached):
        act(removed)
    assert calls == []
