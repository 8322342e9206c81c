"""The mounted page on which a customer pays, subscribes or leaves a card."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import billing, models
from flask_accrue.errors import (
    AccrueError,
    IdempotencyConflict,
    InvalidRequest,
    OperationInProgress,
    OperationUnknown,
    ProcessorUnavailable,
)
from flask_accrue.money import Money
from tests.host import Organization
from tests.portal.test_payments import subscription_of, text_of
from tests.visitors import Visitor, forms

if TYPE_CHECKING:
    from flask_accrue.testing import Kit

ASKS, PAYS, FAILS = "tok_authenticationRequired", "tok_visa", "tok_chargeCustomerFail"


def page_for(org: Organization, **given: Any) -> str:
    """Return the link to a checkout of the price ``price_pro``."""
    wanted = {"price": "price_pro", "success_url": "/welcome?id={CHECKOUT_SESSION_ID}", **given}
    url = billing.create_checkout_session(org, **wanted).url
    assert url is not None
    return url


@pytest.fixture
def url(kit: Kit, org: Organization) -> str:
    return page_for(org, cancel_url="/pricing")


def test_it_says_what_is_bought_what_that_costs_and_when(
    kit: Kit, payer: Visitor, org: Organization, url: str
) -> None:
    page = payer.get(url)
    said = text_of(page.text)
    assert page.status_code == 200
    for part in ("price_pro", "$19.00 every month", "You pay $19.00 today", "until you cancel"):
        assert part in said
    assert "Pay $19.00 and subscribe" in said
    assert 'href="/pricing"' in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
    assert "<script" not in page.text


def test_paying_subscribes_and_leads_back_to_the_host(
    kit: Kit, payer: Visitor, org: Organization, url: str
) -> None:
    answer = payer.submit(url, payment_method=PAYS)
    [session] = kit.state.db.session.scalars(sa.select(models.CheckoutSession))
    assert answer.status_code == 303
    assert answer.location == f"/welcome?id={session.processor_id}"
    assert subscription_of(kit, org).is_active
    kit.deliver()
    kit.assert_settled()


def test_a_used_link_buys_nothing_more(
    kit: Kit, payer: Visitor, org: Organization, url: str
) -> None:
    action, fields = forms(payer.get(url).text)[0]
    fields.setlist("payment_method", [PAYS])
    first, second = payer.post(action, fields), payer.post(action, fields)
    assert first.location.startswith("/welcome")
    assert second.status_code == 303
    assert len(billing.list_subscriptions(org)) == 1
    assert payer.get(url).location == first.location
    [link] = kit.state.db.session.scalars(
        sa.select(models.PageLink).execution_options(populate_existing=True)
    )
    assert link.used_at is not None


def test_a_stored_card_is_chosen_and_a_new_one_kept(
    kit: Kit, payer: Visitor, org: Organization, url: str
) -> None:
    card = billing.add_payment_method(org, PAYS)
    _, fields = forms(payer.get(url).text)[0]
    assert fields["payment_method"] == str(card.id)
    payer.submit(url, payment_method="tok_mastercard")
    assert [each.brand for each in billing.list_payment_methods(org)] == ["visa", "mastercard"]


@pytest.mark.parametrize("token", [FAILS, "tok_chargeDeclined"])
def test_a_declined_card_is_said_and_another_tried(
    kit: Kit, payer: Visitor, org: Organization, url: str, token: str
) -> None:
    answer = payer.submit(url, payment_method=token)
    assert answer.location == url
    assert "Nothing was charged" in text_of(payer.get(url).text)
    assert billing.subscription(org) is None
    assert payer.submit(url, payment_method=PAYS).location.startswith("/welcome")


def test_a_payment_to_confirm_leads_there_and_back(
    kit: Kit, payer: Visitor, org: Organization, url: str
) -> None:
    there = payer.submit(url, payment_method=ASKS).location
    assert there.startswith("/billing/payments/fake/")
    assert "Nothing was charged yet" in text_of(payer.get(url).text)
    assert not subscription_of(kit, org).is_active
    back = payer.submit(there).location
    assert back == url
    assert payer.get(back).location.startswith("/welcome")
    assert subscription_of(kit, org).is_active


def test_a_trial_says_that_nothing_is_charged_today(
    kit: Kit, payer: Visitor, org: Organization
) -> None:
    url = page_for(org, trial=datetime.timedelta(days=14))
    said = text_of(payer.get(url).text)
    assert "Nothing is charged today. The trial ends on" in said
    assert "Pay " not in said
    payer.submit(url, payment_method=PAYS)
    assert subscription_of(kit, org).is_trialing


def test_a_card_is_saved_without_a_payment(kit: Kit, payer: Visitor, org: Organization) -> None:
    url = page_for(org, price=None, mode="setup", currency="usd")
    assert "Nothing is charged" in text_of(payer.get(url).text)
    assert payer.submit(url, payment_method=PAYS).location.startswith("/welcome")
    assert len(billing.list_payment_methods(org)) == 1


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_else_finds_it(
    kit: Kit, payer: Visitor, stranger: Visitor, app: Any, url: str, method: str
) -> None:
    for visitor in (stranger, Visitor(app)):
        found = visitor.get(url) if method == "get" else None
        if method == "post":
            _, fields = forms(payer.get(url).text)[0]
            found = visitor.post(url, fields)
        assert found is not None
        assert found.status_code in (400, 404)
    assert Visitor(app).get(url).status_code == 404
    assert payer.get("/billing/checkout/nothing").status_code == 404


def test_a_link_is_open_for_half_an_hour(kit: Kit, payer: Visitor, url: str) -> None:
    kit.fake.advance(datetime.timedelta(minutes=29))
    assert payer.get(url).status_code == 200
    kit.fake.advance(datetime.timedelta(minutes=1))
    assert payer.get(url).status_code == 404


def test_it_leads_nowhere_that_isnt_listed_any_more(
    kit: Kit, payer: Visitor, org: Organization
) -> None:
    there = "https://app.host.example/"
    url = page_for(org, success_url=there, cancel_url=there)
    assert f'href="{there}"' in payer.get(url).text
    object.__setattr__(kit.state.settings, "allowed_redirect_hosts", frozenset())
    assert there not in payer.get(url).text
    assert payer.submit(url, payment_method=PAYS).location == "/"


def test_a_form_of_an_older_link_buys_nothing_once_there_is_a_newer(
    kit: Kit, payer: Visitor, org: Organization
) -> None:
    older = page_for(org, operation_id="buy")
    _, fields = forms(payer.get(older).text)[0]
    fields.setlist("payment_method", [PAYS])
    page_for(org, operation_id="buy")
    assert payer.post(older, fields).location == older
    kit.state.db.session.rollback()
    assert billing.list_subscriptions(org) == []
    assert billing.list_payment_methods(org) == []
    assert "A newer page took the place of this one" in payer.get(older).text


def test_a_newer_link_to_the_same_session_closes_the_older(
    kit: Kit, payer: Visitor, org: Organization
) -> None:
    older = page_for(org, operation_id="buy")
    newer = page_for(org, operation_id="buy")
    _, fields = forms(payer.get(newer).text)[0]
    fields.setlist("payment_method", [PAYS])
    assert payer.post(older, fields).location == older
    assert billing.subscription(org) is None
    assert payer.submit(newer, payment_method=PAYS).location.startswith("/welcome")


def test_a_forged_form_does_nothing(kit: Kit, payer: Visitor, org: Organization, url: str) -> None:
    assert payer.post(url, {"payment_method": PAYS}).status_code == 400
    assert billing.subscription(org) is None


def test_another_customer_s_card_cant_be_named(
    kit: Kit, payer: Visitor, stranger: Visitor, org: Organization, url: str
) -> None:
    other = kit.state.db.session.query(Organization).filter_by(name="Zenith").one()
    theirs = billing.add_payment_method(other, PAYS)
    assert payer.submit(url, payment_method=str(theirs.id)).status_code == 404
    assert billing.subscription(org) is None


def test_what_is_bought_already_is_said(
    kit: Kit, payer: Visitor, org: Organization, url: str
) -> None:
    billing.add_payment_method(org, PAYS)
    billing.subscribe(org, "price_team")
    assert payer.submit(url).location == url
    assert "You have this subscription already" in text_of(payer.get(url).text)


def test_names_are_escaped(kit: Kit, payer: Visitor, org: Organization) -> None:
    billing.customer(org)
    billing.update_customer(org, name="<script>alert(1)</script>")
    page = payer.get(page_for(org)).text
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("currency", "amount", "written"),
    [
        ("jpy", 1900, "¥1,900"),
        ("kwd", 19000, "KWD 19.000"),
        ("huf", 190000, "HUF 1,900"),
        ("isk", 190000, "ISK 1,900"),
    ],
)
def test_amounts_are_written_as_their_currency_is(
    kit: Kit, payer: Visitor, org: Organization, currency: str, amount: int, written: str
) -> None:
    kit.price(f"price_{currency}", amount, currency=currency)
    said = text_of(payer.get(page_for(org, price=f"price_{currency}")).text).replace("\xa0", " ")
    assert f"{written} every month" in said or f"{written}.00 every month" in said


def test_a_checkout_that_another_tab_completes_meanwhile_tells_how_it_stands(
    kit: Kit, payer: Visitor, org: Organization, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete = billing.complete_checkout_session

    def late(session: Any, card: Any, **given: Any) -> Any:
        complete(session, card, **{**given, "operation_id": "another-tab"})
        return complete(session, card, **given)

    monkeypatch.setattr(billing, "complete_checkout_session", late)
    assert payer.submit(url, payment_method=PAYS).location == url
    assert payer.get(url).location.startswith("/welcome")
    assert "Nothing was charged" not in text_of(payer.get("/billing/").text)
    assert subscription_of(kit, org).is_active


@pytest.mark.parametrize(
    "error",
    [
        OperationUnknown("The answer was lost."),
        OperationInProgress("It runs elsewhere."),
        ProcessorUnavailable("No answer."),
        IdempotencyConflict("The operation id 'portal:1' was used before."),
        AccrueError("Something else."),
    ],
    ids=lambda error: error.code,
)
def test_nobody_is_told_that_nothing_was_charged_who_may_have_been(
    kit: Kit, payer: Visitor, url: str, monkeypatch: pytest.MonkeyPatch, error: AccrueError
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(billing, "complete_checkout_session", fail)
    payer.submit(url, payment_method=PAYS)
    said = text_of(payer.get(url).text)
    assert "Nothing was charged" not in said
    assert error.message not in said
    assert ("yet" in said) or ("moment" in said) or ("before you send it again" in said)


def test_the_form_that_a_card_was_refused_on_takes_another_card(
    kit: Kit, payer: Visitor, org: Organization, url: str
) -> None:
    action, fields = forms(payer.get(url).text)[0]
    fields.setlist("payment_method", [FAILS])
    assert payer.post(action, fields).location == url
    fields.setlist("payment_method", [PAYS])
    assert payer.post(action, fields).location.startswith("/welcome")
    assert subscription_of(kit, org).is_active


def test_what_costs_nothing_is_confirmed(kit: Kit, payer: Visitor, org: Organization) -> None:
    kit.price("price_free", 0, interval=None)
    said = text_of(payer.get(page_for(org, price="price_free", mode="payment")).text)
    assert "Confirm" in said
    assert "None" not in said


def test_a_checkout_confirmed_after_its_half_hour_leads_on(
    kit: Kit, payer: Visitor, stranger: Visitor, org: Organization, url: str
) -> None:
    there = payer.submit(url, payment_method=ASKS).location
    kit.fake.advance(datetime.timedelta(minutes=40))
    assert payer.get(url).status_code == 200
    assert payer.submit(there).location == url
    assert payer.get(url).location.startswith("/welcome")
    assert stranger.get(url).status_code == 404
    assert subscription_of(kit, org).is_active


def test_a_card_is_asked_for_only_where_one_is_required(
    kit: Kit, payer: Visitor, org: Organization
) -> None:
    optional = {"payment_method_collection": "if_required"}
    assert " required" in payer.get(page_for(org, **optional)).text
    url = page_for(org, trial=datetime.timedelta(days=14), **optional)
    page = payer.get(url).text
    assert " required" not in page
    assert "No card for now" in page
    assert payer.submit(url, payment_method="").location.startswith("/welcome")
    assert subscription_of(kit, org).default_payment_method is None


@pytest.mark.parametrize(
    ("balance", "due", "charged"),
    [(500, "Pay $24.00 and subscribe", 2400), (-5000, "Nothing is charged today", 0)],
    ids=["owed", "credit"],
)
def test_the_price_holds_the_customer_s_balance(
    kit: Kit, payer: Visitor, org: Organization, balance: int, due: str, charged: int
) -> None:
    billing.customer(org)
    billing.adjust_balance(org, Money(balance, "usd"))
    url = page_for(org)
    assert due in text_of(payer.get(url).text)
    payer.submit(url, payment_method=PAYS)
    [invoice] = billing.list_invoices(org)
    assert invoice.amount_paid == charged


def test_a_price_that_changed_is_shown_before_it_is_charged(
    kit: Kit, payer: Visitor, org: Organization, url: str
) -> None:
    action, fields = forms(payer.get(url).text)[0]
    fields.setlist("payment_method", [PAYS])
    billing.adjust_balance(org, Money(500, "usd"))
    assert payer.post(action, fields).location.startswith(url)
    assert billing.subscription(org) is None
    said = text_of(payer.get(url).text)
    assert "What is due has changed" in said
    assert "Pay $24.00 and subscribe" in said
    assert payer.submit(url, payment_method=PAYS).location.startswith("/welcome")


def test_tax_is_in_the_price_and_on_every_bill(kit: Kit, payer: Visitor, org: Organization) -> None:
    billing.customer(org)
    billing.update_customer_tax_location(org, {"country": "DE", "postal_code": "10115"})
    url = page_for(org, automatic_tax=True)
    assert "Pay $22.61 and subscribe" in text_of(payer.get(url).text)
    payer.submit(url, payment_method=PAYS)
    [invoice] = billing.list_invoices(org)
    assert (invoice.tax, invoice.amount_paid) == (361, 2261)


@pytest.mark.parametrize(
    "option",
    [
        {"tax_id_collection": True},
        {"customer_update": {"address": "auto"}},
        {"billing_address_collection": "required"},
    ],
    ids=str,
)
def test_what_the_simulated_page_doesnt_do_is_refused(
    kit: Kit, org: Organization, option: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest):
        page_for(org, **option)
