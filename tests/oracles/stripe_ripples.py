"""What a new or deleted object changes of the object that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.oracles.stripe_errors import StripeError
from tests.oracles.stripe_sums import add_up, price_of

if TYPE_CHECKING:
    from tests.oracles.stripe_objects import ObjectStore

Json = dict[str, Any]

NO_LINES: Json = {"object": "list", "has_more": False, "url": "/v1/lines", "data": []}


def before_creation(store: ObjectStore, obj: Json, params: Json) -> None:
    """Give a new object what it has from what it belongs to.

    :param params: as they were submitted.
    :raises StripeError: when that can't be changed any more.
    """
    invoice = _invoice_of(store, obj)
    if obj["object"] == "invoiceitem" and invoice is not None:
        if invoice.get("status") != "draft":
            raise StripeError("You can only add items to a draft invoice.", param="invoice")
        obj["amount"] = price_of(store, params)
    elif obj["object"] == "credit_note" and invoice is not None:
        obj.update(customer=invoice["customer"], currency=invoice["currency"])


def after_creation(store: ObjectStore, obj: Json) -> None:
    """Let a new object show where it belongs."""
    if obj["object"] == "customer_balance_transaction":
        customer = store.find(["customer"], obj["customer"])
        if customer is not None:
            customer["balance"] = (customer.get("balance") or 0) + obj["amount"]
            customer["currency"] = obj["currency"]
            obj["ending_balance"] = customer["balance"]
    invoice = _invoice_of(store, obj)
    if obj["object"] == "invoiceitem" and invoice is not None:
        invoice["lines"]["data"].append(_line(obj))
        _add_up(store, invoice)


def after_deletion(store: ObjectStore, obj: Json) -> None:
    """Take what is gone off where it showed."""
    invoice = _invoice_of(store, obj)
    if obj["object"] == "invoiceitem" and invoice is not None:
        lines = invoice["lines"]
        lines["data"] = [row for row in lines["data"] if _item_of(row) != obj["id"]]
        _add_up(store, invoice)


def _invoice_of(store: ObjectStore, obj: Json) -> Json | None:
    named = obj.get("invoice")
    return store.find(["invoice"], named) if isinstance(named, str) else None


def _line(item: Json) -> Json:
    return {
        "id": item["id"].replace("ii_", "il_"),
        "object": "line_item",
        "amount": item["amount"],
        "currency": item["currency"],
        "description": item.get("description"),
        "quantity": item.get("quantity") or 1,
        "metadata": {},
        "period": {"start": item.get("date") or 0, "end": item.get("date") or 0},
        "taxes": [],
        "parent": {
            "type": "invoice_item_details",
            "subscription_item_details": None,
            "invoice_item_details": {"invoice_item": item["id"], "proration": False},
        },
    }


def _item_of(line: Json) -> str | None:
    details = (line.get("parent") or {}).get("invoice_item_details") or {}
    item: str | None = details.get("invoice_item")
    return item


def _add_up(store: ObjectStore, invoice: Json) -> None:
    """Let a draft be the sum of its lines, before tax."""
    redeemed = [store.find(["discount"], each) or {} for each in invoice.get("discounts") or []]
    discounts = [{"coupon": (each.get("source") or {}).get("coupon")} for each in redeemed]
    add_up(store, invoice, sum(line["amount"] for line in invoice["lines"]["data"]), discounts)
