from __future__ import annotations

import datetime

import pytest

from flask_accrue.errors import InvalidRequest, NotFound

UTC = datetime.UTC


@pytest.fixture
def subscribed(shop):
    answer = shop.subscribe(shop.customer())
    shop.advance(days=14)
    shop.forget_events()
    return answer


def test_canceled_now_is_ended_now_and_renews_no_more(fake, shop, subscribed):
    ended = shop.cancel(subscribed).main

    now = fake.clock.now()
    assert (ended.status, ended.ended_at, ended.canceled_at) == ("canceled", now, now)
    assert shop.types() == ["customer.subscription.deleted"]
    assert shop.advance(days=400) == 0


def test_what_has_ended_can_be_fetched_but_not_canceled_again(shop, subscribed):
    shop.cancel(subscribed)

    assert shop.subscription(subscribed).status == "canceled"
    with pytest.raises(NotFound) as caught:
        shop.cancel(subscribed)
    assert caught.value.code == "resource_missing"


def test_canceled_with_credit_and_an_invoice_now_the_credit_is_kept(fake, shop, subscribed):
    answer = shop.cancel(subscribed, invoice_now=True, prorate=True)

    invoice = answer.objects[1]
    assert [line.amount for line in invoice.lines] == [-950]
    assert (invoice.status, invoice.ending_balance) == ("paid", -950)
    assert fake.fetch("customer", answer.main.customer).main.balance == -950


def test_credit_without_an_invoice_waits_for_the_customers_next_one(shop, subscribed):
    shop.cancel(subscribed, prorate=True)

    again = shop.subscribe(subscribed.main.customer)

    assert [line.amount for line in again.objects[1].lines] == [-950, 1900]


def test_an_open_invoice_is_not_collected_after_the_end(fake, shop):
    answer = shop.subscribe(shop.customer())
    shop.use(answer.main.customer, "pm_card_chargeCustomerFail")
    shop.advance(days=28, hours=1)
    open_one = shop.subscription(answer).latest_invoice
    assert shop.invoice(open_one).next_payment_attempt is not None

    shop.cancel(answer)
    shop.use(answer.main.customer, "pm_card_visa")
    shop.advance(days=30)

    assert shop.invoice(open_one).status == "open"
    assert shop.invoice(open_one).next_payment_attempt is None


def test_at_the_end_of_the_period_it_ends_and_is_not_renewed(fake, shop, subscribed):
    asked = fake.clock.now()
    changed = shop.change(subscribed, cancel_at_period_end=True).main
    end = changed.current_period_end
    assert (changed.status, changed.cancel_at_period_end) == ("active", True)
    assert (changed.cancel_at, changed.canceled_at) == (end, asked)
    shop.forget_events()

    shop.advance(days=13, hours=23)
    assert shop.subscription(subscribed).status == "active"
    shop.advance(hours=1)

    ended = shop.subscription(subscribed)
    assert (ended.status, ended.ended_at, ended.canceled_at) == ("canceled", end, asked)
    assert shop.types() == ["customer.subscription.deleted"]
    assert len(shop.invoices(ended.customer)) == 1


def test_taking_it_back_renews_as_before(shop, subscribed):
    shop.change(subscribed, cancel_at_period_end=True)

    changed = shop.change(subscribed, cancel_at_period_end=False).main

    assert (changed.cancel_at_period_end, changed.cancel_at, changed.canceled_at) == (
        False,
        None,
        None,
    )
    shop.advance(days=14)
    assert shop.subscription(subscribed).status == "active"
    assert len(shop.invoices(changed.customer)) == 2


def test_lines_that_wait_are_billed_when_the_period_ends(shop, subscribed):
    shop.swap(subscribed, "price_team")
    shop.change(subscribed, cancel_at_period_end=True)

    shop.advance(days=14, hours=1)

    ended = shop.subscription(subscribed)
    last = shop.invoice(ended.latest_invoice)
    assert ended.status == "canceled"
    assert [line.amount for line in last.lines] == [-950, 2450]
    assert last.status == "paid"


def test_a_trial_that_is_canceled_ends_with_the_trial(shop):
    answer = shop.subscribe(shop.customer(), trial=datetime.timedelta(days=10))

    changed = shop.change(answer, cancel_at_period_end=True).main
    assert changed.cancel_at == answer.main.trial_end
    shop.advance(days=10)

    ended = shop.subscription(answer)
    assert (ended.status, ended.ended_at) == ("canceled", answer.main.trial_end)
    assert sum(invoice.total for invoice in shop.invoices(ended.customer)) == 0


def test_at_a_date_it_ends_and_the_last_period_is_charged_in_part(shop, subscribed):
    # The period from 28 February to 31 March has 31 days, of which 10 are left to it.
    end = datetime.datetime(2026, 3, 10, 12, tzinfo=UTC)
    shop.change(subscribed, cancel_at=int(end.timestamp()))

    shop.advance(days=14, hours=1)
    renewed = shop.subscription(subscribed)
    assert renewed.current_period_end == end == renewed.cancel_at
    assert shop.invoice(renewed.latest_invoice).total == round(1900 * 10 / 31)
    shop.advance(days=10)

    assert (shop.subscription(subscribed).status, shop.subscription(subscribed).ended_at) == (
        "canceled",
        end,
    )


def test_a_date_is_taken_back_and_the_rest_is_charged_when_it_comes(shop, subscribed):
    end = datetime.datetime(2026, 3, 10, 12, tzinfo=UTC)
    shop.change(subscribed, cancel_at=int(end.timestamp()))
    shop.advance(days=15)
    first = shop.invoice(shop.subscription(subscribed).latest_invoice)

    shop.change(subscribed, cancel_at=None)
    shop.advance(days=10)

    going = shop.subscription(subscribed)
    rest = shop.invoice(going.latest_invoice)
    assert going.status == "active"
    assert going.current_period_end == datetime.datetime(2026, 3, 31, 12, tzinfo=UTC)
    assert first.total + rest.total == 1900


def test_a_date_replaces_the_end_of_the_period(shop, subscribed):
    shop.change(subscribed, cancel_at_period_end=True)

    end = datetime.datetime(2026, 2, 20, tzinfo=UTC)
    changed = shop.change(subscribed, cancel_at=int(end.timestamp())).main

    assert (changed.cancel_at_period_end, changed.cancel_at) == (False, end)


def test_the_date_survives_other_changes(shop, subscribed):
    end = datetime.datetime(2026, 3, 10, 12, tzinfo=UTC)
    shop.change(subscribed, cancel_at=int(end.timestamp()))

    assert shop.change(subscribed, metadata={"a": "b"}).main.cancel_at == end
    assert shop.change(subscribed, cancel_at_period_end=False).main.cancel_at == end


def test_a_swap_alone_does_not_take_the_end_back(shop, subscribed):
    shop.change(subscribed, cancel_at_period_end=True)

    assert shop.swap(subscribed, "price_team").main.cancel_at_period_end


def test_the_past_is_no_date(shop, subscribed):
    with pytest.raises(InvalidRequest):
        shop.change(subscribed, cancel_at=int(subscribed.main.start_date.timestamp()))


def test_one_that_never_began_expires_when_it_is_canceled(fake, shop):
    answer = shop.subscribe(shop.customer("pm_card_chargeCustomerFail"))
    shop.forget_events()

    ended = shop.cancel(answer, invoice_now=True, prorate=True).main

    now = fake.clock.now()
    assert (ended.status, ended.canceled_at, ended.ended_at) == ("incomplete_expired", now, now)
    assert shop.invoice(answer.objects[1].processor_id).status == "void"
    assert shop.types() == [
        "customer.subscription.updated",
        "payment_intent.canceled",
        "invoice.voided",
    ]
    assert fake.fetch("customer", ended.customer).main.balance == 0


# -- an end within a period that was billed --------------------------------------------------------

#: A week before the period ends, which has 28 days and cost 1900.
WITHIN = datetime.datetime(2026, 2, 21, 12, tzinfo=UTC)
WEEK = 475


def ends(shop, answer, moment, **changes):
    until = None if moment is None else int(moment.timestamp())
    return shop.change(answer, cancel_at=until, **changes)


def test_what_was_billed_for_the_time_after_an_end_is_given_back_on_the_last_invoice(
    fake, shop, subscribed
):
    ends(shop, subscribed, WITHIN)
    shop.advance(days=7, hours=1)

    ended = shop.subscription(subscribed)
    last = shop.invoice(ended.latest_invoice)
    assert (ended.status, ended.ended_at) == ("canceled", WITHIN)
    assert [(line.amount, line.proration) for line in last.lines] == [(-WEEK, True)]
    assert (last.lines[0].period_start, last.lines[0].period_end) == (
        WITHIN,
        ended.current_period_end,
    )
    assert fake.fetch("customer", ended.customer).main.balance == -WEEK


def test_without_a_proration_an_end_leaves_the_bill(shop, subscribed):
    ends(shop, subscribed, WITHIN, proration="none")
    shop.advance(days=10)

    ended = shop.subscription(subscribed)
    assert ended.status == "canceled"
    assert [invoice.total for invoice in shop.invoices(ended.customer)] == [1900]


def test_what_an_end_gives_back_is_billed_at_once_if_that_is_asked_for(shop, subscribed):
    answer = ends(shop, subscribed, WITHIN, proration="always_invoice")

    assert [line.amount for line in answer.objects[1].lines] == [-WEEK]


@pytest.mark.parametrize("moved", [{"cancel_at": None}, {"cancel_at_period_end": True}])
def test_an_end_that_is_taken_back_or_replaced_is_billed_again(shop, subscribed, moved):
    ends(shop, subscribed, WITHIN)
    answer = shop.change(subscribed, **moved, proration="always_invoice")

    bill = answer.objects[1]
    assert [line.amount for line in bill.lines] == [-WEEK, WEEK]
    assert bill.total == 0


def test_an_end_that_is_taken_back_without_a_proration_stays_given_back(shop, subscribed):
    ends(shop, subscribed, WITHIN)
    ends(shop, subscribed, None, proration="none")
    shop.advance(days=14, hours=1)

    renewed = shop.subscription(subscribed)
    assert renewed.status == "active"
    assert [line.amount for line in shop.invoice(renewed.latest_invoice).lines] == [-WEEK, 1900]


def test_an_end_that_is_moved_bills_and_gives_back_the_difference(shop, subscribed):
    day = datetime.timedelta(days=1)
    for moment in (WITHIN, WITHIN + 3 * day, WITHIN - 2 * day, WITHIN + 30 * day, WITHIN):
        ends(shop, subscribed, moment)
    shop.advance(days=7, hours=1)

    last = shop.invoice(shop.subscription(subscribed).latest_invoice)
    assert [line.amount for line in last.lines] == [-475, 204, -340, 611, -475]
    assert last.total == -WEEK


def test_a_discount_holds_for_what_is_billed_again(fake, shop):
    fake.create_coupon(
        **dict.fromkeys(
            "name amount_off currency currency_options duration_in_months max_redemptions "
            "redeem_by products".split()
        ),
        id="some",
        percent_off="40",
        duration="forever",
        metadata={},
        key="coupon",
    )
    answer = shop.subscribe(shop.customer(), discounts=[{"coupon": "some"}])
    for moment in (WITHIN, None, WITHIN, None):
        ends(shop, answer, moment)
    shop.advance(days=28, hours=1)

    renewal = shop.invoice(shop.subscription(answer).latest_invoice)
    assert renewal.total == 1140


def test_what_is_changed_before_an_end_is_reckoned_until_it(shop, subscribed):
    ends(shop, subscribed, WITHIN)
    answer = shop.swap(subscribed, "price_team", proration="always_invoice")

    # Of 28 days 14 are left, but only 7 of them are used and paid.
    assert [line.amount for line in answer.objects[1].lines] == [-475, -475, 1225]
    assert answer.objects[1].lines[2].period_end == WITHIN


@pytest.mark.parametrize(
    ("proration", "paid"), [("create_prorations", [-WEEK * 2, 338]), ("none", [19000])]
)
def test_a_period_that_begins_anew_is_billed_until_the_end(shop, subscribed, proration, paid):
    # 14 days were left of what was paid, and 6.5 are used of a year of 365.
    end = datetime.datetime(2026, 2, 21, tzinfo=UTC)
    ends(shop, subscribed, end, proration="none")
    answer = shop.swap(subscribed, "price_year", proration=proration)

    assert [line.amount for line in answer.objects[1].lines] == paid


def test_a_trial_that_is_ended_is_billed_until_the_end(shop):
    answer = shop.subscribe(shop.customer(), trial=datetime.timedelta(days=40))
    ends(shop, answer, datetime.datetime(2026, 2, 7, 12, tzinfo=UTC))
    bill = shop.change(answer, trial_end="now").objects[1]
    assert [line.amount for line in bill.lines] == [WEEK]
    # What is taken back is billed until the period's end.
    bill = ends(shop, answer, None, proration="always_invoice").objects[1]
    assert [line.amount for line in bill.lines] == [1900 - WEEK]


def test_no_more_is_given_back_than_was_paid(shop):
    answer = shop.subscribe(shop.customer())
    shop.advance(days=14)
    ends(shop, answer, WITHIN)
    last = shop.cancel(answer, invoice_now=True, prorate=True).objects[1]

    assert [line.amount for line in last.lines] == [-475, -475]


def test_an_end_within_a_trial_gives_nothing_back(shop):
    answer = shop.subscribe(shop.customer(), trial=datetime.timedelta(days=20))
    ends(shop, answer, WITHIN - datetime.timedelta(days=5))
    shop.advance(days=30)

    assert shop.subscription(answer).status == "canceled"
    assert [invoice.total for invoice in shop.invoices(answer.main.customer)] == [0]
