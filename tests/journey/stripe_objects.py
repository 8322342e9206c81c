"""Whole objects of Stripe's in its current shape, for a customer of the example."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from example import plans
from tests.processors.stripe.stripe_bodies import listed

if TYPE_CHECKING:
    from tests.journey.stripe_side import News, StripeSide

Json = dict[str, Any]
Line = tuple[int, str, bool]

DISCOUNT = "di_of_the_journey"


def seconds(moment: datetime.datetime) -> int:
    return int(moment.timestamp())


def item_of(
    stripe: StripeSide, plan: str, start: datetime.datetime, end: datetime.datetime
) -> Json:
    """Return an item for a plan of the example, with its price and period."""
    sold = plans.named(plan)
    assert sold is not None
    priced = {
        "active": True,
        "currency": sold.monthly.currency,
        "product": f"prod_{plan}",
        "created": stripe.now,
    }
    recurring = {"interval": "month", "interval_count": 1, "usage_type": "licensed"}
    amount = sold.monthly.amount_minor
    price = {"unit_amount": amount, "unit_amount_decimal": str(amount), "recurring": recurring}
    [item] = stripe.make("subscription")["items"]["data"]
    return {
        **item,
        "id": "si_of_the_journey",
        "created": stripe.now,
        "price": {**item["price"], **priced, **price, "id": sold.price},
        "plan": {**item["plan"], **priced, **recurring, "id": sold.price, "amount": amount},
        "quantity": 1,
        **period(start, end),
    }


def period(start: datetime.datetime, end: datetime.datetime) -> Json:
    return {"current_period_start": seconds(start), "current_period_end": seconds(end)}


def invoice_of(
    stripe: StripeSide, subscription: Json, *lines: Line, reason: str, discount: int = 0
) -> Json:
    """Return a draft for a subscription's period.

    :param lines: amount, description, and whether it's a proration; a line's price is what it's named for.
    :param discount: what is taken off the first line.
    """
    [item] = subscription["items"]["data"]
    span = {"start": item["current_period_start"], "end": item["current_period_end"]}
    invoice = stripe.make("invoice")
    rows = []
    for number, (amount, description, is_proration) in enumerate(lines):
        origin = {
            "invoice_item": "ii_of_the_journey" if is_proration else None,
            "proration": is_proration,
            "proration_details": {"credited_items": None},
            "subscription": subscription["id"],
            "subscription_item": item["id"],
        }
        price = f"price_{description.rpartition(' ')[2].lower()}"
        less = [{"amount": discount, "discount": DISCOUNT}]
        rows.append(
            stripe.make(
                "line_item",
                amount=amount,
                subtotal=amount,
                description=description,
                discount_amounts=less if discount and number == 0 else [],
                invoice=invoice["id"],
                parent={
                    "type": "subscription_item_details",
                    "invoice_item_details": None,
                    "subscription_item_details": origin,
                },
                period=span,
                pricing={
                    "type": "price_details",
                    "price_details": {"price": price, "product": price.replace("price", "prod")},
                    "unit_amount_decimal": str(amount),
                },
                quantity=1,
                taxes=[],
            )
        )
    subtotal = sum(amount for amount, _, _ in lines)
    total = subtotal - discount
    return {
        **invoice,
        "amount_due": total,
        "amount_remaining": total,
        "attempt_count": 0,
        "billing_reason": reason,
        "customer": subscription["customer"],
        "discounts": list(subscription["discounts"]),
        "lines": listed(*rows),
        "parent": {
            "type": "subscription_details",
            "quote_details": None,
            "subscription_details": {"metadata": {}, "subscription": subscription["id"]},
        },
        "period_start": span["start"],
        "period_end": span["end"],
        "status": "draft",
        "subtotal": subtotal,
        "total": total,
        "total_discount_amounts": [{"amount": discount, "discount": DISCOUNT}] if discount else [],
        "total_taxes": [],
    }


def finalized(stripe: StripeSide, invoice: Json) -> Json:
    """Return an invoice that waits for its money now."""
    times = {**invoice["status_transitions"], "finalized_at": stripe.now}
    return {
        **invoice,
        "number": invoice["id"].upper(),
        "status": "open",
        "status_transitions": times,
    }


def paid(stripe: StripeSide, invoice: Json) -> Json:
    """Return an open invoice as it is paid now."""
    return {
        **invoice,
        "amount_paid": invoice["amount_due"],
        "amount_remaining": 0,
        "attempt_count": invoice["attempt_count"] + (invoice["amount_due"] > 0),
        "attempted": True,
        "next_payment_attempt": None,
        "status": "paid",
        "status_transitions": {**invoice["status_transitions"], "paid_at": stripe.now},
    }


def collected(stripe: StripeSide, invoice: Json, card: Json) -> tuple[News, ...]:
    """Return what is told when the money of an open invoice came, the charge before its invoice."""
    intent, charge, payment = _money(stripe, invoice, card)
    amount = invoice["amount_due"]
    intent |= {"status": "succeeded", "amount_received": amount, "last_payment_error": None}
    charge |= {"status": "succeeded", "paid": True, "captured": True, "amount_captured": amount}
    payment |= {
        "status": "paid",
        "amount_paid": amount,
        "status_transitions": {"canceled_at": None, "paid_at": stripe.now},
    }
    # So that each object of the time before payments of invoices can be told whose it is.
    stripe.keep(intent, charge, payment)
    return (
        ("charge.succeeded", charge),
        ("payment_intent.succeeded", intent),
        ("invoice.paid", paid(stripe, invoice)),
        ("invoice_payment.paid", payment),
    )


def refused(stripe: StripeSide, invoice: Json, card: Json) -> tuple[News, ...]:
    """Return what is told when the card that an open invoice is charged to declines."""
    intent, charge, payment = _money(stripe, invoice, card)
    error = {"code": "card_declined", "decline_code": "insufficient_funds", "type": "card_error"}
    intent |= {"status": "requires_payment_method", "last_payment_error": error}
    charge |= {
        "status": "failed",
        "failure_code": "card_declined",
        "outcome": {"reason": "insufficient_funds", "type": "issuer_declined"},
    }
    payment |= {"status": "open", "amount_paid": None}
    failed = {
        **invoice,
        "attempt_count": 1,
        "attempted": True,
        "next_payment_attempt": stripe.now + 3 * 86400,
    }
    stripe.keep(intent, charge, payment)
    return (
        ("charge.failed", charge),
        ("payment_intent.payment_failed", intent),
        ("invoice.payment_failed", failed),
    )


def _money(stripe: StripeSide, invoice: Json, card: Json) -> tuple[Json, Json, Json]:
    """Return an intent, a new charge and the invoice's payment; a second try is one of the same intent."""
    customer, amount = invoice["customer"], invoice["amount_due"]
    payments = [each for each in stripe.kept("invoice_payment") if each["invoice"] == invoice["id"]]
    if payments:
        payment = payments[0]
        wanted = payment["payment"]["payment_intent"]
        [intent] = [each for each in stripe.kept("payment_intent") if each["id"] == wanted]
    else:
        intent = stripe.make("payment_intent", amount=amount, customer=customer)
        payment = stripe.make(
            "invoice_payment",
            amount_requested=amount,
            invoice=invoice["id"],
            is_default=True,
            payment={"type": "payment_intent", "payment_intent": intent["id"]},
        )
    charge = stripe.make(
        "charge",
        amount=amount,
        customer=customer,
        payment_intent=intent["id"],
        payment_method=card["id"],
    )
    tried = {"latest_charge": charge["id"], "payment_method": card["id"]}
    return {**intent, **tried}, charge, payment
