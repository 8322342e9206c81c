"""The mounted portal, as a link opens it."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import billing
from flask_accrue.errors import InvalidRequest, UnsupportedByProcessor
from tests.host import Organization
from tests.portal.test_payments import subscription_of, text_of
from tests.portal.test_tax_address import BERLIN
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


def test_what_is_free_until_its_end_isnt_kept_for_nothing(
    kit: Kit, payer: Visitor, paid: Organization
) -> None:
    ends_at = kit.now + datetime.timedelta(days=100)
    url = link_for(paid, flow="subscription_cancel", subscription=subscription_of(kit, paid))
    cancel, keep = steps(payer, url)["cancel"], dict[str, str]()
    billing.comp_subscription(subscription_of(kit, paid), reason="A friend", ends_at=ends_at)
    assert "Ends on" in text_of(payer.get(url).text)
    assert steps(payer, url) == {}

    # An old page ends it earlier; that can be taken back, and no more.
    payer.post(url, cancel)
    assert subscription_of(kit, paid).ends_at == subscription_of(kit, paid).current_period_end
    keep = steps(payer, url)["resume"]
    payer.post(url, keep)
    assert subscription_of(kit, paid).ends_at == ends_at
    assert payer.post(url, {**keep, "operation": cancel["operation"]}).status_code == 400
    assert subscription_of(kit, paid).ends_at == ends_at


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


@pytest.mark.parametrize("by", ["another card", "the page for a new one"])
def test_a_card_that_is_chosen_is_charged_also_by_what_came_of_a_checkout(
    kit: Kit, payer: Visitor, org: Organization, by: str
) -> None:
    page = billing.create_checkout_session(org, "price_pro", success_url="/welcome")
    payer.submit(page.url or "", payment_method="tok_visa")
    kit.deliver()
    url = link_for(org, flow="payment_method_update")
    if by == "another card":
        billing.add_payment_method(org, "tok_mastercard")
        payer.post(url, steps(payer, url)["default"])
    else:
        payer.submit(
            f"/billing/cards/fake/new?next={url}&use=at_once", payment_method="tok_mastercard"
        )
    assert default_of(kit, org) == "mastercard"
    kit.fake.advance(datetime.timedelta(days=32))
    kit.deliver()
    kit.state.db.session.rollback()
    charged = sorted(billing.list_charges(org), key=lambda each: each.created)
    cards = {each.processor_id: each.brand for each in billing.list_payment_methods(org)}
    assert [cards[each.payment_method_processor_id or ""] for each in charged] == [
        "visa",
        "mastercard",
    ]
    url = link_for(org, flow="payment_method_update")
    [removing] = [
        fields
        for _, fields in forms(payer.get(url).text)
        if fields["do"] == "remove" and cards_of(org)[fields["id"]] == "visa"
    ]
    payer.post(url, removing)
    assert set(cards_of(org).values()) == {"mastercard"}


def cards_of(org: Organization) -> dict[str, str | None]:
    """Return the brands of the cards that there are by our ids."""
    return {str(each.id): each.brand for each in billing.list_payment_methods(org)}


def test_a_card_isnt_called_in_use_while_something_is_charged_to_another(
    kit: Kit, payer: Visitor, paid: Organization
) -> None:
    card = billing.add_payment_method(paid, "tok_mastercard")
    billing.set_subscription_payment_method(subscription_of(kit, paid), card)
    url = link_for(paid, flow="payment_method_update")
    assert "In use" not in text_of(payer.get(url).text)
    [fields] = [
        fields
        for _, fields in forms(payer.get(url).text)
        if fields["do"] == "default" and cards_of(paid)[fields["id"]] == "visa"
    ]
    payer.post(url, fields)
    assert "In use" in text_of(payer.get(url).text)
    named = subscription_of(kit, paid).default_payment_method
    assert named is not None
    assert named.brand == "visa"


@pytest.mark.parametrize("then", ["canceled", "already so"])
@pytest.mark.parametrize("do", ["pause", "unpause"])
def test_an_old_page_neither_pauses_nor_takes_an_end_back(
    kit: Kit, payer: Visitor, paid: Organization, do: str, then: str
) -> None:
    if do == "unpause":
        billing.pause(subscription_of(kit, paid), "void")
    url = link_for(paid, flow="subscription_pause", subscription=subscription_of(kit, paid))
    fields = steps(payer, url)[do]
    if then == "canceled":
        billing.cancel_at_period_end(subscription_of(kit, paid))
    elif do == "pause":
        billing.pause(subscription_of(kit, paid), "keep_as_draft")
    else:
        billing.resume(subscription_of(kit, paid))
    before = subscription_of(kit, paid)
    stood = (before.is_canceling, before.pause_behavior)
    payer.post(url, fields)
    after = subscription_of(kit, paid)
    assert (after.is_canceling, after.pause_behavior) == stood
    assert "has changed meanwhile" in text_of(payer.get(url).text)


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
        ("payment_method_update", "address"),
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


@pytest.mark.parametrize("bad", ["a\0@acme.example", "a\x07@acme.example", "a@acme\u202e.example"])
@pytest.mark.parametrize("field", ["name", "email"])
def test_details_with_what_nobody_can_read_are_refused(
    kit: Kit, payer: Visitor, paid: Organization, field: str, bad: str
) -> None:
    url = link_for(paid, flow="customer_update")
    assert payer.submit(url, **{field: bad}).location == url
    assert "Nothing was changed" in text_of(payer.get(url).text)
    kit.state.db.session.rollback()
    row = billing.customer(paid)
    assert (row.name, row.email) == ("Acme", "billing@acme.example")


def test_an_address_is_kept_and_corrected(kit: Kit, payer: Visitor, paid: Organization) -> None:
    url = link_for(paid, flow="customer_update")
    payer.post(url, {**steps(payer, url)["address"], **BERLIN, "line2": "Hof 2"})
    kit.state.db.session.rollback()
    assert billing.customer(paid).raw["address"] == {**BERLIN, "line2": "Hof 2"}
    shown = steps(payer, url)["address"]
    assert [shown[name] for name in ("line1", "line2", "city")] == [
        "Invalidenstr. 1",
        "Hof 2",
        "Berlin",
    ]

    moved = {"country": "FR", "line1": "", "line2": "", "postal_code": "75001", "city": "Paris"}
    payer.post(url, {**shown, **moved})
    kit.state.db.session.rollback()
    kept = {"country": "FR", "postal_code": "75001", "city": "Paris"}
    assert billing.customer(paid).raw["address"] == kept
    assert "Your address was saved." in text_of(payer.get(url).text)


def test_an_address_that_cant_be_is_shown_as_it_was_typed(
    kit: Kit, payer: Visitor, paid: Organization
) -> None:
    url = link_for(paid)
    answer = payer.post(
        url, {**steps(payer, url)["address"], "country": "US", "city": "Springfield"}
    )
    assert answer.status_code == 422
    assert "In the United States tax goes by the ZIP code" in text_of(answer.text)
    assert 'value="Springfield"' in answer.text
    kit.state.db.session.rollback()
    assert not billing.customer(paid).raw.get("address")


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


@pytest.mark.parametrize("flow", ["subscription_cancel", "subscription_pause"])
def test_a_link_for_one_subscription_changes_no_other(
    kit: Kit, payer: Visitor, paid: Organization, flow: str
) -> None:
    other = billing.subscribe(paid, "price_pro", name="second")
    url = link_for(paid, flow=flow, subscription=subscription_of(kit, paid))
    [(action, fields)] = forms(payer.get(url).text)
    fields.setlist("id", [str(other.id)])
    assert payer.post(action, fields).status_code == 404
    kit.state.db.session.rollback()
    for row in billing.list_subscriptions(paid):
        assert row.is_recurring
        assert not row.is_paused


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
