from __future__ import annotations

import datetime

import pytest

from flask_accrue.errors import CardError, InvalidRequest, NotFound
from flask_accrue.money import Money

UTC = datetime.UTC


def amounts(invoice) -> list[int]:
    return [line.amount for line in invoice.lines]


@pytest.fixture
def subscribed(shop):
    """A monthly subscription in the middle of a period of 28 days."""
    answer = shop.subscribe(shop.customer())
    shop.advance(days=14)
    shop.forget_events()
    return answer


def use_card(shop, answer, token):
    return shop.use(answer.main.customer, token)


# -- swapping ------------------------------------------------------------------------------------


def test_a_swap_waits_with_its_lines_for_the_renewal(shop, subscribed):
    answer = shop.swap(subscribed, "price_team")

    assert [each.kind for each in answer.objects] == ["subscription"]
    assert answer.main.items[0].price == "price_team"
    assert answer.main.current_period_end == subscribed.main.current_period_end
    shop.advance(days=14)
    invoice = shop.invoice(shop.subscription(subscribed).latest_invoice)
    assert amounts(invoice) == [-950, 2450, 4900]
    assert [line.proration for line in invoice.lines] == [True, True, False]
    assert invoice.total == 6400


def test_always_invoice_bills_the_difference_at_once(shop, subscribed):
    answer = shop.swap(subscribed, "price_team", proration="always_invoice")

    invoice = answer.objects[1]
    assert (invoice.status, invoice.billing_reason) == ("paid", "subscription_update")
    assert amounts(invoice) == [-950, 2450]
    assert answer.main.latest_invoice == invoice.processor_id


def test_without_proration_nothing_is_billed_for_the_change(shop, subscribed):
    shop.swap(subscribed, "price_team", proration="none")
    shop.advance(days=14)

    assert amounts(shop.invoice(shop.subscription(subscribed).latest_invoice)) == [4900]


def test_proration_is_to_the_second(shop, subscribed):
    shop.advance(seconds=1)

    answer = shop.swap(subscribed, "price_team", proration="always_invoice")

    period, used = 28 * 86400, 14 * 86400 + 1
    assert amounts(answer.objects[1]) == [
        -(1900 - round(1900 * used / period)),
        4900 - round(4900 * used / period),
    ]


def test_a_proration_date_makes_the_bill_of_that_moment(fake, shop, subscribed):
    then = int(fake.clock.now().timestamp())
    shop.advance(hours=5)

    answer = shop.swap(subscribed, "price_team", proration="always_invoice", proration_date=then)

    assert amounts(answer.objects[1]) == [-950, 2450]


def test_a_proration_date_outside_the_period_is_refused(shop, subscribed):
    with pytest.raises(InvalidRequest) as caught:
        shop.swap(subscribed, "price_team", proration_date=1)

    assert caught.value.param == "proration_date"


def test_another_interval_begins_a_new_period_and_is_billed_at_once(fake, shop, subscribed):
    answer = shop.swap(subscribed, "price_year")

    now = fake.clock.now()
    assert answer.main.billing_cycle_anchor == now == answer.main.current_period_start
    assert answer.main.current_period_end == now.replace(year=2027)
    assert amounts(answer.objects[1]) == [-950, 19000]
    assert answer.objects[1].status == "paid"


def test_another_interval_without_proration_is_billed_in_full(shop, subscribed):
    answer = shop.swap(subscribed, "price_year", proration="none")

    assert amounts(answer.objects[1]) == [19000]


def test_something_free_that_becomes_paid_begins_a_new_period(fake, shop):
    free = shop.subscribe(shop.customer(), "price_free")
    shop.advance(days=10)

    answer = shop.swap(free, "price_pro")

    assert answer.main.current_period_start == fake.clock.now()
    assert amounts(answer.objects[1]) == [1900]


def test_a_downgrade_gives_credit_that_the_next_invoice_uses(fake, shop):
    answer = shop.subscribe(shop.customer(), "price_team")
    shop.advance(days=14)

    changed = shop.swap(answer, "price_pro", proration="always_invoice")

    invoice = changed.objects[1]
    assert amounts(invoice) == [-2450, 950]
    assert (invoice.status, invoice.total, invoice.amount_due) == ("paid", -1500, 0)
    assert (invoice.starting_balance, invoice.ending_balance) == (0, -1500)
    assert fake.fetch("customer", answer.main.customer).main.balance == -1500
    shop.advance(days=14, hours=1)
    renewal = shop.invoice(shop.subscription(answer).latest_invoice)
    assert (renewal.total, renewal.amount_due, renewal.amount_paid) == (1900, 400, 400)
    assert (renewal.starting_balance, renewal.ending_balance) == (-1500, 0)


def test_a_downgrade_with_a_bad_card_stays_active(shop):
    answer = shop.subscribe(shop.customer(), "price_team")
    use_card(shop, answer, "pm_card_chargeCustomerFail")

    changed = shop.swap(answer, "price_pro", proration="always_invoice")

    assert changed.main.status == "active"
    assert changed.main.items[0].price == "price_pro"


def test_there_and_back_at_once_costs_nothing(shop, subscribed):
    shop.swap(subscribed, "price_team")
    shop.swap(subscribed, "price_pro")
    shop.advance(days=14)

    invoice = shop.invoice(shop.subscription(subscribed).latest_invoice)
    assert sum(line.amount for line in invoice.lines if line.proration) == 0


def test_no_more_is_given_back_than_was_billed(shop, subscribed):
    # The dearer price was never charged for, so its unused time isn't worth anything.
    shop.swap(subscribed, "price_team", proration="none")

    answer = shop.swap(subscribed, "price_pro", proration="always_invoice")

    assert amounts(answer.objects[1]) == [-950, 950]


def test_a_swap_keeps_the_quantity_and_a_running_trial(shop):
    answer = shop.subscribe(shop.customer(), quantity=4, trial=datetime.timedelta(days=14))

    changed = shop.swap(answer, "price_team", proration="always_invoice")

    assert changed.main.items[0].quantity == 4
    assert changed.main.status == "trialing"
    assert changed.main.trial_end == answer.main.trial_end
    assert len(changed.objects) == 1


def test_a_swap_during_a_trial_is_billed_at_the_new_price_afterwards(shop):
    answer = shop.subscribe(shop.customer(), trial=datetime.timedelta(days=14))
    shop.swap(answer, "price_team")

    shop.advance(days=14)

    assert amounts(shop.invoice(shop.subscription(answer).latest_invoice)) == [4900]


def test_metered_and_licensed_change_into_one_another(shop, subscribed):
    assert shop.swap(subscribed, "price_usage").main.items[0].quantity is None
    assert shop.swap(subscribed, "price_pro").main.items[0].quantity == 1


# -- when the payment fails -----------------------------------------------------------------------


def test_a_swap_that_cannot_be_paid_stands_and_is_past_due(shop, subscribed):
    use_card(shop, subscribed, "pm_card_chargeCustomerFail")

    answer = shop.swap(subscribed, "price_team", proration="always_invoice")

    subscription, invoice, intent, charge = answer.objects
    assert (subscription.status, subscription.items[0].price) == ("past_due", "price_team")
    assert invoice.status == "open"
    assert intent.error_decline_code == "generic_decline"
    assert charge.status == "failed"
    assert answer.client_secret


def test_a_swap_that_has_to_be_confirmed_stands_and_is_past_due(shop, subscribed):
    use_card(shop, subscribed, "pm_card_authenticationRequired")

    answer = shop.swap(subscribed, "price_team", proration="always_invoice")

    assert answer.main.status == "past_due"
    assert answer.objects[2].status == "requires_action"
    assert answer.client_secret


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("pm_card_chargeCustomerFail", "card_declined"),
        ("pm_card_authenticationRequired", "subscription_payment_intent_requires_action"),
    ],
)
def test_with_error_if_incomplete_nothing_changes(fake, shop, subscribed, token, code):
    use_card(shop, subscribed, token)
    before = shop.subscription(subscribed)
    shop.forget_events()

    with pytest.raises(CardError) as caught:
        shop.swap(
            subscribed,
            "price_team",
            proration="always_invoice",
            payment_behavior="error_if_incomplete",
        )

    assert caught.value.code == code
    assert caught.value.answer is None
    assert shop.subscription(subscribed) == before
    assert shop.types() == []
    assert len(shop.invoices(subscribed.main.customer)) == 1


def test_a_quantity_that_cannot_be_paid_stands_and_is_past_due(shop, subscribed):
    use_card(shop, subscribed, "pm_card_chargeCustomerFail")
    item = subscribed.main.items[0].processor_id

    answer = shop.change(
        subscribed, items=[{"id": item, "quantity": 5}], proration="always_invoice"
    )

    assert (answer.main.status, answer.main.items[0].quantity) == ("past_due", 5)


def test_a_failed_change_is_retried_and_recovers(shop, subscribed):
    use_card(shop, subscribed, "pm_card_chargeCustomerFail")
    invoice = shop.swap(subscribed, "price_team", proration="always_invoice").objects[1]
    use_card(shop, subscribed, "pm_card_visa")

    shop.advance(days=3)

    assert shop.invoice(invoice.processor_id).status == "paid"
    assert shop.subscription(subscribed).status == "active"


# -- items and quantities ----------------------------------------------------------------------------


def test_a_higher_quantity_is_prorated(shop, subscribed):
    item = subscribed.main.items[0].processor_id

    answer = shop.change(
        subscribed, items=[{"id": item, "quantity": 3}], proration="always_invoice"
    )

    assert amounts(answer.objects[1]) == [-950, 2850]


def test_items_are_added_and_removed(shop, subscribed):
    added = shop.change(subscribed, items=[{"price": "price_team"}], proration="always_invoice")
    assert amounts(added.objects[1]) == [2450]
    first, second = added.main.items

    removed = shop.change(
        subscribed,
        items=[{"id": first.processor_id, "deleted": True}],
        proration="always_invoice",
    )

    assert [item.processor_id for item in removed.main.items] == [second.processor_id]
    assert amounts(removed.objects[1]) == [-950]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"id": "own", "deleted": True}, "items[deleted]"),
        ({"price": "price_pro"}, "items"),
        ({"price": "price_euro"}, "items[price]"),
        ({"id": "own", "price": "price_euro"}, "items[price]"),
        ({"price": "price_year"}, "items"),
        ({"id": "si_other", "quantity": 2}, "items[id]"),
        ({"id": "own", "quantity": -1}, "items[quantity]"),
        ({"id": "own", "price": "price_usage", "quantity": 2}, "items[quantity]"),
        ({"id": "own", "price": "price_none"}, "items[price]"),
    ],
)
def test_items_that_do_not_go_together_are_refused(shop, subscribed, change, param):
    before = shop.subscription(subscribed)
    if change.get("id") == "own":
        change = {**change, "id": before.items[0].processor_id}

    with pytest.raises((InvalidRequest, NotFound)) as caught:
        shop.change(subscribed, items=[change], proration="none")

    assert caught.value.param == param
    assert shop.subscription(subscribed) == before


# -- what may be changed when -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"items": [{"price": "price_team"}], "proration": "none"},
        {"trial_end": "now"},
        {"cancel_at_period_end": True},
        {"pause": {"behavior": "void"}},
    ],
)
def test_an_incomplete_one_is_not_changed(shop, changes):
    answer = shop.subscribe(shop.customer("pm_card_chargeCustomerFail"))

    with pytest.raises(InvalidRequest) as caught:
        shop.change(answer, **changes)

    assert caught.value.code == "subscription_unexpected_state"


def test_an_incomplete_one_may_have_another_card(shop):
    answer = shop.subscribe(shop.customer("pm_card_chargeCustomerFail"))
    card = shop.card(answer.main.customer)

    assert shop.change(answer, default_payment_method=card).main.default_payment_method == card


def test_an_ended_one_only_takes_metadata(shop, subscribed):
    shop.cancel(subscribed)

    assert shop.change(subscribed, metadata={"why": "price"}).main.metadata == {"why": "price"}
    with pytest.raises(InvalidRequest):
        shop.change(subscribed, cancel_at_period_end=False)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"proration": "sometimes"}, "proration"),
        ({"payment_behavior": "hope"}, "payment_behavior"),
        ({"color": "red"}, "color"),
        ({"pause": {"behavior": "nap"}}, "pause_collection[behavior]"),
        ({"cancel_at": 1}, "cancel_at"),
        ({"cancel_at": 4_000_000_000, "cancel_at_period_end": True}, "cancel_at"),
        ({"trial_end": 1}, "trial_end"),
        ({"trial_end": "later"}, "trial_end"),
        ({"default_payment_method": "pm_other"}, "default_payment_method"),
    ],
)
def test_nonsense_is_refused_by_name(shop, subscribed, changes, param):
    with pytest.raises(InvalidRequest) as caught:
        shop.change(subscribed, **changes)

    assert caught.value.param == param


def test_a_change_of_the_price_itself_is_refused(fake, shop):
    with pytest.raises(InvalidRequest) as caught:
        fake.create_price("prod_pro", Money(2000, "usd"), id="price_pro")
    assert caught.value.code == "resource_already_exists"

    same = fake.create_price("prod_pro", Money(1900, "usd"), id="price_pro")
    assert same.processor_id == "price_pro"


def test_a_retired_price_is_kept_by_those_who_have_it(fake, shop, subscribed):
    fake.deactivate_price("price_pro")

    shop.advance(days=15)

    assert amounts(shop.invoice(shop.subscription(subscribed).latest_invoice)) == [1900]
    assert not fake.fetch("price", "price_pro").main.active
    assert fake.create_price("prod_pro", Money(1900, "usd"), id="price_pro").active is False


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"interval": "fortnight"}, "interval"),
        ({"interval_count": 0}, "interval_count"),
        ({"interval": "year", "interval_count": 4}, "interval_count"),
        ({"interval": None, "interval_count": 2}, "interval_count"),
        ({"usage_type": "guessed"}, "usage_type"),
    ],
)
def test_a_price_that_no_processor_takes_is_refused(fake, shop, wrong, param):
    with pytest.raises(InvalidRequest) as caught:
        fake.create_price("prod_pro", Money(1, "usd"), **wrong)

    assert caught.value.param == param
    with pytest.raises(InvalidRequest):
        fake.create_price("prod_pro", Money(-1, "usd"))
    with pytest.raises(NotFound):
        fake.create_price("prod_none", Money(1, "usd"))
