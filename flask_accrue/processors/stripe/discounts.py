"""Calls about coupons, promotion codes, and the discounts that they give.

Since 2025-03-31 Stripe's API gives no discount to a whole customer any more; one from before, or from the
dashboard, still holds, and can be taken away.
"""

from __future__ import annotations

import typing as t

from ...errors import NotFound
from ..answers import Answer, Json, Reference
from ..contract import DiscountCalls
from . import fetching
from .api import segment
from .calls import StripeCalls
from .customers import check_known, emptied
from .gathering import Gathering, alone, deleted, read, taken_out

COUPONS: t.Final = "/v1/coupons"
CODES: t.Final = "/v1/promotion_codes"
_CUSTOMERS: t.Final = "/v1/customers"

_CHANGEABLE: t.Final = frozenset({"name", "metadata", "currency_options"})
_CODE_CHANGEABLE: t.Final = frozenset({"active", "metadata", "currency_options"})


class StripeDiscounts(StripeCalls, DiscountCalls):
    """Calls about coupons, promotion codes, and the discounts that they give."""

    def create_coupon(
        self,
        *,
        id: str | None,
        name: str | None,
        percent_off: str | None,
        amount_off: int | None,
        currency: str | None,
        currency_options: dict[str, int] | None,
        duration: str,
        duration_in_months: int | None,
        max_redemptions: int | None,
        redeem_by: int | None,
        products: list[str] | None,
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Make a coupon."""
        api = self._changing
        given: dict[str, Json] = {
            "id": id,
            "name": name,
            "percent_off": percent_off,
            "amount_off": amount_off,
            "currency": currency,
            "currency_options": _amounts(currency_options, "amount_off"),
            "duration": duration,
            "duration_in_months": duration_in_months,
            "max_redemptions": max_redemptions,
            "redeem_by": redeem_by,
            "applies_to": None if products is None else {"products": products},
            "metadata": metadata,
            "expand": list(fetching.PLACES["coupon"].expand),
        }
        reply = api.post(COUPONS, given, key=key)
        return alone(api, "coupon", reply, COUPONS, *fetching.PLACES["coupon"].expand)

    def update_coupon(self, coupon: str, changes: dict[str, Json], *, key: str) -> Answer:
        """Change a coupon.

        :raises InvalidRequest: for what can't be changed.
        """
        api = self._changing
        check_known(changes, _CHANGEABLE, "coupon")
        expanded = fetching.PLACES["coupon"].expand
        given: dict[str, Json] = {
            name: emptied(changes[name]) for name in ("name", "metadata") if name in changes
        }
        if "currency_options" in changes:
            given["currency_options"] = _amounts(changes["currency_options"], "amount_off")
        given["expand"] = list(expanded)
        reply = api.post(f"{COUPONS}/{segment(coupon)}", given, key=key)
        return alone(api, "coupon", reply, COUPONS, *expanded)

    def delete_coupon(self, coupon: str, *, key: str) -> Answer:
        """Delete a coupon; Stripe then tells no more than that it's gone."""
        path = f"{COUPONS}/{segment(coupon)}"
        return deleted(self._changing, path, Reference("coupon", coupon))

    def create_promotion_code(
        self,
        coupon: str,
        *,
        code: str | None,
        customer: str | None,
        active: bool,
        expires_at: int | None,
        max_redemptions: int | None,
        first_time_transaction: bool,
        minimum_amount: int | None,
        minimum_amount_currency: str | None,
        currency_options: dict[str, int] | None,
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Make a promotion code."""
        api = self._changing
        restrictions = {
            "first_time_transaction": True if first_time_transaction else None,
            "minimum_amount": minimum_amount,
            "minimum_amount_currency": minimum_amount_currency,
            "currency_options": _amounts(currency_options, "minimum_amount"),
        }
        restrictions = {name: given for name, given in restrictions.items() if given is not None}
        given: dict[str, Json] = {
            "promotion": {"type": "coupon", "coupon": coupon},
            "code": code,
            "customer": customer,
            "active": active,
            "expires_at": expires_at,
            "max_redemptions": max_redemptions,
            "restrictions": restrictions or None,
            "metadata": metadata,
        }
        return alone(api, "promotion_code", api.post(CODES, given, key=key), CODES)

    def update_promotion_code(
        self, promotion_code: str, changes: dict[str, Json], *, key: str
    ) -> Answer:
        """Change a promotion code.

        :raises InvalidRequest: for what can't be changed, and for one that is over and is to be active.
        """
        api = self._changing
        check_known(changes, _CODE_CHANGEABLE, "promotion code")
        given: dict[str, Json] = {
            name: emptied(changes[name]) for name in ("active", "metadata") if name in changes
        }
        if "currency_options" in changes:
            options = _amounts(changes["currency_options"], "minimum_amount")
            given["restrictions"] = {"currency_options": options}
        reply = api.post(f"{CODES}/{segment(promotion_code)}", given, key=key)
        return alone(api, "promotion_code", reply, CODES)

    def look_up_promotion_code(self, code: str) -> Answer:
        """Return the promotion codes with that word, then their coupons."""
        api = self._api
        expand = [f"data.promotion.coupon.{each}" for each in fetching.PLACES["coupon"].expand]
        reply = api.get(CODES, {"code": code, "limit": _MOST, "expand": expand})
        gathering = Gathering(api)
        coupons: dict[str, t.Any] = {}
        for raw in reply.body["data"]:
            coupon = taken_out(raw, "promotion", "coupon")
            gathering.put("promotion_code", raw, reply)
            if coupon is not None:
                coupons[coupon["id"]] = coupon
        for coupon in coupons.values():
            gathering.put("coupon", coupon, reply)
        found = gathering.so_far()
        return found or Answer(objects=(), fresh_from=reply.fresh_from, fresh_to=reply.fresh_to)

    def remove_customer_discount(self, customer: str, *, key: str) -> Answer:
        """Take away a customer's discount, and tell the customer since then.

        :raises NotFound: when there is none.
        """
        api = self._changing
        path = f"{_CUSTOMERS}/{segment(customer)}"
        try:
            api.delete(f"{path}/discount", {})
        except NotFound:
            # A try whose answer was lost may have done it; then there's nothing to complain of.
            now = fetching.fetch(api, "customer", customer, None)
            if now.main.discounts != ():  # type: ignore[attr-defined]
                raise
            return now
        reply = read(api, path, ())
        gathering = Gathering(api)
        gathering.put("customer", reply.body, reply)
        return gathering.answer()


#: As many codes as there may be with one word: retired ones, and those of one customer each.
_MOST: t.Final = 100


def _amounts(options: Json, name: str) -> dict[str, dict[str, int]] | None:
    """Return amounts by currency as Stripe takes them."""
    if options is None:
        return None
    return {currency: {name: amount} for currency, amount in options.items()}
