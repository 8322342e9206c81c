"""Pages for a customer that a connected account has: opened outside any block, they act in that account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flask_accrue import ActionRequired, Money, billing, connect, models
from tests.portal.test_payments import text_of
from tests.visitors import Visitor, forms

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization


@pytest.fixture
def account(kit: Kit) -> str:
    """Give a connected account that sells lessons."""
    made = connect.create_account(type="express")
    kit.fake.complete_account(made.processor_id)
    theirs = kit.fake.of_account(made.processor_id)
    theirs.create_product("Lessons", id="prod_lessons")
    theirs.create_price("prod_lessons", Money(900, "usd"), id="price_lesson")
    kit.deliver()
    return str(made.processor_id)


@pytest.fixture
def there(org: Organization, account: str) -> models.Customer:
    """Give the customer that the organization is in the account; it's one of the platform's, too."""
    billing.add_payment_method(org, "pm_card_mastercard")
    with connect.account(account):
        return billing.customer(org)


def link_for(org: Organization, account: str) -> str:
    with connect.account(account):
        return billing.create_billing_portal_session(org, "/settings").url


def test_a_link_shows_what_the_customer_has_in_the_account(
    kit: Kit, org: Organization, payer: Visitor, stranger: Visitor, account: str
) -> None:
    billing.add_payment_method(org, "pm_card_mastercard")
    with connect.account(account):
        billing.add_payment_method(org, "pm_card_visa")
        made = billing.subscribe(org, "price_lesson")
    kit.deliver()
    url = link_for(org, account)

    said = text_of(payer.get(url).text)

    assert "Lessons" in said
    assert "price_lesson" not in said
    assert "Visa •••• 4242" in said
    assert "Mastercard ••••" not in said
    assert stranger.get(url).status_code == 404
    assert payer.submit(url).location == url
    kit.state.db.session.expire_all()
    assert made.is_canceling
    theirs = kit.fake.of_account(account)
    assert theirs.fetch("subscription", made.processor_id).main.cancel_at_period_end


def test_a_card_is_added_where_the_customer_is(
    kit: Kit, org: Organization, payer: Visitor, there: models.Customer, account: str
) -> None:
    page = f"/billing/cards/fake/new?account={account}"
    link = link_for(org, account)
    assert f'href="{page}&amp;next={link}"' in payer.get(link).text
    payer.submit(page, payment_method="tok_visa")

    kit.state.db.session.expire_all()
    assert {card.brand for card in billing.list_payment_methods(there)} == {"visa"}
    assert [card.brand for card in billing.list_payment_methods(org)] == ["mastercard"]


@pytest.mark.parametrize("named", ["acct_nobody", "no/account", ""])
def test_of_an_account_in_which_the_visitor_is_nobody_there_is_no_page(
    payer: Visitor, there: models.Customer, named: str
) -> None:
    assert payer.get(f"/billing/cards/fake/new?account={named}").status_code == 404


def test_a_payment_in_the_account_is_confirmed_there(
    kit: Kit, org: Organization, payer: Visitor, stranger: Visitor, account: str
) -> None:
    with connect.account(account):
        billing.add_payment_method(org, "tok_authenticationRequired")
        with pytest.raises(ActionRequired) as required:
            billing.subscribe(org, "price_lesson")
    kit.deliver()
    url = required.value.url
    assert url is not None
    assert stranger.get(url).status_code == 404
    assert "$9.00" in text_of(payer.get(url).text)

    assert payer.submit(url).location == url

    kit.state.db.session.expire_all()
    assert required.value.row.is_active
    assert not forms(payer.get(url).text)
    kit.deliver()
    kit.assert_settled()
