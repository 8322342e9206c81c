"""Somebody else's link, in the hands of a customer with a card, a subscription and forms of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import billing
from tests.host import Organization
from tests.portal.test_overview import link_for, paid
from tests.portal.test_payments import subscription_of
from tests.visitors import Visitor, forms

if TYPE_CHECKING:
    from flask_accrue.testing import Kit

__all__ = ["paid"]


@pytest.fixture
def other(kit: Kit, stranger: Visitor) -> Organization:
    """Give the stranger's organization, which is a customer as good as the first."""
    found = kit.state.db.session.query(Organization).filter_by(name="Zenith").one()
    billing.add_payment_method(found, "pm_card_visa")
    billing.subscribe(found, "price_pro")
    kit.deliver()
    return found


def token_of(visitor: Visitor, org: Organization) -> str:
    """Return what makes the visitor's own forms valid."""
    return forms(visitor.get(link_for(org)).text)[0][1]["csrf_token"]


def standing(kit: Kit, org: Organization) -> Any:
    """Return what a form of the portal's could have changed."""
    kit.state.db.session.rollback()
    payer, row = billing.customer(org), subscription_of(kit, org)
    card = payer.default_payment_method
    cards = [each.brand for each in billing.list_payment_methods(org)]
    return payer.name, card and card.brand, cards, row.is_canceling, row.is_paused, len(row.items)


@pytest.mark.parametrize("flow", [None, "subscription_cancel", "subscription_pause"])
def test_a_link_to_the_portal_does_nothing_for_another_customer(
    kit: Kit, payer: Visitor, stranger: Visitor, paid: Organization, other: Organization, flow: Any
) -> None:
    billing.add_payment_method(paid, "tok_mastercard")
    about = {} if flow is None else {"subscription": subscription_of(kit, paid)}
    url, before = link_for(paid, flow=flow, **about), standing(kit, paid)
    token = token_of(stranger, other)
    assert stranger.get(url).status_code == 404
    sent = forms(payer.get(url).text)
    assert len(sent) == (6 if flow is None else 1)
    for action, fields in sent:
        fields["csrf_token"] = token
        assert stranger.post(action, fields).status_code == 404
    assert standing(kit, paid) == before
    # With the own token of whom it's for, the very same form does it.
    action, fields = sent[0]
    fields["csrf_token"] = token_of(payer, paid)
    assert payer.post(action, fields).status_code == 303
    assert standing(kit, paid) != before


def test_a_change_of_plan_isnt_confirmed_by_another_customer(
    kit: Kit, payer: Visitor, stranger: Visitor, paid: Organization, other: Organization
) -> None:
    kit.price("price_team", 4900, interval="month")
    row = subscription_of(kit, paid)
    url = link_for(paid, flow="subscription_update", subscription=row, prices=["price_team"])
    [(action, fields)] = forms(payer.get(f"{url}?price=price_team").text)
    fields["csrf_token"] = token_of(stranger, other)
    assert stranger.get(f"{url}?price=price_team").status_code == 404
    assert stranger.post(action, fields).status_code == 404
    # Nor does the form do for the stranger's own link what was signed for another.
    theirs = link_for(
        other,
        flow="subscription_update",
        subscription=subscription_of(kit, other),
        prices=["price_team"],
    )
    assert stranger.post(theirs, fields).location == theirs
    for org in (paid, other):
        kit.state.db.session.rollback()
        items = subscription_of(kit, org).items
        assert [each.price_processor_id for each in items] == ["price_pro"]


@pytest.mark.parametrize("mode", ["subscription", "payment", "setup"])
def test_a_checkout_sells_nothing_to_another_customer(
    kit: Kit, payer: Visitor, stranger: Visitor, paid: Organization, other: Organization, mode: str
) -> None:
    kit.price("price_book", 1500, interval=None)
    what = {
        "subscription": {"price": "price_pro", "name": "second"},
        "payment": {"price": "price_book"},
        "setup": {"currency": "usd"},
    }[mode]
    checkout = billing.create_checkout_session(paid, mode=mode, success_url="/welcome", **what)
    url = checkout.url or ""
    [(action, fields)] = forms(payer.get(url).text)
    fields["csrf_token"] = token_of(stranger, other)
    assert stranger.get(url).status_code == 404
    assert stranger.post(action, fields).status_code == 404
    assert stranger.post(f"{url}/secret", fields).status_code == 404
    kit.state.db.session.rollback()
    assert billing.get_checkout_session(paid, checkout.session.processor_id).is_open
    assert len(billing.list_subscriptions(paid)) == len(billing.list_subscriptions(other)) == 1
    # With the own token of whom it's for, the very same form does it.
    fields["csrf_token"] = token_of(payer, paid)
    assert payer.post(action, fields).location == "/welcome"


def test_a_link_to_one_page_opens_no_other(payer: Visitor, paid: Organization) -> None:
    to_buy = billing.create_checkout_session(
        paid, "price_pro", name="second", success_url="/welcome"
    ).url
    assert to_buy is not None
    to_manage = link_for(paid)
    for url in (to_buy, to_manage):
        assert payer.get(url).status_code == 200
    assert payer.get(to_buy.replace("/checkout/", "/portal/")).status_code == 404
    assert payer.get(to_manage.replace("/portal/", "/checkout/")).status_code == 404
