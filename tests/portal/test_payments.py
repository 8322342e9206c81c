"""The page where a customer completes a payment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from flask_accrue import ActionRequired, CardError, Money, billing, models
from tests.host import Organization
from tests.visitors import Visitor, forms

if TYPE_CHECKING:
    from flask import Flask

    from flask_accrue.testing import Kit

ASKS, PAYS, FAILS = "tok_authenticationRequired", "tok_visa", "tok_chargeCustomerFail"


@pytest.fixture
def url(kit: Kit, org: Organization) -> str:
    """Give the page of a first payment that the bank wants confirmed."""
    billing.add_payment_method(org, ASKS)
    with pytest.raises(ActionRequired) as required:
        billing.subscribe(org, "price_pro")
    kit.deliver()
    assert required.value.url is not None
    return required.value.url


def zenith(kit: Kit) -> Organization:
    """Return the stranger's organization."""
    return kit.state.db.session.query(Organization).filter_by(name="Zenith").one()


def text_of(page: str) -> str:
    main = page.partition("<main")[2].partition("</main>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))


def subscription_of(kit: Kit, org: Organization) -> models.Subscription:
    kit.state.db.session.rollback()
    found = billing.subscription(org)
    assert found is not None
    return found


def test_the_page_says_what_is_to_be_paid_for_what_with_which_card(
    payer: Visitor, url: str
) -> None:
    said = text_of(payer.get(url).text)
    for part in (
        "Confirm your payment",
        "$19.00",
        "price_pro",
        "Visa •••• 3184",
        "Nothing was charged",
    ):
        assert part in said
    assert "paid" not in said.lower().replace("paid with", "")


def test_confirming_pays_and_opens_what_was_bought(
    kit: Kit, org: Organization, payer: Visitor, url: str
) -> None:
    assert not subscription_of(kit, org).is_active
    answer = payer.submit(url)
    assert answer.status_code == 303
    assert answer.location == url
    said = text_of(payer.get(url).text)
    assert "You paid $19.00. Your subscription is active." in said
    assert not forms(payer.get(url).text)
    assert subscription_of(kit, org).is_active
    kit.deliver()
    kit.assert_settled()


def test_what_was_paid_for_a_subscription_that_has_ended_since_isnt_called_active(
    kit: Kit, org: Organization, payer: Visitor, url: str
) -> None:
    payer.submit(url)
    billing.cancel(subscription_of(kit, org))
    said = text_of(payer.get(url).text)
    assert "You paid $19.00." in said
    assert "active" not in said


def test_failing_at_the_bank_charges_nothing_and_leaves_a_way_on(
    kit: Kit, org: Organization, payer: Visitor, url: str
) -> None:
    billing.add_payment_method(org, PAYS)
    _, fields = forms(payer.get(url).text)[1]
    assert fields["do"] == "fail"
    assert payer.post(url, fields).status_code == 303
    page = payer.get(url).text
    assert "confirmed with the bank. Nothing was charged." in page
    assert not subscription_of(kit, org).is_active
    assert kit.assert_entry("payment_intent.requires_payment_method")
    [(_, choice)] = forms(page)
    card = next(card for card in billing.list_payment_methods(org) if card.last4 == "4242")
    choice["payment_method"] = str(card.id)
    payer.post(url, choice)
    assert "You paid $19.00." in payer.get(url).text
    assert subscription_of(kit, org).is_active
    kit.deliver()
    kit.assert_settled()


@pytest.mark.only("sqlite")
def test_a_card_that_is_declined_is_told_as_it_is(
    kit: Kit, org: Organization, payer: Visitor, url: str
) -> None:
    bad = billing.add_payment_method(org, f"{FAILS}_insufficient_funds")
    _, fields = forms(payer.get(url).text)[-1]
    fields["payment_method"] = str(bad.id)
    assert payer.post(url, fields).location == url
    said = text_of(payer.get(url).text)
    assert "there isn&#39;t enough money on it. Nothing was charged." in said
    assert "You paid" not in said
    assert not subscription_of(kit, org).is_active


@pytest.mark.only("sqlite")
def test_a_second_card_that_asks_too_says_so(
    kit: Kit, org: Organization, payer: Visitor, url: str
) -> None:
    second = billing.add_payment_method(org, "tok_mastercard")
    kit.fake.set_card_behavior(second.processor_id, "authenticate")
    _, fields = forms(payer.get(url).text)[-1]
    assert fields["payment_method"] == str(second.id)
    payer.post(url, fields)
    said = text_of(payer.get(url).text)
    assert "Your bank wants you to confirm this payment. Nothing was charged yet." in said
    assert "Card Mastercard •••• 4444" in said
    payer.submit(url)
    assert "You paid" in payer.get(url).text


@pytest.mark.only("sqlite")
def test_reasons_that_banks_keep_to_themselves_are_not_told(
    kit: Kit, org: Organization, payer: Visitor, url: str
) -> None:
    for code in ("stolen_card", "lost_card", "fraudulent"):
        bad = billing.add_payment_method(org, f"{FAILS}_{code}")
        _, fields = forms(payer.get(url).text)[-1]
        fields["payment_method"] = str(bad.id)
        payer.post(url, fields)
        said = text_of(payer.get(url).text)
        assert "The bank declined the card. Nothing was charged." in said
        assert not re.search("stolen|lost|fraud", said)


@pytest.mark.only("sqlite")
def test_a_form_that_is_sent_twice_pays_once(
    kit: Kit, org: Organization, payer: Visitor, url: str
) -> None:
    _, fields = forms(payer.get(url).text)[0]
    assert [payer.post(url, fields).status_code for _ in range(2)] == [303, 303]
    kit.deliver()
    kit.state.db.session.rollback()
    assert len([each for each in billing.list_charges(org) if each.is_succeeded]) == 1


@pytest.mark.only("sqlite")
def test_what_went_on_elsewhere_meanwhile_is_shown_as_it_is(
    kit: Kit, org: Organization, payer: Visitor, url: str
) -> None:
    _, fields = forms(payer.get(url).text)[0]
    # The customer confirms in another window, whose webhook is still on its way.
    kit.fake.confirm_payment(url.rpartition("/")[2], payment_method=None, key="elsewhere")
    payer.post(url, fields)
    assert "You paid $19.00. Your subscription is active." in payer.get(url).text


@pytest.mark.only("sqlite")
def test_a_provider_that_does_not_answer_leaves_it_open_what_happened(
    kit: Kit, org: Organization, payer: Visitor, url: str
) -> None:
    kit.fake.fail_next("confirm_payment", "timeout", when="after")
    payer.submit(url)
    said = text_of(payer.get(url).text)
    assert "whether you were charged isn&#39;t known yet" in said
    assert "Nothing was charged." not in said
    kit.deliver()
    assert "You paid $19.00." in payer.get(url).text


@pytest.mark.only("sqlite")
def test_an_amount_is_written_as_the_customer_writes_amounts(
    kit: Kit, org: Organization, payer: Visitor
) -> None:
    billing.update_customer(org, preferred_locale="de-DE")
    billing.add_payment_method(org, ASKS)
    with pytest.raises(ActionRequired) as required:
        billing.charge(org, Money(123_456, "eur"))
    page = payer.get(required.value.url or "").text
    assert "1.234,56\xa0€" in page
    assert "One-time payment" in page


@pytest.mark.only("sqlite")
def test_another_processors_payment_is_completed_on_its_own_page(
    kit: Kit, org: Organization, payer: Visitor, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, fields = forms(payer.get(url).text)[0]
    invoice = billing.list_invoices(org)[0]
    for hosted, shown in (("https://pay.example/i/1", True), ("javascript:alert(1)", False)):
        invoice.hosted_url = hosted
        kit.state.db.session.commit()
        monkeypatch.setattr("flask_accrue.portal.simulated_cards.FakeProcessor", type("No", (), {}))
        page = payer.get(url).text
        assert ('href="https://pay.example/i/1"' in page) is shown
        assert "javascript:" not in page
        assert "Fail authentication" not in page
        assert not forms(page)
    assert payer.post(url, fields).status_code == 404


# -- whose it is -----------------------------------------------------------------------------------


def test_somebody_elses_payment_is_not_there(
    kit: Kit, org: Organization, app: Flask, payer: Visitor, stranger: Visitor, url: str
) -> None:
    folder = url.rpartition("/")[0]
    for visitor in (Visitor(app), stranger):
        theirs, missing = visitor.get(url), visitor.get(f"{folder}/pi_none")
        assert theirs.status_code == missing.status_code == 404
        assert re.sub('nonce="[^"]*"', "", theirs.text) == re.sub('nonce="[^"]*"', "", missing.text)
        assert theirs.headers["X-Frame-Options"] == "DENY"
    for path in (f"{folder}/pi_none", f"{folder}/%00", url.replace("/fake/", "/stripe/")):
        assert payer.get(path).status_code == 404
    # With a token of their own session, and all other fields as the payer would send them.
    _, fields = forms(payer.get(url).text)[0]
    billing.add_payment_method(zenith(kit), ASKS)
    with pytest.raises(ActionRequired) as required:
        billing.subscribe(zenith(kit), "price_pro")
    _, own = forms(stranger.get(required.value.url or "").text)[0]
    fields["csrf_token"] = own["csrf_token"]
    assert stranger.post(url, fields).status_code == 404
    assert not subscription_of(kit, org).is_active


@pytest.mark.only("sqlite")
def test_a_customer_of_somebody_else_does_not_make_a_payment_theirs(
    kit: Kit, org: Organization, stranger: Visitor, url: str
) -> None:
    mine = billing.add_payment_method(zenith(kit), PAYS)
    assert stranger.get(url).status_code == 404
    theirs = Visitor(kit.app, str(org.id))
    _, fields = forms(theirs.get(url).text)[0]
    for card in (str(mine.id), "x", "0" * 32, "' OR 1=1"):
        fields["payment_method"] = card
        assert theirs.post(url, fields).status_code == 404
    assert not subscription_of(kit, org).is_active


@pytest.mark.only("sqlite")
def test_a_form_needs_its_tokens(kit: Kit, org: Organization, payer: Visitor, url: str) -> None:
    _, fields = forms(payer.get(url).text)[0]
    for token in ("", "x"):
        forged = fields.copy()
        forged["csrf_token"] = token
        assert payer.post(url, forged).status_code == 400
    fields["operation"] = "forged"
    payer.post(url, fields)
    assert "open for too long" in payer.get(url).text
    assert not subscription_of(kit, org).is_active


@pytest.mark.only("sqlite")
def test_a_payment_leads_back_to_where_it_came_from_if_that_is_ours(
    payer: Visitor, url: str
) -> None:
    for bad in ("//evil.example", "https:evil.example", "/\\evil.example", "https://evil.example"):
        page = payer.get(url, query_string={"next": bad}).text
        assert "evil" not in page
    page = payer.get(url, query_string={"next": "/settings"}).text
    assert 'href="/settings"' in page
    _, fields = forms(page)[0]
    fields["next"] = "//evil.example"
    assert payer.post(url, fields).location == url


@pytest.mark.only("sqlite")
def test_after_paying_the_customer_goes_on_to_where_they_came_from(
    payer: Visitor, url: str
) -> None:
    page = payer.get(url, query_string={"next": "/settings?paid=1"}).text
    _, fields = forms(page)[0]
    assert payer.post(url, fields).location == "/settings?paid=1"


@pytest.mark.only("sqlite")
def test_a_declined_first_payment_is_shown_as_not_made(
    kit: Kit, org: Organization, payer: Visitor
) -> None:
    billing.add_payment_method(org, FAILS)
    with pytest.raises(CardError):
        billing.subscribe(org, "price_pro")
    kit.deliver()
    intent = kit.state.db.session.query(models.PaymentIntent).one()
    url = billing.confirmation_url(intent.processor_id, "fake") or ""
    said = text_of(payer.get(url).text)
    assert "Payment not made" in said
    assert "Nothing was charged." in said


@pytest.mark.only("sqlite")
def test_what_a_single_payment_is_for_is_said(kit: Kit, org: Organization, payer: Visitor) -> None:
    billing.add_payment_method(org, ASKS)
    with pytest.raises(ActionRequired) as raised:
        billing.charge(org, Money(500, "usd"), description="Setting up <b>Tides</b>")
    kit.deliver()
    assert "Setting up &lt;b&gt;Tides" in payer.get(raised.value.url or "").text


@pytest.mark.only("sqlite")
def test_the_customer_is_sent_to_a_page_that_is_there_although_the_app_is_under_a_prefix(
    kit: Kit, org: Organization
) -> None:
    billing.add_payment_method(org, ASKS)
    under_it = kit.app.test_request_context(base_url="http://localhost/shop")
    with under_it, pytest.raises(ActionRequired) as raised:
        billing.subscribe(org, "price_pro")
    kit.deliver()
    client = Client(DispatcherMiddleware(NotFound(), {"/shop": kit.app}))
    client.get(f"/shop/log-in-as/{org.id}")
    assert raised.value.url is not None
    page = client.get(raised.value.url)
    assert page.status_code == 200
    assert "Confirm your payment" in text_of(page.text)


@pytest.mark.only("sqlite")
def test_outside_of_a_request_the_configured_root_is_the_prefix(kit: Kit) -> None:
    kit.app.config["APPLICATION_ROOT"] = "/shop/"
    assert billing.confirmation_url("pi_1", "fake") == "/shop/billing/payments/fake/pi_1"
