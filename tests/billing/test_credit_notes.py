"""Bills that are lowered after they were finalized, and the balance that bills are settled with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import Money, billing, errors, ledger, models

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization


@pytest.fixture
def bill(kit: Kit, payer: Organization) -> models.Invoice:
    """Give an open bill of 60 and 40 dollars."""
    made = billing.create_invoice(payer, currency="usd")
    billing.add_invoice_item(made, Money(6000, "usd"), description="Setup")
    billing.add_invoice_item(made, Money(4000, "usd"), description="Training")
    billing.finalize_invoice(made)
    kit.deliver()
    return made


def refunds(kit: Kit) -> list[models.Refund]:
    return list(kit.state.db.session.scalars(sa.select(models.Refund)))


def test_an_open_bill_is_lowered_and_the_rest_is_paid(
    kit: Kit, payer: Organization, bill: models.Invoice
) -> None:
    note = billing.create_credit_note(
        bill, Money(2500, "usd"), reason="order_change", memo="As agreed"
    )

    assert (note.total, note.pre_payment_amount, note.post_payment_amount) == (2500, 2500, 0)
    assert (bill.total, bill.amount_due, bill.amount_remaining) == (10000, 7500, 7500)
    billing.pay_invoice(bill)
    kit.deliver()
    assert [charge.amount for charge in billing.list_charges(payer)] == [7500]
    assert billing.list_credit_notes(payer) == [note]
    assert note.number == f"{bill.number}-CN-01"
    assert ledger.verify().is_intact


def test_an_open_bill_that_is_credited_whole_is_paid_without_a_charge(
    kit: Kit, payer: Organization, bill: models.Invoice
) -> None:
    billing.create_credit_note(bill, Money(10000, "usd"))
    kit.deliver()

    assert (bill.is_paid, bill.amount_paid) == (True, 0)
    assert billing.list_charges(payer) == []


def test_what_a_paid_bill_is_lowered_by_is_given_back_in_parts_that_add_up(
    kit: Kit, payer: Organization, bill: models.Invoice
) -> None:
    billing.pay_invoice(bill)

    note = billing.create_credit_note(
        bill,
        Money(3000, "usd"),
        refund=Money(1500, "usd"),
        credit=Money(1000, "usd"),
        out_of_band=Money(500, "usd"),
    )

    [refund] = refunds(kit)
    assert (refund.amount, note.refund_processor_ids) == (1500, [refund.processor_id])
    assert (note.post_payment_amount, note.out_of_band_amount) == (3000, 500)
    assert billing.customer(payer).balance == -1000
    assert [charge.amount_refunded for charge in billing.list_charges(payer)] == [1500]
    assert (bill.is_paid, bill.amount_paid) == (True, 10000)
    kit.deliver()
    assert len(refunds(kit)) == 1
    assert ledger.verify().is_intact


def test_a_refund_that_was_made_before_shows_as_a_credit_note(
    kit: Kit, payer: Organization, bill: models.Invoice
) -> None:
    billing.pay_invoice(bill)
    [charge] = billing.list_charges(payer)
    refund = billing.refund(charge, Money(2000, "usd"))

    note = billing.create_credit_note(bill, refunds=[refund])

    assert (note.total, note.refund_processor_ids) == (2000, [refund.processor_id])
    assert len(refunds(kit)) == 1


def test_a_refund_of_something_else_is_refused_before_any_call(
    kit: Kit, payer: Organization, bill: models.Invoice, calls: list[str]
) -> None:
    billing.pay_invoice(bill)
    other = billing.charge(payer, Money(500, "usd"))
    [charge] = [each for each in billing.list_charges(payer) if each.invoice_processor_id is None]
    assert charge.payment_intent_processor_id == other.processor_id
    refund = billing.refund(charge)
    del calls[:]

    with pytest.raises(errors.NotFound):
        billing.create_credit_note(bill, refunds=[refund])
    assert calls == []


def test_lines_are_credited_whole_in_part_or_by_quantity(kit: Kit, payer: Organization) -> None:
    product = kit.fake.create_product("Seat")
    price = kit.fake.create_price(product, Money(1000, "usd"), None)
    made = billing.create_invoice(payer, currency="usd")
    billing.add_invoice_item(made, price=price.processor_id, quantity=5)
    billing.add_invoice_item(made, Money(700, "usd"))
    billing.add_invoice_item(made, Money(900, "usd"))
    billing.finalize_invoice(made)
    seats, part, whole = made.items

    note = billing.create_credit_note(
        made, lines={seats: 2, part.processor_id: Money(300, "usd"), whole: None}
    )

    assert note.total == 2 * 1000 + 300 + 900
    with pytest.raises(errors.NotFound):
        billing.create_credit_note(made, lines={"il_of_nobody": None})


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"amount": Money(100, "eur")}, "currency_mismatch"),
        ({"amount": 100}, "amount_invalid"),
        ({"amount": Money(0, "usd")}, "amount_invalid"),
        ({}, "parameter_invalid"),
        ({"amount": Money(10001, "usd")}, "amount_too_large"),
        ({"amount": Money(100, "usd"), "refund": Money(100, "usd")}, "credit_parts_mismatch"),
        ({"amount": Money(100, "usd"), "credit": Money(-1, "usd")}, "amount_invalid"),
        ({"amount": Money(100, "usd"), "reason": "some"}, "parameter_invalid"),
    ],
)
def test_a_note_that_cant_be_is_refused_before_any_call(
    bill: models.Invoice, calls: list[str], given: Any, code: str
) -> None:
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.create_credit_note(bill, **given)

    assert raised.value.code == code
    assert calls == []


def test_notes_together_never_exceed_the_bill(kit: Kit, bill: models.Invoice) -> None:
    billing.pay_invoice(bill)
    billing.create_credit_note(bill, Money(7000, "usd"), credit=Money(7000, "usd"))

    for wrong in (Money(3001, "usd"), Money(10000, "usd")):
        with pytest.raises(errors.InvalidRequest) as raised:
            billing.create_credit_note(bill, wrong, credit=wrong)
        assert raised.value.code == "amount_too_large"
    rest = Money(3000, "usd")
    assert billing.create_credit_note(bill, rest, out_of_band=rest).total == 3000


def test_a_paid_bill_needs_its_parts(bill: models.Invoice, calls: list[str]) -> None:
    billing.pay_invoice(bill)
    del calls[:]

    for parts in ({}, {"refund": Money(99, "usd")}):
        with pytest.raises(errors.InvalidRequest) as raised:
            billing.create_credit_note(bill, Money(100, "usd"), **parts)
        assert raised.value.code == "credit_parts_mismatch"
    assert calls == []


def test_a_draft_or_void_bill_isnt_credited(
    kit: Kit, payer: Organization, bill: models.Invoice, calls: list[str]
) -> None:
    draft = billing.create_invoice(payer)
    billing.void_invoice(bill)
    del calls[:]

    for each in (draft, bill):
        with pytest.raises(errors.InvalidState) as raised:
            billing.create_credit_note(each, Money(100, "usd"))
        assert raised.value.code == "invoice_not_finalized"
    assert calls == []


def test_a_note_of_an_open_bill_is_withdrawn(kit: Kit, bill: models.Invoice) -> None:
    note = billing.create_credit_note(bill, Money(2500, "usd"))

    billing.void_credit_note(note)
    kit.deliver()

    assert note.is_void
    assert note.voided_at is not None
    assert (bill.amount_due, bill.amount_remaining) == (10000, 10000)
    assert billing.void_credit_note(note) == note
    again = billing.create_credit_note(bill, Money(10000, "usd"))
    with pytest.raises(errors.InvalidState) as raised:
        billing.void_credit_note(again)
    assert raised.value.code == "invoice_not_open"


def test_a_note_whose_answer_was_lost_is_made_once(
    kit: Kit, payer: Organization, bill: models.Invoice
) -> None:
    billing.pay_invoice(bill)
    back = Money(1000, "usd")
    kit.fake.fail_next("create_credit_note", "timeout", when="after")

    with pytest.raises(errors.ProcessorUnavailable):
        billing.create_credit_note(bill, back, refund=back, operation_id="lost")
    note = billing.create_credit_note(bill, back, refund=back, operation_id="lost")

    assert billing.list_credit_notes(payer) == [note]
    assert [each.amount for each in refunds(kit)] == [1000]


# -- the balance -----------------------------------------------------------------------------------


def test_credit_is_laid_against_the_next_bills(kit: Kit, payer: Organization) -> None:
    row = billing.adjust_balance(payer, Money(-2500, "usd"), description="Goodwill")
    assert (row.balance, row.currency) == (-2500, "usd")

    made = billing.create_invoice(payer, currency="usd")
    billing.add_invoice_item(made, Money(1900, "usd"))
    assert (made.starting_balance, made.amount_due) == (-2500, 0)
    billing.finalize_invoice(made)
    kit.deliver()

    assert (made.is_paid, made.ending_balance, row.balance) == (True, -600, -600)
    assert billing.list_charges(payer) == []
    second = billing.create_invoice(payer)
    billing.add_invoice_item(second, Money(1900, "usd"))
    billing.finalize_invoice(second)
    assert (second.amount_due, second.ending_balance) == (1300, 0)


def test_what_is_owed_is_added_to_the_next_bill_and_its_preview(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    billing.adjust_balance(payer, Money(700, "usd"))

    said = billing.preview_upcoming_invoice(subscription)

    assert (said.starting_balance, said.amount_due - said.total) == (700, 700)


def test_an_adjustment_is_made_once_and_in_the_customer_s_currency(
    kit: Kit, payer: Organization, subscription: models.Subscription, calls: list[str]
) -> None:
    kit.fake.fail_next("adjust_balance", "timeout", when="after")
    with pytest.raises(errors.ProcessorUnavailable):
        billing.adjust_balance(payer, Money(-500, "usd"), operation_id="lost")
    assert billing.adjust_balance(payer, Money(-500, "usd"), operation_id="lost").balance == -500
    assert billing.adjust_balance(payer, Money(-500, "usd"), operation_id="lost").balance == -500
    del calls[:]

    with pytest.raises(errors.InvalidRequest) as raised:
        billing.adjust_balance(payer, Money(-500, "eur"))
    assert raised.value.code == "currency_mismatch"
    assert calls == []


@pytest.fixture
def paid_bill(bill: models.Invoice) -> models.Invoice:
    billing.pay_invoice(bill)
    return bill


WHOLE = Money(10000, "usd")


def test_what_a_refund_gave_back_isn_t_credited_once_more(
    kit: Kit, payer: Organization, paid_bill: models.Invoice, calls: list[str]
) -> None:
    [charge] = billing.list_charges(payer)
    billing.refund(charge, Money(4000, "usd"))
    calls.clear()

    with pytest.raises(errors.InvalidRequest) as raised:
        billing.create_credit_note(paid_bill, WHOLE, credit=WHOLE)
    assert raised.value.code == "amount_too_large"
    assert calls == []
    assert billing.list_credit_notes(payer) == []
    rest = Money(6000, "usd")
    assert billing.create_credit_note(paid_bill, rest, credit=rest).total == 6000
    assert billing.customer(payer).balance == -6000


def test_what_a_credit_note_gave_back_isn_t_refunded_once_more(
    kit: Kit, payer: Organization, paid_bill: models.Invoice
) -> None:
    [charge] = billing.list_charges(payer)
    billing.create_credit_note(paid_bill, Money(7000, "usd"), credit=Money(7000, "usd"))

    with pytest.raises(errors.InvalidRequest):
        billing.refund(charge, Money(3001, "usd"))
    assert billing.refund(charge, operation_id="rest").amount == 3000
    # Asked for all that is left a processor may go by the charge alone, and give back all of that.
    sent = kit.state.db.session.get_one(models.Operation, "rest").request
    assert sent["arguments"]["amount"] == 3000
    with pytest.raises(errors.InvalidState) as raised:
        billing.refund(charge)
    assert raised.value.code == "charge_already_credited"


def test_a_refund_is_told_of_by_one_credit_note(
    kit: Kit, payer: Organization, paid_bill: models.Invoice
) -> None:
    [charge] = billing.list_charges(payer)
    made = billing.refund(charge, Money(3000, "usd"))

    with pytest.raises(errors.InvalidState) as twice:
        billing.create_credit_note(paid_bill, refunds=[made, made])
    note = billing.create_credit_note(paid_bill, refunds=[made], operation_id="told")
    with pytest.raises(errors.InvalidState) as again:
        billing.create_credit_note(paid_bill, refunds=[made])
    assert twice.value.code == again.value.code == "refund_already_credited"
    assert billing.create_credit_note(paid_bill, refunds=[made], operation_id="told") == note


def test_the_processor_refuses_to_give_back_twice_too(
    kit: Kit, payer: Organization, paid_bill: models.Invoice
) -> None:
    [charge] = billing.list_charges(payer)
    kit.fake.create_refund(charge.processor_id, amount=None, reason=None, metadata={}, key="one")

    # Of that refund nobody told yet.
    with pytest.raises(errors.InvalidRequest):
        billing.create_credit_note(paid_bill, WHOLE, credit=WHOLE)
    assert billing.customer(payer).balance == 0


def test_what_the_balance_paid_can_be_credited(kit: Kit, payer: Organization) -> None:
    billing.adjust_balance(payer, Money(-4000, "usd"))
    made = billing.create_invoice(payer, currency="usd")
    billing.add_invoice_item(made, WHOLE)
    billing.finalize_invoice(made)
    billing.pay_invoice(made)

    billing.create_credit_note(made, WHOLE, refund=Money(6000, "usd"), credit=Money(4000, "usd"))

    [charge] = billing.list_charges(payer)
    assert (charge.amount_refunded, billing.customer(payer).balance) == (6000, -4000)
