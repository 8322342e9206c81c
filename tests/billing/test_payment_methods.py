from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import Money, billing, errors, models
from flask_accrue.billing.payment_methods import check_token

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


def test_a_subscription_whose_bills_are_sent_needs_no_card(kit: Kit, payer: Organization) -> None:
    billing.subscribe(payer, "price_pro", collection_method="send_invoice")
    card = billing.list_payment_methods(payer)[0]
    assert not billing.remove_payment_method(card).is_attached


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
    with pytest.raises(errors.NoDefaultPaymentMethod):
        billing.charge(org, Money(500, "usd"))


def test_a_card_chosen_clears_the_one_before(kit: Kit, payer: Organization) -> None:
    second = billing.add_payment_method(payer, "pm_card_mastercard", default=True)
    kit.deliver()
    row = billing.get_customer(payer)
    assert isinstance(row, models.Customer)
    assert row.default_payment_method is second


def test_adding_a_card_again_under_its_id_changes_no_default(kit: Kit, payer: Organization) -> None:
    first = billing.list_payment_methods(payer)[0]
    second = billing.add_payment_method(payer, "pm_card_mastercard", operation_id="op")
    billing.remove_payment_method(first)

    assert billing.add_payment_method(payer, "pm_card_mastercard", operation_id="op") is second
    assert billing.customer(payer).default_payment_method is None

    billing.remove_payment_method(second)
    again = billing.add_payment_method(payer, "pm_card_mastercard", operation_id="op")
    assert again is second
    assert not again.is_attached


def test_whether_a_card_becomes_the_default_is_a_part_of_what_was_asked(
    kit: Kit, payer: Organization
) -> None:
    billing.add_payment_method(payer, "pm_card_mastercard", operation_id="op")
    with pytest.raises(errors.IdempotencyConflict):
        billing.add_payment_method(payer, "pm_card_mastercard", default=True, operation_id="op")


def test_a_card_that_is_added_under_the_longest_id_is_the_default(
    kit: Kit, org: Organization
) -> None:
    card = billing.add_payment_method(org, "pm_card_visa", operation_id="x" * 255)
    assert billing.customer(org).default_payment_method is card
    assert billing.add_payment_method(org, "pm_card_visa", operation_id="y" * 255) is card
    assert billing.list_payment_methods(org) == [card]


def test_cards_that_the_processor_no_longer_has_go_with_the_next_look(
    kit: Kit, payer: Organization
) -> None:
    kept = billing.add_payment_method(payer, "pm_card_mastercard")
    gone = billing.list_payment_methods(payer)[0]
    kit.deliver()
    kit.advance(seconds=1)
    kit.fake.remove_payment_method(gone.processor_id, key="elsewhere")
    assert billing.list_payment_methods(payer) == [gone, kept]
    assert billing.sync_payment_methods(payer) == [kept]
    row = billing.get_customer(payer)
    assert row is not None
    assert row.default_payment_method is None
    with pytest.raises(errors.NoDefaultPaymentMethod):
        billing.charge(payer, Money(500, "usd"))
    kit.deliver()
    assert billing.list_payment_methods(payer) == [kept]
    kit.assert_settled()


def test_cards_that_were_added_elsewhere_come_with_the_next_look(
    kit: Kit, payer: Organization
) -> None:
    customer = billing.customer(payer).processor_id
    kit.fake.add_payment_method(customer, "pm_card_amex", key="elsewhere")
    assert [each.brand for each in billing.sync_payment_methods(payer)] == ["visa", "amex"]
    kit.deliver()
    assert len(billing.list_payment_methods(payer)) == 2
    kit.assert_settled()


def test_a_card_that_comes_while_the_others_are_looked_at_stays(
    kit: Kit, payer: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = kit.fake.list_payment_methods

    def overtaken(customer: str) -> Any:
        answer = look(customer)
        kit.fake.add_payment_method(customer, "pm_card_amex", key="elsewhere")
        kit.fake.deliver(kit.app)
        return answer

    monkeypatch.setattr(kit.fake, "list_payment_methods", overtaken)
    assert [each.brand for each in billing.sync_payment_methods(payer)] == ["visa", "amex"]


def test_month_and_metadata_of_a_card_are_changed_at_the_processor(
    kit: Kit, payer: Organization
) -> None:
    (card,) = billing.list_payment_methods(payer)
    billing.update_payment_method(card, exp_month=2, exp_year=2034, metadata={"note": "spare"})
    told: Any = kit.fake.fetch("payment_method", card.processor_id).main
    for held in (card, told):
        assert (held.exp_month, held.exp_year) == (2, 2034)
    assert card.meta["note"] == told.metadata["note"] == "spare"


NUMBERS: list[Any] = [
    "4242424242424242",
    "4242 4242 4242 4242",
    "3782-822463-10005",
    " 4242\N{NO-BREAK SPACE}4242\N{EN DASH}4242 4242 42 ",
    "4242.4242.4242.4242",
    "4242_4242_4242_4242",
    "card 4242424242424242",
    "4242424242424242;12/30",
    "%B4242424242424242^DOE/JANE^3012",
    "4242424242424243",
    4242424242424242,
    b"4242424242424242",
]


@pytest.mark.parametrize(
    "token",
    ["pm_1N2abCdEfGhIjKlMnOpQrStU", "tok_000000000000", "d047eb03-2264-1b5e-75f4-cf2c1d7aca81"],
)
def test_what_only_looks_like_digits_is_a_token(token: str) -> None:
    check_token(token)


def test_a_card_number_is_refused_everywhere_and_kept_nowhere(
    kit: Kit, payer: Organization, calls: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    subscription = kit.subscription(payer, "past_due", price="price_pro")
    invoice = billing.list_invoices(payer)[0]
    assert invoice.is_open
    calls.clear()
    caplog.clear()
    acts: list[Any] = [
        lambda number: billing.add_payment_method(payer, number),
        lambda number: billing.set_default_payment_method(payer, number),
        lambda number: billing.subscribe(payer, "price_pro", name="b", payment_method=number),
        lambda number: billing.charge(payer, Money(500, "usd"), payment_method=number),
        lambda number: billing.pay_invoice(invoice, payment_method=number),
        lambda number: billing.retry_payment(subscription, payment_method=number),
    ]
    told = []
    for number, act in itertools.product(NUMBERS, acts):
        with pytest.raises(errors.InvalidRequest) as raised:
            act(number)
        assert raised.value.code == "parameter_invalid"
        told.append(str(raised.value))
    assert calls == []
    told += map(repr, kit.state.db.session.scalars(sa.select(models.Operation.request)))
    digits = "".join(each for each in "".join(told) if each.isdigit())
    assert not [end for end in ("42424242", "310005") if end in digits]
    assert caplog.text == ""
