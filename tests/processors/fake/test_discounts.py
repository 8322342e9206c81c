from __future__ import annotations

import datetime
import decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flask_accrue.errors import InvalidRequest, NotFound
from flask_accrue.money import Money
from flask_accrue.processors import objects
from flask_accrue.processors.fake import FakeProcessor, discounting
from tests.processors.fake.conftest import START, Shop


def coupon(shop, percent=None, amount=None, **given):
    terms = {
        "id": None,
        "name": None,
        "percent_off": percent,
        "amount_off": amount,
        "currency": None if amount is None else "usd",
        "currency_options": None,
        "duration": "forever",
        "duration_in_months": None,
        "max_redemptions": None,
        "redeem_by": None,
        "products": None,
        "metadata": {},
    }
    return shop.fake.create_coupon(**{**terms, **given}, key=shop.key()).main.processor_id


def code(shop, of, **given):
    terms = {
        "code": None,
        "customer": None,
        "active": True,
        "expires_at": None,
        "max_redemptions": None,
        "first_time_transaction": False,
        "minimum_amount": None,
        "minimum_amount_currency": None,
        "currency_options": None,
        "metadata": {},
    }
    made = shop.fake.create_promotion_code(of, **{**terms, **given}, key=shop.key())
    return made.main.processor_id


def subscribe(shop, *coupons, customer=None, **given):
    discounts = [{"coupon": each} for each in coupons]
    return shop.subscribe(customer or shop.customer(), discounts=discounts, **given)


def latest(shop, answer):
    return shop.invoice(shop.subscription(answer).latest_invoice)


def sums(invoice):
    return invoice.subtotal, invoice.discount, invoice.total


def totals(shop, customer):
    return [each.total for each in shop.invoices(customer)]


def check_adds_up(invoice):
    assert invoice.discount == sum(line.discount for line in invoice.lines)
    assert invoice.discount == sum(each.amount for each in invoice.discount_amounts)
    assert invoice.total == invoice.subtotal - invoice.discount
    assert all(0 <= line.discount <= max(0, line.amount) for line in invoice.lines)


# -- what is taken off -----------------------------------------------------------------------------


def test_percents_are_taken_off_and_rounded_half_to_even(shop):
    # 12.5 % of 19.00 are 2.375, 25 % of them 4.75.
    assert sums(latest(shop, subscribe(shop, coupon(shop, "12.5")))) == (1900, 238, 1662)
    assert sums(latest(shop, subscribe(shop, coupon(shop, "33.3333")))) == (1900, 633, 1267)
    assert sums(latest(shop, subscribe(shop, coupon(shop, "0.0263")))) == (1900, 0, 1900)


def test_an_amount_is_taken_off_and_never_more_than_there_is(shop):
    assert sums(latest(shop, subscribe(shop, coupon(shop, amount=500)))) == (1900, 500, 1400)
    assert sums(latest(shop, subscribe(shop, coupon(shop, amount=5000)))) == (1900, 1900, 0)


def test_all_off_needs_no_card(shop):
    answer = subscribe(shop, coupon(shop, "100"), customer=shop.customer(card=None))

    assert answer.main.status == "active"
    assert latest(shop, answer).status == "paid"


@pytest.mark.parametrize(("first", "second", "total"), [("a", "b", 450), ("b", "a", 700)])
def test_discounts_are_taken_off_one_after_the_other(shop, first, second, total):
    coupon(shop, "50", id="a")
    coupon(shop, amount=500, id="b")

    invoice = latest(shop, subscribe(shop, first, second))

    assert invoice.total == total
    assert len(invoice.discount_amounts) == 2
    check_adds_up(invoice)


def test_what_is_taken_off_is_divided_among_the_lines(shop):
    items = [{"price": "price_pro", "quantity": 1}, {"price": "price_team", "quantity": 2}]

    invoice = latest(shop, subscribe(shop, coupon(shop, amount=1000), items=items))

    assert [line.discount for line in invoice.lines] == [162, 838]
    check_adds_up(invoice)


def test_a_coupon_for_a_product_leaves_the_others_alone(shop, fake):
    fake.create_product("Extra", id="prod_extra")
    fake.create_price("prod_extra", Money(1000, "usd"), id="price_extra")
    items = [{"price": "price_pro"}, {"price": "price_extra"}]

    invoice = latest(
        shop, subscribe(shop, coupon(shop, "50", products=["prod_extra"]), items=items)
    )

    assert [line.discount for line in invoice.lines] == [0, 500]


@pytest.mark.parametrize(
    ("currency", "price", "off", "total"),
    [("jpy", 1999, "33", 1339), ("kwd", 19990, "12.5", 17490), ("huf", 190000, "50", 95000)],
)
def test_currencies_without_cents_and_with_three_places_are_exact(
    shop, fake, currency, price, off, total
):
    fake.create_price("prod_pro", Money(price, currency), id=f"price_{currency}")

    invoice = latest(shop, subscribe(shop, coupon(shop, off), price=f"price_{currency}"))

    assert (invoice.currency, invoice.total) == (currency, total)
    check_adds_up(invoice)


def test_an_amount_in_the_subscription_s_currency_is_taken_off(shop):
    both = coupon(shop, amount=500, currency_options={"eur": 400})

    assert sums(latest(shop, subscribe(shop, both, price="price_euro"))) == (1700, 400, 1300)


# -- for how long ----------------------------------------------------------------------------------


def test_once_is_the_first_invoice(shop):
    answer = subscribe(shop, coupon(shop, "50", duration="once"))
    shop.advance(days=35)

    assert totals(shop, answer.main.customer) == [950, 1900]
    assert shop.subscription(answer).discounts == ()
    assert "customer.discount.deleted" in shop.types()


def test_once_isnt_spent_by_a_trial(shop):
    answer = subscribe(shop, coupon(shop, "50", duration="once"), trial=datetime.timedelta(days=7))
    shop.advance(days=45)

    assert totals(shop, answer.main.customer) == [0, 950, 1900]


def test_repeating_is_so_many_calendar_months(shop):
    answer = subscribe(shop, coupon(shop, "50", duration="repeating", duration_in_months=3))
    [discount] = answer.main.discounts
    assert discount.end == datetime.datetime(2026, 4, 30, 12, tzinfo=datetime.UTC)

    shop.advance(days=125)

    assert totals(shop, answer.main.customer) == [950, 950, 950, 1900, 1900]
    assert shop.subscription(answer).discounts == ()


def test_forever_goes_on_also_when_the_coupon_is_deleted(shop, fake):
    forever = coupon(shop, "50")
    answer = subscribe(shop, forever)
    fake.delete_coupon(forever, key=shop.key())
    shop.advance(days=70)

    assert totals(shop, answer.main.customer) == [950, 950, 950]
    with pytest.raises(NotFound):
        subscribe(shop, forever)


def test_a_discount_ends_although_its_subscription_is_yearly(shop):
    answer = subscribe(
        shop,
        coupon(shop, "50", duration="repeating", duration_in_months=1),
        price="price_year",
    )
    shop.advance(days=370)

    assert totals(shop, answer.main.customer) == [9500, 19000]


# -- a customer's ----------------------------------------------------------------------------------


def test_a_customer_s_discount_holds_for_subscriptions_without_their_own(shop, fake):
    customer = shop.customer()
    fake.discount_customer(customer, coupon(shop, "10"))
    without = shop.subscribe(customer)
    own = subscribe(shop, coupon(shop, "50"), customer=customer)

    assert latest(shop, without).total == 1710
    assert latest(shop, own).total == 950


def test_a_customer_s_discount_is_spent_over_and_taken_away(shop, fake):
    customer = shop.customer()
    for terms in ({"duration": "once"}, {"duration": "repeating", "duration_in_months": 1}):
        fake.discount_customer(customer, coupon(shop, "10", **terms))
        if terms["duration"] == "once":
            shop.subscribe(customer)
        else:
            shop.advance(days=40)
        assert fake.fetch("customer", customer).main.discounts == ()
    fake.discount_customer(customer, coupon(shop, "10"))
    assert fake.remove_customer_discount(customer, key=shop.key()).main.discounts == ()
    with pytest.raises(NotFound):
        fake.remove_customer_discount(customer, key=shop.key())


# -- redeeming -------------------------------------------------------------------------------------


def test_the_last_redemption_ends_coupon_and_codes(shop, fake):
    few = coupon(shop, "10", max_redemptions=1)
    word = code(shop, few)
    subscribe(shop, few)

    made = fake.fetch("coupon", few).main
    assert (made.times_redeemed, made.is_valid) == (1, False)
    assert not fake.fetch("promotion_code", word).main.is_active
    with pytest.raises(InvalidRequest) as caught:
        subscribe(shop, few)
    assert caught.value.code == "coupon_expired"


def test_time_ends_coupons_and_codes(shop, fake):
    soon = int((START + datetime.timedelta(days=2)).timestamp())
    brief, long = coupon(shop, "10", redeem_by=soon), coupon(shop, "10")
    words = code(shop, brief), code(shop, long, expires_at=soon), code(shop, long)
    answer = subscribe(shop, brief)
    shop.advance(days=3)

    assert not fake.fetch("coupon", brief).main.is_valid
    assert [fake.fetch("promotion_code", each).main.is_active for each in words] == [
        False, False, True,
    ]  # fmt: skip
    with pytest.raises(InvalidRequest):
        fake.update_promotion_code(words[1], {"active": True}, key=shop.key())
    # Who has it keeps it.
    shop.advance(days=30)
    assert latest(shop, answer).total == 1710


@pytest.mark.parametrize(
    "terms",
    [
        {"active": False},
        {"customer": "another"},
        {"first_time_transaction": True},
        {"minimum_amount": 1901, "minimum_amount_currency": "usd"},
        {"minimum_amount": 1, "minimum_amount_currency": "eur"},
    ],
)
def test_a_code_s_restrictions_are_kept(shop, terms):
    if terms.get("customer"):
        terms = {"customer": shop.customer()}
    answer = shop.subscribe(shop.customer())
    word = code(shop, coupon(shop, "10"), **terms)

    with pytest.raises(InvalidRequest) as caught:
        shop.change(answer, discounts=[{"promotion_code": word}])

    assert caught.value.code == "promotion_code_invalid"
    assert shop.subscription(answer).discounts == ()


def test_a_code_whose_restrictions_are_met_is_redeemed(shop):
    customer = shop.customer()
    word = code(
        shop,
        coupon(shop, "10"),
        customer=customer,
        first_time_transaction=True,
        minimum_amount=1900,
        minimum_amount_currency="usd",
    )

    answer = shop.subscribe(customer, discounts=[{"promotion_code": word}])

    assert answer.main.discounts[0].promotion_code == word


def test_an_amount_in_another_currency_isnt_redeemed(shop):
    with pytest.raises(InvalidRequest) as caught:
        subscribe(shop, coupon(shop, amount=500), price="price_euro")

    assert caught.value.code == "currency_mismatch"


def test_the_outbox_tells_what_happened(shop):
    word = code(shop, coupon(shop, "10"))
    answer = shop.subscribe(shop.customer())
    shop.forget_events()

    shop.change(answer, discounts=[{"promotion_code": word}])
    shop.change(answer, discounts=[])

    assert shop.types() == [
        "coupon.updated",
        "promotion_code.updated",
        "customer.discount.created",
        "customer.subscription.updated",
        "customer.discount.deleted",
        "customer.subscription.updated",
    ]


# -- changes ---------------------------------------------------------------------------------------


def test_no_more_is_given_back_than_was_paid(shop):
    answer = subscribe(shop, coupon(shop, "100"))
    shop.advance(days=10)

    shop.swap(answer, "price_team", proration="always_invoice")

    invoice = latest(shop, answer)
    # What was free gives nothing back, and the rest of the dearer plan is free as well.
    assert [line.amount for line in invoice.lines if line.amount < 0] == []
    assert invoice.total == 0


def test_what_waits_and_is_given_back_on_one_invoice_is_discounted_once(shop):
    answer = subscribe(shop, coupon(shop, "50"))
    shop.advance(days=7)
    shop.swap(answer, "price_team")
    shop.advance(days=7)
    shop.swap(answer, "price_pro")
    shop.advance(days=20)

    [_, invoice] = shop.invoices(answer.main.customer)
    assert sum(line.amount for line in invoice.lines) == invoice.subtotal
    assert invoice.discount == sum(line.discount for line in invoice.lines)
    # For a quarter of the month half of 30.00 more was to be paid, and half of the next month.
    assert invoice.total == 950 + 375


def test_usage_that_comes_late_is_discounted_too(shop, fake):
    fake.create_price(
        "prod_pro", Money(10, "usd"), id="price_calls", usage_type="metered", meter="calls"
    )
    answer = subscribe(shop, coupon(shop, "50"), price="price_calls")
    customer = answer.main.customer
    shop.advance(days=28)
    invoice = latest(shop, answer)
    at = int((fake.clock.now() - datetime.timedelta(minutes=5)).timestamp())
    fake.create_meter_event(
        customer, event_name="calls", value=9, identifier="1", timestamp=at, key=shop.key()
    )
    shop.advance(hours=2)

    assert sums(shop.invoice(invoice.processor_id)) == (90, 45, 45)


@pytest.mark.parametrize("proration", ["create_prorations", "always_invoice"])
def test_the_bill_is_what_the_preview_said(shop, fake, proration):
    answer = subscribe(shop, coupon(shop, "30"), coupon(shop, amount=123))
    shop.advance(days=11)
    item = shop.subscription(answer).items[0].processor_id
    changes = {"items": [{"id": item, "price": "price_team"}], "proration": proration}

    seen = fake.preview_invoice(answer.main.processor_id, changes).main
    shop.change(answer, **changes)
    shop.advance(days=20)

    invoices = shop.invoices(answer.main.customer)
    real = invoices[1]
    assert sums(real) == sums(seen)
    assert [line.discount for line in real.lines] == [line.discount for line in seen.lines]


def test_the_announcement_of_an_invoice_tells_its_discount(shop):
    answer = subscribe(shop, coupon(shop, "50"))
    shop.advance(days=22)

    [event] = [each for each in shop.fake.pending_events() if each.type == "invoice.upcoming"]
    announced = shop.fake.read_event(event.body).object
    assert sums(announced) == (1900, 950, 950)
    assert answer.main.discounts == shop.subscription(answer).discounts


# -- whatever the amounts --------------------------------------------------------------------------


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    amounts=st.lists(st.integers(0, 10**7), min_size=1, max_size=6),
    offs=st.lists(
        st.one_of(st.integers(1, 10**6), st.decimals("0.0001", "100", places=4)), max_size=4
    ),
)
def test_the_parts_add_up_whatever_the_amounts(amounts, offs):
    fake = FakeProcessor(seed=1)
    shop = Shop(fake).catalog()
    lines = [
        objects.InvoiceLine(processor_id=f"il_{at}", amount=amount, currency="usd")
        for at, amount in enumerate(amounts)
    ]
    discounts = [
        objects.Discount(
            processor_id=f"di_{at}",
            coupon=coupon(shop, str(off))
            if isinstance(off, decimal.Decimal)
            else coupon(shop, amount=off),
        )
        for at, off in enumerate(offs)
    ]

    taken, told = fake._engine.see(lambda tx: discounting.taken_off(tx, discounts, lines, "usd"))

    assert sum(line.discount for line in taken) == sum(each.amount for each in told)
    assert all(0 <= line.discount <= line.amount for line in taken)
    left = sum(amounts)
    by_id = {each.discount: each.amount for each in told}
    for discount, off in zip(discounts, offs, strict=True):
        wanted = (
            Money(left, "usd").share(int(off * 10_000), 1_000_000).amount_minor
            if isinstance(off, decimal.Decimal)
            else min(off, left)
        )
        assert by_id.get(discount.processor_id, 0) == wanted
        left -= wanted
    fake.close()
