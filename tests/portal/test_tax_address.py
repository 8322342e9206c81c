"""The mounted checkout asks where its customer is when tax goes by that and nobody knows it."""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import billing, models
from tests.portal.test_checkout import PAYS, page_for
from tests.portal.test_payments import text_of
from tests.visitors import Visitor, forms

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization

BERLIN = {"country": "DE", "postal_code": "10115", "line1": "Invalidenstr. 1", "city": "Berlin"}


@pytest.fixture
def url(kit: Kit, org: Organization) -> str:
    """Give the link to a checkout with tax, of a customer without an address."""
    return page_for(org, automatic_tax=True)


def tell(visitor: Visitor, url: str, **address: str) -> Any:
    return visitor.submit(url, **{"do": "tell_address", **address})


def test_it_tells_what_is_due_once_it_knows_where_that_is(
    kit: Kit, payer: Visitor, org: Organization, url: str
) -> None:
    said = text_of(payer.get(url).text)
    assert "Tax goes by where you are." in said
    assert "Germany" in said
    for part in ("Due today", "Pay $", "Subtotal", "Visa"):
        assert part not in said

    assert tell(payer, url, **BERLIN).location.endswith(url)

    found = billing.customer(org)
    assert found.country == "DE"
    assert found.raw["address"] == BERLIN
    said = text_of(payer.get(url).text)
    assert "Where you are" not in said
    assert "Pay $22.61 and subscribe" in said
    assert payer.submit(url, payment_method=PAYS).location.startswith("/welcome")
    [invoice] = billing.list_invoices(org)
    assert (invoice.tax, invoice.amount_paid) == (361, 2261)
    kit.deliver()
    kit.assert_settled()


def test_what_is_paid_once_is_taxed_by_it_too(kit: Kit, payer: Visitor, org: Organization) -> None:
    kit.price("price_once", 500, interval=None)
    url = page_for(org, automatic_tax=True, mode="payment", price="price_once")
    tell(payer, url, **BERLIN)
    assert "Pay $5.95" in text_of(payer.get(url).text)
    payer.submit(url, payment_method=PAYS)
    [invoice] = billing.list_invoices(org)
    assert (invoice.tax, invoice.amount_paid) == (95, 595)


@pytest.mark.parametrize(
    ("address", "field", "why"),
    [
        ({}, "country", "Choose your country."),
        ({"country": "ZZ"}, "country", "Choose your country."),
        ({"country": "Germany"}, "country", "Choose your country."),
        ({"country": "US", "state": "CA"}, "postal_code", "tax goes by the ZIP code"),
        ({"country": "US", "postal_code": "9410"}, "postal_code", "tax goes by the ZIP code"),
        ({"country": "CA"}, "postal_code", "tax goes by the postal code"),
        ({"country": "DE", "city": "x" * 101}, "city", "100 characters are the most"),
        ({"country": "DE", "line1": "a\x00b"}, "line1", "characters that can't be used"),
    ],
    ids=str,
)
@pytest.mark.only("sqlite")
def test_what_is_wrong_is_told_beside_the_field_and_kept(
    kit: Kit,
    payer: Visitor,
    org: Organization,
    url: str,
    address: dict[str, str],
    field: str,
    why: str,
) -> None:
    answer = tell(payer, url, **address)
    assert answer.status_code == 422
    assert why in unescape(text_of(answer.text))
    assert f'aria-describedby="address-{field}-note"' in answer.text
    assert f'id="address-{field}-note"' in answer.text
    [(_, fields)] = forms(answer.text)
    for name in address.keys() - {"country", field}:
        assert fields[name] == address[name]
    country = address.get("country")
    assert (country in ("US", "CA", "DE")) == (
        f'value="{country}" selected' in " ".join(answer.text.split())
    )
    assert billing.customer(org).country is None


def test_nothing_is_bought_before_what_is_due_was_seen(
    kit: Kit, payer: Visitor, org: Organization
) -> None:
    url = page_for(org, automatic_tax=True)
    [(action, fields)] = forms(payer.get(url).text)
    # One that pays, sent by hand, and the address twice, as by a double click.
    payer.post(action, {**fields, "payment_method": PAYS})
    for _ in range(2):
        payer.post(action, {**fields, **BERLIN, "do": "tell_address", "payment_method": PAYS})
        payer.get(url)
    assert billing.list_subscriptions(org) == []
    assert "Pay $22.61 and subscribe" in text_of(payer.get(url).text)
    [session] = kit.state.db.session.query(models.CheckoutSession)
    assert session.is_open


def test_a_form_without_its_token_stores_nothing(
    kit: Kit, payer: Visitor, org: Organization, url: str
) -> None:
    [(action, fields)] = forms(payer.get(url).text)
    fields.pop("csrf_token")
    assert payer.post(action, {**fields, **BERLIN, "do": "tell_address"}).status_code == 400
    assert billing.customer(org).country is None
