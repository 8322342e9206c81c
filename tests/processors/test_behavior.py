"""What the Fake and Stripe do alike, as far as the contract server computes it."""

from __future__ import annotations

import itertools
import time
import typing as t

import pytest

from flask_accrue.errors import CardError, IdempotencyConflict, InvalidRequest, NotFound
from flask_accrue.money import Money
from flask_accrue.processors import Capability, Processor, objects
from flask_accrue.processors.fake import FakeProcessor
from flask_accrue.processors.stripe import StripeProcessor
from tests.oracles.stripe_calls import client_of, monthly_price

if t.TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer

_numbers = itertools.count()


class Shop(t.NamedTuple):
    """A processor, and two monthly prices that it sells."""

    processor: Processor
    prices: tuple[str, str]


def key() -> str:
    return f"key-{next(_numbers)}"


@pytest.fixture(params=["fake", "stripe"])
def shop(request: pytest.FixtureRequest) -> Shop:
    if request.param == "fake":
        fake = FakeProcessor()
        fake.create_product("Pro", id="prod_pro")
        prices = [
            fake.create_price("prod_pro", Money(cents, "usd"), "month", id=f"price_{cents}")
            for cents in (1900, 4900)
        ]
        return Shop(fake, (prices[0].processor_id, prices[1].processor_id))
    server: ContractServer = request.getfixturevalue("stripe_server")
    client = client_of(server)
    stripe = StripeProcessor("sk_test_oracle", api_base=server.url, timeout=5.0, retries=0)
    return Shop(stripe, (monthly_price(client).id, monthly_price(client, 4900).id))


def customer(shop: Shop, **given: t.Any) -> objects.Customer:
    wanted = {"name": "Ada", "email": "ada@example.com", "preferred_locale": "de", "metadata": {}}
    made = shop.processor.create_customer(**{"key": key(), **wanted, **given}).main
    assert isinstance(made, objects.Customer)
    return made


def card(shop: Shop, customer_id: str, token: str = "pm_card_visa") -> objects.PaymentMethod:  # noqa: S107 - a test card
    added = shop.processor.add_payment_method(customer_id, token, key=key()).main
    assert isinstance(added, objects.PaymentMethod)
    return added


def now(shop: Shop, found: objects.ProcessorObject) -> t.Any:
    return shop.processor.fetch(found.kind, found.processor_id).main


def subscribe(shop: Shop, customer_id: str, **given: t.Any) -> objects.Subscription:
    wanted: dict[str, t.Any] = {
        "items": [{"price": shop.prices[0]}],
        "trial_end": None,
        "payment_method": None,
        "collection_method": "charge_automatically",
        "billing_cycle_anchor": None,
        "metadata": {},
        "key": key(),
    }
    made = shop.processor.create_subscription(customer_id, **{**wanted, **given}).main
    assert isinstance(made, objects.Subscription)
    return made


def change(shop: Shop, found: objects.Subscription, **changes: t.Any) -> objects.Subscription:
    changed = shop.processor.update_subscription(found.processor_id, changes, key=key()).main
    assert isinstance(changed, objects.Subscription)
    return changed


@pytest.fixture
def subscription(shop: Shop) -> objects.Subscription:
    """Give a subscription that was paid with the customer's default card."""
    payer = customer(shop).processor_id
    default = {"default_payment_method": card(shop, payer).processor_id}
    shop.processor.update_customer(payer, default, key=key())
    return subscribe(shop, payer)


def test_both_say_that_they_can_do_what_is_tried_here(shop: Shop) -> None:
    pages = {Capability.HOSTED_PAGES}
    assert shop.processor.capabilities - pages == FakeProcessor.capabilities - pages


# -- customers -------------------------------------------------------------------------------------


def test_a_customer_is_what_was_asked_for(shop: Shop) -> None:
    made = customer(shop, metadata={"plan": "pro"})

    assert (made.name, made.email, made.preferred_locale) == ("Ada", "ada@example.com", "de")
    assert made.metadata == {"plan": "pro"}
    assert made.default_payment_method is None
    assert now(shop, made) == made


def test_a_change_changes_what_it_names(shop: Shop) -> None:
    made = customer(shop)

    changed = shop.processor.update_customer(made.processor_id, {"name": "Grace"}, key=key()).main

    assert isinstance(changed, objects.Customer)
    assert (changed.name, changed.email, changed.preferred_locale) == ("Grace", made.email, "de")
    assert now(shop, made) == changed


@pytest.mark.parametrize("tax_exempt", ["exempt", "reverse", "none"])
def test_whether_a_customer_is_charged_tax_is_told(shop: Shop, tax_exempt: str) -> None:
    made = customer(shop)
    assert made.tax_exempt == "none"
    changes = {"tax_exempt": tax_exempt}
    changed = shop.processor.update_customer(made.processor_id, changes, key=key()).main
    assert isinstance(changed, objects.Customer)
    assert changed.tax_exempt == now(shop, made).tax_exempt == tax_exempt
    with pytest.raises(InvalidRequest):
        shop.processor.update_customer(made.processor_id, {"tax_exempt": "never"}, key=key())


def test_metadata_is_merged_and_an_empty_value_deletes_its_key(shop: Shop) -> None:
    made = customer(shop, metadata={"kept": "1", "changed": "1", "gone": "1"})
    changes = {"metadata": {"changed": "2", "gone": "", "new": "3"}}

    changed = shop.processor.update_customer(made.processor_id, changes, key=key()).main

    assert changed.metadata == {"kept": "1", "changed": "2", "new": "3"}


def test_a_key_given_twice_makes_one_customer(shop: Shop) -> None:
    same = key()

    assert customer(shop, key=same) == customer(shop, key=same)
    with pytest.raises(IdempotencyConflict):
        customer(shop, key=same, name="Grace")


def test_an_unknown_customer_cant_be_changed(shop: Shop) -> None:
    with pytest.raises(NotFound):
        shop.processor.update_customer("cus_unknown", {"name": "Grace"}, key=key())


def test_a_field_that_no_customer_has_is_refused(shop: Shop) -> None:
    made = customer(shop)

    with pytest.raises(InvalidRequest, match="shoe_size"):
        shop.processor.update_customer(made.processor_id, {"shoe_size": "42"}, key=key())


def test_a_customer_is_found_by_its_operation(shop: Shop) -> None:
    made = customer(shop, metadata={"accrue_operation": "op-1"})
    customer(shop, metadata={"accrue_operation": "op-2"})

    found = shop.processor.find("customer", "op-1")

    assert found is not None
    assert found.objects == (made,)
    assert shop.processor.find("customer", "op-3") is None


# -- cards -----------------------------------------------------------------------------------------


def test_a_card_belongs_to_its_customer(shop: Shop) -> None:
    owner = customer(shop).processor_id

    added = card(shop, owner, "pm_card_mastercard")

    assert (added.customer, added.brand, added.last4) == (owner, "mastercard", "4444")
    assert shop.processor.list_payment_methods(owner).objects == (added,)


def test_a_token_becomes_a_card(shop: Shop) -> None:
    owner = customer(shop).processor_id

    assert card(shop, owner, "tok_visa").customer == owner


def test_a_card_that_is_there_already_stays_one(shop: Shop) -> None:
    owner = customer(shop).processor_id
    added = card(shop, owner)

    assert card(shop, owner, added.processor_id) == added
    assert len(shop.processor.list_payment_methods(owner).objects) == 1


def test_a_declined_card_is_not_added(shop: Shop) -> None:
    owner = customer(shop).processor_id

    with pytest.raises(CardError) as caught:
        card(shop, owner, "pm_card_chargeDeclinedInsufficientFunds")

    assert (caught.value.code, caught.value.decline_code) == ("card_declined", "insufficient_funds")
    assert shop.processor.list_payment_methods(owner).objects == ()


def test_a_removed_card_belongs_to_nobody(shop: Shop) -> None:
    owner = customer(shop).processor_id
    added = card(shop, owner)

    removed = shop.processor.remove_payment_method(added.processor_id, key=key()).main

    assert isinstance(removed, objects.PaymentMethod)
    assert (removed.processor_id, removed.customer) == (added.processor_id, None)
    assert shop.processor.list_payment_methods(owner).objects == ()
    with pytest.raises(InvalidRequest):
        shop.processor.remove_payment_method(added.processor_id, key=key())


def test_a_card_s_expiry_and_metadata_are_changed(shop: Shop) -> None:
    added = card(shop, customer(shop).processor_id)
    changes = {"exp_month": 1, "exp_year": 2040, "metadata": {"a": "b"}}

    changed = shop.processor.update_payment_method(added.processor_id, changes, key=key()).main

    assert isinstance(changed, objects.PaymentMethod)
    assert (changed.exp_month, changed.exp_year, changed.metadata) == (1, 2040, {"a": "b"})


def test_a_default_card_is_set_and_taken_back(shop: Shop) -> None:
    owner = customer(shop).processor_id
    added = card(shop, owner)

    for wanted in (added.processor_id, None):
        changes = {"default_payment_method": wanted}
        changed = shop.processor.update_customer(owner, changes, key=key()).main
        assert isinstance(changed, objects.Customer)
        assert changed.default_payment_method == wanted


def test_a_stranger_s_card_cant_be_the_default(shop: Shop) -> None:
    theirs = card(shop, customer(shop).processor_id)
    owner = customer(shop).processor_id
    changes = {"default_payment_method": theirs.processor_id}

    with pytest.raises(InvalidRequest):
        shop.processor.update_customer(owner, changes, key=key())


# -- subscriptions ---------------------------------------------------------------------------------


def test_a_swap_changes_price_and_quantity(shop: Shop, subscription: objects.Subscription) -> None:
    item = subscription.items[0]
    wanted = {"id": item.processor_id, "price": shop.prices[1], "quantity": 3}

    changed = change(shop, subscription, items=[wanted], proration="none")

    assert [(each.price, each.quantity) for each in changed.items] == [(shop.prices[1], 3)]
    assert changed.items[0].processor_id == item.processor_id


def test_a_subscription_has_several_prices(shop: Shop, subscription: objects.Subscription) -> None:
    payer, wanted = subscription.customer, [(shop.prices[0], 2), (shop.prices[1], 1)]
    items = [{"price": shop.prices[0], "quantity": 2}, {"price": shop.prices[1]}]

    made = subscribe(shop, payer, items=items)

    assert [(each.price, each.quantity) for each in made.items] == wanted


@pytest.mark.parametrize("proration", ["create_prorations", "none", "always_invoice"])
def test_an_item_is_added_counted_and_removed(
    shop: Shop, subscription: objects.Subscription, proration: str
) -> None:
    first = subscription.items[0].processor_id
    added = {"price": shop.prices[1], "quantity": 3}

    both = change(shop, subscription, items=[added], proration=proration)
    [other] = [each.processor_id for each in both.items if each.processor_id != first]
    fewer = change(shop, subscription, items=[{"id": other, "quantity": 2}], proration=proration)
    left = change(shop, subscription, items=[{"id": first, "deleted": True}], proration=proration)

    assert {each.price: each.quantity for each in both.items} == {
        shop.prices[0]: 1,
        shop.prices[1]: 3,
    }
    assert {each.processor_id: each.quantity for each in fewer.items} == {first: 1, other: 2}
    assert [(each.processor_id, each.price) for each in left.items] == [(other, shop.prices[1])]
    assert now(shop, left).items == left.items


def test_a_preview_is_an_invoice_that_isnt_there(
    shop: Shop, subscription: objects.Subscription
) -> None:
    before = now(shop, subscription)
    added = {"items": [{"price": shop.prices[1]}], "proration": "always_invoice"}

    for changes in ({}, added):
        said = shop.processor.preview_invoice(subscription.processor_id, changes).main
        assert isinstance(said, objects.Invoice)
        assert (said.customer, said.status) == (subscription.customer, "draft")
        assert said.lines is not objects.UNSAID

    assert now(shop, subscription) == before
    with pytest.raises(InvalidRequest):
        shop.processor.preview_invoice(subscription.processor_id, {"metadata": {}})


def test_an_end_is_scheduled_and_taken_back(shop: Shop, subscription: objects.Subscription) -> None:
    ending = change(shop, subscription, cancel_at_period_end=True)
    going_on = change(shop, subscription, cancel_at_period_end=False)

    assert ending.cancel_at_period_end
    assert ending.cancel_at == subscription.current_period_end
    assert (going_on.cancel_at_period_end, going_on.cancel_at) == (False, None)


@pytest.mark.parametrize("behavior", ["void", "keep_as_draft", "mark_uncollectible"])
@pytest.mark.parametrize("days", [None, 40])
def test_collection_is_paused_and_goes_on(
    shop: Shop, subscription: objects.Subscription, behavior: str, days: int | None
) -> None:
    until = None if days is None else int(time.time()) + days * 86400

    paused = change(shop, subscription, pause={"behavior": behavior, "resumes_at": until})
    going_on = change(shop, subscription, pause=None)

    ends = paused.pause_resumes_at
    assert (paused.pause_behavior, paused.status) == (behavior, "active")
    assert (None if ends is None else int(ends.timestamp())) == until
    assert (going_on.pause_behavior, going_on.pause_resumes_at) == (None, None)


def test_a_subscription_may_begin_with_nothing_and_a_trial(shop: Shop) -> None:
    later = int(time.time()) + 40 * 86400

    made = subscribe(
        shop,
        customer(shop).processor_id,
        items=[{"price": shop.prices[0], "quantity": 0}],
        trial_end=later,
        metadata={"accrue_operation": "op-1"},
    )

    assert (made.status, made.items[0].quantity) == ("trialing", 0)
    found = shop.processor.find("subscription", "op-1", within=made.customer)
    assert found is not None
    assert found.main.processor_id == made.processor_id


def test_a_schedule_begins_is_changed_and_lets_go(
    shop: Shop, subscription: objects.Subscription
) -> None:
    month = {"interval": "month", "interval_count": 2}
    phases: list[t.Any] = [
        {"items": [{"price": shop.prices[0], "quantity": 2}], "duration": month},
        {"items": [{"price": shop.prices[1]}], "duration": month, "proration": "none"},
    ]
    asked: dict[str, t.Any] = {"payment_method": None, "collection_method": "charge_automatically"}

    made = shop.processor.create_schedule(
        subscription.customer,
        phases=phases,
        start_date=None,
        end_behavior="release",
        metadata={"accrue_operation": "op-1"},
        key=key(),
        **asked,
    )
    schedule, begun = made.main, made.objects[1]
    assert isinstance(schedule, objects.SubscriptionSchedule)
    assert isinstance(begun, objects.Subscription)
    assert (schedule.status, schedule.subscription) == ("active", begun.processor_id)
    assert (begun.status, [(each.price, each.quantity) for each in begun.items]) == (
        "active",
        [(shop.prices[0], 2)],
    )
    first, second = schedule.phases
    assert (first.proration, second.proration) == ("create_prorations", "none")
    assert first.end == second.start == schedule.current_phase_end
    found = shop.processor.find("subscription_schedule", "op-1", within=begun.customer)
    assert found is not None
    assert found.main.processor_id == schedule.processor_id
    with pytest.raises(InvalidRequest):
        change(shop, begun, cancel_at_period_end=True)

    going_on = [{**phases[1], "start_date": int(first.start.timestamp())}]
    changes: dict[str, t.Any] = {"phases": going_on, "end_behavior": "cancel"}
    answer = shop.processor.update_schedule(schedule.processor_id, changes, key=key())
    changed, swapped = answer.objects[:2]
    assert isinstance(changed, objects.SubscriptionSchedule)
    assert isinstance(swapped, objects.Subscription)
    assert len(changed.phases) == 1
    assert [each.price for each in swapped.items] == [shop.prices[1]]
    assert swapped.cancel_at == changed.current_phase_end

    answer = shop.processor.release_schedule(
        schedule.processor_id, keep_cancel_date=False, key=key()
    )
    released, left = answer.objects
    assert isinstance(released, objects.SubscriptionSchedule)
    assert isinstance(left, objects.Subscription)
    assert (released.status, released.subscription) == ("released", begun.processor_id)
    assert left.cancel_at is None
    with pytest.raises(InvalidRequest):
        shop.processor.cancel_schedule(
            schedule.processor_id, invoice_now=False, prorate=False, key=key()
        )


def test_a_schedule_takes_a_subscription_over_and_ends_it(
    shop: Shop, subscription: objects.Subscription
) -> None:
    taken = shop.processor.create_schedule_from(subscription.processor_id, key=key()).main
    assert isinstance(taken, objects.SubscriptionSchedule)
    assert taken.current_phase_end == subscription.current_period_end
    assert [each.price for each in taken.phases[0].items] == [shop.prices[0]]
    with pytest.raises(InvalidRequest):
        shop.processor.create_schedule_from(subscription.processor_id, key=key())

    answer = shop.processor.cancel_schedule(
        taken.processor_id, invoice_now=False, prorate=False, key=key()
    )
    canceled, ended = answer.objects[:2]
    assert isinstance(canceled, objects.SubscriptionSchedule)
    assert isinstance(ended, objects.Subscription)
    assert (canceled.status, ended.status) == ("canceled", "canceled")


def test_what_has_ended_stays_ended(shop: Shop, subscription: objects.Subscription) -> None:
    ended = shop.processor.cancel_subscription(
        subscription.processor_id, invoice_now=False, prorate=False, key=key()
    ).main

    assert isinstance(ended, objects.Subscription)
    assert ended.status == "canceled"
    assert ended.ended_at is not None
    with pytest.raises(InvalidRequest):
        change(shop, ended, cancel_at_period_end=True)


def test_an_unknown_price_is_named(shop: Shop) -> None:
    with pytest.raises(NotFound) as caught:
        subscribe(shop, customer(shop).processor_id, items=[{"price": "price_unknown"}])

    assert caught.value.code == "resource_missing"
    assert "price_unknown" in str(caught.value)


# -- payments in steps -----------------------------------------------------------------------------


def payment(shop: Shop, customer_id: str, **given: t.Any) -> objects.PaymentIntent:
    wanted: dict[str, t.Any] = {
        "amount": 1000,
        "currency": "usd",
        "capture_method": "manual",
        "payment_method": card(shop, customer_id).processor_id,
        "confirm": True,
        "setup_future_usage": None,
        "description": "A deposit",
        "statement_descriptor": None,
        "metadata": {},
        "key": key(),
    }
    made = shop.processor.create_payment_intent(customer_id, **{**wanted, **given}).main
    assert isinstance(made, objects.PaymentIntent)
    return made


@pytest.mark.parametrize("currency", ["usd", "jpy", "kwd", "huf", "isk"])
@pytest.mark.parametrize("part", [None, 700])
def test_what_is_held_is_captured_once(shop: Shop, currency: str, part: int | None) -> None:
    held = payment(shop, customer(shop).processor_id, currency=currency)
    assert (held.status, held.amount_capturable, held.currency) == (
        "requires_capture",
        1000,
        currency,
    )
    with pytest.raises(InvalidRequest) as raised:
        shop.processor.capture_payment(held.processor_id, amount=1001, key=key())
    assert raised.value.code == "amount_too_large"

    taken = shop.processor.capture_payment(held.processor_id, amount=part, key=key()).main

    assert isinstance(taken, objects.PaymentIntent)
    assert (taken.status, taken.amount_received, taken.amount_capturable) == (
        "succeeded",
        part or 1000,
        0,
    )
    assert now(shop, taken) == taken
    with pytest.raises(InvalidRequest) as again:
        shop.processor.capture_payment(held.processor_id, amount=None, key=key())
    assert again.value.code == "payment_intent_unexpected_state"


def test_what_is_held_is_let_go(shop: Shop) -> None:
    held = payment(shop, customer(shop).processor_id)

    gone = shop.processor.cancel_payment(held.processor_id, reason="duplicate", key=key()).main

    assert isinstance(gone, objects.PaymentIntent)
    assert (gone.status, gone.amount_capturable) == ("canceled", 0)
    assert gone.cancellation_reason == "duplicate"
    assert gone.canceled_at is not None
    with pytest.raises(InvalidRequest) as raised:
        shop.processor.cancel_payment(held.processor_id, reason=None, key=key())
    assert raised.value.code == "payment_intent_unexpected_state"


def test_a_payment_that_isnt_confirmed_waits_with_a_secret(shop: Shop) -> None:
    payer = customer(shop).processor_id
    without = {"payment_method": None, "confirm": False, "setup_future_usage": "off_session"}

    waiting = payment(shop, payer, **without)
    confirmable = payment(shop, payer, confirm=False)

    assert (waiting.status, waiting.setup_future_usage) == (
        "requires_payment_method",
        "off_session",
    )
    assert confirmable.status == "requires_confirmation"
    done = shop.processor.confirm_payment(
        confirmable.processor_id, payment_method=None, key=key()
    ).main
    assert isinstance(done, objects.PaymentIntent)
    assert done.status == "requires_capture"


# -- cards for later -------------------------------------------------------------------------------


def test_a_card_is_set_up(shop: Shop) -> None:
    payer = customer(shop).processor_id
    asked = {"usage": "on_session", "metadata": {"accrue_operation": "op-1"}}

    answer = shop.processor.create_setup_intent(payer, **asked, key=key())

    setup = answer.main
    assert isinstance(setup, objects.SetupIntent)
    assert (setup.customer, setup.status, setup.usage) == (
        payer,
        "requires_payment_method",
        "on_session",
    )
    assert answer.client_secret is not None
    assert answer.client_secret not in repr(setup)
    assert now(shop, setup) == setup
    found = shop.processor.find("setup_intent", "op-1", within=payer)
    assert found is not None
    assert found.main == setup

    mine = card(shop, payer).processor_id
    done = shop.processor.confirm_setup(setup.processor_id, payment_method=mine, key=key())

    assert isinstance(done.main, objects.SetupIntent)
    assert (done.main.status, done.main.payment_method) == ("succeeded", mine)
    assert [each.processor_id for each in done.objects[1:]] == [mine]
    assert shop.processor.fetch("setup_intent", setup.processor_id).objects == done.objects
    with pytest.raises(InvalidRequest) as raised:
        shop.processor.cancel_setup(setup.processor_id, key=key())
    assert raised.value.code == "setup_intent_unexpected_state"


def test_a_setup_is_given_up(shop: Shop) -> None:
    asked = {"usage": "off_session", "metadata": {}}
    made = shop.processor.create_setup_intent(customer(shop).processor_id, **asked, key=key()).main

    gone = shop.processor.cancel_setup(made.processor_id, key=key()).main

    assert isinstance(gone, objects.SetupIntent)
    assert gone.status == "canceled"
    with pytest.raises(InvalidRequest) as raised:
        shop.processor.confirm_setup(made.processor_id, payment_method="pm_card_visa", key=key())
    assert raised.value.code == "setup_intent_unexpected_state"
