"""What is taken off at a checkout, as its customer reads it, and codes that are typed there."""

from __future__ import annotations

import dataclasses
import typing as t

from .. import models
from ..errors import InvalidRequest
from ..money import Money
from . import queries

_REFUSALS: t.Final[t.Mapping[str, str]] = {
    "promotion_code_not_found": "There is no such code. Check how it's written.",
    "promotion_code_inactive": "This code can't be used any more.",
    "promotion_code_expired": "This code has expired.",
    "promotion_code_exhausted": "This code was used as often as it may be.",
    "promotion_code_not_for_customer": "This code is for somebody else.",
    "promotion_code_currency_mismatch": "This code isn't for payments in this currency.",
    "promotion_code_not_first_time": "This code is for a first purchase.",
    "promotion_code_below_minimum": "This code is for larger purchases.",
}


@dataclasses.dataclass(frozen=True)
class TakenOff:
    """A discount, before anything is paid.

    :ivar text: the code or the coupon's name, and what it gives.
    :ivar lasts: for how long it holds, of a subscription.
    :ivar typed: whether its customer may take it away again.
    """

    text: str
    lasts: str
    typed: bool


def taken_off(
    link: models.PageLink, session: models.CheckoutSession, locale: str | None
) -> TakenOff | None:
    """Return what is taken off at a checkout; ``None`` also where a whole customer has a discount."""
    given = session.taken_off_by
    if not any(given.values()):
        return None
    word, coupon = queries.discount_of(session.customer, given)
    name = word or (None if coupon is None else coupon.name) or "A discount"
    gives = "" if coupon is None else _gives(coupon, session.currency, locale)
    return TakenOff(
        text=f"{name} ({gives})" if gives else name,
        lasts=_lasts(coupon) if session.mode == "subscription" else "",
        typed=bool(link.details.get("takes_codes")),
    )


def refusal_text(error: InvalidRequest) -> str | None:
    """Say why a code isn't taken, or return ``None`` for anything else."""
    if error.code == "promotion_code_invalid":
        return "This code can't be used for this purchase."
    if error.code == "coupon_expired":
        return _REFUSALS["promotion_code_inactive"]
    return _REFUSALS.get(error.code)


def _gives(coupon: models.Coupon, currency: str | None, locale: str | None) -> str:
    if coupon.percent_off is not None:
        return f"{coupon.percent_off.normalize():f}% off"
    if coupon.amount_off is None or coupon.currency is None:
        return ""
    amounts = {**(coupon.currency_options or {}), coupon.currency: coupon.amount_off}
    off = amounts.get(currency or coupon.currency)
    return "" if off is None else f"{Money(off, currency or coupon.currency).format(locale)} off"


def _lasts(coupon: models.Coupon | None) -> str:
    if coupon is None:
        return ""
    match coupon.duration:
        case "once":
            return "The discount is taken off the first payment alone."
        case "forever":
            return "The discount holds for as long as the subscription does."
        case _:
            months = coupon.duration_in_months
            return f"The discount holds for {months} month{'' if months == 1 else 's'}."
