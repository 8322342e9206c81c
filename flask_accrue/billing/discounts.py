"""Discounts of a subscription: given by a coupon or a code, and taken away."""

from __future__ import annotations

import collections.abc as c
import typing as t

from .. import models, operations
from ..errors import InvalidState
from ..gateways import gateway_of
from ..processors import Capability, Processor
from .changes import as_it_is, require_changeable, update
from .current import sync
from .customers import get_customer
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
    gateway = _gateway(row)
    word = code.code if isinstance(code, models.PromotionCode) else code
    subject = f"subscription:{row.id}"
    id = operations.operation_id(operation_id, "apply_promotion_code", subject)
    found = None
    # A repeat goes by what was frozen: the code may be used up by its own first try.
    if not operations.is_known(id):
        row = _known(row, gateway)
        payer = row.customer
        found = accepted_code(payer, code, row.currency or payer.currency, bought_by(row))

    def wanted(now: models.Subscription) -> list[dict[str, str]]:
        assert found is not None, "a request is made once, before anything is known of it"
        _refuse_second(now, found.coupon_processor_id)
        return [*([] if replace else kept(now)), {"promotion_code": found.processor_id}]

    said = {"code": word, "replace": replace}
    return _discounted(row, "apply_promotion_code", said, wanted, id)


def apply_coupon(
    target: models.Subscription | models.Customer | t.Any,
    coupon: models.Coupon | str,
    *,
    name: str = "default",
    replace: bool = False,
    operation_id: str | None = None,
) -> models.Subscription:
    """Give a subscription the discount of a coupon, from its next invoice on.

    The others go on as they are known here: the processor is sent all of them, so one that was given
    elsewhere and whose event hasn't come is taken away. ``billing.sync(subscription)`` asks for them first.

    :param target: a subscription, or a billable or customer whose subscription of that ``name`` is meant.
    :param replace: take away the discounts that it has; otherwise this one comes after them.
    :raises InvalidRequest: with ``coupon_expired``, ``coupon_exhausted``, ``coupon_inactive``,
        ``coupon_deleted`` or ``coupon_currency_mismatch`` where that is known here.
    :raises InvalidState: with the code ``no_subscription``, or ``already_discounted`` when it has the coupon.
    """
    row = _of(target, name)
    gateway = _gateway(row)
    coupon_id = coupon.processor_id if isinstance(coupon, models.Coupon) else coupon
    subject = f"subscription:{row.id}"
    id = operations.operation_id(operation_id, "apply_coupon", subject)
    if not operations.is_known(id):
        row = _known(row, gateway)
        check_coupon(row.customer, coupon, row.currency or row.customer.currency)

    def wanted(now: models.Subscription) -> list[dict[str, str]]:
        _refuse_second(now, coupon_id)
        return [*([] if replace else kept(now)), {"coupon": coupon_id}]

    said = {"coupon": coupon_id, "replace": replace}
    return _discounted(row, "apply_coupon", said, wanted, id)


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
    gateway = _gateway(target)

    def wanted(now: models.Subscription) -> list[dict[str, str]]:
        discounts = now.discounts or []
        gone = [each for each in discounts if discount in (None, each["id"], each["coupon"])]
        if not gone and now.discounts is not None:
            raise _no_discount("This subscription")
        return [{"discount": each["id"]} for each in discounts if each not in gone]

    id = operations.operation_id(operation_id, "remove_discount", f"subscription:{target.id}")
    row = target if operations.is_known(id) else _known(target, gateway)
    return _discounted(row, "remove_discount", {"discount": discount}, wanted, id)


def kept(now: models.Subscription) -> list[dict[str, str]]:
    """Return the discounts that a subscription has, as they are sent to be kept."""
    return [{"discount": each["id"]} for each in now.discounts or []]


# -- shared ----------------------------------------------------------------------------------------


def _gateway(row: models.Subscription | models.Customer) -> Processor:
    gateway = gateway_of(row)
    gateway.require(Capability.COUPONS)
    return gateway


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


def _known(row: models.Subscription, gateway: Processor) -> models.Subscription:
    """Return a subscription as it is, once it's known which discounts it has: all of them are sent."""
    settle_session()
    now = as_it_is(row.id)
    if now.discounts is None:
        now = sync(now) or now
    require_changeable(now)
    return now


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
    operation_id: str,
) -> models.Subscription:
    return update(row, kind, said, lambda now: {"discounts": wanted(now)}, operation_id)


def _remove_customer_s(
    row: models.Customer, discount: str | None, operation_id: str | None
) -> models.Customer:
    processor_id = row.processor_id
    gateway = _gateway(row)
    id = operations.operation_id(operation_id, "remove_discount", f"customer:{row.id}")
    if discount is not None and not operations.is_known(id):
        settle_session()
        if row.discounts is None:
            row = sync(row) or row

    def check() -> None:
        unknown = row.discounts is None and discount is None
        if not unknown and not any(
            discount in (None, each["id"], each["coupon"]) for each in row.discounts or ()
        ):
            raise _no_discount("This customer")

    plan: Plan[models.Customer] = Plan(
        kind="remove_discount",
        subject=f"customer:{row.id}",
        processor=gateway,
        arguments={"discount": discount},
        method="remove_customer_discount",
        request=lambda _: {"customer": processor_id},
        result="customer",
        customer_id=row.id,
        check=check,
        seen=seen(row),
    )
    return perform(plan, id)


def _no_discount(whose: str) -> InvalidState:
    return InvalidState(f"{whose} has no such discount to take away.", code="no_discount")
