"""What a test finds at Stripe, and what Stripe answers when a payment doesn't go through."""

from __future__ import annotations

import typing as t

from tests.processors.stripe.stripe_bodies import (
    Json,
    account,
    credit_note,
    invoice,
    invoice_payment,
    listed,
    sample,
    subscription,
    tax_id,
    transfer,
)

if t.TYPE_CHECKING:
    from flask_accrue.processors import Answer
    from flask_accrue.processors.stripe import StripeProcessor
    from tests.oracles.stripe_server import ContractServer

#: What a payment that waits for the customer looks like, and what one that was declined.
WAITS = {"status": "requires_action"}
DECLINED = {
    "status": "requires_payment_method",
    "latest_charge": "ch_1",
    "last_payment_error": {"code": "card_declined", "decline_code": "insufficient_funds"},
}


def prime_world(server: ContractServer) -> None:
    """Put a customer with a card, a subscription and what it was billed into the server."""
    for obj in (
        sample("customer", id="cus_1", email="ada@example.com"),
        card("pm_1", customer="cus_1"),
        sample("product", id="prod_1", name="Pro"),
        sample("price", id="price_pro", product="prod_1"),
        sample("price", id="price_team", product="prod_1"),
        subscription(latest_invoice=None),
        coupon(),
        promotion_code(),
        sample("discount", id="di_1", source={"type": "coupon", "coupon": "TEN"}),
        subscription(id="sub_2", latest_invoice=None, schedule="sub_sched_1"),
        schedule(),
        checkout_session(),
        sample("billing_portal.configuration", id="bpc_1"),
        open_invoice(),
        draft_invoice(),
        tax_id(id="txi_1", customer="cus_1"),
        sample("refund", id="re_1", charge="ch_1"),
        credit_note(id="cn_1", invoice="in_1", customer="cus_1", status="issued", refunds=[]),
        sample("invoiceitem", id="ii_1", customer="cus_1", invoice="in_draft", amount=500),
        payment_intent(),
        charge(),
        account(),
        charge(
            id="ch_shared",
            amount=1000,
            amount_captured=1000,
            payment_intent=None,
            transfer="tr_1",
            application_fee_amount=100,
        ),
        transfer(source_transaction="ch_shared"),
        held_intent(),
        charge(id="ch_held", payment_intent="pi_held", captured=False, amount_captured=0),
        setup_intent(),
    ):
        server.prime(obj)


def coupon(**changes: t.Any) -> Json:
    """Return a coupon of ten percents, forever."""
    terms = {"percent_off": 10.0, "amount_off": None, "currency": None, "duration": "forever"}
    rest = {"applies_to": None, "currency_options": None, "redeem_by": None, "valid": True}
    none = {"duration_in_months": None, "max_redemptions": None, "times_redeemed": 0}
    return sample("coupon", id="TEN") | terms | rest | none | changes


def promotion_code(**changes: t.Any) -> Json:
    """Return the code WELCOME of that coupon."""
    restrictions = {
        "currency_options": None,
        "first_time_transaction": False,
        "minimum_amount": None,
        "minimum_amount_currency": None,
    }
    return (
        sample(
            "promotion_code",
            id="promo_1",
            code="WELCOME",
            active=True,
            customer=None,
            expires_at=None,
            max_redemptions=None,
            times_redeemed=0,
            promotion={"type": "coupon", "coupon": "TEN"},
            restrictions=restrictions,
        )
        | changes
    )


def card(id: str, **changes: t.Any) -> Json:
    details = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2034}
    return sample("payment_method", id=id, type="card", card=details) | changes


def schedule(**changes: t.Any) -> Json:
    """Return the schedule that the subscription ``sub_2`` is under."""
    start, end = 1_773_144_000, 1_775_822_400
    phase = {
        "start_date": start,
        "end_date": end,
        "items": [{"price": "price_pro", "plan": "price_pro", "quantity": 1}],
        "metadata": {},
    }
    held = {"customer": "cus_1", "subscription": "sub_2", "released_subscription": None}
    return (
        sample(
            "subscription_schedule",
            id="sub_sched_1",
            status="active",
            phases=[phase],
            current_phase={"start_date": start, "end_date": end},
            **held,
        )
        | changes
    )


def checkout_session(**changes: t.Any) -> Json:
    """Return an open session for a subscription."""
    asked = {"customer": "cus_1", "mode": "subscription", "status": "open", "subscription": None}
    none = {"payment_intent": None, "setup_intent": None, "invoice": None}
    return sample("checkout.session", id="cs_1", payment_status="unpaid", **asked, **none) | changes


def payment_intent(**changes: t.Any) -> Json:
    """Return the payment intent of the invoice ``in_1``, which waits to be confirmed."""
    return (
        sample(
            "payment_intent",
            id="pi_1",
            amount=1785,
            status="requires_confirmation",
            client_secret="pi_1_secret_1",
            latest_charge=None,
            payment_method="pm_1",
        )
        | changes
    )


def held_intent(**changes: t.Any) -> Json:
    """Return a payment intent whose money the bank holds."""
    held = {"status": "requires_capture", "capture_method": "manual", "amount_capturable": 500}
    return (
        sample("payment_intent", id="pi_held", amount=500, client_secret="pi_held_secret_1", **held)
        | {"latest_charge": "ch_held", "payment_method": "pm_1"}
        | changes
    )


def setup_intent(**changes: t.Any) -> Json:
    return (
        sample(
            "setup_intent",
            id="seti_1",
            customer="cus_1",
            status="requires_payment_method",
            usage="off_session",
            payment_method=None,
            client_secret="seti_1_secret_1",
        )
        | changes
    )


def charge(**changes: t.Any) -> Json:
    paid = {"amount": 1785, "amount_captured": 1785, "captured": True, "status": "succeeded"}
    return sample("charge", id="ch_1", payment_intent="pi_1", **paid) | changes


def open_invoice(**changes: t.Any) -> Json:
    payment = invoice_payment(status="open", amount_paid=None)
    owed = {"status": "open", "amount_paid": 0, "amount_remaining": 1785}
    return invoice(**owed, payments=listed(payment)) | changes


def draft_invoice(**changes: t.Any) -> Json:
    """Return a draft that somebody writes by hand."""
    empty = {"subtotal": 0, "total": 0, "amount_due": 0, "amount_paid": 0, "amount_remaining": 0}
    draft: Json = {"status": "draft", "parent": None, "payments": listed(), "lines": listed()}
    return invoice(id="in_draft", billing_reason="manual", **empty, **draft) | changes


def answers_with(server: ContractServer, body: Json, path: str = "^/v1/subscriptions") -> None:
    """Let the server answer the next change, once it has checked the request, with a body."""
    server.queue_answer(200, body, method="POST", path=path, remembered=True)


def subscribe(processor: StripeProcessor, key: str = "key-1") -> Answer:
    return processor.create_subscription(
        "cus_1",
        items=[{"price": "price_pro"}],
        trial_end=None,
        payment_method=None,
        collection_method="charge_automatically",
        billing_cycle_anchor=None,
        metadata={},
        key=key,
    )


def swap(processor: StripeProcessor, key: str = "key-1") -> Answer:
    changes: Json = {
        "items": [{"id": "si_1", "price": "price_team"}],
        "proration": "always_invoice",
    }
    return processor.update_subscription("sub_1", changes, key=key)


def kinds(answer: Answer | None) -> list[str]:
    assert answer is not None
    return [each.kind for each in answer.objects]
