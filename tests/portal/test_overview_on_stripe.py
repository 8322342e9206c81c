"""The mounted portal of a host that bills with Stripe and would rather not send customers there."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from flask_accrue import billing, clock, models
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
    [fields] = [
        fields
        for _, fields in forms(customer.visitor.get(url).text)
        if (fields["do"], fields.get("id")) == ("default", str(added.id))
    ]
    customer.visitor.post(url, fields)
    payer = billing.get_customer(customer.owner())
    assert payer is not None
    assert payer.default_payment_method_id == added.id


def test_nobody_else_finds_it(customer: Customer) -> None:
    url = billing.create_billing_portal_session(customer.owner(), "/settings", mounted=True).url
    assert Visitor(customer.app).get(url).status_code == 404


def setup_of(customer: Customer, **asked: str) -> str:
    """Begin to add a card on the page for it; return the address that Stripe's script returns to."""
    there = "/billing/cards/stripe/new"
    page = customer.visitor.get(there, query_string=asked).text
    action, fields = forms(page)[0]
    handed = customer.visitor.post(action, fields).json or {}
    onward: str = handed["onward"]
    return onward


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("evil", ["https://evil.example/", "//evil.example"])
@pytest.mark.parametrize("is_added", [True, False])
def test_whoever_adds_a_card_is_led_nowhere_that_isnt_ours(
    customer: Customer, evil: str, is_added: bool
) -> None:
    onward = setup_of(customer, next=evil)
    assert "evil" not in onward
    action, fields = forms(customer.visitor.get("/billing/cards/stripe/new").text)[0]
    handed = customer.visitor.post(action, fields, query_string={"next": evil}).json or {}
    assert handed["onward"] == onward
    if is_added:
        succeed(customer, onward)
    back = customer.visitor.get(onward, query_string={"next": evil})
    assert back.location == "/billing/cards/stripe/new"


def default_of(customer: Customer) -> str | None:
    payer = billing.customer(customer.owner())
    customer.db.session.refresh(payer)
    return None if payer.default_payment_method is None else payer.default_payment_method.last4


def succeed(customer: Customer, onward: str, card: str = "pm_new", last4: str = "3220") -> None:
    """Let the card be set up at Stripe."""
    customer.add_card(card, last4)
    customer.change(onward.split("/")[4], status="succeeded", payment_method=card)


def test_a_card_that_is_to_be_used_at_once_is_so_once(customer: Customer) -> None:
    onward = setup_of(customer, use="at_once")
    succeed(customer, onward)
    customer.visitor.get(onward)
    assert default_of(customer) == "3220"
    first = next(
        each for each in billing.list_payment_methods(customer.owner()) if each.last4 == "4242"
    )
    billing.set_default_payment_method(customer.owner(), first)
    # Whoever sends the customer there again gets nothing done.
    customer.visitor.get(onward)
    assert default_of(customer) == "4242"


def test_coming_back_again_changes_no_card_that_was_chosen_since(customer: Customer) -> None:
    [first] = billing.list_payment_methods(customer.owner())
    billing.subscribe(customer.owner(), "price_pro", payment_method=first)
    onward = setup_of(customer, use="at_once")
    succeed(customer, onward)
    customer.visitor.get(onward)
    named = customer.subscription.default_payment_method
    assert named is not None
    assert named.last4 == "3220"
    first = next(
        each for each in billing.list_payment_methods(customer.owner()) if each.last4 == "4242"
    )
    billing.use_payment_method(customer.owner(), first)
    customer.visitor.get(onward)
    assert default_of(customer) == "4242"
    assert customer.subscription.default_payment_method == first


@pytest.mark.parametrize(("hours", "is_same"), [(11, True), (13, False)])
def test_what_was_begun_long_ago_isnt_used_again(
    customer: Customer, hours: int, is_same: bool
) -> None:
    """The return from it would be past the day in which it does what was wanted."""
    first = setup_of(customer, use="at_once")
    begun = clock.now() - datetime.timedelta(hours=hours)
    customer.db.session.execute(sa.update(models.SetupIntent).values(created=begun))
    customer.db.session.commit()
    assert (setup_of(customer, use="at_once") == first) == is_same


@pytest.mark.only("sqlite")
@pytest.mark.parametrize(("hours", "used"), [(23, "3220"), (25, "4242")])
def test_coming_back_does_what_was_wanted_for_a_day(
    customer: Customer, hours: int, used: str
) -> None:
    onward = setup_of(customer, use="at_once")
    succeed(customer, onward)
    begun = clock.now() - datetime.timedelta(hours=hours)
    customer.change(onward.split("/")[4], created=int(begun.timestamp()))
    customer.visitor.get(onward)
    assert default_of(customer) == used


def test_a_link_that_somebody_else_made_up_uses_no_card(customer: Customer) -> None:
    for mark in ({}, {"made_by": "billing portal of somebody"}):
        setup = billing.create_setup_intent(customer.owner(), metadata=mark)
        customer.add_card("pm_new", "3220")
        customer.change(setup.processor_id, status="succeeded", payment_method="pm_new")
        there = f"/billing/cards/stripe/{setup.processor_id}/return"
        customer.visitor.get(there, query_string={"use": "at_once", "next": "https://evil.example"})
        assert default_of(customer) == "4242"
    billing.remove_payment_method(
        next(e for e in billing.list_payment_methods(customer.owner()) if e.last4 == "4242")
    )
    customer.visitor.get(there)
    assert default_of(customer) is None


def test_a_card_that_isnt_asked_to_be_used_is_only_added(customer: Customer) -> None:
    onward = setup_of(customer)
    succeed(customer, onward)
    customer.visitor.get(onward)
    assert default_of(customer) == "4242"
    row = customer.db.session.query(models.PaymentMethod).filter_by(last4="3220").one()
    assert row.is_attached


def test_a_card_is_removed_unless_it_is_needed(customer: Customer) -> None:
    billing.subscribe(customer.owner(), "price_pro")
    url = billing.create_billing_portal_session(customer.owner(), "/settings", mounted=True).url
    [fields] = [f for _, f in forms(customer.visitor.get(url).text) if f["do"] == "remove"]
    customer.visitor.post(url, fields)
    said = text_of(customer.visitor.get(url).text)
    assert "A running subscription is charged to this card." in said
    assert customer.server.requests_to("POST", "/v1/payment_methods/pm_1/detach") == []
    assert default_of(customer) == "4242"
