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


def test_a_card_is_added_on_a_page_of_its_own_and_used_at_once(
    kit: Kit, payer: Visitor, paid: Organization
) -> None:
    url = link_for(paid, flow="payment_method_update")
    page = payer.get(url).text
    assert "Cancel" not in text_of(page)
    assert "tok_" not in page
    there = f"/billing/cards/fake/new?next={url}&amp;use=at_once"
    assert f'href="{there}"' in page
    there = there.replace("&amp;", "&")
    assert "used for your payments from then on" in text_of(payer.get(there).text)
    assert payer.submit(there, payment_method="tok_mastercard").location == url
    assert "It&#39;s used from now on." in text_of(payer.get(url).text)
    assert default_of(kit, paid) == "mastercard"
    assert payer.submit(there, payment_method="tok_chargeDeclined").location.startswith("/billing")
    assert "wasn&#39;t added" in text_of(payer.get(there).text)
    payer.post(url, steps(payer, url)["default"])
    assert default_of(kit, paid) == "visa"


def default_of(kit: Kit, org: Organization) -> str | None:
    """Return the brand of the card that is used."""
    kit.state.db.session.rollback()
    card = billing.customer(org).default_payment_method
    return None if card is None else card.brand


def steps(payer: Visitor, url: str) -> dict[str, Any]:
    """Return the forms of a page by what they do."""
    return {fields["do"]: fields for _, fields in forms(payer.get(url).text)}


def test_a_card_is_removed_unless_a_subscription_is_charged_to_it(
    kit: Kit, payer: Visitor, paid: Organization
) -> None:
    billing.add_payment_method(paid, "tok_mastercard")
    url = link_for(paid)
    removing = [fields for _, fields in forms(payer.get(url).text) if fields["do"] == "remove"]
    for fields in removing:
        assert payer.post(url, fields).location == url
    said = text_of(payer.get(url).text)
    assert "The card was removed." in said
    assert "A running subscription is charged to this card." in said
    assert [each.brand for each in billing.list_payment_methods(paid)] == ["visa"]
    billing.cancel(subscription_of(kit, paid))
    payer.post(url, steps(payer, url)["remove"])
    assert billing.list_payment_methods(paid) == []


def test_a_test_card_cant_be_made_up_on_this_page(
    kit: Kit, payer: Visitor, paid: Organization
) -> None:
    url = link_for(paid)
    fields = steps(payer, url)["remove"]
    fields.setlist("do", ["add"])
    fields.setlist("payment_method", ["tok_mastercard"])
    assert payer.post(url, fields).status_code == 400
    assert len(billing.list_payment_methods(paid)) == 1


@pytest.mark.parametrize(
    ("flow", "do"),
    [
        ("payment_method_update", "cancel"),
        ("customer_update", "remove"),
        ("subscription_cancel", "remove"),
        ("subscription_cancel", "details"),
        ("subscription_cancel", "pause"),
        ("subscription_update", "cancel"),
    ],
)
def test_a_link_for_one_thing_does_nothing_else(
    kit: Kit, payer: Visitor, paid: Organization, flow: str, do: str
) -> None:
    fields = steps(payer, link_for(paid))["cancel"]
    row = subscription_of(kit, paid)
    about = {} if flow in ("payment_method_update", "customer_update") else {"subscription": row}
    prices = {"prices": ["price_team"]} if flow == "subscription_update" else {}
    url = link_for(paid, flow=flow, **about, **prices)
    fields.setlist("do", [do])
    assert payer.post(url, fields).status_code == 400
    assert not subscription_of(kit, paid).is_canceling


def test_details_are_kept_at_the_processor(kit: Kit, payer: Visitor, paid: Organization) -> None:
    url = link_for(paid, flow="customer_update")
    assert payer.submit(url, name="Acme Ltd", email="books@acme.example").location == url
    kit.state.db.session.rollback()
    row = billing.customer(paid)
    assert (row.name, row.email) == ("Acme Ltd", "books@acme.example")
    payer.submit(url, name="Acme Ltd", email="nobody")
    assert "Nothing was changed" in text_of(payer.get(url).text)
    kit.state.db.session.rollback()
    assert billing.customer(paid).email == "books@acme.example"


def test_a_paused_subscription_doesnt_renew(kit: Kit, payer: Visitor, paid: Organization) -> None:
    billing.pause(subscription_of(kit, paid), "void")
    url = link_for(paid)
    said = text_of(payer.get(url).text)
    assert "Payments are paused; nothing is charged meanwhile." in said
    assert "Renews" not in said
    payer.post(url, steps(payer, url)["cancel"])
    said = text_of(payer.get(url).text)
    assert "Payments are paused." in said
    assert "Keep the subscription" not in said
    forged = {
        **steps(payer, url)["remove"],
        "do": "resume",
        "id": str(subscription_of(kit, paid).id),
    }
    assert payer.post(url, forged).status_code == 400
    assert subscription_of(kit, paid).is_paused


def test_it_is_paused_and_goes_on_where_the_link_is_for_that(
    kit: Kit, payer: Visitor, paid: Organization
) -> None:
    url = link_for(paid, flow="subscription_pause", subscription=subscription_of(kit, paid))
    payer.submit(url)
    assert subscription_of(kit, paid).is_paused
    payer.submit(url)
    assert not subscription_of(kit, paid).is_paused


def test_the_days_are_said_to_be_those_of_the_customer(
    kit: Kit, payer: Visitor, paid: Organization
) -> None:
    url = link_for(paid)
    assert "time zone UTC" in payer.get(url).text
    billing.update_customer(paid, preferred_timezone="Pacific/Auckland")
    assert "time zone Pacific/Auckland" in payer.get(url).text


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
        link_for(paid, configuration="bpc_1")
    with pytest.raises(InvalidRequest):
        billing.create_billing_portal_session(paid, "https://evil.example/")
