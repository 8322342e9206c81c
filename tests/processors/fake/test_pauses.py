from __future__ import annotations

import datetime

import pytest


@pytest.fixture
def subscribed(shop):
    answer = shop.subscribe(shop.customer())
    shop.advance(days=10)
    shop.forget_events()
    return answer


def pause(shop, answer, behavior, **more):
    return shop.change(answer, pause={"behavior": behavior, **more}).main


def statuses(shop, answer):
    return [invoice.status for invoice in shop.invoices(answer.main.customer)]


@pytest.mark.parametrize(
    ("behavior", "status"),
    [("void", "void"), ("keep_as_draft", "draft"), ("mark_uncollectible", "uncollectible")],
)
def test_a_paused_one_stays_active_and_its_invoices_are_not_collected(
    shop, subscribed, behavior, status
):
    paused = pause(shop, subscribed, behavior)
    assert (paused.status, paused.pause_behavior) == ("active", behavior)

    shop.advance(days=60)

    assert statuses(shop, subscribed) == ["paid", status, status]
    assert len(shop.charges(subscribed.main.customer)) == 1
    assert "customer.subscription.paused" not in shop.types()


def test_no_renewal_is_announced_while_it_is_paused(shop, subscribed):
    pause(shop, subscribed, "void")

    shop.advance(days=60)

    assert "invoice.upcoming" not in shop.types()


def test_resuming_collects_from_the_next_renewal_on(shop, subscribed):
    pause(shop, subscribed, "keep_as_draft")
    shop.advance(days=19)

    resumed = shop.change(subscribed, pause=None).main
    assert (resumed.pause_behavior, resumed.pause_resumes_at) == (None, None)
    shop.advance(days=32)

    assert statuses(shop, subscribed) == ["paid", "draft", "paid"]


def test_at_its_date_it_resumes_by_itself(fake, shop, subscribed):
    until = fake.clock.now() + datetime.timedelta(days=30)
    paused = pause(shop, subscribed, "void", resumes_at=int(until.timestamp()))
    assert paused.pause_resumes_at == until
    shop.forget_events()

    shop.advance(days=30)

    resumed = shop.subscription(subscribed)
    assert (resumed.pause_behavior, resumed.pause_resumes_at) == (None, None)
    assert shop.types()[-1] == "customer.subscription.updated"
    shop.advance(days=30)
    assert statuses(shop, subscribed) == ["paid", "void", "paid"]


def test_a_pause_that_ends_at_the_renewal_does_not_swallow_it(shop, subscribed):
    end = subscribed.main.current_period_end
    pause(shop, subscribed, "void", resumes_at=int(end.timestamp()))

    shop.advance(days=19)

    assert statuses(shop, subscribed) == ["paid", "paid"]


def test_an_older_invoice_is_still_tried_again_while_it_is_paused(shop, subscribed):
    shop.use(subscribed.main.customer, "pm_card_chargeCustomerFail")
    shop.advance(days=19)
    pause(shop, subscribed, "void")
    shop.use(subscribed.main.customer, "pm_card_visa")

    shop.advance(days=3)

    assert statuses(shop, subscribed) == ["paid", "paid"]


def test_voided_invoices_do_not_touch_the_balance(fake, shop, subscribed):
    customer = subscribed.main.customer
    fake.set_balance(customer, -500)
    pause(shop, subscribed, "void")

    shop.advance(days=30)

    assert fake.fetch("customer", customer).main.balance == -500


def test_a_paused_one_that_is_canceled_ends_with_its_period(shop, subscribed):
    pause(shop, subscribed, "void")
    shop.change(subscribed, cancel_at_period_end=True)

    shop.advance(days=19)

    assert shop.subscription(subscribed).status == "canceled"


def test_a_change_while_it_is_paused_is_billed_as_the_pause_says(shop, subscribed):
    pause(shop, subscribed, "keep_as_draft")

    answer = shop.swap(subscribed, "price_team", proration="always_invoice")

    assert answer.objects[1].status == "draft"
    shop.advance(days=5)
    assert shop.invoice(answer.objects[1].processor_id).status == "draft"
