"""What the mounted checkout does alike with the Fake and with Stripe, wherever the server can answer."""

from __future__ import annotations

import dataclasses
import datetime
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import InvalidRequest, InvalidState, Money, billing, models
from tests.host import Organization
from tests.portal.stripe_customer import customer
from tests.portal.test_payments import text_of
from tests.processors.stripe.stripe_bodies import sample
from tests.visitors import Visitor, forms

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

__all__ = ["customer"]

# The pages of each are tried on both databases elsewhere.
pytestmark = pytest.mark.only("sqlite")

MINUS, TIMES = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"


@dataclasses.dataclass
class Shop:
    """A host that sells 20.00 a month and 30.00 once to an organization, which has a card."""

    app: Flask
    db: Any
    visitor: Visitor
    owner: Callable[[], Organization]

    def begin(self, **given: Any) -> billing.Checkout:
        wanted = {"price": "price_monthly", "success_url": "/welcome", **given}
        return billing.create_checkout_session(self.owner(), mounted=True, **wanted)

    def says(self, url: str | None) -> str:
        """Return what a page says."""
        return text_of(self.visitor.get(url or "").text).replace("&#39;", "'")

    def standing(self) -> tuple[str, str]:
        """Return how the session stands by its row, without asking anybody."""
        self.db.session.rollback()
        [row] = self.db.session.query(models.CheckoutSession).populate_existing().all()
        return row.status, row.payment_status


@pytest.fixture(params=["fake", "stripe"])
def shop(request: pytest.FixtureRequest, database_url: str) -> Shop:
    if request.param == "fake":
        kit = request.getfixturevalue("kit")
        org = request.getfixturevalue("org")
        kit.price("price_monthly", 2000)
        kit.price("price_book", 3000, interval=None)
        billing.add_payment_method(org, "pm_card_visa")
        db = kit.state.db
        visitor = request.getfixturevalue("payer")
        return Shop(request.getfixturevalue("app"), db, visitor, lambda: org)
    made = request.getfixturevalue("customer")
    monthly = {"interval": "month", "interval_count": 1, "usage_type": "licensed"}
    made.server.prime(
        sample("price", id="price_monthly", product="prod_1", unit_amount=2000, recurring=monthly)
    )
    billing.sync_catalog()
    return Shop(made.app, made.db, made.visitor, made.owner)


def test_a_subscription_is_sold(shop: Shop) -> None:
    begun = shop.begin(quantity=3, name="addon")
    said = shop.says(begun.url)
    for part in ("$60.00 every month", "You pay $60.00 today", "Pay $60.00 and subscribe"):
        assert part in said
    assert "Subtotal" not in said
    assert shop.standing() == ("open", "unpaid")
    assert shop.visitor.submit(begun.url or "").location == "/welcome"
    assert shop.standing() == ("complete", "paid")
    made = billing.subscription(shop.owner(), "addon")
    assert made is not None
    assert (made.is_active, made.items[0].quantity) == (True, 3)
    done = billing.get_checkout_session(shop.owner(), begun.session.processor_id)
    assert done is not None
    assert done.subscription_processor_id == made.processor_id


@pytest.mark.parametrize("mode", ["subscription", "payment"])
def test_a_coupon_is_taken_off_in_lines_that_add_up(shop: Shop, mode: str) -> None:
    billing.create_coupon(percent_off=25, name="Autumn", id="autumn")
    price = "price_monthly" if mode == "subscription" else "price_book"
    whole, off, due = (
        ("$20.00", "$5.00", "$15.00") if mode == "subscription" else ("$30.00", "$7.50", "$22.50")
    )
    begun = shop.begin(mode=mode, price=price, coupon="autumn")
    lines = f"Subtotal {whole} Autumn (25% off) {MINUS}{off} Due today {due}"
    assert lines in " ".join(shop.says(begun.url).split())
    assert shop.visitor.submit(begun.url or "").location == "/welcome"
    assert shop.standing() == ("complete", "paid")


def test_a_code_is_typed_and_taken_away(shop: Shop) -> None:
    coupon = billing.create_coupon(amount_off=Money(500, "usd"), duration="forever")
    billing.create_promotion_code(coupon, "WELCOME")
    begun = shop.begin(allow_promotion_codes=True)
    url = begun.url or ""
    assert "Pay $20.00 and subscribe" in shop.says(url)
    refused = shop.visitor.submit(url, do="take_code", code="NOBODYKNOWS")
    assert refused.status_code == 422
    shop.visitor.submit(url, do="take_code", code="WELCOME")
    assert f"WELCOME ($5.00 off) {MINUS}$5.00" in shop.says(url)
    assert "Pay $15.00 and subscribe" in shop.says(url)
    shop.visitor.submit(url, do="drop_code")
    assert "Pay $20.00 and subscribe" in shop.says(url)
    shop.visitor.submit(url, do="take_code", code="WELCOME")
    assert shop.visitor.submit(url, do="").location == "/welcome"
    made = billing.subscription(shop.owner())
    assert made is not None
    assert [each["coupon"] for each in made.discounts or []] == [coupon.processor_id]


@pytest.mark.parametrize("mode", ["subscription", "payment"])
def test_what_is_taken_off_whole_needs_no_payment(shop: Shop, mode: str) -> None:
    billing.create_coupon(percent_off=100, id="all")
    price = "price_monthly" if mode == "subscription" else "price_book"
    begun = shop.begin(mode=mode, price=price, coupon="all")
    assert "Nothing is charged" in shop.says(begun.url)
    assert shop.visitor.submit(begun.url or "").location == "/welcome"
    assert shop.standing() == ("complete", "no_payment_required")


def test_a_trial_of_somebody_with_a_debt_says_what_is_paid(shop: Shop) -> None:
    billing.adjust_balance(shop.owner(), Money(500, "usd"))
    said = shop.says(shop.begin(trial=datetime.timedelta(days=14)).url)
    assert "You pay $5.00 today, which you owe from before. The trial ends on" in said
    assert "Pay $5.00 and subscribe" in said


def test_a_trial_charges_nothing_today(shop: Shop) -> None:
    begun = shop.begin(trial=datetime.timedelta(days=14))
    said = shop.says(begun.url)
    assert "Nothing is charged today. The trial ends on" in said
    assert "from then on you pay the price above." in said
    assert shop.visitor.submit(begun.url or "").location == "/welcome"
    assert shop.standing() == ("complete", "no_payment_required")
    made = billing.subscription(shop.owner())
    assert made is not None
    assert made.is_trialing


@pytest.mark.parametrize(
    ("balance", "line"), [(700, "Owed from before $7.00"), (-700, f"Your credit {MINUS}$7.00")]
)
def test_a_price_that_changed_is_shown_before_it_is_charged(
    shop: Shop, balance: int, line: str
) -> None:
    url = shop.begin().url or ""
    action, fields = forms(shop.visitor.get(url).text)[0]
    billing.adjust_balance(shop.owner(), Money(balance, "usd"))
    assert shop.visitor.post(action, fields).location.startswith(url)
    assert billing.subscription(shop.owner()) is None
    said = " ".join(shop.says(url).split())
    assert "What is due has changed" in said
    due = Money(2000 + balance, "usd").format()
    assert f"Subtotal $20.00 {line} Due today {due}" in said
    assert shop.visitor.submit(url).location == "/welcome"


@pytest.mark.parametrize(
    ("balance", "line", "due"),
    [
        (700, "Owed from before $7.00", 3700),
        (-700, f"Your credit {MINUS}$7.00", 2300),
        (-4000, f"Your credit {MINUS}$30.00", 0),
    ],
)
def test_what_is_bought_once_is_an_invoice_that_uses_the_balance(
    shop: Shop, balance: int, line: str, due: int
) -> None:
    billing.adjust_balance(shop.owner(), Money(balance, "usd"))
    begun = shop.begin(mode="payment", price="price_book", description="A book")
    said = " ".join(shop.says(begun.url).split())
    today = Money(due, "usd").format() if due else "Nothing"
    assert f"Subtotal $30.00 {line} Due today {today}" in said
    assert shop.visitor.submit(begun.url or "").location == "/welcome"
    assert shop.standing() == ("complete", "paid" if due else "no_payment_required")
    [bill] = billing.list_invoices(shop.owner())
    assert begun.session.invoice_processor_id == bill.processor_id
    assert (bill.subtotal, bill.total, bill.amount_due) == (3000, 3000, due)
    assert (bill.is_paid, bill.subscription_processor_id) == (True, None)
    assert (bill.starting_balance, bill.description) == (balance, "A book")


def test_a_form_that_is_sent_twice_buys_once(shop: Shop) -> None:
    begun = shop.begin(mode="payment", price="price_book")
    action, fields = forms(shop.visitor.get(begun.url or "").text)[0]
    first, second = (shop.visitor.post(action, fields) for _ in range(2))
    assert (first.location, second.location) == ("/welcome", begun.url)
    assert shop.standing() == ("complete", "paid")


def test_a_session_that_was_closed_sells_nothing(shop: Shop) -> None:
    begun = shop.begin(mode="payment", price="price_book")
    action, fields = forms(shop.visitor.get(begun.url or "").text)[0]
    assert billing.expire_checkout_session(begun.session).status == "expired"
    assert shop.visitor.post(action, fields).location == begun.url
    assert "This page has expired" in shop.says(begun.url)
    [card] = billing.list_payment_methods(shop.owner())
    with pytest.raises(InvalidState) as refused:
        billing.complete_checkout_session(begun.session, card)
    assert refused.value.code == "checkout_over"


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"currency": "eur"}, "currency"),
        ({"locale": "xx"}, "locale"),
        ({"tax_id_collection": True}, "tax_id_collection"),
        ({"mode": "payment"}, "mode"),
    ],
    ids=str,
)
def test_what_the_page_cant_do_is_refused(shop: Shop, given: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        shop.begin(**given)
    assert refused.value.param == param


def test_what_the_host_says_of_language_and_purpose_is_kept(shop: Shop) -> None:
    begun = shop.begin(locale="de", description="Für das Team", currency="usd")
    said = shop.says(begun.url).replace("\xa0", " ")
    assert "20,00 $" in said
    assert "Für das Team" in said


def test_a_page_that_a_newer_one_replaced_says_so(shop: Shop) -> None:
    older, newer = (shop.begin(operation_id="buy").url or "" for _ in range(2))
    assert "A newer page took the place of this one" in shop.says(older)
    assert forms(shop.visitor.get(older).text) == []
    assert shop.visitor.submit(newer).location == "/welcome"


def test_what_is_somebody_elses_cant_be_used(shop: Shop) -> None:
    other = Organization(name="Zenith", email=None)
    shop.db.session.add(other)
    shop.db.session.commit()
    theirs = billing.add_payment_method(other, "pm_card_mastercard")
    url = shop.begin(mode="payment", price="price_book").url or ""
    assert shop.visitor.submit(url, payment_method=str(theirs.id)).status_code == 404
    stranger = Visitor(shop.app, str(other.id))
    action, fields = forms(shop.visitor.get(url).text)[0]
    assert stranger.get(url).status_code == 404
    assert stranger.post(action, fields).status_code in (400, 404)
    assert shop.visitor.post(action, {**fields, "csrf_token": "x"}).status_code == 400
    assert shop.standing() == ("open", "unpaid")
