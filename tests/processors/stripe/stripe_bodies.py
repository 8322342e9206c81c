"""Bodies made by hand: objects in old and current shapes, and the events around them."""

from __future__ import annotations

import datetime
import json
import typing as t

from flask_accrue.processors import ProcessorEvent
from flask_accrue.processors.stripe import events, versions
from tests.oracles.stripe_contract import installed_contract
from tests.oracles.webhook_sender import webhook_event

Json = dict[str, t.Any]

#: Unix seconds of 1 January 2026, and a month on.
START, END = 1767225600, 1769904000

#: What Stripe answers when a list is asked for by a customer that isn't there.
NO_SUCH_CUSTOMER = {
    "error": {
        "type": "invalid_request_error",
        "code": "resource_missing",
        "message": "No such customer: 'x_1'",
        "param": "customer",
    }
}


def at(seconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def sample(kind: str, **changes: t.Any) -> Json:
    """Return an object in its current shape, as the installed SDK describes it."""
    return {**installed_contract().sample(kind), "id": f"{kind}_1", "customer": "cus_1"} | changes


def without(body: Json, *names: str) -> Json:
    return {name: value for name, value in body.items() if name not in names}


def event(
    obj: Json,
    type: str = "customer.updated",
    *,
    api_version: str | None = versions.PINNED,
    **others: t.Any,
) -> ProcessorEvent:
    """Return the event about an object, read from its bytes."""
    return events.read_event(json.dumps(event_body(obj, type, api_version=api_version, **others)))


def event_body(
    obj: Json,
    type: str = "customer.updated",
    *,
    api_version: str | None = versions.PINNED,
    **others: t.Any,
) -> Json:
    others = {"created": START, "event_id": "evt_1"} | others
    body: Json = webhook_event(type, obj, api_version=api_version or "", **others)
    return body | {"api_version": api_version}


def listed(*rows: Json, has_more: bool = False) -> Json:
    """Return rows as the API writes a list."""
    return {"object": "list", "data": list(rows), "has_more": has_more, "url": "/v1/rows"}


def item(id: str = "si_1", **changes: t.Any) -> Json:
    """Return an item of a subscription in the current shape."""
    price = sample(
        "price",
        id="price_pro",
        product="prod_pro",
        recurring={"interval": "month", "interval_count": 1, "usage_type": "licensed"},
    )
    return {
        "id": id,
        "object": "subscription_item",
        "current_period_start": START,
        "current_period_end": END,
        "price": price,
        "quantity": 1,
        "metadata": {},
    } | changes


def subscription(**changes: t.Any) -> Json:
    """Return a subscription in the current shape."""
    return sample("subscription", id="sub_1", status="active", items=listed(item())) | changes


def old_subscription(**changes: t.Any) -> Json:
    """Return the same in the shape of 2020: the period on it, a plan in its item, no currency."""
    plan = {
        "id": "price_pro",
        "object": "plan",
        "amount": 1900,
        "currency": "usd",
        "interval": "month",
        "interval_count": 1,
        "product": "prod_pro",
    }
    old_item = without(item(), "current_period_start", "current_period_end", "price")
    body = without(subscription(), "currency", "discounts")
    return {
        **body,
        "current_period_start": START,
        "current_period_end": END,
        "discount": None,
        "items": listed(old_item | {"plan": plan}),
    } | changes


def line(**changes: t.Any) -> Json:
    """Return a line of an invoice in the current shape."""
    return {
        "id": "il_1",
        "object": "line_item",
        "amount": 2000,
        "currency": "usd",
        "description": "Pro",
        "discount_amounts": [{"amount": 500, "discount": "di_1"}],
        "metadata": {},
        "parent": {
            "type": "subscription_item_details",
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": True,
                "subscription": "sub_1",
                "subscription_item": "si_1",
            },
        },
        "period": {"start": START, "end": END},
        "pricing": {
            "type": "price_details",
            "price_details": {"price": "price_pro", "product": "prod_pro"},
            "unit_amount_decimal": "2000",
        },
        "quantity": 2,
        "taxes": [
            {"amount": 285, "tax_behavior": "exclusive"},
            {"amount": 100, "tax_behavior": "inclusive"},
        ],
    } | changes


def old_line(**changes: t.Any) -> Json:
    """Return the same line in the shape before 2025-03-31."""
    return {
        **without(line(), "parent", "pricing", "taxes"),
        "price": {"id": "price_pro", "object": "price"},
        "proration": True,
        "subscription": "sub_1",
        "subscription_item": "si_1",
        "tax_amounts": [
            {"amount": 285, "inclusive": False, "tax_rate": "txr_1"},
            {"amount": 100, "inclusive": True, "tax_rate": "txr_2"},
        ],
        "type": "subscription",
    } | changes


def invoice_payment(**changes: t.Any) -> Json:
    return (
        sample(
            "invoice_payment",
            id="inpay_1",
            invoice="in_1",
            status="paid",
            amount_requested=1785,
            amount_paid=1785,
            payment={"type": "payment_intent", "payment_intent": "pi_1"},
            status_transitions={"canceled_at": None, "paid_at": START + 5},
        )
        | changes
    )


def invoice(**changes: t.Any) -> Json:
    """Return an invoice in the current shape: 20.00 less 5.00, and 2.85 of tax on top."""
    return (
        sample(
            "invoice",
            id="in_1",
            status="paid",
            subtotal=2000,
            total=1785,
            amount_due=1785,
            amount_paid=1785,
            amount_remaining=0,
            total_discount_amounts=[{"amount": 500, "discount": "di_1"}],
            total_taxes=[
                {"amount": 285, "tax_behavior": "exclusive"},
                {"amount": 100, "tax_behavior": "inclusive"},
            ],
            parent={
                "type": "subscription_details",
                "quote_details": None,
                "subscription_details": {"metadata": {}, "subscription": "sub_1"},
            },
            lines=listed(line()),
            payments=listed(invoice_payment()),
            status_transitions={
                "finalized_at": START,
                "marked_uncollectible_at": None,
                "paid_at": START + 5,
                "voided_at": None,
            },
        )
        | changes
    )


def old_invoice(**changes: t.Any) -> Json:
    """Return the same invoice in the shape before 2025-03-31."""
    return {
        **without(invoice(), "parent", "payments", "total_taxes"),
        "charge": "ch_1",
        "discount": None,
        "lines": listed(old_line()),
        "paid": True,
        "payment_intent": "pi_1",
        "subscription": "sub_1",
        "tax": 385,
        "total_tax_amounts": [
            {"amount": 285, "inclusive": False, "tax_rate": "txr_1"},
            {"amount": 100, "inclusive": True, "tax_rate": "txr_2"},
        ],
    } | changes


def credit_note(**changes: t.Any) -> Json:
    """Return a credit note in the current shape."""
    return (
        sample(
            "credit_note",
            id="cn_1",
            invoice="in_1",
            subtotal=500,
            total=500,
            refunds=[{"refund": "re_1", "amount_refunded": 300, "type": "refund"}],
            out_of_band_amount=200,
            reason="order_change",
        )
        | changes
    )


def dispute(**changes: t.Any) -> Json:
    """Return a dispute, which doesn't say whose it is."""
    body = sample("dispute", id="dp_1", charge="ch_1", amount=1785, reason="fraudulent")
    return without(body, "customer") | {"status": "needs_response"} | changes


def schedule(**changes: t.Any) -> Json:
    """Return a schedule of two phases, in the first of them."""
    phases = [
        {"start_date": START, "end_date": END, "items": [{"price": "price_pro", "quantity": 2}]},
        {"start_date": END, "end_date": None, "items": [{"price": "price_team"}]},
    ]
    return (
        sample(
            "subscription_schedule",
            id="sub_sched_1",
            status="active",
            subscription="sub_1",
            end_behavior="release",
            phases=phases,
            current_phase={"start_date": START, "end_date": END},
        )
        | changes
    )


def coupon(**changes: t.Any) -> Json:
    """Return a coupon of 12.5 percents off one product, for three months."""
    return (
        without(sample("coupon", id="SPRING", name="Spring"), "customer")
        | {
            "percent_off": 12.5,
            "duration": "repeating",
            "duration_in_months": 3,
            "valid": True,
            "applies_to": {"products": ["prod_pro"]},
        }
        | changes
    )


def promotion_code(**changes: t.Any) -> Json:
    """Return a code that anybody may use once, in the current shape."""
    return (
        sample(
            "promotion_code",
            id="promo_1",
            code="SPRING26",
            customer=None,
            active=True,
            max_redemptions=1,
            promotion={"type": "coupon", "coupon": "SPRING"},
            restrictions={
                "first_time_transaction": True,
                "minimum_amount": 1000,
                "minimum_amount_currency": "usd",
            },
        )
        | changes
    )


def tax_id(**changes: t.Any) -> Json:
    return (
        sample(
            "tax_id",
            id="txi_1",
            type="eu_vat",
            value="ATU12345678",
            country="AT",
            verification={"status": "pending", "verified_name": None, "verified_address": None},
        )
        | changes
    )


def entitlement(lookup_key: str, **changes: t.Any) -> Json:
    """Return what entitles the customer ``cus_1`` to a feature."""
    feature = {"feature": f"feat_{lookup_key}", "lookup_key": lookup_key}
    return sample("entitlements.active_entitlement", id=f"ent_{lookup_key}") | feature | changes


def entitlement_summary(*lookup_keys: str, has_more: bool = False, **changes: t.Any) -> Json:
    """Return a summary, which has no id of its own."""
    rows = [entitlement(each) for each in lookup_keys or ("reports",)]
    body = sample("entitlements.active_entitlement_summary", customer="cus_1")
    return without(body, "id") | {"entitlements": listed(*rows, has_more=has_more)} | changes


def checkout_session(**changes: t.Any) -> Json:
    """Return an open session that is to begin a subscription."""
    return (
        sample(
            "checkout.session",
            id="cs_test_1",
            mode="subscription",
            status="open",
            payment_status="unpaid",
            currency="usd",
            amount_total=1900,
            expires_at=END,
            url="https://checkout.stripe.com/c/pay/cs_test_1",
        )
        | changes
    )


def account(**changes: t.Any) -> Json:
    """Return a connected account that still has something to tell."""
    return (
        sample("account", id="acct_1", type="none", country="AT", email="ada@example.com")
        | {
            "created": START,
            "metadata": {},
            "business_type": "individual",
            "business_profile": {"name": "Ada's", "url": "https://ada.example"},
            "default_currency": "eur",
            "charges_enabled": True,
            "payouts_enabled": False,
            "details_submitted": True,
            "capabilities": {"card_payments": "active", "transfers": "pending"},
            "controller": {"type": "application", "stripe_dashboard": {"type": "express"}},
            "requirements": {
                "currently_due": ["individual.verification.document"],
                "past_due": [],
                "disabled_reason": None,
                "current_deadline": END,
            },
        }
        | changes
    )


def transfer(**changes: t.Any) -> Json:
    """Return a transfer of a part of a charge."""
    return (
        sample(
            "transfer",
            id="tr_1",
            amount=1000,
            amount_reversed=0,
            currency="usd",
            destination="acct_1",
            source_transaction="ch_1",
            transfer_group="group_pi_1",
            description="Ada's share",
            reversed=False,
        )
        | changes
    )
