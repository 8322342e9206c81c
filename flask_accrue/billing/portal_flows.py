"""What a link to a portal leads to at once, as a processor's portal or the mounted one takes it."""

from __future__ import annotations

import collections.abc as c
import typing as t

from .. import models
from ..errors import InvalidRequest, UnsupportedByProcessor
from ..state import current_state
from .arguments import one_of
from .changes import ItemName, chosen_item, item_name
from .prices import check_price, check_quantity, find_price

#: What a link may lead to at once, and whether that is about a subscription.
FLOWS: t.Final[t.Mapping[str, bool]] = {
    "payment_method_update": False,
    "customer_update": False,
    "subscription_cancel": True,
    "subscription_pause": True,
    "subscription_update": True,
    "subscription_update_confirm": True,
}


def asked_flow(
    flow: str | None,
    subscription: models.Subscription | None,
    price: str | None,
    quantity: int | None,
    item: ItemName | None,
    coupon: models.Coupon | str | None,
    promotion_code: models.PromotionCode | str | None,
    message: str | None,
) -> dict[str, t.Any] | None:
    """Return a flow as a processor takes it.

    :raises InvalidRequest: for arguments that don't go together.
    """
    _check_extras(flow, coupon, promotion_code, message)
    if flow is None:
        if subscription is not None:
            raise _wrong("Only a flow is about a subscription; name one.", "flow")
        return None
    one_of("flow", flow, tuple(FLOWS))
    if FLOWS[flow] != (subscription is not None):
        needs = "needs" if FLOWS[flow] else "takes no"
        raise _wrong(f"The flow {flow!r} {needs} subscription.", "subscription")
    wanted: dict[str, t.Any] = {"type": flow}
    if message is not None:
        wanted["message"] = message
    if subscription is None:
        return wanted
    wanted["subscription"] = subscription.processor_id
    if flow == "subscription_cancel" and coupon is not None:
        wanted["retention_coupon"] = _id_of(coupon)
    if flow == "subscription_update_confirm":
        wanted["items"] = [_changed(subscription, price, quantity, item)]
        if coupon is not None:
            wanted["discounts"] = [{"coupon": _id_of(coupon)}]
        if promotion_code is not None:
            wanted["discounts"] = [{"promotion_code": _id_of(promotion_code)}]
    return wanted


def _changed(
    subscription: models.Subscription,
    price: str | None,
    quantity: int | None,
    item: ItemName | None,
) -> dict[str, t.Any]:
    if price is None and quantity is None:
        raise _wrong("Say which price or quantity the customer is to confirm.", "price")
    changed: dict[str, t.Any] = {"id": chosen_item(subscription, item_name(item)).processor_id}
    if price is not None:
        check_price(price)
        changed["price"] = price
    if quantity is not None:
        changed["quantity"] = check_quantity(quantity, least=1)
    return changed


def mounted_details(
    payer: models.Customer,
    flow: str | None,
    subscription: models.Subscription | None,
    wanted: dict[str, t.Any] | None,
    prices: c.Sequence[str] | None,
    *,
    configuration: str | None,
) -> dict[str, t.Any]:
    """Return what the mounted portal has to know of a flow.

    :raises UnsupportedByProcessor: for what only a processor's own portal does.
    :raises InvalidRequest: where there are no prices to offer, or they aren't for this customer.
    """
    wanted = wanted or {}
    only_theirs = next(
        (name for name in ("message", "discounts", "retention_coupon") if name in wanted), None
    )
    if only_theirs is not None or configuration is not None:
        said = (only_theirs or "configuration").replace("_", " ")
        raise UnsupportedByProcessor(f"The mounted portal knows no {said} of a flow.")
    details: dict[str, t.Any] = {"flow": flow}
    if subscription is not None:
        details["subscription"] = str(subscription.id)
    if prices is not None and flow != "subscription_update":
        raise _wrong("Only the flow 'subscription_update' offers prices.", "prices")
    if flow == "subscription_update":
        assert subscription is not None
        details["item"] = chosen_item(subscription, None).processor_id
        details["prices"] = _offered(payer, subscription, prices)
    elif flow == "subscription_update_confirm":
        [changed] = wanted["items"]
        details |= {"item": changed["id"], **{k: v for k, v in changed.items() if k != "id"}}
    return details


def _offered(
    payer: models.Customer,
    subscription: models.Subscription,
    prices: c.Sequence[str] | None,
) -> list[str]:
    """Return the prices that the customer may choose from, as far as they're known here."""
    if isinstance(prices, str):
        raise _wrong("Prices are several ids, such as ['price_pro', 'price_team'].", "prices")
    named = list(prices) if prices is not None else _of_plans(payer.processor)
    currency = subscription.currency or payer.currency
    offered = []
    for name in dict.fromkeys(named):
        check_price(name)
        price = find_price(payer, name)
        fits = (
            price is not None
            and price.active
            and price.interval is not None
            and (currency is None or currency in price.currencies)
        )
        if fits:
            offered.append(name)
        elif prices is not None:
            raise _wrong(
                f"The price {name!r} isn't one that this subscription can have: it has to be in the "
                "catalog (billing.sync_catalog()), active, recurring and in the same currency.",
                "prices",
            )
    if not offered:
        raise _wrong(
            "There is no price to offer: give prices, or plans in ACCRUE_ENTITLEMENTS.", "prices"
        )
    return offered


def _of_plans(processor: str) -> list[str]:
    plans = current_state().settings.entitlements.plans.values()
    return sorted(
        {name for plan in plans for whose, name in plan.prices if whose in (None, processor)}
    )


def _check_extras(
    flow: str | None,
    coupon: models.Coupon | str | None,
    promotion_code: models.PromotionCode | str | None,
    message: str | None,
) -> None:
    if coupon is not None and promotion_code is not None:
        raise _wrong("Give either a coupon or a promotion code, not both.", "promotion_code")
    if coupon is not None and flow not in ("subscription_cancel", "subscription_update_confirm"):
        raise _wrong("A coupon is for whoever cancels, or confirms a change.", "coupon")
    if promotion_code is not None and flow != "subscription_update_confirm":
        raise _wrong("A promotion code is for whoever confirms a change.", "promotion_code")
    if message is not None and flow is None:
        raise _wrong("A message is what a flow ends with; name one.", "message")


def _id_of(row: models.Mirrored | str) -> str:
    return row if isinstance(row, str) else row.processor_id


def _wrong(message: str, param: str) -> InvalidRequest:
    return InvalidRequest(message, code="parameter_invalid", param=param)
