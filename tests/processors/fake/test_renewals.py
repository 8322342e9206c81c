from __future__ import annotations

import datetime

import pytest

from flask_accrue.errors import ConfigError

UTC = datetime.UTC


@pytest.fixture
def subscribed(shop):
    answer = shop.subscribe(shop.customer())
    shop.forget_events()
    return answer


@pytest.fixture
def failing(shop, subscribed):
    """A subscription whose card fails from its first renewal on."""
    shop.use(subscribed.main.customer, "pm_card_chargeCustomerFail")
    shop.advance(days=28, hours=1)
    return subscribed


def latest(shop, answer):
    return shop.invoice(shop.subscription(answer).latest_invoice)


def at(month: int, day: int, hour: int = 12) -> datetime.datetime:
    return datetime.datetime(2026, month, day, hour, tzinfo=UTC)


def test_a_renewal_is_announced_drafted_finalized_and_paid(fake, shop, subscribed):
    shop.advance(days=29)

    told = [(event.created, event.type) for event in fake.pending_events()]
    assert told == [
        (at(2, 21), "invoice.upcoming"),
        (at(2, 28), "invoice.created"),
        (at(2, 28), "customer.subscription.updated"),
        (at(2, 28, 13), "payment_intent.created"),
        (at(2, 28, 13), "invoice.finalized"),
        (at(2, 28, 13), "charge.succeeded"),
        (at(2, 28, 13), "payment_intent.succeeded"),
        (at(2, 28, 13), "invoice_payment.paid"),
        (at(2, 28, 13), "invoice.updated"),
        (at(2, 28, 13), "invoice.paid"),
        (at(2, 28, 13), "invoice.payment_succeeded"),
    ]


def test_each_event_is_a_snapshot_of_its_moment(fake, shop, subscribed):
    shop.advance(days=29)

    read = [fake.read_event(event.body) for event in fake.pending_events()]

    invoices = [each.object for each in read if each.object.kind == "invoice"]
    assert [invoice.status for invoice in invoices] == [
        "draft",
        "draft",
        "open",
        "paid",
        "paid",
        "paid",
    ]


def test_an_upcoming_invoice_has_no_id_and_cannot_be_fetched(fake, shop, subscribed):
    shop.advance(days=21)

    (event,) = fake.pending_events()
    upcoming = fake.read_event(event.body)
    assert upcoming.type == "invoice.upcoming"
    assert upcoming.object.processor_id == ""
    assert (upcoming.object.total, upcoming.object.period_end) == (1900, at(2, 28))
    assert (upcoming.fetchable, upcoming.usable) == (False, False)
    assert upcoming.customer == subscribed.main.customer


def test_the_period_moves_at_once_and_is_paid_an_hour_later(shop, subscribed):
    shop.advance(days=28)

    renewed = shop.subscription(subscribed)
    invoice = latest(shop, subscribed)
    assert (renewed.current_period_start, renewed.current_period_end) == (at(2, 28), at(3, 31))
    assert renewed.items[0].current_period_end == at(3, 31)
    assert (invoice.status, invoice.billing_reason) == ("draft", "subscription_cycle")
    assert (invoice.period_start, invoice.period_end) == (at(1, 31), at(2, 28))
    assert (invoice.lines[0].period_start, invoice.lines[0].period_end) == (at(2, 28), at(3, 31))


def test_a_year_from_the_thirty_first_ends_each_month_on_its_last_day(shop, subscribed):
    shop.advance(days=366)

    ends = [invoice.lines[0].period_end for invoice in shop.invoices(subscribed.main.customer)]
    assert [f"{end:%m-%d}" for end in ends] == [
        "02-28", "03-31", "04-30", "05-31", "06-30", "07-31",
        "08-31", "09-30", "10-31", "11-30", "12-31", "01-31", "02-28",
    ]  # fmt: skip


def test_months_are_counted_in_the_zone_of_the_rules(fake, shop):
    # 31 January, 23:30 in UTC, is 1 February in Berlin.
    fake.configure(zone="Europe/Berlin")
    shop.advance(hours=11, minutes=30)
    answer = shop.subscribe(shop.customer())

    assert answer.main.current_period_end == datetime.datetime(2026, 2, 28, 23, 30, tzinfo=UTC)
    shop.advance(days=60)
    # Summer time has begun: the same hour in Berlin is an hour earlier in UTC.
    assert shop.subscription(answer).current_period_end == datetime.datetime(
        2026, 4, 30, 22, 30, tzinfo=UTC
    )


def test_a_failed_renewal_is_past_due_and_tried_again_in_three_days(fake, shop, failing):
    assert shop.subscription(failing).status == "past_due"
    invoice = latest(shop, failing)
    assert (invoice.status, invoice.attempt_count) == ("open", 1)
    assert invoice.next_payment_attempt == at(3, 3, 13)
    assert shop.types()[-5:] == [
        "charge.failed",
        "payment_intent.payment_failed",
        "invoice.updated",
        "invoice.payment_failed",
        "customer.subscription.updated",
    ]
    failed = next(each for each in fake.pending_events() if each.type == "invoice.payment_failed")
    assert fake.read_event(failed.body).payment_failed


def test_the_retries_come_three_then_five_then_seven_days_after_each_other(fake, shop, failing):
    invoice = latest(shop, failing).processor_id
    attempts = []

    for days in (3, 5, 7):
        attempts.append(shop.invoice(invoice).next_payment_attempt)
        shop.advance(days=days)

    assert attempts == [at(3, 3, 13), at(3, 8, 13), at(3, 15, 13)]
    assert shop.invoice(invoice).attempt_count == 4
    assert [charge.status for charge in shop.charges(failing.main.customer)] == [
        "succeeded",
        *["failed"] * 4,
    ]


def test_a_retry_with_a_better_card_recovers(shop, failing):
    shop.use(failing.main.customer, "pm_card_visa")

    shop.advance(days=3)

    assert shop.subscription(failing).status == "active"
    assert latest(shop, failing).status == "paid"
    assert latest(shop, failing).next_payment_attempt is None


@pytest.mark.parametrize(
    ("action", "status"), [("cancel", "canceled"), ("mark_unpaid", "unpaid"), ("past_due", "past_due")]
)  # fmt: skip
def test_after_the_last_retry_comes_what_the_rules_say(fake, shop, failing, action, status):
    fake.configure(terminal_action=action)

    shop.advance(days=14)
    assert shop.subscription(failing).status == "past_due"
    shop.advance(days=1)

    ended = shop.subscription(failing)
    assert ended.status == status
    assert latest(shop, failing).status == "open"
    assert latest(shop, failing).next_payment_attempt is None
    if action == "cancel":
        assert ended.ended_at == fake.clock.now()
        assert shop.advance(days=100) == 0


def test_an_unpaid_one_goes_on_making_drafts_that_nobody_collects(fake, shop, failing):
    fake.configure(terminal_action="mark_unpaid")
    shop.advance(days=62)

    made = [invoice.status for invoice in shop.invoices(failing.main.customer)]

    assert made == ["paid", "open", "draft", "draft"]


def test_paying_the_latest_invoice_makes_an_unpaid_one_active(fake, shop, failing):
    fake.configure(terminal_action="mark_unpaid")
    shop.advance(days=15)
    shop.use(failing.main.customer, "pm_card_visa")

    fake.pay_invoice(latest(shop, failing).processor_id, payment_method=None, key="pay")

    assert shop.subscription(failing).status == "active"


def test_one_left_past_due_is_billed_again_and_recovers_with_its_latest_invoice(
    fake, shop, failing
):
    fake.configure(terminal_action="past_due")
    shop.advance(days=20)
    shop.use(failing.main.customer, "pm_card_visa")

    shop.advance(days=12)

    assert shop.subscription(failing).status == "active"
    made = [invoice.status for invoice in shop.invoices(failing.main.customer)]
    assert made == ["paid", "open", "paid"]


def test_other_retry_days_can_be_set(fake, shop, subscribed):
    fake.configure(retry_days=(1,))
    shop.use(subscribed.main.customer, "pm_card_chargeCustomerFail")

    shop.advance(days=29, hours=1)

    assert shop.subscription(subscribed).status == "canceled"


def test_a_renewal_that_has_to_be_confirmed_says_so_and_that_it_failed(fake, shop, subscribed):
    shop.use(subscribed.main.customer, "pm_card_authenticationRequired")
    shop.advance(days=28, hours=1)

    assert shop.subscription(subscribed).status == "past_due"
    types = shop.types()
    assert types.index("invoice.payment_action_required") < types.index("invoice.payment_failed")
    (payment,) = latest(shop, subscribed).payments
    answer = fake.confirm_payment(payment.payment_intent, payment_method=None, key="confirm")

    assert answer.main.status == "succeeded"
    assert shop.subscription(subscribed).status == "active"


def test_renewal_stops_with_the_customer(fake, shop, subscribed):
    fake.delete_customer(subscribed.main.customer)

    assert shop.advance(days=100) == 0


@pytest.mark.parametrize(
    ("rules", "named"),
    [
        ({"retry_days": (0,)}, "retry_days"),
        ({"terminal_action": "shrug"}, "terminal_action"),
        ({"trial_without_card": "shrug"}, "trial_without_card"),
        ({"zone": "Mars/Olympus"}, "zone"),
    ],
)
def test_rules_that_make_no_sense_are_refused_by_name(fake, rules, named):
    with pytest.raises(ConfigError, match=named):
        fake.configure(**rules)
