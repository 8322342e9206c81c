"""Lines of a bill that a credit note lowers: checked before any call, and rounded so that they add up."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import Money, billing, errors, models
from flask_accrue.billing.credit_lines import credited_lines, summed

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization


def billed(kit: Kit, org: Organization, *amounts: int, currency: str = "usd") -> models.Invoice:
    """Give an open bill of those amounts, and of three seats to 10.00 (or 1000 of what there is)."""
    product = kit.fake.create_product("Seat")
    seat = kit.fake.create_price(product, Money(1000, currency), None)
    made = billing.create_invoice(org, currency=currency)
    billing.add_invoice_item(made, price=seat.processor_id, quantity=3)
    for amount in amounts:
        billing.add_invoice_item(made, Money(amount, currency))
    billing.finalize_invoice(made)
    return made


@pytest.mark.parametrize(
    ("number", "much", "code"),
    [
        (0, 4, "parameter_invalid"),
        (0, 0, "parameter_invalid"),
        (0, 1.5, "parameter_invalid"),
        (0, True, "parameter_invalid"),
        (0, "1", "parameter_invalid"),
        (0, Money(3001, "usd"), "amount_too_large"),
        (0, Money(0, "usd"), "amount_invalid"),
        (0, Money(-1, "usd"), "amount_invalid"),
        (0, Money(100, "eur"), "currency_mismatch"),
        (1, 2, "parameter_invalid"),
        (2, None, "parameter_invalid"),
        (2, Money(1, "usd"), "parameter_invalid"),
    ],
)
def test_what_can_t_be_credited_of_a_line_is_refused_before_any_call(
    kit: Kit, payer: Organization, calls: list[str], number: int, much: Any, code: str
) -> None:
    bill = billed(kit, payer, 500, -300)
    del calls[:]
    with pytest.raises(errors.InvalidRequest) as refused:
        billing.create_credit_note(bill, lines={bill.items[number]: much})
    assert refused.value.code == code
    assert refused.value.param in ("lines", "quantity")
    assert calls == []


def test_lines_are_those_of_the_bill_each_named_once(
    kit: Kit, payer: Organization, calls: list[str]
) -> None:
    bill, other = billed(kit, payer), billed(kit, payer)
    [line] = bill.items
    del calls[:]
    with pytest.raises(errors.NotFound):
        billing.create_credit_note(bill, lines={other.items[0]: None})
    twice: Any = {line: 1, line.processor_id: 1}
    for wrong in (twice, {}, [line], "il_1"):
        with pytest.raises(errors.InvalidRequest) as refused:
            billing.create_credit_note(bill, lines=wrong)
        assert (refused.value.code, refused.value.param) == ("parameter_invalid", "lines")
    assert calls == []


def test_what_lines_give_back_of_a_paid_bill_adds_up_before_any_call(
    kit: Kit, payer: Organization, calls: list[str]
) -> None:
    bill = billed(kit, payer, 500)
    billing.pay_invoice(bill)
    seats, rest = bill.items
    lines: Any = {seats: 1, rest: None}
    del calls[:]
    for back in (None, Money(1400, "usd"), Money(1600, "usd")):
        with pytest.raises(errors.InvalidRequest) as refused:
            billing.create_credit_note(bill, lines=lines, refund=back)
        assert refused.value.code == "credit_parts_mismatch"
        assert "15.00 USD" in str(refused.value)
    assert calls == []
    note = billing.create_credit_note(bill, lines=lines, refund=Money(1500, "usd"))
    assert (note.total, note.post_payment_amount) == (1500, 1500)


def test_lines_of_more_than_is_left_are_refused_before_any_call(
    kit: Kit, payer: Organization, calls: list[str]
) -> None:
    bill = billed(kit, payer, 500)
    billing.create_credit_note(bill, Money(3200, "usd"))
    del calls[:]
    with pytest.raises(errors.InvalidRequest) as refused:
        billing.create_credit_note(bill, lines={bill.items[1]: None})
    assert refused.value.code == "amount_too_large"
    assert calls == []


@pytest.mark.parametrize("how", ["quantity", "amount"])
def test_the_parts_of_a_line_with_tax_add_up_to_it(kit: Kit, payer: Organization, how: str) -> None:
    billing.update_customer_tax_location(payer, {"country": "DE", "postal_code": "10115"})
    product = kit.fake.create_product("Seat")
    seat = kit.fake.create_price(product, Money(1111, "usd"), None)
    bill = billing.create_invoice(payer, currency="usd", automatic_tax=True)
    billing.add_invoice_item(bill, price=seat.processor_id, quantity=3)
    billing.finalize_invoice(bill)
    [line] = bill.items
    assert (bill.total, line.tax) == (3966, 633)

    notes = [
        billing.create_credit_note(
            bill, lines={line: 1 if how == "quantity" else Money(1111, "usd")}
        )
        for _ in range(3)
    ]

    assert sum(note.total for note in notes) == bill.total
    assert sum(note.subtotal for note in notes) == 3333
    kit.deliver()
    assert bill.is_paid


def test_what_is_voided_can_be_credited_again(kit: Kit, payer: Organization) -> None:
    bill = billed(kit, payer, 500)
    seats = bill.items[0]
    billing.void_credit_note(billing.create_credit_note(bill, lines={seats: 3}))
    assert billing.create_credit_note(bill, lines={seats: 3}).total == 3000
    with pytest.raises(errors.InvalidRequest):
        billing.create_credit_note(bill, lines={seats: Money(1, "usd")})


@pytest.mark.parametrize(
    ("currency", "amounts", "part", "total"),
    [("isk", (100000,), 33300, 33300), ("ugx", (50000,), 100, 100), ("kwd", (5000,), 10, 10)],
)
def test_parts_of_lines_can_be_paid(
    kit: Kit, org: Organization, currency: str, amounts: tuple[int, ...], part: int, total: int
) -> None:
    bill = billed(kit, org, *amounts, currency=currency)
    seats, line = bill.items
    with pytest.raises(errors.InvalidRequest) as refused:
        billing.create_credit_note(bill, lines={line: Money(part + 5, currency)})
    assert refused.value.code == "amount_not_payable"
    assert billing.create_credit_note(bill, lines={line: Money(part, currency)}).total == total
    # A third of what three cost together.
    assert billing.create_credit_note(bill, lines={seats: 1}).total == 1000
    with pytest.raises(errors.InvalidRequest) as refused:
        kit.fake.create_credit_note(
            bill.processor_id,
            amount=None,
            lines=[{"line": line.processor_id, "quantity": None, "amount": 5}],
            refund_amount=None,
            credit_amount=None,
            out_of_band_amount=None,
            refunds=[],
            reason=None,
            memo=None,
            email=False,
            metadata={},
            key="unpayable",
        )
    assert refused.value.code == "amount_not_payable"


def credited(bill: models.Invoice, much: Any, back: int, line: int = 0) -> models.CreditNote:
    """Credit a part of a paid bill's line, and give so much back."""
    return billing.create_credit_note(
        bill, lines={bill.items[line]: much}, refund=Money(back, bill.currency)
    )


def test_a_quantity_costs_what_it_cost_also_after_an_amount_of_its_line(
    kit: Kit, payer: Organization
) -> None:
    bill = billed(kit, payer)
    billing.pay_invoice(bill)
    credited(bill, Money(1500, "usd"), 1500)
    assert credited(bill, 1, 1000).subtotal == 1000
    # Of the next there is half of it left.
    with pytest.raises(errors.InvalidRequest):
        credited(bill, 1, 1000)
    assert credited(bill, Money(500, "usd"), 500).total == 500
    kit.deliver()
    kit.assert_settled()


def test_the_parts_of_a_quantity_that_doesn_t_divide_add_up_to_its_line(
    kit: Kit, payer: Organization
) -> None:
    bill = billed(kit, payer)
    [line] = bill.items
    billing.create_credit_note(bill, lines={line: Money(1, "usd")})
    notes = [billing.create_credit_note(bill, lines={line: 1}) for _ in range(3)]
    assert [note.subtotal for note in notes] == [1000, 1000, 999]


@pytest.mark.parametrize(
    ("taxes", "discounts", "much", "within"),
    [
        # Each part is rounded by itself: of a quantity its amount, then each discount and each tax on top.
        ([False], [], 1, 2),
        ([False, False], [], 1, 3),
        ([False, False], [], Money(1111, "usd"), 2),
        ([False, True], [], Money(1111, "usd"), 1),
        ([False, False], ["di_1", "di_2"], 1, 5),
        ([], ["di_1"], Money(1111, "usd"), 1),
        ([], [], Money(1111, "usd"), 0),
        ([False, False], ["di_1"], None, 0),
    ],
)
def test_what_a_part_comes_to_is_as_close_as_its_parts_are_rounded(
    taxes: list[bool], discounts: list[str], much: Any, within: int
) -> None:
    line = models.InvoiceItem(
        id=uuid.uuid4(),
        processor_id="il_1",
        amount=3333,
        discount=1000 if discounts else 0,
        tax=700 if taxes else 0,
        quantity=3,
        currency="usd",
    )
    bill = models.Invoice(
        currency="usd",
        items=[line],
        total_taxes=[{"amount": 350, "inclusive": inclusive} for inclusive in taxes],
        discount_amounts=[{"discount": each, "amount": 500} for each in discounts],
    )
    [part] = credited_lines(bill, {line: much})
    assert summed([part]).within == within
