"""What an action changes of the object that it names, beyond the values that were submitted."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from tests.oracles.stripe_connect import (
    create_account,
    create_account_link,
    create_login_link,
    reject_account,
    update_account,
)
from tests.oracles.stripe_ripples import NO_LINES

Json = dict[str, Any]
Effect = Callable[[Json, Json, int], None]  # the object, the parameters, the server's time


def sets(**values: Any) -> Effect:
    """Return the effect that sets fields to fixed values."""

    def effect(obj: Json, params: Json, now: int) -> None:
        obj.update(values)

    return effect


def becomes(status: str, moment: str) -> Effect:
    """Return the effect that gives an invoice a status and notes when."""

    def effect(obj: Json, params: Json, now: int) -> None:
        obj["status"] = status
        obj["status_transitions"] = {**(obj.get("status_transitions") or {}), moment: now}

    return effect


def trial_end(params: Json, now: int) -> int | None:
    """Return when a trial that the parameters ask for ends."""
    if params.get("trial_period_days"):
        return now + 86400 * int(params["trial_period_days"])
    end = params.get("trial_end", "now")
    return None if end == "now" else int(end)


def set_trial(obj: Json, end: int, now: int) -> None:
    """Start a trial: the first period is the trial, and the cycle is anchored at its end."""
    obj.update(status="trialing", trial_start=obj.get("trial_start") or now, trial_end=end)
    obj["billing_cycle_anchor"] = end
    for item in obj["items"]["data"]:
        item["current_period_end"] = end


def create_subscription(obj: Json, params: Json, now: int) -> None:
    incomplete = params.get("payment_behavior") == "default_incomplete"
    obj.update(status="incomplete" if incomplete else "active", trial_start=None, trial_end=None)
    update_subscription(obj, {**params, "trial_end": trial_end(params, now)}, now)


def update_subscription(obj: Json, params: Json, now: int) -> None:
    if params.get("trial_end") == "now" and obj.get("status") == "trialing":
        obj.update(status="active", trial_end=now)
    elif isinstance(params.get("trial_end"), int):
        set_trial(obj, params["trial_end"], now)
    if params.get("cancel_at_period_end") is True:
        obj.update(cancel_at=period_end(obj), canceled_at=now)
    elif params.get("cancel_at_period_end") is False or params.get("cancel_at") == "":
        obj.update(cancel_at=None, canceled_at=None)
    elif isinstance(params.get("cancel_at"), int):
        obj.update(cancel_at_period_end=False, canceled_at=now)


def period_end(obj: Json) -> int | None:
    """Return when the period ends: on the item, or on the subscription in older versions."""
    ends = [item.get("current_period_end") for item in obj["items"]["data"]]
    return min((end for end in ends if end), default=obj.get("current_period_end"))


def cancel_subscription(obj: Json, params: Json, now: int) -> None:
    obj.update(status="canceled", canceled_at=obj.get("canceled_at") or now, ended_at=now)


def create_invoice(obj: Json, params: Json, now: int) -> None:
    """Begin an invoice with nothing on it."""
    nothing = dict.fromkeys(
        ("subtotal", "total", "amount_due", "amount_paid", "amount_remaining", "starting_balance"),
        0,
    )
    about = {"metadata": {}, "subscription": params.get("subscription")}
    parent = {"type": "subscription_details", "subscription_details": about}
    obj.update(
        nothing,
        status="draft",
        number=None,
        parent=parent if params.get("subscription") else None,
        lines=copy.deepcopy(NO_LINES),
        payments=copy.deepcopy(NO_LINES),
        total_taxes=[],
        total_discount_amounts=[],
    )


def finalize_invoice(obj: Json, params: Json, now: int) -> None:
    """Make a draft a bill; one whose lines come to nothing is paid at once."""
    becomes("open", "finalized_at")(obj, params, now)
    if obj["lines"]["data"] and not obj.get("amount_due"):
        becomes("paid", "paid_at")(obj, params, now)


def pay_invoice(obj: Json, params: Json, now: int) -> None:
    becomes("paid", "paid_at")(obj, params, now)
    obj.update(amount_paid=obj.get("amount_due"), amount_remaining=0)


def create_credit_note(obj: Json, params: Json, now: int) -> None:
    """Issue a credit note; of lines the amounts aren't computed."""
    amount = params.get("amount", 0)
    linked = [{**each, "type": "refund"} for each in params.get("refunds", ())]
    obj.update(status="issued", amount=amount, subtotal=amount, total=amount, refunds=linked)


def create_intent(obj: Json, params: Json, now: int) -> None:
    """Give a payment or setup intent the status that its parameters lead to."""
    obj["client_secret"] = f"{obj['id']}_secret_mock"
    if params.get("confirm"):
        confirm_intent(obj, params, now)
    elif params.get("payment_method"):
        obj["status"] = "requires_confirmation"
    else:
        obj["status"] = "requires_payment_method"


def confirm_intent(obj: Json, params: Json, now: int) -> None:
    """Let a payment or setup intent succeed, or wait to be captured."""
    if obj.get("object") == "payment_intent" and obj.get("capture_method") == "manual":
        obj.update(status="requires_capture", amount_capturable=obj["amount"], amount_received=0)
    else:
        obj["status"] = "succeeded"
        if obj.get("object") == "payment_intent":
            obj.update(amount_received=obj["amount"], amount_capturable=0)


def capture_intent(obj: Json, params: Json, now: int) -> None:
    taken = params.get("amount_to_capture") or obj.get("amount_capturable") or obj["amount"]
    obj.update(status="succeeded", amount_capturable=0, amount_received=taken)


def cancel_intent(obj: Json, params: Json, now: int) -> None:
    obj.update(status="canceled", amount_capturable=0, canceled_at=now)


def open_session(obj: Json, params: Json, now: int) -> None:
    """Open a page, which nobody has paid on yet."""
    obj.update(status="open", payment_status="unpaid", expires_at=now + 86400)
    obj.update(subscription=None, payment_intent=None, setup_intent=None, invoice=None)
    if params.get("ui_mode") == "embedded_page":
        obj.update(url=None, client_secret=f"{obj['id']}_secret_mock")
    else:
        obj.update(url=f"https://checkout.stripe.example/c/pay/{obj['id']}", client_secret=None)
    if params.get("mode") == "setup":
        obj["payment_status"] = "no_payment_required"
    obj["expires_at"] = params.get("expires_at", obj["expires_at"])


EFFECTS: dict[tuple[str, str], Effect] = {
    ("post", "/v1/subscriptions"): create_subscription,
    ("post", "/v1/subscriptions/{}"): update_subscription,
    ("delete", "/v1/subscriptions/{}"): cancel_subscription,
    ("post", "/v1/subscriptions/{}/resume"): sets(status="active"),
    ("post", "/v1/subscription_schedules/{}/cancel"): sets(status="canceled"),
    ("post", "/v1/subscription_schedules/{}/release"): sets(status="released"),
    ("post", "/v1/credit_notes"): create_credit_note,
    ("post", "/v1/credit_notes/{}/void"): sets(status="void"),
    ("post", "/v1/invoices"): create_invoice,
    ("post", "/v1/invoices/{}/finalize"): finalize_invoice,
    ("post", "/v1/invoices/{}/pay"): pay_invoice,
    ("post", "/v1/invoices/{}/void"): becomes("void", "voided_at"),
    ("post", "/v1/invoices/{}/mark_uncollectible"): becomes(
        "uncollectible", "marked_uncollectible_at"
    ),
    ("post", "/v1/payment_intents"): create_intent,
    ("post", "/v1/payment_intents/{}/confirm"): confirm_intent,
    ("post", "/v1/payment_intents/{}/capture"): capture_intent,
    ("post", "/v1/payment_intents/{}/cancel"): cancel_intent,
    ("post", "/v1/setup_intents"): create_intent,
    ("post", "/v1/setup_intents/{}/confirm"): confirm_intent,
    ("post", "/v1/setup_intents/{}/cancel"): sets(status="canceled"),
    ("post", "/v1/checkout/sessions"): open_session,
    ("post", "/v1/checkout/sessions/{}/expire"): sets(status="expired"),
    ("post", "/v1/payment_methods"): sets(customer=None),
    ("post", "/v1/payment_methods/{}/detach"): sets(customer=None),
    ("post", "/v1/accounts"): create_account,
    ("post", "/v1/accounts/{}"): update_account,
    ("post", "/v1/accounts/{}/reject"): reject_account,
    ("post", "/v1/accounts/{}/login_links"): create_login_link,
    ("post", "/v1/account_links"): create_account_link,
}
