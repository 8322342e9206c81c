"""Discounts on the mounted page: given with the checkout, or by a code that its customer types."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import Money, billing
from tests.host import Organization
from tests.portal.test_checkout import PAYS, page_for
from tests.portal.test_payments import subscription_of, text_of
from tests.visitors import Visitor, forms

if TYPE_CHECKING:
    from flask_accrue.testing import Kit

LATER = datetime.timedelta(days=1)


def typed(payer: Visitor, url: str, word: str, **fields: str) -> Any:
    """Return the answer to a code that is typed, with the button beside it."""
    return payer.submit(url, do="take_code", code=word, **fields)


def pay(payer: Visitor, url: str, **fields: str) -> Any:
    """Return the answer to the button that pays."""
    return payer.submit(url, do="", payment_method=PAYS, **fields)


def paid(org: Organization) -> list[int]:
    return [each.amount for each in billing.list_charges(org)]


@pytest.fixture
def url(kit: Kit, org: Organization) -> str:
    """Give a page on which a code may be typed, with two codes that there are."""
    billing.customer(org)
    coupon = billing.create_coupon(percent_off=25, duration="repeating", months=3)
    billing.create_promotion_code(coupon, "WELCOME")
    whole = billing.create_coupon(percent_off=100)
    billing.create_promotion_code(whole, "FREE")
    return page_for(org, allow_promotion_codes=True)


@pytest.mark.parametrize("named", ["coupon", "promotion_code"])
def test_a_discount_that_is_given_is_shown_and_paid(
    kit: Kit, payer: Visitor, org: Organization, named: str
) -> None:
    billing.customer(org)
    row = billing.create_coupon(percent_off=25, name="Autumn")
    code = billing.create_promotion_code(row, "AUTUMN")
    id = (row if named == "coupon" else code).processor_id
    url = page_for(org, **{named: id})
    page = payer.get(url).text
    said = text_of(page)
    name = "Autumn" if named == "coupon" else "AUTUMN"
    for part in (
        "$19.00 every month",
        f"{name} (25% off)",
        "\N{MINUS SIGN}$4.75",
        "You pay $14.25 today",
    ):
        assert part in said
    assert "taken off the first payment alone" in said
    assert 'name="code"' not in page
    pay(payer, url)
    assert paid(org) == [1425]
    kit.deliver()
    kit.assert_settled()
    assert [each.times_redeemed for each in billing.list_coupons()] == [1]


def test_a_code_is_typed_its_price_shown_and_paid(
    kit: Kit, payer: Visitor, org: Organization, url: str
) -> None:
    before = text_of(payer.get(url).text)
    assert "WELCOME" not in before
    assert "Your discount" not in before
    answer = typed(payer, url, "welcome", payment_method="tok_mastercard")
    assert answer.status_code == 303
    page = payer.get(answer.location).text
    said = text_of(page)
    for part in (
        "WELCOME (25% off)",
        "\N{MINUS SIGN}$4.75",
        "Pay $14.25 and subscribe",
        "for 3 months",
    ):
        assert part in said
    _, fields = forms(page)[0]
    assert fields["payment_method"] == "tok_mastercard"
    assert pay(payer, url).location.startswith("/welcome")
    assert paid(org) == [1425]
    [discount] = subscription_of(kit, org).discounts or []
    assert discount["end"] is not None
    kit.deliver()
    kit.assert_settled()


def test_a_code_that_is_typed_and_sent_with_the_card_shows_its_price_first(
    kit: Kit, payer: Visitor, org: Organization, url: str
) -> None:
    answer = pay(payer, url, code="WELCOME")
    assert answer.location.startswith(url)
    assert paid(org) == []
    assert "Pay $14.25 and subscribe" in text_of(payer.get(url).text)


def test_a_code_is_taken_away_again(kit: Kit, payer: Visitor, org: Organization, url: str) -> None:
    typed(payer, url, "WELCOME")
    payer.submit(url, do="drop_code")
    said = text_of(payer.get(url).text)
    assert "WELCOME" not in said
    assert "Pay $19.00 and subscribe" in said
    pay(payer, url)
    assert paid(org) == [1900]


def test_all_of_it_can_be_taken_off(kit: Kit, payer: Visitor, org: Organization, url: str) -> None:
    typed(payer, url, "FREE")
    said = text_of(payer.get(url).text)
    assert "Nothing is charged today" in said
    pay(payer, url)
    assert subscription_of(kit, org).is_active
    assert paid(org) == []


def test_a_trial_says_that_the_discount_comes_after_it(
    kit: Kit, payer: Visitor, org: Organization
) -> None:
    billing.customer(org)
    billing.create_promotion_code(billing.create_coupon(percent_off=25), "WELCOME")
    url = page_for(org, trial=datetime.timedelta(days=14), allow_promotion_codes=True)
    typed(payer, url, "WELCOME")
    said = text_of(payer.get(url).text)
    assert "from then on you pay the price above, less the discount." in said
    assert "WELCOME (25% off)" in said
    pay(payer, url)
    kit.deliver()
    kit.advance(days=15)
    assert paid(org) == [1425]


@pytest.mark.parametrize("named", ["coupon", "promotion_code", "typed"])
def test_a_single_payment_is_discounted_too(
    kit: Kit, payer: Visitor, org: Organization, named: str
) -> None:
    billing.customer(org)
    kit.price("price_book", 3000, interval=None)
    coupon = billing.create_coupon(amount_off=Money(500, "usd"))
    code = billing.create_promotion_code(coupon, "BOOK")
    given: dict[str, Any] = {
        "coupon": {"coupon": coupon.processor_id},
        "promotion_code": {"promotion_code": code.processor_id},
        "typed": {"allow_promotion_codes": True},
    }[named]
    url = page_for(org, price="price_book", mode="payment", **given)
    if named == "typed":
        typed(payer, url, "BOOK")
    said = text_of(payer.get(url).text)
    assert "$5.00 off" in said
    assert "Pay $25.00" in said
    assert pay(payer, url).location.startswith("/welcome")
    assert paid(org) == [2500]
    kit.deliver()
    kit.assert_settled()
    [row] = billing.list_coupons()
    assert row.times_redeemed == 1


def _make_codes(kit: Kit) -> None:
    """Make a code for each reason for which one can be refused."""
    zenith = Organization(name="Zenith", email=None)
    kit.state.db.session.add(zenith)
    kit.state.db.session.commit()
    other = billing.customer(zenith)
    usual = billing.create_coupon(percent_off=10)
    billing.deactivate_promotion_code(billing.create_promotion_code(usual, "INACTIVE"))
    billing.create_promotion_code(usual, "EXPIRED", expires_at=kit.now + LATER)
    billing.create_promotion_code(usual, "THEIRS", only_for=other)
    used = billing.create_promotion_code(usual, "EXHAUSTED", max_redemptions=1)
    billing.add_payment_method(other, PAYS)
    billing.subscribe(other, "price_pro", promotion_code=used)
    euros = billing.create_coupon(amount_off=Money(500, "eur"))
    billing.create_promotion_code(euros, "EUROS")
    billing.create_promotion_code(usual, "LARGE", minimum=Money(500_00, "usd"))
    kit.deliver()


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("NOBODYKNOWS", "There is no such code."),
        ("", "There is no such code."),
        ("INACTIVE", "can&#39;t be used any more"),
        ("EXPIRED", "has expired"),
        ("EXHAUSTED", "was used as often as it may be"),
        ("THEIRS", "is for somebody else"),
        ("EUROS", "isn&#39;t for payments in this currency"),
        ("LARGE", "is for larger purchases"),
    ],
)
def test_each_refusal_of_a_code_is_said_beside_it_and_the_rest_kept(
    kit: Kit, payer: Visitor, org: Organization, word: str, why: str
) -> None:
    billing.customer(org)
    _make_codes(kit)
    kit.fake.advance(LATER * 2)
    url = page_for(org, allow_promotion_codes=True)
    answer = typed(payer, url, word, payment_method="tok_mastercard")
    assert answer.status_code == 422
    assert why in text_of(answer.text)
    assert 'aria-invalid="true" aria-describedby="code-note"' in answer.text
    _, fields = forms(answer.text)[0]
    assert (fields["code"], fields["payment_method"]) == (word, "tok_mastercard")
    assert "Pay $19.00 and subscribe" in text_of(payer.get(url).text)


def test_a_code_for_a_first_purchase_is_refused_after_it(
    kit: Kit, payer: Visitor, org: Organization
) -> None:
    billing.add_payment_method(org, PAYS)
    billing.charge(org, Money(500, "usd"))
    coupon = billing.create_coupon(percent_off=10)
    billing.create_promotion_code(coupon, "FIRST", first_time_transaction=True)
    url = page_for(org, allow_promotion_codes=True)
    assert "This code is for a first purchase." in text_of(typed(payer, url, "FIRST").text)


def test_a_code_that_ended_meanwhile_charges_nothing_and_says_so(
    kit: Kit, payer: Visitor, org: Organization, url: str
) -> None:
    typed(payer, url, "WELCOME")
    [code] = [each for each in billing.list_promotion_codes() if each.code == "WELCOME"]
    billing.deactivate_promotion_code(code)
    assert pay(payer, url).location == url
    said = text_of(payer.get(url).text)
    assert "The discount can&#39;t be had any more. Nothing was charged." in said
    assert billing.subscription(org) is None
    payer.submit(url, do="drop_code")
    assert pay(payer, url).location.startswith("/welcome")


def test_a_page_that_takes_no_codes_takes_none(kit: Kit, payer: Visitor, org: Organization) -> None:
    billing.customer(org)
    billing.create_promotion_code(billing.create_coupon(percent_off=25), "WELCOME")
    url = page_for(org)
    assert typed(payer, url, "WELCOME").status_code == 422
    assert "Pay $19.00 and subscribe" in text_of(payer.get(url).text)


def test_a_typed_word_is_escaped(kit: Kit, payer: Visitor, org: Organization, url: str) -> None:
    page = typed(payer, url, '"><script>alert(1)</script>').text
    assert "<script" not in page
