"""Another plan, chosen and confirmed on the mounted portal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import Money, billing
from flask_accrue.errors import IdempotencyConflict, InvalidRequest, MultiItemSubscription
from tests.portal.test_overview import link_for, paid
from tests.portal.test_payments import subscription_of, text_of
from tests.visitors import Visitor, forms

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization

__all__ = ["paid"]


def confirming(payer: Visitor, url: str) -> Any:
    """Return the form that confirms what a page shows."""
    [form] = [fields for _, fields in forms(payer.get(url).text) if fields["do"] == "change"]
    return form


@pytest.fixture
def url(kit: Kit, paid: Organization) -> str:
    """Give a page on which the plan ``price_team`` can be chosen."""
    return link_for(
        paid,
        flow="subscription_update",
        subscription=subscription_of(kit, paid),
        prices=["price_pro", "price_team"],
    )


def standing(kit: Kit, org: Organization) -> tuple[str, int | None]:
    [item] = subscription_of(kit, org).items
    return item.price_processor_id, item.quantity


def test_a_plan_is_chosen_priced_and_confirmed(
    kit: Kit, payer: Visitor, paid: Organization, url: str
) -> None:
    page = payer.get(url).text
    assert "your plan now" in text_of(page)
    assert forms(page) == []
    chosen = f"{url}?price=price_team&quantity=3"
    said = text_of(payer.get(chosen).text)
    assert "Nothing is changed or charged until you confirm." in said
    due = re.search(r"Due today \$([0-9.]+)", said)
    assert due is not None
    assert standing(kit, paid) == ("price_pro", 1)
    before = len(billing.list_charges(paid))
    assert payer.post(url, confirming(payer, chosen)).location == url
    assert "Your plan was changed." in text_of(payer.get(url).text)
    assert standing(kit, paid) == ("price_team", 3)
    charged = [Money(each.amount, each.currency).format() for each in billing.list_charges(paid)]
    assert len(charged) == before + 1
    assert f"${due[1]}" in charged


def test_a_form_that_is_sent_twice_changes_once(
    kit: Kit, payer: Visitor, paid: Organization, url: str
) -> None:
    form = confirming(payer, f"{url}?price=price_team")
    for _ in range(2):
        payer.post(url, form)
    assert len(billing.list_invoices(paid)) == 2
    assert standing(kit, paid) == ("price_team", 1)


@pytest.mark.parametrize("asked", ["price=price_secret", "price=price_pro", "quantity=x", ""])
def test_what_isnt_offered_cant_be_chosen(
    kit: Kit, payer: Visitor, paid: Organization, url: str, asked: str
) -> None:
    kit.price("price_secret", 1)
    assert forms(payer.get(f"{url}?{asked}").text) == []


def test_what_was_confirmed_cant_be_made_up(
    kit: Kit, payer: Visitor, paid: Organization, url: str
) -> None:
    form = confirming(payer, f"{url}?price=price_team")
    other = link_for(paid)
    elsewhere = next(fields for _, fields in forms(payer.get(other).text))
    form.setlist("operation", [elsewhere["operation"]])
    payer.post(url, form)
    assert "Nothing was changed" in text_of(payer.get(url).text)
    assert standing(kit, paid) == ("price_pro", 1)


def test_what_has_changed_since_is_shown_again(
    kit: Kit, payer: Visitor, paid: Organization, url: str
) -> None:
    form = confirming(payer, f"{url}?price=price_team")
    billing.update_quantity(subscription_of(kit, paid), 4)
    payer.post(url, form)
    assert "has changed meanwhile" in text_of(payer.get(url).text)
    assert standing(kit, paid) == ("price_pro", 4)


def test_a_change_that_the_host_names_is_only_confirmed(
    kit: Kit, payer: Visitor, paid: Organization
) -> None:
    url = link_for(
        paid,
        flow="subscription_update_confirm",
        subscription=subscription_of(kit, paid),
        price="price_team",
        quantity=2,
    )
    form = confirming(payer, f"{url}?price=price_pro&quantity=900")
    payer.post(url, form)
    assert standing(kit, paid) == ("price_team", 2)
    assert "You have this already." in text_of(payer.get(url).text)


@pytest.mark.parametrize("flow", ["subscription_update", "subscription_update_confirm"])
def test_another_plan_that_takes_a_scheduled_end_back_says_so_and_what_it_costs(
    kit: Kit, payer: Visitor, paid: Organization, flow: str
) -> None:
    billing.cancel_at_period_end(subscription_of(kit, paid))
    row = subscription_of(kit, paid)
    named: dict[str, Any] = {"price": "price_team", "quantity": 2}
    if flow == "subscription_update":
        named = {"prices": ["price_pro", "price_team"]}
    url = link_for(paid, flow=flow, subscription=row, **named)
    chosen = f"{url}?price=price_team&quantity=2"
    said = text_of(payer.get(chosen).text)
    assert "it doesn&#39;t end on April 10, 2026 any more." in said
    assert "From then on it&#39;s 2 \N{MULTIPLICATION SIGN} $49.00 every month." in said
    payer.post(url, confirming(payer, chosen))
    assert not subscription_of(kit, paid).is_canceling


def test_another_quantity_leaves_a_scheduled_end_and_one_that_isnt_there_isnt_told(
    kit: Kit, payer: Visitor, paid: Organization, url: str
) -> None:
    assert "any more" not in text_of(payer.get(f"{url}?price=price_team").text)
    billing.cancel_at_period_end(subscription_of(kit, paid))
    chosen = f"{url}?price=price_pro&quantity=3"
    assert "any more" not in text_of(payer.get(chosen).text)
    payer.post(url, confirming(payer, chosen))
    assert subscription_of(kit, paid).is_canceling


@pytest.mark.parametrize(
    ("token", "onward"),
    [
        ("tok_authenticationRequired", "/billing/payments/"),
        ("tok_chargeCustomerFail", "/billing/payments/"),
    ],
)
def test_a_payment_that_doesnt_go_through_leads_to_its_page(
    kit: Kit, payer: Visitor, paid: Organization, url: str, token: str, onward: str
) -> None:
    card = billing.add_payment_method(paid, token)
    billing.set_default_payment_method(paid, card)
    kit.deliver()
    answer = payer.post(url, confirming(payer, f"{url}?price=price_team"))
    assert answer.location.startswith(onward)
    assert f"next={url}" in answer.location
    assert standing(kit, paid) == ("price_team", 1)
    assert "Your plan was changed" in text_of(payer.get(url).text)


def test_nobody_elses_link_shows_or_changes_anything(
    kit: Kit, payer: Visitor, stranger: Visitor, paid: Organization, url: str
) -> None:
    form = confirming(payer, f"{url}?price=price_team")
    assert stranger.get(f"{url}?price=price_team").status_code == 404
    assert stranger.post(url, form).status_code in (400, 404)
    assert standing(kit, paid) == ("price_pro", 1)


def test_what_a_link_cant_offer_is_refused(kit: Kit, paid: Organization) -> None:
    row = subscription_of(kit, paid)
    kit.price("price_euro", 1900, currency="eur")
    about: dict[str, Any] = {"flow": "subscription_update", "subscription": row}
    for prices in (["price_euro"], ["price_nowhere"], [], "price_team", None):
        with pytest.raises(InvalidRequest):
            link_for(paid, **about, prices=prices)
    with pytest.raises(InvalidRequest):
        link_for(paid, flow="customer_update", prices=["price_team"])
    billing.add_item(row, "price_team", proration="none")
    with pytest.raises(MultiItemSubscription):
        link_for(paid, **about, prices=["price_team"])


def test_another_link_under_the_same_id_is_a_conflict(kit: Kit, paid: Organization) -> None:
    first, again = (link_for(paid, operation_id="link") for _ in range(2))
    assert first != again
    with pytest.raises(IdempotencyConflict):
        billing.create_billing_portal_session(paid, "/elsewhere", operation_id="link")
    with pytest.raises(IdempotencyConflict):
        link_for(paid, flow="customer_update", operation_id="link")
