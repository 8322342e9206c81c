from __future__ import annotations

import datetime

import pytest

from flask_accrue.errors import InvalidRequest

DAYS_14 = datetime.timedelta(days=14)


def test_a_trial_costs_nothing_and_needs_no_card(shop, start):
    answer = shop.subscribe(shop.customer(card=None), trial=DAYS_14)

    subscription, invoice = answer.objects
    assert subscription.status == "trialing"
    assert (subscription.trial_start, subscription.trial_end) == (start, start + DAYS_14)
    assert subscription.current_period_end == subscription.billing_cycle_anchor == start + DAYS_14
    assert (invoice.status, invoice.total) == ("paid", 0)
    assert [line.description for line in invoice.lines] == ["Trial period for Pro"]


def test_its_end_is_announced_three_days_before(shop, start, fake):
    shop.subscribe(shop.customer(), trial=DAYS_14)
    shop.forget_events()

    shop.advance(days=10, hours=23)
    assert "customer.subscription.trial_will_end" not in shop.types()
    shop.advance(hours=1)

    (event,) = [each for each in fake.pending_events() if each.type.endswith("trial_will_end")]
    assert event.created == start + datetime.timedelta(days=11)


def test_a_trial_of_two_days_is_announced_at_once(shop):
    shop.subscribe(shop.customer(), trial=datetime.timedelta(days=2))

    assert shop.types().count("customer.subscription.trial_will_end") == 1
    shop.advance(days=5)
    assert shop.types().count("customer.subscription.trial_will_end") == 1


def test_it_becomes_active_and_is_charged_an_hour_later(shop, start):
    answer = shop.subscribe(shop.customer(), trial=DAYS_14)

    shop.advance(days=14)
    active = shop.subscription(answer)
    invoice = shop.invoice(active.latest_invoice)
    assert (active.status, invoice.status) == ("active", "draft")
    assert active.trial_end == start + DAYS_14
    assert active.current_period_end == datetime.datetime(2026, 3, 14, 12, tzinfo=datetime.UTC)
    shop.advance(hours=1)

    assert shop.invoice(active.latest_invoice).status == "paid"


def test_with_a_bad_card_it_becomes_past_due(shop):
    answer = shop.subscribe(shop.customer("pm_card_chargeCustomerFail"), trial=DAYS_14)

    shop.advance(days=14, hours=1)

    assert shop.subscription(answer).status == "past_due"


def test_without_a_card_it_becomes_past_due(shop):
    answer = shop.subscribe(shop.customer(card=None), trial=DAYS_14)

    shop.advance(days=14, hours=1)

    subscription = shop.subscription(answer)
    invoice = shop.invoice(subscription.latest_invoice)
    assert (subscription.status, invoice.status, invoice.attempt_count) == ("past_due", "open", 1)


def test_without_a_card_it_is_canceled_if_the_rules_say_so(fake, shop):
    fake.configure(trial_without_card="cancel")
    answer = shop.subscribe(shop.customer(card=None), trial=DAYS_14)

    shop.advance(days=14)

    assert shop.subscription(answer).status == "canceled"


def test_without_a_card_it_is_paused_if_the_rules_say_so_and_resumes_with_one(fake, shop):
    fake.configure(trial_without_card="pause")
    answer = shop.subscribe(shop.customer(card=None), trial=DAYS_14)
    shop.advance(days=14)
    assert shop.subscription(answer).status == "paused"
    assert "customer.subscription.paused" in shop.types()
    assert shop.advance(days=60) == 0

    shop.use(answer.main.customer, "pm_card_visa")
    # Collection isn't what is paused.
    assert shop.change(answer, pause=None).main.status == "paused"
    resumed = shop.change(answer, resume=True)

    assert resumed.main.status == "active"
    assert resumed.main.current_period_start == fake.clock.now()
    assert (resumed.objects[1].status, resumed.objects[1].total) == ("paid", 1900)
    assert "customer.subscription.resumed" in shop.types()
    with pytest.raises(InvalidRequest):
        shop.change(answer, resume=True)


def test_it_stays_paused_until_the_bill_by_which_it_is_resumed_is_paid(fake, shop):
    fake.configure(trial_without_card="pause")
    answer = shop.subscribe(shop.customer(card=None), trial=DAYS_14)
    shop.advance(days=15)
    shop.use(answer.main.customer, "pm_card_chargeCustomerFail")

    first = shop.change(answer, resume=True)
    assert (first.main.status, first.objects[1].status) == ("paused", "open")
    assert shop.advance(days=40) == 0
    again = shop.change(answer, resume=True)
    assert again.main.status == "paused"
    assert fake.fetch("invoice", first.objects[1].processor_id).main.status == "void"

    shop.use(answer.main.customer, "pm_card_visa")
    fake.pay_invoice(again.objects[1].processor_id, payment_method=None, key="paid")

    assert shop.subscription(answer).status == "active"
    assert shop.types().count("customer.subscription.resumed") == 1
    shop.advance(days=32)
    assert shop.subscription(answer).current_period_start > again.main.current_period_start


def test_ending_it_now_bills_the_first_period_at_once(fake, shop):
    answer = shop.subscribe(shop.customer(), trial=DAYS_14)
    shop.advance(days=5)
    shop.forget_events()

    changed = shop.change(answer, trial_end="now")

    now = fake.clock.now()
    assert changed.main.status == "active"
    assert changed.main.trial_end == now == changed.main.billing_cycle_anchor
    assert [line.amount for line in changed.objects[1].lines] == [1900]
    assert changed.objects[1].status == "paid"
    assert "customer.subscription.trial_will_end" in shop.types()


def test_extending_it_moves_the_end_and_announces_it_anew(shop, start):
    answer = shop.subscribe(shop.customer(), trial=DAYS_14)
    shop.advance(days=12)
    end = start + datetime.timedelta(days=30)

    changed = shop.change(answer, trial_end=int(end.timestamp())).main

    assert changed.status == "trialing"
    assert changed.trial_end == end == changed.current_period_end
    assert changed.trial_start == start
    shop.advance(days=17)
    assert shop.subscription(answer).status == "trialing"
    assert shop.types().count("customer.subscription.trial_will_end") == 2
    shop.advance(days=1)
    assert shop.subscription(answer).status == "active"


def test_a_trial_for_a_running_one_gives_back_the_unused_time(fake, shop):
    answer = shop.subscribe(shop.customer())
    shop.advance(days=14)
    end = fake.clock.now() + datetime.timedelta(days=7)

    changed = shop.change(
        answer, trial_end=int(end.timestamp()), proration="create_prorations"
    ).main

    assert (changed.status, changed.current_period_end) == ("trialing", end)
    shop.advance(days=7)
    invoice = shop.invoice(shop.subscription(answer).latest_invoice)
    assert [line.amount for line in invoice.lines] == [-950, 1900]


@pytest.mark.parametrize("days", [1, 5, 40])
def test_canceling_and_taking_it_back_keeps_the_trials_end(shop, days):
    answer = shop.subscribe(shop.customer(), trial=datetime.timedelta(days=days))
    shop.change(answer, cancel_at_period_end=True)

    changed = shop.change(answer, cancel_at_period_end=False).main

    assert changed.trial_end == answer.main.trial_end
    assert (changed.status, changed.cancel_at) == ("trialing", None)


def test_an_extended_trial_that_is_canceled_ends_with_it(shop, start):
    answer = shop.subscribe(shop.customer(), trial=DAYS_14)
    shop.change(answer, cancel_at_period_end=True)
    end = start + datetime.timedelta(days=30)

    changed = shop.change(answer, trial_end=int(end.timestamp())).main

    assert changed.cancel_at == end


def test_a_change_in_the_second_of_the_announcement_repeats_nothing(shop):
    answer = shop.subscribe(shop.customer(), trial=DAYS_14)
    shop.advance(days=11)

    shop.change(answer, default_payment_method=None, cancel_at_period_end=False)
    shop.swap(answer, "price_team")
    shop.advance(days=1)

    assert shop.types().count("customer.subscription.trial_will_end") == 1
