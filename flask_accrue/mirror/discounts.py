"""The discounts of a subscription or a customer, and who redeemed what."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa

from .. import models
from ..processors import objects
from ..unit_of_work import UnitOfWork

Said: t.TypeAlias = tuple[objects.Discount, ...] | objects.Unsaid


def stored_discounts(
    discounts: Said, known: list[dict[str, t.Any]] | None
) -> list[dict[str, t.Any]] | None:
    """Return discounts as a column holds them; one that is only named here is as it's known."""
    if discounts is objects.UNSAID:
        return known
    by_id = {each["id"]: each for each in known or ()}
    return [
        by_id[each.processor_id]
        if each.coupon is None and each.processor_id in by_id
        else {
            "id": each.processor_id,
            "coupon": each.coupon,
            "promotion_code": each.promotion_code,
            "start": None if each.start is None else each.start.isoformat(),
            "end": None if each.end is None else each.end.isoformat(),
        }
        for each in discounts
    ]


def names_unknown(row: models.Mirrored | None, obj: objects.ProcessorObject | None) -> bool:
    """Tell whether an object only names a discount of which nothing else is known."""
    discounts: Said = getattr(obj, "discounts", objects.UNSAID)
    if discounts is objects.UNSAID:
        return False
    known = {each["id"] for each in getattr(row, "discounts", None) or () if each["coupon"]}
    return any(each.coupon is None and each.processor_id not in known for each in discounts)


def note_redemptions(
    uow: UnitOfWork,
    customer: models.Customer,
    discounts: Said,
    subscription: str | None = None,
) -> None:
    """Keep who redeemed what: a discount itself is gone when it's over."""
    told = {
        each.processor_id: each
        for each in (() if discounts is objects.UNSAID else discounts)
        if each.coupon is not None and each.start is not None
    }
    if not told:
        return
    redemptions = models.Redemption
    kept = uow.scalars(
        sa.select(redemptions).where(
            redemptions.processor == customer.processor,
            redemptions.discount_processor_id.in_(told),
        )
    )
    for redemption in kept.all():
        del told[redemption.discount_processor_id]
    for each in told.values():
        # While rows are gathered, a statement doesn't find those that were added before.
        noted = (redemptions, customer.processor, each.processor_id)
        if uow.kept.setdefault(noted, each) is not each:
            continue
        uow.add(
            redemptions(
                processor=customer.processor,
                discount_processor_id=each.processor_id,
                customer_id=customer.id,
                subscription_processor_id=each.subscription or subscription,
                coupon_processor_id=each.coupon,
                promotion_code_processor_id=each.promotion_code,
                redeemed_at=each.start,
                ends_at=each.end,
            )
        )
