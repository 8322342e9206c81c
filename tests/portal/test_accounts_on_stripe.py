"""Stripe.js on pages for a connected account's customer: it has to be told the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_accrue import billing, connect
from tests.portal.stripe_customer import customer
from tests.visitors import forms

if TYPE_CHECKING:
    from tests.portal.stripe_customer import Customer

__all__ = ["customer"]


def test_the_script_is_told_the_account_and_what_it_does_is_looked_up_there(
    customer: Customer,
) -> None:
    account = connect.create_account(type="express").processor_id
    with connect.account(account):
        billing.customer(customer.owner())
        link = billing.create_billing_portal_session(customer.owner(), "/settings", mounted=True)
    page = customer.visitor.get(link.url).text
    there = f"/billing/cards/stripe/new?account={account}&next={link.url}"
    assert there.replace("&", "&amp;") in page

    fields_page = customer.visitor.get(there).text
    assert f'data-account="{account}"' in fields_page
    before = len(customer.server.requests)
    action, fields = forms(fields_page)[0]
    handed = customer.visitor.post(action, fields).json or {}

    assert handed["client_secret"].startswith("seti_")
    assert f"account={account}" in handed["onward"]
    assert {each.account for each in customer.server.requests[before:]} == {account}


def test_on_a_page_of_the_platforms_it_is_told_none(customer: Customer) -> None:
    page = customer.visitor.get("/billing/cards/stripe/new").text

    assert 'data-account=""' in page
