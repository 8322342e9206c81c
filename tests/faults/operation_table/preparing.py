"""What is there before an operation."""

from __future__ import annotations

import contextlib
import datetime
import typing as t

from flask_accrue import billing, models
from flask_accrue.clock import UTC
from flask_accrue.errors import ActionRequired, CardError
from flask_accrue.money import Money
from tests.processors.stripe.situations import DECLINED, WAITS, charge, payment_intent
from tests.processors.stripe.stripe_bodies import sample
from tests.processors.stripe.stripe_host import bill_next_change

if t.TYPE_CHECKING:
    from tests.faults.shop import Shop


BACK: t.Final = "https://host.example/welcome"
LATER: t.Final = datetime.datetime(2034, 1, 1, tzinfo=UTC)


def with_two_cards(shop: Shop) -> None:
    billing.add_payment_method(shop.org, "pm_card_mastercard")


def subscribed(shop: Shop) -> None:
    billing.subscribe(shop.org, "price_pro", quantity=2)


def subscribed_to_two(shop: Shop) -> None:
    billing.subscribe(shop.org, items={"price_pro": 1, "price_team": 1})


def subscribed_with_two_cards(shop: Shop) -> None:
    with_two_cards(shop)
    subscribed(shop)


def checking_out(shop: Shop) -> None:
    billing.create_checkout_session(shop.org, "price_pro", success_url=BACK)


def buying(shop: Shop) -> None:
    """Look at a mounted page on which something is bought once."""
    once = sample("price", id="price_book", product="prod_1", unit_amount=3000, recurring=None)
    shop.prime({**once, "type": "one_time"})
    billing.create_checkout_session(
        shop.org, "price_book", mode="payment", success_url="/welcome", mounted=True
    )


def subscribing(shop: Shop) -> None:
    """Look at a mounted page that sells a subscription."""
    billing.create_checkout_session(shop.org, "price_pro", success_url="/welcome", mounted=True)


def scheduled(shop: Shop) -> None:
    billing.subscribe_via_schedule(shop.org, [billing.Phase("price_pro", lasts=(2, "month"))])


def on_trial(shop: Shop) -> None:
    billing.subscribe(shop.org, "price_pro", trial=datetime.timedelta(days=14))


def canceling(shop: Shop) -> None:
    subscribed(shop)
    billing.cancel_at_period_end(shop.subscription)


def charged(shop: Shop) -> None:
    of_payer = {"customer": shop.payer.processor_id}
    paid = charge(**of_payer, amount=500, amount_captured=500)
    made = payment_intent(**of_payer, amount=500, status="succeeded", latest_charge="ch_1")
    shop.prime(paid)
    shop.prime(made)
    body = {**made, "latest_charge": paid}
    shop.server.queue_answer(200, body, path="^/v1/payment_intents$", remembered=True)
    billing.charge(shop.org, Money(500, "usd"))


def owing(shop: Shop) -> None:
    """Owe the invoice of a swap; the customer has seen to its payment since."""
    subscribed(shop)
    bill_next_change(shop.server, shop.payer, "past_due", DECLINED)
    with contextlib.suppress(CardError):
        billing.swap_plan(shop.subscription, "price_team", proration="always_invoice")
    shop.prime(payment_intent(customer=shop.payer.processor_id, status="succeeded"))
    billing.sync(shop.only(models.PaymentIntent))


def waiting(shop: Shop) -> None:
    """Wait for the customer to confirm the first payment."""
    bill_next_change(shop.server, shop.payer, "incomplete", WAITS)
    with contextlib.suppress(ActionRequired):
        billing.subscribe(shop.org, "price_pro")


def with_coupon(shop: Shop) -> None:
    subscribed(shop)
    billing.create_coupon(percent_off=10, duration="forever", id="TEN")


def with_code(shop: Shop) -> None:
    with_coupon(shop)
    billing.create_promotion_code("TEN", "WELCOME")


def with_inactive_code(shop: Shop) -> None:
    with_coupon(shop)
    billing.create_promotion_code("TEN", "WELCOME", active=False)


def discounted(shop: Shop) -> None:
    with_coupon(shop)
    billing.apply_coupon(shop.subscription, "TEN")


def with_comp_coupon(shop: Shop) -> None:
    subscribed(shop)
    billing.create_coupon(percent_off=100, duration="forever", id="accrue-comp-forever")


def holding(shop: Shop) -> None:
    """Have the bank hold money."""
    billing.create_payment_intent(
        shop.org, Money(500, "usd"), capture_method="manual", confirm=True
    )


def setting_up(shop: Shop) -> None:
    billing.create_setup_intent(shop.org)


def drafted(shop: Shop) -> None:
    billing.add_invoice_item(
        billing.create_invoice(shop.org, currency="usd", collection_method="send_invoice"),
        Money(500, "usd"),
    )


def billed(shop: Shop) -> None:
    drafted(shop)
    billing.finalize_invoice(shop.only(models.Invoice))


def credited(shop: Shop) -> None:
    billed(shop)
    billing.create_credit_note(shop.only(models.Invoice), Money(200, "usd"))


def numbered(shop: Shop) -> None:
    billing.add_tax_id(shop.org, "eu_vat", "DE123456789")
