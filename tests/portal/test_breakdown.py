"""What an amount is made of, in lines that add up to it."""

from __future__ import annotations

import pytest

from flask_accrue import Money, models
from flask_accrue.portal.breakdown import parts_of_payment


def invoice(**changes: int) -> models.Invoice:
    """Return an invoice of 20.00 and 10.00, which nothing else was laid against."""
    amounts = {"subtotal": 3000, "total": 3000, "tax": 0, "inclusive_tax": 0, "amount_due": 3000}
    items = [
        models.InvoiceItem(description=text, amount=amount, currency="usd")
        for text, amount in (("Pro", 2000), (None, 1000))
    ]
    return models.Invoice(currency="usd", items=items, **{**amounts, **changes})


@pytest.mark.parametrize(
    ("changes", "paid", "further"),
    [
        ({}, 3000, []),
        ({"total": 2500, "amount_due": 2500}, 2500, ["Discount -500"]),
        ({"tax": 570, "total": 3570, "amount_due": 3570}, 3570, ["Tax 570"]),
        # What the prices hold already doesn't come on top.
        ({"tax": 479, "inclusive_tax": 479}, 3000, []),
        (
            {"total": 2975, "tax": 475, "amount_due": 2475},
            2475,
            ["Discount -500", "Tax 475", "Your credit -500"],
        ),
        ({"amount_due": 3700}, 3700, ["Owed from before 700"]),
        ({}, 1200, ["Paid or credited already -1800"]),
    ],
)
def test_lines_add_up_to_what_is_paid(
    changes: dict[str, int], paid: int, further: list[str]
) -> None:
    lines = parts_of_payment(invoice(**changes), Money(paid, "usd"))
    assert sum(line.amount.amount_minor for line in lines) == paid
    said = [f"{line.text} {line.amount.amount_minor}" for line in lines]
    assert said == ["Pro 2000", "Item 1000", *further]


def test_what_is_taken_off_is_written_with_a_minus_as_the_locale_has_amounts() -> None:
    lines = parts_of_payment(invoice(total=2500, amount_due=2500), Money(2500, "usd"))
    assert lines[-1].written("de").replace("\xa0", " ") == "\N{MINUS SIGN}5,00 $"
