"""Every billing operation that changes something at Stripe, and what is there once it's done."""

from __future__ import annotations

import contextlib
import dataclasses
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
    import collections.abc as c

    from tests.faults.shop import Shop


@dataclasses.dataclass(frozen=True)
class Operation:
    """An operation, carried out under the id that it's given on what its preparation left.

    :ivar request: verb and path, a regular expression, of the request that changes something.
    :ivar tells: the types of the entries that the ledger gains.
    :ivar makes: the kinds of which there is one object more at Stripe, and one row more here.
    :ivar beside: how many more there are at Stripe of kinds that have no rows here.
    :ivar prepare: leaves what the operation is about.
    """

    run: c.Callable[[Shop, str], t.Any]
    request: tuple[str, str]
    tells: tuple[str, ...]
    makes: tuple[str, ...] = ()
    beside: t.Mapping[str, int] = dataclasses.field(default_factory=dict)
    prepare: c.Callable[[Shop], object] = lambda shop: None


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


BACK: t.Final = "https://host.example/welcome"
LATER: t.Final = datetime.datetime(2034, 1, 1, tzinfo=UTC)

_CUSTOMER: t.Final = "^/v1/customers/[^/]+$"
_SUBSCRIPTION: t.Final = "^/v1/subscriptions/[^/]+$"


def _on_subscription(
    told: str,
    run: c.Callable[[models.Subscription, str], t.Any],
    *,
    method: str = "POST",
    prepare: c.Callable[[Shop], object] = subscribed,
    beside: t.Mapping[str, int] | None = None,
) -> Operation:
    return Operation(
        lambda shop, id: run(shop.subscription, id),
        (method, _SUBSCRIPTION),
        (told,),
        prepare=prepare,
        beside=beside or {},
    )


def _on_invoice(
    action: str,
    verb: str | None,
    run: c.Callable[..., t.Any],
    prepare: c.Callable[[Shop], object] = billed,
) -> Operation:
    return Operation(
        lambda shop, id: run(shop.only(models.Invoice), operation_id=id),
        ("POST", f"^/v1/invoices/[^/]+/{action}$"),
        () if verb is None else (f"invoice.{verb}",),
        prepare=prepare,
    )


def _on_schedule(
    tells: tuple[str, ...],
    path: str,
    run: c.Callable[[models.SubscriptionSchedule, str], t.Any],
) -> Operation:
    return Operation(
        lambda shop, id: run(shop.only(models.SubscriptionSchedule), id),
        ("POST", path),
        tells,
        prepare=scheduled,
    )


OPERATIONS: t.Final[t.Mapping[str, Operation]] = {
    "create_customer": Operation(
        lambda shop, id: billing.create_customer(shop.newcomer(), operation_id=id),
        ("POST", "^/v1/customers$"),
        ("customer.created",),
        ("customer",),
    ),
    "customer": Operation(
        lambda shop, id: billing.customer(shop.newcomer(), operation_id=id),
        ("POST", "^/v1/customers$"),
        ("customer.created",),
        ("customer",),
    ),
    "update_customer": Operation(
        lambda shop, id: billing.update_customer(shop.org, name="Acme Ltd", operation_id=id),
        ("POST", _CUSTOMER),
        ("customer.updated",),
    ),
    "add_payment_method": Operation(
        lambda shop, id: billing.add_payment_method(
            shop.org, "pm_card_mastercard", operation_id=id
        ),
        ("POST", "/attach$"),
        ("payment_method.attached",),
        ("payment_method",),
    ),
    "set_default_payment_method": Operation(
        lambda shop, id: billing.set_default_payment_method(
            shop.org, shop.card("4444"), operation_id=id
        ),
        ("POST", _CUSTOMER),
        ("customer.updated",),
        prepare=with_two_cards,
    ),
    "set_subscription_payment_method": Operation(
        lambda shop, id: billing.set_subscription_payment_method(
            shop.subscription, shop.card("4444"), operation_id=id
        ),
        ("POST", _SUBSCRIPTION),
        ("subscription.updated",),
        prepare=subscribed_with_two_cards,
    ),
    "use_payment_method": Operation(
        lambda shop, id: billing.use_payment_method(shop.org, shop.card("4444"), operation_id=id),
        ("POST", _CUSTOMER),
        ("customer.updated",),
        prepare=subscribed_with_two_cards,
    ),
    "update_payment_method": Operation(
        lambda shop, id: billing.update_payment_method(shop.card(), exp_year=2040, operation_id=id),
        ("POST", "^/v1/payment_methods/[^/]+$"),
        ("payment_method.updated",),
    ),
    "remove_payment_method": Operation(
        lambda shop, id: billing.remove_payment_method(shop.card("4444"), operation_id=id),
        ("POST", "/detach$"),
        ("payment_method.detached",),
        prepare=with_two_cards,
    ),
    "subscribe": Operation(
        lambda shop, id: billing.subscribe(shop.org, "price_pro", operation_id=id),
        ("POST", "^/v1/subscriptions$"),
        ("subscription.created",),
        ("subscription",),
    ),
    "subscribe with a coupon": Operation(
        lambda shop, id: billing.subscribe(
            shop.org, "price_pro", name="second", coupon="TEN", operation_id=id
        ),
        ("POST", "^/v1/subscriptions$"),
        ("subscription.created",),
        ("subscription",),
        beside={"discount": 1},
        prepare=with_coupon,
    ),
    "swap_plan": _on_subscription(
        "subscription.plan_changed",
        lambda row, id: billing.swap_plan(row, "price_team", proration="none", operation_id=id),
    ),
    "update_quantity": _on_subscription(
        "subscription.quantity_changed",
        lambda row, id: billing.update_quantity(row, 5, operation_id=id),
    ),
    "increment": _on_subscription(
        "subscription.quantity_changed",
        lambda row, id: billing.increment(row, operation_id=id),
    ),
    "decrement": _on_subscription(
        "subscription.quantity_changed",
        lambda row, id: billing.decrement(row, operation_id=id),
    ),
    "add_item": _on_subscription(
        "subscription.item_added",
        lambda row, id: billing.add_item(row, "price_team", proration="none", operation_id=id),
    ),
    "remove_item": _on_subscription(
        "subscription.item_removed",
        lambda row, id: billing.remove_item(row, "price_team", proration="none", operation_id=id),
        prepare=subscribed_to_two,
    ),
    "cancel": _on_subscription(
        "subscription.canceled",
        lambda row, id: billing.cancel(row, operation_id=id),
        method="DELETE",
    ),
    "cancel_at_period_end": _on_subscription(
        "subscription.cancellation_scheduled",
        lambda row, id: billing.cancel_at_period_end(row, operation_id=id),
    ),
    "cancel_at": _on_subscription(
        "subscription.cancellation_scheduled",
        lambda row, id: billing.cancel_at(row, LATER, operation_id=id),
    ),
    "resume": _on_subscription(
        "subscription.cancellation_withdrawn",
        lambda row, id: billing.resume(row, operation_id=id),
        prepare=canceling,
    ),
    "pause": _on_subscription(
        "subscription.paused",
        lambda row, id: billing.pause(row, "void", operation_id=id),
    ),
    "extend_trial": _on_subscription(
        "subscription.trial_changed",
        lambda row, id: billing.extend_trial(row, LATER, operation_id=id),
        prepare=on_trial,
    ),
    "end_trial": _on_subscription(
        "subscription.trial_ended",
        lambda row, id: billing.end_trial(row, operation_id=id),
        prepare=on_trial,
    ),
    "create_coupon": Operation(
        lambda shop, id: billing.create_coupon(percent_off="12.5", operation_id=id),
        ("POST", "^/v1/coupons$"),
        ("coupon.created",),
        ("coupon",),
    ),
    "update_coupon": Operation(
        lambda shop, id: billing.update_coupon(
            shop.only(models.Coupon), name="Spring", operation_id=id
        ),
        ("POST", "^/v1/coupons/TEN$"),
        ("coupon.updated",),
        prepare=with_coupon,
    ),
    "delete_coupon": Operation(
        lambda shop, id: billing.delete_coupon(shop.only(models.Coupon), operation_id=id),
        ("DELETE", "^/v1/coupons/TEN$"),
        ("coupon.deleted",),
        prepare=with_coupon,
        beside={"coupon": -1},
    ),
    "create_promotion_code": Operation(
        lambda shop, id: billing.create_promotion_code("TEN", "WELCOME", operation_id=id),
        ("POST", "^/v1/promotion_codes$"),
        ("promotion_code.created",),
        ("promotion_code",),
        prepare=with_coupon,
    ),
    "activate_promotion_code": Operation(
        lambda shop, id: billing.activate_promotion_code(
            shop.only(models.PromotionCode), operation_id=id
        ),
        ("POST", "^/v1/promotion_codes/[^/]+$"),
        ("promotion_code.updated",),
        prepare=with_inactive_code,
    ),
    "deactivate_promotion_code": Operation(
        lambda shop, id: billing.deactivate_promotion_code(
            shop.only(models.PromotionCode), operation_id=id
        ),
        ("POST", "^/v1/promotion_codes/[^/]+$"),
        ("promotion_code.updated",),
        prepare=with_code,
    ),
    "apply_coupon": _on_subscription(
        "subscription.discounted",
        lambda row, id: billing.apply_coupon(row, "TEN", operation_id=id),
        prepare=with_coupon,
        beside={"discount": 1},
    ),
    "apply_promotion_code": _on_subscription(
        "subscription.discounted",
        lambda row, id: billing.apply_promotion_code(row, "WELCOME", operation_id=id),
        prepare=with_code,
        beside={"discount": 1},
    ),
    "remove_discount": _on_subscription(
        "subscription.discount_removed",
        lambda row, id: billing.remove_discount(row, operation_id=id),
        prepare=discounted,
    ),
    "comp_subscription": Operation(
        lambda shop, id: billing.comp_subscription(
            shop.subscription, reason="A friend", operation_id=id
        ),
        ("POST", _SUBSCRIPTION),
        ("subscription.discounted", "subscription.comped"),
        prepare=with_comp_coupon,
        beside={"discount": 1},
    ),
    "set_automatic_tax": Operation(
        lambda shop, id: billing.set_automatic_tax(shop.subscription, True, operation_id=id),
        ("POST", _SUBSCRIPTION),
        ("subscription.updated",),
        prepare=subscribed,
    ),
    "subscribe_via_schedule": Operation(
        lambda shop, id: billing.subscribe_via_schedule(
            shop.org,
            [
                billing.Phase("price_pro", lasts=(2, "month")),
                billing.Phase("price_team", lasts=(1, "year")),
            ],
            operation_id=id,
        ),
        ("POST", "^/v1/subscription_schedules$"),
        ("subscription_schedule.created", "subscription.created"),
        ("subscription_schedule", "subscription"),
    ),
    "schedule_subscription": Operation(
        lambda shop, id: billing.schedule_subscription(
            shop.subscription, [billing.Phase("price_team", lasts=(1, "month"))], operation_id=id
        ),
        ("POST", "^/v1/subscription_schedules$"),
        ("subscription_schedule.created", "subscription_schedule.updated"),
        ("subscription_schedule",),
        prepare=subscribed,
    ),
    "update_schedule": _on_schedule(
        ("subscription_schedule.updated",),
        "^/v1/subscription_schedules/[^/]+$",
        lambda row, id: billing.update_schedule(row, metadata={"deal": "new"}, operation_id=id),
    ),
    "release_schedule": _on_schedule(
        ("subscription_schedule.released",),
        "/release$",
        lambda row, id: billing.release_schedule(row, operation_id=id),
    ),
    "cancel_schedule": _on_schedule(
        ("subscription_schedule.canceled", "subscription.canceled"),
        "/cancel$",
        lambda row, id: billing.cancel_schedule(row, operation_id=id),
    ),
    "create_checkout_session": Operation(
        lambda shop, id: billing.create_checkout_session(
            shop.org, "price_pro", success_url=BACK, operation_id=id
        ),
        ("POST", "^/v1/checkout/sessions$"),
        ("checkout_session.created",),
        ("checkout_session",),
    ),
    "complete_checkout_session": Operation(
        lambda shop, id: billing.complete_checkout_session(
            shop.only(models.CheckoutSession), shop.card(), operation_id=id
        ),
        ("POST", "^/v1/invoices$"),
        (
            "invoice.created",
            "checkout_session.updated",
            "invoice.paid",
            "checkout_session.completed",
        ),
        ("invoice",),
        beside={"invoiceitem": 1},
        prepare=buying,
    ),
    "complete_checkout_session of a subscription": Operation(
        lambda shop, id: billing.complete_checkout_session(
            shop.only(models.CheckoutSession), shop.card(), operation_id=id
        ),
        ("POST", "^/v1/subscriptions$"),
        ("subscription.created", "checkout_session.completed"),
        ("subscription",),
        prepare=subscribing,
    ),
    "expire_checkout_session": Operation(
        lambda shop, id: billing.expire_checkout_session(
            shop.only(models.CheckoutSession), operation_id=id
        ),
        ("POST", "/expire$"),
        ("checkout_session.expired",),
        prepare=checking_out,
    ),
    "charge": Operation(
        lambda shop, id: billing.charge(shop.org, Money(500, "usd"), operation_id=id),
        ("POST", "^/v1/payment_intents$"),
        ("payment_intent.succeeded",),
        ("payment_intent",),
    ),
    "create_payment_intent": Operation(
        lambda shop, id: billing.create_payment_intent(
            shop.org, Money(500, "usd"), capture_method="manual", confirm=True, operation_id=id
        ),
        ("POST", "^/v1/payment_intents$"),
        ("payment_intent.requires_capture",),
        ("payment_intent",),
    ),
    "capture": Operation(
        lambda shop, id: billing.capture(
            shop.only(models.PaymentIntent), Money(300, "usd"), operation_id=id
        ),
        ("POST", "/capture$"),
        ("payment_intent.succeeded",),
        prepare=holding,
    ),
    "cancel_payment_intent": Operation(
        lambda shop, id: billing.cancel_payment_intent(
            shop.only(models.PaymentIntent), reason="abandoned", operation_id=id
        ),
        ("POST", "/cancel$"),
        ("payment_intent.canceled",),
        prepare=holding,
    ),
    "create_setup_intent": Operation(
        lambda shop, id: billing.create_setup_intent(shop.org, operation_id=id),
        ("POST", "^/v1/setup_intents$"),
        ("setup_intent.created",),
        ("setup_intent",),
    ),
    "confirm_setup_intent": Operation(
        lambda shop, id: billing.confirm_setup_intent(
            shop.only(models.SetupIntent), shop.card().processor_id, operation_id=id
        ),
        ("POST", "^/v1/setup_intents/[^/]+/confirm$"),
        ("setup_intent.succeeded",),
        prepare=setting_up,
    ),
    "cancel_setup_intent": Operation(
        lambda shop, id: billing.cancel_setup_intent(
            shop.only(models.SetupIntent), operation_id=id
        ),
        ("POST", "^/v1/setup_intents/[^/]+/cancel$"),
        ("setup_intent.canceled",),
        prepare=setting_up,
    ),
    "refund": Operation(
        lambda shop, id: billing.refund(
            shop.only(models.Charge), Money(200, "usd"), operation_id=id
        ),
        ("POST", "^/v1/refunds$"),
        ("refund.created",),
        ("refund",),
        prepare=charged,
    ),
    "pay_invoice": Operation(
        lambda shop, id: billing.pay_invoice(shop.only(models.Invoice), operation_id=id),
        ("POST", "/pay$"),
        ("invoice.paid", "subscription.updated"),
        prepare=owing,
    ),
    "create_invoice": Operation(
        lambda shop, id: billing.create_invoice(shop.org, currency="usd", operation_id=id),
        ("POST", "^/v1/invoices$"),
        ("invoice.created",),
        ("invoice",),
    ),
    "add_invoice_item": Operation(
        lambda shop, id: billing.add_invoice_item(
            shop.only(models.Invoice), Money(200, "usd"), operation_id=id
        ),
        ("POST", "^/v1/invoiceitems$"),
        ("invoice.updated",),
        beside={"invoiceitem": 1},
        prepare=drafted,
    ),
    "remove_invoice_item": Operation(
        lambda shop, id: billing.remove_invoice_item(
            shop.only(models.Invoice), shop.line(), operation_id=id
        ),
        ("DELETE", "^/v1/invoiceitems/"),
        ("invoice.updated",),
        beside={"invoiceitem": -1},
        prepare=drafted,
    ),
    "finalize_invoice": _on_invoice("finalize", "finalized", billing.finalize_invoice, drafted),
    "send_invoice": _on_invoice("send", "sent", billing.send_invoice),
    "void_invoice": _on_invoice("void", "voided", billing.void_invoice),
    "mark_uncollectible": _on_invoice(
        "mark_uncollectible", "marked_uncollectible", billing.mark_uncollectible
    ),
    "create_credit_note": Operation(
        lambda shop, id: billing.create_credit_note(
            shop.only(models.Invoice), Money(200, "usd"), operation_id=id
        ),
        ("POST", "^/v1/credit_notes$"),
        ("credit_note.created",),
        ("credit_note",),
        prepare=billed,
    ),
    "void_credit_note": Operation(
        lambda shop, id: billing.void_credit_note(shop.only(models.CreditNote), operation_id=id),
        ("POST", "^/v1/credit_notes/[^/]+/void$"),
        ("credit_note.voided",),
        prepare=credited,
    ),
    "adjust_balance": Operation(
        lambda shop, id: billing.adjust_balance(shop.org, Money(-500, "usd"), operation_id=id),
        ("POST", "/balance_transactions$"),
        ("customer.updated",),
        beside={"customer_balance_transaction": 1},
    ),
    "update_customer_tax_location": Operation(
        lambda shop, id: billing.update_customer_tax_location(
            shop.org, {"country": "DE"}, operation_id=id
        ),
        ("POST", _CUSTOMER),
        ("customer.updated",),
    ),
    "set_tax_exempt": Operation(
        lambda shop, id: billing.set_tax_exempt(shop.org, "reverse", operation_id=id),
        ("POST", _CUSTOMER),
        ("customer.updated",),
    ),
    "add_tax_id": Operation(
        lambda shop, id: billing.add_tax_id(shop.org, "eu_vat", "DE123456789", operation_id=id),
        ("POST", "/tax_ids$"),
        ("tax_id.created",),
        ("tax_id",),
    ),
    "remove_tax_id": Operation(
        lambda shop, id: billing.remove_tax_id(shop.only(models.TaxId), operation_id=id),
        ("DELETE", "/tax_ids/"),
        ("tax_id.deleted",),
        beside={"tax_id": -1},
        prepare=numbered,
    ),
    "retry_payment": Operation(
        lambda shop, id: billing.retry_payment(shop.subscription, operation_id=id),
        ("POST", "/pay$"),
        ("invoice.paid", "subscription.updated"),
        prepare=owing,
    ),
    "confirm_payment": Operation(
        lambda shop, id: billing.confirm_payment(shop.only(models.PaymentIntent), operation_id=id),
        ("POST", "/confirm$"),
        ("payment_intent.succeeded",),
        prepare=waiting,
    ),
}
