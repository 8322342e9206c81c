"""The demo's clock: how far a button moves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.example.conftest import Visitor

BILLING = "/settings/billing"
BUTTON = 'value="payment"'


def test_the_next_payment_of_a_bad_card_is_its_first_failure_and_not_the_last(
    visitor: Visitor,
) -> None:
    visitor.sign_up("Mara")
    assert BUTTON not in visitor.get(BILLING).text
    assert visitor.post("/demo/clock", by="payment").status_code == 400
    visitor.post(f"{BILLING}/cards", token="tok_visa")
    visitor.post(f"{BILLING}/plan", plan="pro")
    for paid in (1, 2):
        assert BUTTON in visitor.get(BILLING).text
        page = visitor.post("/demo/clock", by="payment", next=BILLING).text
        assert "The clock moved to the next payment." in page
        assert page.count("$19.00") >= paid
        assert "Your last payment failed" not in page
    visitor.post(f"{BILLING}/cards", token="tok_chargeCustomerFail")
    page = visitor.post("/demo/clock", by="payment", next=BILLING).text
    assert "Your last payment failed" in page
    assert "Pro stays open until" in page
    assert BUTTON not in page
