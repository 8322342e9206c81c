"""Invoices, lines and payments in the shapes of old and current versions."""

from __future__ import annotations

import dataclasses

import pytest

from flask_accrue.errors import InvalidRequest
from flask_accrue.processors import objects
from flask_accrue.processors.stripe.reading import read
from tests.processors.stripe.stripe_bodies import (
    END,
    START,
    Json,
    at,
    credit_note,
    invoice,
    invoice_payment,
    line,
    listed,
    old_invoice,
    old_line,
    without,
)

BOTH = pytest.mark.parametrize("raw", [invoice(), old_invoice()], ids=["current", "old"])


def read_invoice(raw: Json) -> objects.Invoice:
    found = read(raw)
    assert isinstance(found, objects.Invoice)
    return found


def lines_of(raw: Json) -> tuple[objects.InvoiceLine, ...]:
    lines = read_invoice(raw).lines
    assert isinstance(lines, tuple)
    return lines


@BOTH
def test_an_invoice_is_linked_to_its_subscription(raw: Json) -> None:
    assert read_invoice(raw).subscription == "sub_1"


@BOTH
def test_discounts_and_all_taxes_are_added_up(raw: Json) -> None:
    found = read_invoice(raw)

    assert (found.subtotal, found.discount, found.tax, found.total) == (2000, 500, 385, 1785)


@BOTH
def test_the_times_of_an_invoice_are_read(raw: Json) -> None:
    found = read_invoice(raw)

    assert (found.finalized_at, found.paid_at, found.voided_at) == (at(START), at(START + 5), None)


def test_old_and_current_shapes_say_the_same_but_for_the_payments() -> None:
    old, current = read_invoice(old_invoice()), read_invoice(invoice())

    assert dataclasses.replace(old, payments=current.payments) == current


def test_an_old_invoice_leaves_its_payments_unsaid_and_makes_none_up() -> None:
    assert read_invoice(old_invoice()).payments is objects.UNSAID


def test_a_current_invoice_without_the_expansion_leaves_its_payments_unsaid() -> None:
    assert read_invoice(without(invoice(), "payments")).payments is objects.UNSAID
    assert read_invoice(invoice(payments=listed())).payments == ()


def test_the_payments_of_a_current_invoice_name_intent_and_amount() -> None:
    assert read_invoice(invoice()).payments == (
        objects.InvoicePayment(
            processor_id="inpay_1",
            created=at(0),
            invoice="in_1",
            status="paid",
            amount_requested=1785,
            amount_paid=1785,
            currency="usd",
            payment_intent="pi_1",
            is_default=False,
            paid_at=at(START + 5),
        ),
    )


def test_a_payment_may_be_of_a_charge_alone_and_expanded() -> None:
    payment = {"type": "charge", "charge": {"id": "ch_1", "object": "charge"}}

    found = read(invoice_payment(payment=payment, invoice={"id": "in_1", "object": "invoice"}))

    assert isinstance(found, objects.InvoicePayment)
    assert (found.invoice, found.payment_intent, found.charge) == ("in_1", None, "ch_1")


@pytest.mark.parametrize("raw", [line(), old_line()], ids=["current", "old"])
def test_a_line_is_read(raw: Json) -> None:
    assert lines_of(invoice(lines=listed(raw))) == (
        objects.InvoiceLine(
            processor_id="il_1",
            amount=2000,
            currency="usd",
            description="Pro",
            quantity=2,
            price="price_pro",
            subscription="sub_1",
            subscription_item="si_1",
            period_start=at(START),
            period_end=at(END),
            proration=True,
            discount=500,
            tax=285,
            inclusive_tax=100,
        ),
    )


def test_a_line_of_an_invoice_item_is_read() -> None:
    parent = {
        "type": "invoice_item_details",
        "subscription_item_details": None,
        "invoice_item_details": {
            "invoice_item": "ii_1",
            "proration": True,
            "subscription": "sub_1",
        },
    }

    [found] = lines_of(invoice(lines=listed(line(parent=parent))))

    assert (found.subscription, found.subscription_item, found.proration) == ("sub_1", None, True)


def test_the_oldest_lines_have_a_plan_and_those_of_no_price_none() -> None:
    plan = without(old_line(plan={"id": "gold", "object": "plan"}), "price")
    bare = without(old_line(), "price", "id", "quantity")

    first, second = lines_of(old_invoice(lines=listed(plan, bare)))

    assert first.price == "gold"
    assert (second.price, second.processor_id, second.quantity) == (None, None, None)


def test_an_amount_of_parts_of_a_minor_unit_is_never_read_as_an_integer() -> None:
    pricing = {"type": "price_details", "unit_amount_decimal": "0.25", "price_details": None}

    [found] = lines_of(invoice(lines=listed(line(amount=3, pricing=pricing, quantity=12))))

    assert (found.amount, found.quantity, found.price) == (3, 12, None)


def test_lines_that_are_left_out_are_unsaid() -> None:
    assert read_invoice(invoice(lines={})).lines is objects.UNSAID
    assert read_invoice(without(invoice(), "lines")).lines is objects.UNSAID


def test_without_discount_amounts_the_discount_is_what_lies_between() -> None:
    raw = without(old_invoice(), "total_discount_amounts")

    assert read_invoice(raw).discount == 500


def test_tax_that_is_only_told_as_a_sum_comes_on_top() -> None:
    raw = without(old_invoice(tax=285), "total_tax_amounts", "total_discount_amounts")

    found = read_invoice(raw)

    assert (found.tax, found.discount) == (285, 500)


def test_null_taxes_and_discounts_are_none_at_all() -> None:
    found = read_invoice(
        invoice(total_taxes=None, total_discount_amounts=None, subtotal=1785, total=1785)
    )

    assert (found.tax, found.discount) == (0, 0)


def test_balances_count_as_they_are_told() -> None:
    found = read_invoice(invoice(starting_balance=-300, ending_balance=0))

    assert (found.starting_balance, found.ending_balance) == (-300, 0)
    assert read_invoice(invoice(ending_balance=None)).ending_balance is None


@pytest.mark.parametrize(("currency", "amount"), [("JPY", 2000), ("KWD", 19990), ("usd", 1999)])
def test_amounts_are_minor_units_whatever_the_currency_has(currency: str, amount: int) -> None:
    raw = invoice(
        currency=currency, total=amount, lines=listed(line(currency=currency, amount=amount))
    )

    found = read_invoice(raw)

    assert (found.total, found.currency) == (amount, currency.lower())
    assert [(each.amount, each.currency) for each in lines_of(raw)] == [(amount, currency.lower())]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("total", "1785"),
        ("total", 17.85),
        ("total", True),
        ("total", None),
        ("total", 2**63),
        ("amount_due", [1]),
        ("currency", "dollars"),
        ("currency", None),
        ("customer", 1),
        ("lines", [1]),
        ("due_date", 10**18),
        ("status_transitions", "paid"),
        ("metadata", {"a": 1}),
        ("id", ""),
        ("id", "i" * 256),
        ("id", None),
    ],
)
def test_a_wrong_type_is_refused_by_its_name_and_never_quoted(name: str, value: object) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(invoice() | {name: value})
    assert caught.value.param == name
    assert caught.value.code == "body_invalid"
    assert "1785" not in str(caught.value)


def test_sums_that_no_column_holds_are_refused() -> None:
    most = 2**63 - 1
    with pytest.raises(InvalidRequest, match="64 bits"):
        read(invoice(total_discount_amounts=[{"amount": most}, {"amount": most}]))
    with pytest.raises(InvalidRequest, match="64 bits"):
        read(without(invoice(subtotal=most, total=-most), "total_discount_amounts"))


@pytest.mark.parametrize(
    "body",
    [credit_note(), without(credit_note(), "refunds") | {"refund": "re_1"}],
    ids=["current", "before 2025-03-31"],
)
def test_a_credit_note_names_its_invoice_and_the_refunds(body: Json) -> None:
    found = read(body)

    assert isinstance(found, objects.CreditNote)
    assert (found.invoice, found.total, found.out_of_band_amount) == ("in_1", 500, 200)
    assert found.refunds == ("re_1",)
