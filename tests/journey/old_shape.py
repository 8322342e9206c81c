"""Stripe's current objects as an endpoint with the API version of 2020-03-02 is shown them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from tests.processors.stripe.stripe_bodies import listed, without

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Json = dict[str, Any]

VERSION = "2020-03-02"
#: What such an endpoint isn't told of: there were no payments of invoices.
UNTOLD = frozenset({"invoice_payment"})

#: Fields that are younger, besides those that say something in another way now.
YOUNGER = {
    "charge": "authorization_code failure_balance_transaction level3 presentment_details "
    "radar_options transfer",
    "customer": "business_name cash_balance customer_account individual_name tax test_clock",
    "invoice": "account_tax_ids amount_overpaid amount_paid_off_stripe amount_shipping application "
    "automatic_tax automatically_finalizes_at confirmation_secret customer_account effective_at "
    "from_invoice issuer last_finalization_error latest_revision on_behalf_of payment_settings "
    "rendering shipping_cost shipping_details status_details subtotal_excluding_tax test_clock "
    "threshold_reason total_discount_amounts total_excluding_tax total_pretax_credit_amounts",
    "line_item": "discount_amounts discounts pretax_credit_amounts quantity_decimal subtotal",
    "payment_intent": "allowed_payment_method_types amount_details automatic_payment_methods "
    "customer_account excluded_payment_method_types hooks managed_payments payment_details "
    "payment_method_configuration_details payment_record presentment_details processing",
    "subscription": "application automatic_tax billing_cycle_anchor_config billing_mode "
    "billing_schedules cancellation_details customer_account description invoice_settings "
    "managed_payments on_behalf_of payment_settings presentment_details status_details test_clock "
    "trial_settings",
}


def in_old_shape(obj: Json, known: Iterable[Json]) -> Json:
    """Return an object as it was written then.

    :param known: all objects, because an invoice named its charge and a charge its invoice, and now only
        a payment of the invoice tells which belong together.
    """
    convert = _SHAPES.get(obj["object"])
    return copy.deepcopy(obj if convert is None else convert(_as_old(obj), list(known)))


def _as_old(obj: Json) -> Json:
    return without(obj, *YOUNGER[obj["object"]].split())


def _customer(obj: Json, known: list[Json]) -> Json:
    return {**obj, "sources": listed(), "subscriptions": listed()}


def _subscription(obj: Json, known: list[Json]) -> Json:
    """The period stood on the subscription, and the one discount held its coupon."""
    rows = obj["items"]["data"]
    return {
        **without(obj, "currency", "discounts"),
        "current_period_start": rows[0]["current_period_start"],
        "current_period_end": rows[0]["current_period_end"],
        "discount": _discount(obj, known),
        "items": listed(
            *(without(row, "current_period_start", "current_period_end") for row in rows)
        ),
        "plan": rows[0]["plan"],
        "quantity": rows[0]["quantity"],
    }


def _discount(holder: Json, known: list[Json]) -> Json | None:
    for each in known:
        if each["id"] in holder["discounts"]:
            coupon = {"id": each["source"]["coupon"], "object": "coupon", "duration": "once"}
            return {**without(each, "source"), "coupon": coupon}
    return None


def _invoice(obj: Json, known: list[Json]) -> Json:
    """One intent and one charge were named by the invoice itself."""
    intent, charge = _money_of(obj["id"], known)
    details = obj["parent"]["subscription_details"]
    lines = [_line(_as_old(row)) for row in obj["lines"]["data"]]
    return {
        **without(obj, "parent", "payments", "total_taxes", "discounts"),
        "charge": charge,
        "discount": _discount(obj, known),
        "lines": listed(*lines),
        "paid": obj["status"] == "paid",
        "payment_intent": intent,
        "subscription": details["subscription"],
        "tax": None,
        "total_tax_amounts": [],
    }


def _line(row: Json) -> Json:
    origin = row["parent"]["subscription_item_details"]
    return {
        **without(row, "parent", "pricing", "taxes"),
        "plan": {"id": row["pricing"]["price_details"]["price"], "object": "plan"},
        "proration": origin["proration"],
        "subscription": origin["subscription"],
        "subscription_item": origin["subscription_item"],
        "tax_amounts": [],
        "type": "subscription",
    }


def _payment_intent(obj: Json, known: list[Json]) -> Json:
    charges = [
        _charge(_as_old(each), known)
        for each in known
        if each["object"] == "charge" and each["id"] == obj["latest_charge"]
    ]
    return {
        **without(obj, "latest_charge"),
        "charges": listed(*charges),
        "invoice": _invoice_of(obj["id"], known),
    }


def _charge(obj: Json, known: list[Json]) -> Json:
    return {
        **obj,
        "invoice": _invoice_of(obj["payment_intent"], known),
        "refunds": listed(),
        "source": None,
    }


def _money_of(invoice: str, known: list[Json]) -> tuple[str | None, str | None]:
    for each in known:
        if each["object"] == "invoice_payment" and each["invoice"] == invoice:
            intent = each["payment"]["payment_intent"]
            found = next(other for other in known if other["id"] == intent)
            return intent, found["latest_charge"]
    return None, None


def _invoice_of(intent: str, known: list[Json]) -> str | None:
    found = (
        each["invoice"]
        for each in known
        if each["object"] == "invoice_payment" and each["payment"]["payment_intent"] == intent
    )
    return next(found, None)


_SHAPES: dict[str, Callable[[Json, list[Json]], Json]] = {
    "charge": _charge,
    "customer": _customer,
    "invoice": _invoice,
    "payment_intent": _payment_intent,
    "subscription": _subscription,
}
