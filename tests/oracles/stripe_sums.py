"""What a purchase comes to: prices by how many, less coupons, and with the customer's balance; never tax."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.oracles.stripe_errors import StripeError

if TYPE_CHECKING:
    from tests.oracles.stripe_objects import ObjectStore

Json = dict[str, Any]


def price_of(store: ObjectStore, item: Json) -> int:
    """Return what an item costs: its amount, or its price by its quantity."""
    if isinstance(item.get("amount"), int) and not _named_price(item):
        return int(item["amount"])
    price = store.find(["price"], _named_price(item) or "") or {}
    unit, quantity = price.get("unit_amount"), item.get("quantity")
    metered = (price.get("recurring") or {}).get("usage_type") == "metered"
    return 0 if metered or unit is None else unit * (1 if quantity is None else quantity)


def add_up(store: ObjectStore, invoice: Json, subtotal: int, discounts: list[Json]) -> None:
    """Give an invoice its sums, its discounts and what the customer's balance makes of it."""
    off = []
    for number, each in enumerate(discounts):
        amount = min(subtotal - sum(off), _taken_off(store, each, subtotal))
        off.append(max(0, amount))
        each["id"] = f"di_imagined_{number}"
    total = subtotal - sum(off)
    customer = store.find(["customer"], invoice.get("customer") or "") or {}
    balance = customer.get("balance") or 0
    due = max(0, total + balance)
    invoice.update(
        subtotal=subtotal,
        total=total,
        total_taxes=[],
        total_discount_amounts=[
            {"amount": amount, "discount": each["id"]}
            for amount, each in zip(off, discounts, strict=True)
        ],
        starting_balance=balance,
        amount_due=due,
        amount_paid=0,
        amount_remaining=due,
    )


def reckon_preview(store: ObjectStore, preview: Json, params: Json) -> None:
    """Tell what a purchase would be billed that nobody has made yet."""
    details = params.get("subscription_details") or {}
    items = details.get("items") or params.get("invoice_items") or []
    prices = [store.find(["price"], each.get("price") or "") for each in items]
    currency = next((each["currency"] for each in prices if each is not None), "usd")
    in_trial = details.get("trial_end") not in (None, "now")
    subtotal = 0 if in_trial else sum(price_of(store, each) for each in items)
    preview.update(
        customer=params.get("customer"),
        currency=currency,
        status="draft",
        parent=None,
        lines={"object": "list", "has_more": False, "url": "/v1/lines", "data": []},
        payments={"object": "list", "has_more": False, "url": "/v1/payments", "data": []},
        automatic_tax={"enabled": bool(params.get("automatic_tax")), "status": None},
    )
    add_up(store, preview, subtotal, [dict(each) for each in params.get("discounts") or []])


def _named_price(item: Json) -> str | None:
    named = (item.get("pricing") or {}).get("price") or item.get("price")
    return named if isinstance(named, str) else None


def _taken_off(store: ObjectStore, discount: Json, subtotal: int) -> int:
    name = discount.get("coupon")
    if discount.get("promotion_code"):
        code = store.find(["promotion_code"], discount["promotion_code"])
        if code is None or not code.get("active"):
            raise StripeError(
                "This promotion code can't be redeemed.", code="promotion_code_invalid"
            )
        name = code["promotion"]["coupon"]
    coupon = store.find(["coupon"], name or "") or {}
    if coupon.get("percent_off") is not None:
        return round(subtotal * coupon["percent_off"] / 100)
    return int(coupon.get("amount_off") or 0)
