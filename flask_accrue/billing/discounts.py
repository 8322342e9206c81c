"""Discounts of a subscription: given by a coupon or a code, and taken away."""

from __future__ import annotations

import collections.abc as c
import typing as t

from .. import models, operations
from ..errors import InvalidState
from ..gateways import gateway_of
from ..processors import Capability
from .changes import as_it_is, require_changeable
from .current import sync
from .customers import get_customer
from .discount_lists import change_discounts
from .perform import Plan, perform, seen, settle_session
from .promotions import accepted_code, bought_by, check_coupon
from .subscriptions import subscription

#: Gives the discounts that a subscription is to have, as they are sent, from those that it has.
_Wanted: t.TypeAlias = c.Callable[[models.Subscription], list[dict[str, str]]]


def apply_promotion_code(
    target: models.Subscription | models.Customer | t.Any,
    code: models.PromotionCode | str,
    *,
    name: str = "default",
    replace: bool = False,
    operation_id: str | None = None,
) -> models.Subscription:
    """Give a subscription the discount of a promotion code, from its next invoice on.

    What is known here is checked first: that the code exists (a word that isn't known here is looked up at
    the processor once), is active, hasn't expired, isn't used up, is for this customer, is for this
    currency, and then its restrictions. Stripe gives no discount to a whole customer, so of a customer or
    a billable it's the subscription of that ``name``.

    :param code: the word as it was typed, in any case, or its row.
    :param replace: take away the discounts that it has; otherwise this one comes after them.
    :raises InvalidRequest: with one of ``promotion_code_not_found``, ``promotion_code_inactive``,
        ``promotion_code_expired``, ``promotion_code_exhausted``, ``promotion_code_not_for_customer``,
        ``promotion_code_currency_mismatch``, ``promotion_code_not_first_time``,
        ``promotion_code_below_minimum``.
    :raises InvalidState: with the code ``no_subscription``, or ``already_discounted`` when it has the coupon.
    """
    row = _of(target, name)
    _require(row)
    word = code.code if isinstance(code, models.PromotionCode) else code
    found: models.PromotionCode | None = None
    row_id = row.id

    def settle() -> None:
        # Not by a repeat, which goes by what was frozen: the code may be used up by its own first try.
        nonlocal found
        now = as_it_is(row_id)
        require_changeable(now)
        payer = now.customer
        found = accepted_code(payer, code, now.currency or payer.currency, bought_by(now))

    def wanted(now: models.Subscription) -> list[dict[str, str]]:
        assert found is not None, "it's settled before a request is made"
        _refuse_second(now, found.coupon_processor_id)
        return [*([] if replace else kept(now)), {"promotion_code": found.processor_id}]

    said = {"code": word, "replace": replace}
    return _discounted(row, "apply_promotion_code", said, wanted, operation_id, settle)


def apply_coupon(
    target: models.Subscription | models.Customer | t.Any,
    coupon: models.Coupon | str,
    *,
    name: str = "default",
    replace: bool = False,
    operation_id: str | None = None,
) -> models.Subscription:
    """Give a subscription the discount of a coupon, from its next invoice on.

    The others go on as the processor has them, which is asked right before: it's sent all of them, and one
    that was given elsewhere, whose event hasn't come, is kept.

    :param target: a subscription, or a billable or customer whose subscription of that ``name`` is meant.
    :param replace: take away the discounts that it has; otherwise this one comes after them.
    :raises InvalidRequest: with ``coupon_expired``, ``coupon_exhausted``, ``coupon_inactive``,
        ``coupon_deleted`` or ``coupon_currency_mismatch`` where that is known here.
    :raises InvalidState: with the code ``no_subscription``, or ``already_discounted`` when it has the coupon.
    """
    row = _of(target, name)
    _require(row)
    coupon_id = coupon.processor_id if isinstance(coupon, models.Coupon) else coupon

    def wanted(now: models.Subscription) -> list[dict[str, str]]:
        check_coupon(now.customer, coupon, now.currency or now.customer.currency)
        _refuse_second(now, coupon_id)
        return [*([] if replace else kept(now)), {"coupon": coupon_id}]

    said = {"coupon": coupon_id, "replace": replace}
    return _discounted(row, "apply_coupon", said, wanted, operation_id)


def remove_discount(
    target: models.Subscription | models.Customer,
    discount: str | None = None,
    *,
    operation_id: str | None = None,
) -> models.Subscription | models.Customer:
    """Take a discount away, from the next invoice on: of a subscription, or the one of a whole customer.

    :param discount: which one, by its own id or the coupon's; by default all.
    :raises InvalidState: with the code ``no_discount`` when there is none, or none of that id.
    """
    if isinstance(target, models.Customer):
        return _remove_customer_s(target, discount, operation_id)
    _require(target)

    def wanted(now: models.Subscription) -> list[dict[str, str]]:
        discounts = now.discounts or []
        gone = [each for each in discounts if discount in (None, each["id"], each["coupon"])]
        if not gone and now.discounts is not None:
            raise _no_discount("This subscription")
        return [{"discount": each["id"]} for each in discounts if each not in gone]

    return _discounted(target, "remove_discount", {"discount": discount}, wanted, operation_id)


def kept(now: models.Subscription) -> list[dict[str, str]]:
    """Return the discounts that a subscription has, as they are sent to be kept."""
    return [{"discount": each["id"]} for each in now.discounts or []]


# -- shared ----------------------------------------------------------------------------------------


def _require(row: models.Subscription | models.Customer) -> None:
    gateway_of(row).require(Capability.COUPONS)


def _of(target: t.Any, name: str) -> models.Subscription:
    if isinstance(target, models.Subscription):
        return target
    found = subscription(target, name) if get_customer(target) is not None else None
    if found is None:
        raise InvalidState(
            f"There is no subscription {name!r} that could have a discount. Give the coupon or code "
            "to billing.subscribe() instead.",
            code="no_subscription",
        )
    return found


def _refuse_second(now: models.Subscription, coupon: str) -> None:
    if any(each["coupon"] == coupon for each in now.discounts or []):
        raise InvalidState(
            f"This subscription has the coupon {coupon!r} already.", code="already_discounted"
        )


def _discounted(
    row: models.Subscription,
    kind: str,
    said: c.Mapping[str, t.Any],
    wanted: _Wanted,
    operation_id: str | None,
    settle: c.Callable[[], None] | None = None,
) -> models.Subscription:
    id = operations.operation_id(operation_id, kind, f"subscription:{row.id}")
    return change_discounts(
        row, kind, said, lambda now: {"discounts": wanted(now)}, id, settle=settle
    )


def _remove_customer_s(
    row: models.Customer, discount: str | None, operation_id: str | None
) -> models.Customer:
    processor_id = row.processor_id
    _require(row)
    id = operations.operation_id(operation_id, "remove_discount", f"customer:{row.id}")
    if discount is not None and not operations.is_known(id):
        settle_session()
        if row.discounts is None:
            row = sync(row) or row

    def request(_: str) -> dict[str, str]:
        # Looked at before it's sent for the first time only: what a lost answer took away is gone since.
        unknown = row.discounts is None and discount is None
        if not unknown and not any(
            discount in (None, each["id"], each["coupon"]) for each in row.discounts or ()
        ):
            raise _no_discount("This customer")
        return {"customer": processor_id}

    plan: Plan[models.Customer] = Plan(
        kind="remove_discount",
        subject=f"customer:{row.id}",
        processor=gateway_of(row),
        arguments={"discount": discount},
        method="remove_customer_discount",
        request=request,
        result="customer",
        customer_id=row.id,
        seen=seen(row),
    )
    return perform(plan, id)


def _no_discount(whose: str) -> InvalidState:
    return InvalidState(f"{whose} has no such discount to take away.", code="no_discount")
