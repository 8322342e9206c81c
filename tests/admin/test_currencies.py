"""Amounts in currencies whose minor unit isn't a hundredth, on each page that shows them."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import pytest

from flask_accrue import billing

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization
    from tests.visitors import Visitor

ADMIN = "/billing/admin"
NO_BREAK = "\N{NO-BREAK SPACE}"

#: An amount in minor units, how it's written, and how a hundred times as much would be.
AMOUNTS = {
    "jpy": (1900, "¥1,900", "¥190,000"),
    "kwd": (1990, f"KWD{NO_BREAK}1.990", f"KWD{NO_BREAK}19.90"),
    "huf": (199050, f"HUF{NO_BREAK}1,990.50", f"HUF{NO_BREAK}199,050"),
    "isk": (199000, f"ISK{NO_BREAK}1,990", f"ISK{NO_BREAK}199,000"),
}


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("currency", AMOUNTS)
def test_an_amount_is_written_as_its_currency_is(
    kit: Kit, org: Organization, operator: Visitor, currency: str
) -> None:
    amount, written, wrong = AMOUNTS[currency]
    kit.price(f"price_{currency}", amount, currency)
    kit.subscription(org, price=f"price_{currency}")
    kit.deliver()
    payer = billing.get_customer(org)
    subscription = billing.subscription(org)
    assert payer is not None
    assert subscription is not None

    pages = {
        "invoices": f"{ADMIN}/customers/{payer.id}/invoices",
        "charges": f"{ADMIN}/customers/{payer.id}/charges",
        "items": f"{ADMIN}/subscriptions/{subscription.id}/items",
        "its invoices": f"{ADMIN}/subscriptions/{subscription.id}/invoices",
    }
    for page, url in pages.items():
        text = html.unescape(operator.get(url).text)
        assert written in text, page
        assert wrong not in text, page
