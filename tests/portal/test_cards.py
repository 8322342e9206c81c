"""The page where a customer adds a card, with the simulated processor's test cards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flask_accrue import ActionRequired, Money, billing
from tests.portal.test_payments import text_of
from tests.visitors import Visitor, forms

if TYPE_CHECKING:
    from flask import Flask

    from flask_accrue.testing import Kit
    from tests.host import Organization

pytestmark = pytest.mark.only("sqlite")

PAGE = "/billing/cards/fake/new"


def test_a_test_card_is_added_and_leads_on(kit: Kit, org: Organization, payer: Visitor) -> None:
    billing.customer(org)
    page = payer.get(PAGE, query_string={"next": "/settings"}).text
    assert "A simulated bank: no money moves." in page
    action, fields = forms(page)[0]
    fields["payment_method"] = "tok_visa"
    assert payer.post(action, fields).location == "/settings"
    assert "Visa •••• 4242" in payer.get(PAGE).text
    kit.state.db.session.rollback()
    assert [card.last4 for card in billing.list_payment_methods(org)] == ["4242"]


@pytest.mark.parametrize(
    "evil", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_it_leads_nowhere_that_isnt_ours(
    kit: Kit, org: Organization, payer: Visitor, evil: str
) -> None:
    billing.customer(org)
    page = payer.get(PAGE, query_string={"next": evil}).text
    assert "evil" not in page
    assert "alert" not in page
    [(action, fields)] = forms(page)
    fields["payment_method"], fields["next"] = "tok_visa", evil
    assert payer.post(action, fields).location == PAGE
    # Nor from where nothing was added.
    fields["payment_method"] = "tok_chargeDeclined"
    assert payer.post(action, fields).location == PAGE


def test_a_card_that_is_refused_is_told_and_not_added(
    kit: Kit, org: Organization, payer: Visitor
) -> None:
    billing.customer(org)
    action, fields = forms(payer.get(PAGE).text)[0]
    fields["payment_method"] = "tok_chargeDeclined"
    assert payer.post(action, fields).location == PAGE
    said = text_of(payer.get(PAGE).text)
    assert "The bank declined the card. It wasn&#39;t added; nothing was charged." in said
    kit.state.db.session.rollback()
    assert billing.list_payment_methods(org) == []


def test_a_forged_form_and_a_made_up_card_add_nothing(
    kit: Kit, org: Organization, payer: Visitor
) -> None:
    billing.customer(org)
    _, fields = forms(payer.get(PAGE).text)[0]
    fields["payment_method"] = "4242424242424242"
    assert payer.post(PAGE, fields).status_code == 400
    fields["payment_method"], fields["csrf_token"] = "tok_visa", "x"
    assert payer.post(PAGE, fields).status_code == 400
    kit.state.db.session.rollback()
    assert billing.list_payment_methods(org) == []


def test_there_is_no_page_without_a_customer_or_for_what_isnt_there(
    kit: Kit, app: Flask, payer: Visitor
) -> None:
    assert payer.get(PAGE).status_code == 404
    assert payer.get("/billing/cards/stripe/new").status_code == 404
    assert Visitor(app).get(PAGE).status_code == 404


def test_the_simulated_processor_hands_no_secret_over(
    kit: Kit, org: Organization, payer: Visitor
) -> None:
    billing.add_payment_method(org, "tok_authenticationRequired")
    with pytest.raises(ActionRequired) as required:
        billing.subscribe(org, "price_pro")
    kit.deliver()
    url = required.value.url or ""
    _, fields = forms(payer.get(url).text)[0]
    assert payer.post(f"{url}/secret", fields).status_code == 404
    assert payer.post("/billing/cards/fake/secret", fields).status_code == 404


def test_after_23_hours_a_first_payment_is_over_and_the_page_says_what_to_do(
    kit: Kit, org: Organization, payer: Visitor
) -> None:
    billing.add_payment_method(org, "tok_authenticationRequired")
    with pytest.raises(ActionRequired) as required:
        billing.subscribe(org, "price_pro")
    kit.deliver()
    url = required.value.url or ""
    _, fields = forms(payer.get(url).text)[0]
    kit.advance(hours=23)
    subscription = billing.subscription(org)
    assert subscription is not None
    assert (subscription.is_expired, subscription.is_ended) == (True, True)
    page = payer.get(url).text
    assert "Too late for this payment" in text_of(page)
    assert "nothing was charged" in text_of(page)
    assert not forms(page)
    # A page that stayed open can't pay any more, and says the same.
    payer.post(url, fields)
    assert "Too late for this payment" in text_of(payer.get(url).text)
    assert billing.list_charges(org) == []
    kit.deliver()
    kit.assert_settled()


def test_held_money_is_told_as_held(kit: Kit, org: Organization, payer: Visitor) -> None:
    billing.add_payment_method(org, "tok_visa")
    intent = billing.create_payment_intent(
        org, Money(500, "usd"), capture_method="manual", confirm=True
    )
    kit.deliver()
    url = billing.confirmation_url(intent.processor_id, "fake") or ""
    said = text_of(payer.get(url).text)
    assert "Your bank holds $5.00 for this payment. It wasn&#39;t charged yet" in said
