"""Which coupons and promotion codes there are, and who had them."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa

from .. import models
from ..account_scope import current_account
from ..state import current_state


def list_coupons(processor: str | None = None, *, redeemable: bool = True) -> list[models.Coupon]:
    """Return the mirrored coupons, newest first; by default those that can still be redeemed.

    They are the platform's, inside ``connect.account(id)`` that account's.
    """
    coupons = models.Coupon
    statement = sa.select(coupons).where(
        coupons.processor == current_state().processor(processor).name,
        coupons.account_key == (current_account() or ""),
    )
    if redeemable:
        statement = statement.where(coupons.is_redeemable)
    return _listed(statement.order_by(coupons.created.desc(), coupons.processor_id.desc()))


def list_promotion_codes(
    coupon: models.Coupon | None = None,
    processor: str | None = None,
    *,
    redeemable: bool = True,
) -> list[models.PromotionCode]:
    """Return the mirrored promotion codes, or those of a coupon, newest first.

    They are the platform's, inside ``connect.account(id)`` that account's; those of a coupon, where it is.
    """
    codes = models.PromotionCode
    name = coupon.processor if coupon is not None else current_state().processor(processor).name
    account = coupon.account if coupon is not None else current_account()
    statement = sa.select(codes).where(
        codes.processor == name, codes.account_key == (account or "")
    )
    if coupon is not None:
        statement = statement.where(codes.coupon_processor_id == coupon.processor_id)
    if redeemable:
        statement = statement.where(codes.is_redeemable)
    return _listed(statement.order_by(codes.created.desc(), codes.processor_id.desc()))


def list_redemptions(
    of: models.Coupon | models.PromotionCode | models.Customer,
) -> list[models.Redemption]:
    """Return who redeemed a coupon or a code, or what a customer did, latest first; over or not."""
    redemptions = models.Redemption
    if isinstance(of, models.Customer):
        which = redemptions.customer_id == of.id
    elif isinstance(of, models.Coupon):
        which = redemptions.coupon_processor_id == of.processor_id
    else:
        which = redemptions.promotion_code_processor_id == of.processor_id
    statement = sa.select(redemptions).where(redemptions.processor == of.processor, which)
    if not isinstance(of, models.Customer):
        customers = models.Customer
        statement = statement.join(customers, customers.id == redemptions.customer_id).where(
            customers.account.is_not_distinct_from(of.account)
        )
    return _listed(statement.order_by(redemptions.redeemed_at.desc(), redemptions.id.desc()))


def _listed(statement: t.Any) -> list[t.Any]:
    return list(current_state().db.session.scalars(statement.execution_options(autoflush=False)))
