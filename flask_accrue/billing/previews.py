"""What a subscription will be billed next, and what it would be after a change."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import typing as t

from .. import clock, models
from ..errors import InvalidRequest, InvalidState
from ..gateways import gateway_of
from ..processors import Capability, objects
from ..state import current_state
from .arguments import one_of
from .changes import (
    PRORATIONS,
    ItemName,
    as_it_is,
    chosen_item,
    item_name,
    require_changeable,
    swapped,
    without_end,
)
from .discounts import kept
from .items import added, removed
from .perform import settle_session
from .phase_discounts import known
from .prices import Items, check_quantity, chosen_prices
from .promotions import accepted_code, bought_by, check_coupon, refuse_both
from .quantities import recounted
from .subscriptions import unix


@dataclasses.dataclass(frozen=True, kw_only=True)
class InvoicePreview:
    """An invoice that doesn't exist (yet). Amounts are in minor units of ``currency``.

    :ivar tax: all of it; ``inclusive_tax`` is what of that the prices hold already.
    :ivar amount_due: the total less what the customer has as credit (``starting_balance`` below 0).
    :ivar lines: each with ``amount``, ``description``, ``quantity``, ``price``, its period, and whether
        it's a ``proration``.
    :ivar proration_date: from when on a change is reckoned; given to the change, its bill is this one.
        ``None`` where nothing is prorated.
    """

    currency: str
    subtotal: int
    discount: int
    tax: int
    inclusive_tax: int
    total: int
    starting_balance: int
    amount_due: int
    period_start: datetime.datetime | None
    period_end: datetime.datetime | None
    proration_date: datetime.datetime | None
    lines: tuple[objects.InvoiceLine, ...]


def preview_upcoming_invoice(
    subscription: models.Subscription,
    *,
    price: str | None = None,
    quantity: int | None = None,
    item: ItemName | None = None,
    items: Items | None = None,
    proration: str = "create_prorations",
    proration_date: datetime.datetime | None = None,
    coupon: models.Coupon | str | None = None,
    promotion_code: models.PromotionCode | str | None = None,
) -> InvoicePreview:
    """Ask the processor what a subscription will be billed next. Nothing is changed by it.

    With a change and ``always_invoice``, or one that begins a new period, that's the bill of the change;
    otherwise the next period's, with what the change adds to it.

    :param price: what :func:`swap_plan` would be given; with ``quantity``.
    :param quantity: alone: what :func:`update_quantity` would be given.
    :param item: which item these are about, where there are several.
    :param items: all prices that it would have, each with its quantity; ``None`` leaves a quantity as it is.
    :param proration: as it would be given to the change.
    :param proration_date: from when on to reckon; by default from now.
    :param coupon: with what it would have besides its discounts, as :func:`apply_coupon` gives it.
    :param promotion_code: the same of :func:`apply_promotion_code`.
    :raises InvalidState: with the code ``no_upcoming_invoice`` when nothing more will be billed; for a
        change, as that would.
    """
    one_of("proration", proration, PRORATIONS)
    gateway = gateway_of(subscription)
    gateway.require(Capability.PREVIEW)
    named, id, processor_id = item_name(item), subscription.id, subscription.processor_id
    change = _change(price, quantity, named, items)
    settle_session()
    refuse_both(coupon, promotion_code)
    # A further discount comes after those that it has.
    now = as_it_is(id) if coupon is None and promotion_code is None else known(subscription)
    changes: dict[str, t.Any] = {}
    reckoned = None
    further = _further_discount(now, coupon, promotion_code)
    if further is not None:
        require_changeable(now)
        changes["discounts"] = [*kept(now), further]
    if change is not None:
        require_changeable(now)
        changes |= {**change(now), "proration": proration}
        if proration != "none":
            reckoned = _reckoned_from(now, proration_date)
            changes["proration_date"] = unix(reckoned)
    current_state().db.session.rollback()
    try:
        answer = gateway.preview_invoice(processor_id, changes)
    except InvalidRequest as error:
        if error.code != "invoice_upcoming_none":
            raise
        raise InvalidState(
            "Nothing more will be billed for this subscription.", code="no_upcoming_invoice"
        ) from None
    return _told(t.cast(objects.Invoice, answer.main), reckoned)


def _further_discount(
    now: models.Subscription,
    coupon: models.Coupon | str | None,
    promotion_code: models.PromotionCode | str | None,
) -> dict[str, str] | None:
    payer = now.customer
    currency = now.currency or payer.currency
    if coupon is not None:
        return {"coupon": check_coupon(payer, coupon, currency)}
    if promotion_code is not None:
        found = accepted_code(payer, promotion_code, currency, bought_by(now))
        return {"promotion_code": found.processor_id}
    return None


def _change(
    price: str | None, quantity: int | None, named: str | None, items: Items | None
) -> c.Callable[[models.Subscription], dict[str, t.Any]] | None:
    """Return what gives the change that is meant, for a subscription as it is; ``None``: none is."""
    if items is not None:
        if named is not None:
            raise InvalidRequest(
                "Items tell of all items; don't name one as well.",
                code="parameter_invalid",
                param="item",
            )
        wanted = chosen_prices(price, quantity, items)
        return lambda now: {"items": _towards(now, wanted)}
    if price is not None:
        return lambda now: {"items": [swapped(now, named, price, quantity)], **without_end(now)}
    if quantity is not None:
        number = check_quantity(quantity, least=1)
        return lambda now: {"items": [recounted(chosen_item(now, named), lambda _: number)]}
    if named is not None:
        raise InvalidRequest(
            "Say what is to become of the item: give a price or a quantity.",
            code="parameter_invalid",
            param="item",
        )
    return None


def _towards(now: models.Subscription, wanted: Items) -> list[dict[str, t.Any]]:
    """Return the changes that lead from the items that there are to those that are wanted."""
    there = {item.price_processor_id: item for item in now.items}
    changes = [removed(item) for price, item in there.items() if price not in wanted]
    for price, quantity in wanted.items():
        if price not in there:
            changes.append(added(now, price, quantity))
        elif quantity is not None and quantity != there[price].quantity:
            changes.append(recounted(there[price], lambda _, number=quantity: number))  # type: ignore[misc]
    return changes


def _reckoned_from(
    subscription: models.Subscription, proration_date: datetime.datetime | None
) -> datetime.datetime:
    if proration_date is None:
        now, start = clock.now(), subscription.current_period_start
        # The processor's clock may be ahead of ours when the period has only just begun.
        proration_date = now if start is None else max(now, start)
    unix(proration_date)  # refuses a time without a zone
    return proration_date.astimezone(datetime.UTC).replace(microsecond=0)


def _told(invoice: objects.Invoice, proration_date: datetime.datetime | None) -> InvoicePreview:
    return InvoicePreview(
        currency=invoice.currency,
        subtotal=invoice.subtotal,
        discount=invoice.discount,
        tax=invoice.tax,
        inclusive_tax=invoice.inclusive_tax,
        total=invoice.total,
        starting_balance=invoice.starting_balance,
        amount_due=invoice.amount_due,
        period_start=invoice.period_start,
        period_end=invoice.period_end,
        proration_date=proration_date,
        lines=() if isinstance(invoice.lines, objects.Unsaid) else invoice.lines,
    )
