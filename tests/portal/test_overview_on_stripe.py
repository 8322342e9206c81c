"""The mounted portal of a host that bills with Stripe and would rather not send customers there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flask_accrue import billing
from tests.portal.stripe_customer import customer
from tests.portal.test_payments import text_of
from tests.visitors import Visitor, forms

if TYPE_CHECKING:
    from tests.portal.stripe_customer import Customer

__all__ = ["customer"]


@pytest.mark.parametrize("by", ["argument", "setting"])
def test_it_leads_to_stripes_fields_for_a_card_and_back(customer: Customer, by: str) -> None:
    settings = customer.app.extensions["accrue"].settings
    if by == "setting":
        object.__setattr__(settings, "hosted_pages", False)
    mounted = True if by == "argument" else None
    url = billing.create_billing_portal_session(customer.owner(), "/settings", mounted=mounted).url
    page = customer.visitor.get(url)
    assert "Visa •••• 4242" in text_of(page.text)
    there = f"/billing/cards/stripe/new?next={url}"
    assert f'href="{there}"' in page.text

    action, fields = forms(customer.visitor.get(there).text)[0]
    handed = customer.visitor.post(action, fields).json or {}
    setup = handed["client_secret"].partition("_secret_")[0]
    customer.add_card()
    customer.change(setup, status="succeeded", payment_method="pm_new")
    assert customer.visitor.get(handed["onward"]).location == url

    added = next(
        each for each in billing.list_payment_methods(customer.owner()) if each.last4 == "3220"
    )
    _, fields = forms(customer.visitor.get(url).text)[0]
    assert (fields["do"], fields["id"]) == ("default", str(added.id))
    customer.visitor.post(url, fields)
    payer = billing.get_customer(customer.owner())
    assert payer is not None
    assert payer.default_payment_method_id == added.id


def test_nobody_else_finds_it(customer: Customer) -> None:
    url = billing.create_billing_portal_session(customer.owner(), "/settings", mounted=True).url
    assert Visitor(customer.app).get(url).status_code == 404
