"""The mounted portal, as a link opens it."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import billing
from flask_accrue.errors import InvalidRequest, UnsupportedByProcessor
from tests.host import Organization
from tests.portal.test_payments import subscription_of, text_of
from tests.visitors import Visitor, forms

if TYPE_CHECKING:
    from flask_accrue.testing import Kit


@pytest.fixture
def paid(kit: Kit, org: Organization) -> Organization:
    """Give the organization with a card and a subscription."""
    billing.add_payment_method(org, "pm_card_visa")
    billing.subscribe(org, "price_pro")
    kit.deliver()
    return org


def link_for(org: Organization, **given: Any) -> str:
    return billing.create_billing_portal_session(org, "/settings", **given).url


def test_it_shows_what_there_is_and_leads_back(payer: Visitor, paid: Organization) -> None:
    page = payer.get(link_for(paid))
    said = text_of(page.text)
    for part in ("price_pro", "Renews on", "Visa •••• 4242", "In use"):
        assert part in said
    assert 'href="/settings"' in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_a_subscription_is_ended_and_kept(kit: Kit, payer: Visitor, paid: Organization) -> None:
    url = link_for(paid, flow="subscription_cancel", subscription=subscription_of(kit, paid))
    assert "Add a card" not in text_of(payer.get(url).text)
    assert payer.submit(url).location == url
    assert subscription_of(kit, paid).is_canceling
    assert "Your subscription ends on" in text_of(payer.get(url).text)
    payer.submit(url)
    assert not subscription_of(kit, paid).is_canceling


def test_what_was_never_paid_ends_at_once_and_says_so(
    kit: Kit, payer: Visitor, paid: Organization
) -> None:
    card = billing.list_payment_methods(paid)[0]
    kit.fake.set_card_behavior(card.processor_id, "decline:insufficient_funds")
    kit.fake.advance(datetime.timedelta(days=31, hours=2))
    kit.deliver()
    url = link_for(paid)
    assert "Cancel now" in text_of(payer.get(url).text)
    payer.submit(url)
    assert subscription_of(kit, paid).is_ended
    assert "Your subscription has ended." in text_of(payer.get(url).text)


def test_a_card_is_added_and_used(kit: Kit, payer: Visitor, paid: Organization) -> None:
    url = link_for(paid, flow="payment_method_update")
    assert "Cancel" not in text_of(payer.get(url).text)
    payer.submit(url, payment_method="tok_mastercard")
    kit.state.db.session.rollback()
    default = billing.customer(paid).default_payment_method
    assert default is not None
    assert default.brand == "mastercard"
    payer.submit(url, form=1, payment_method="tok_chargeDeclined")
    assert "wasn&#39;t added" in text_of(payer.get(url).text)
    payer.submit(url)
    kit.state.db.session.rollback()
    kept = billing.customer(paid).default_payment_method
    assert kept is not None
    assert kept.brand == "visa"


@pytest.mark.parametrize("minutes", [0, 30])
def test_it_opens_for_its_own_customer_and_half_an_hour(
    kit: Kit, payer: Visitor, stranger: Visitor, app: Any, paid: Organization, minutes: int
) -> None:
    url = link_for(paid)
    kit.fake.advance(datetime.timedelta(minutes=minutes))
    assert payer.get(url).status_code == (404 if minutes else 200)
    assert stranger.get(url).status_code == Visitor(app).get(url).status_code == 404


def test_a_subscription_of_somebody_else_isnt_found(
    kit: Kit, payer: Visitor, stranger: Visitor, paid: Organization
) -> None:
    other = kit.state.db.session.query(Organization).filter_by(name="Zenith").one()
    billing.add_payment_method(other, "pm_card_visa")
    theirs = billing.subscribe(other, "price_pro")
    url = link_for(paid)
    _, fields = forms(payer.get(url).text)[0]
    fields.setlist("id", [str(theirs.id)])
    assert payer.post(url, fields).status_code == 404
    with pytest.raises(InvalidRequest) as refused:
        link_for(paid, flow="subscription_cancel", subscription=theirs)
    assert refused.value.param == "subscription"
    with pytest.raises(UnsupportedByProcessor):
        link_for(paid, flow="customer_update")
    with pytest.raises(InvalidRequest):
        billing.create_billing_portal_session(paid, "https://evil.example/")
