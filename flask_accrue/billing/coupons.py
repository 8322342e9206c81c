"""Coupons and promotion codes: making them, and ending them."""

from __future__ import annotations

import collections.abc as c
import datetime
import decimal
import re
import typing as t

from .. import models
from ..account_scope import current_account
from ..errors import InvalidRequest, InvalidState
from ..gateways import gateway_of
from ..metadata import change_of_metadata, validate_metadata
from ..money import Money
from ..processors import Capability, Processor
from ..state import current_state
from .arguments import one_of
from .customers import OPERATION_KEY
from .perform import Plan, perform, seen
from .subscriptions import unix

DURATIONS: t.Final = ("once", "repeating", "forever")

_DECIMALS: t.Final = re.compile(r"[0-9]{1,3}(\.[0-9]+)?")


def create_coupon(
    *,
    percent_off: decimal.Decimal | int | str | None = None,
    amount_off: Money | None = None,
    other_amounts: c.Iterable[Money] = (),
    duration: str = "once",
    months: int | None = None,
    name: str | None = None,
    id: str | None = None,
    max_redemptions: int | None = None,
    redeem_by: datetime.datetime | None = None,
    products: c.Iterable[models.Product | str] | None = None,
    metadata: c.Mapping[str, str] | None = None,
    processor: str | None = None,
    operation_id: str | None = None,
) -> models.Coupon:
    """Make a coupon: so many percents off, or an amount. Inside ``connect.account(id)`` it's that account's.

    ::

        billing.create_coupon(percent_off=20, duration="repeating", months=3, id="welcome")

    :param percent_off: above 0, at most 100, with up to four decimals: ``"12.5"``. Never a float.
    :param amount_off: in its currency; ``other_amounts`` are the same in other currencies.
    :param duration: ``once`` (one invoice), ``repeating`` (for ``months`` calendar months) or ``forever``.
    :param id: one of your own choosing; the processor thinks of one otherwise.
    :param max_redemptions: how often it may be redeemed, by all customers together.
    :param redeem_by: until when it may be redeemed. Who has it by then keeps it.
    :param products: what alone it's for; everything by default.
    :raises InvalidRequest: for terms that contradict each other, or an id that is taken.
    """
    amounts = list(other_amounts)
    _check_terms(percent_off, amount_off, amounts, duration, months)
    _check_count(max_redemptions, "max_redemptions")
    extra = validate_metadata(metadata or {}, ours=1)
    gateway = _here(processor)
    said: dict[str, t.Any] = {
        "id": id,
        "name": name,
        "percent_off": None if percent_off is None else _percent(percent_off),
        "amount_off": None if amount_off is None else amount_off.amount_minor,
        "currency": None if amount_off is None else amount_off.currency,
        "currency_options": {each.currency: each.amount_minor for each in amounts} or None,
        "duration": duration,
        "duration_in_months": months,
        "max_redemptions": max_redemptions,
        "redeem_by": None if redeem_by is None else unix(redeem_by),
        "products": None if products is None else [_product_id(each) for each in products],
    }
    plan: Plan[models.Coupon] = Plan(
        kind="create_coupon",
        subject=f"{_subject(gateway)}{id or ''}",
        processor=gateway,
        arguments={**said, "metadata": extra},
        method="create_coupon",
        request=lambda id: {**said, "metadata": {**extra, OPERATION_KEY: id}},
        result="coupon",
        customer_id=None,
        account=gateway.account,
        find=("coupon", None),
    )
    return perform(plan, operation_id)


def update_coupon(
    coupon: models.Coupon,
    *,
    name: str | None = None,
    metadata: c.Mapping[str, str] | None = None,
    other_amounts: c.Iterable[Money] = (),
    operation_id: str | None = None,
) -> models.Coupon:
    """Change a coupon's name or metadata, or add amounts in other currencies. Its terms never change.

    :raises InvalidRequest: for amounts that aren't above 0, can't be paid (``amount_not_payable``), or aren't
        in a currency each.
    """
    changes: dict[str, t.Any] = {} if name is None else {"name": name}
    if metadata is not None:
        changes["metadata"] = change_of_metadata(metadata, coupon)
    others = list(other_amounts)
    _check_amounts(others)
    if others:
        changes["currency_options"] = {each.currency: each.amount_minor for each in others}
    return t.cast(models.Coupon, _change(coupon, "update_coupon", changes, operation_id))


def delete_coupon(coupon: models.Coupon, *, operation_id: str | None = None) -> models.Coupon:
    """Let nobody redeem a coupon or a code of it any more. Whoever has it keeps it.

    One that the processor doesn't have any more is marked as deleted.
    """
    processor_id = coupon.processor_id
    plan: Plan[models.Coupon] = Plan(
        kind="delete_coupon",
        subject=f"coupon:{coupon.id}",
        processor=_gateway(coupon),
        arguments={},
        method="delete_coupon",
        request=lambda _: {"coupon": processor_id},
        result="coupon",
        customer_id=None,
        account=coupon.account,
        seen=seen(coupon),
    )
    return perform(plan, operation_id)


def create_promotion_code(
    coupon: models.Coupon | str,
    code: str | None = None,
    *,
    only_for: models.Customer | None = None,
    active: bool = True,
    expires_at: datetime.datetime | None = None,
    max_redemptions: int | None = None,
    first_time_transaction: bool = False,
    minimum: Money | None = None,
    other_minimums: c.Iterable[Money] = (),
    metadata: c.Mapping[str, str] | None = None,
    processor: str | None = None,
    operation_id: str | None = None,
) -> models.PromotionCode:
    """Make a word that customers type to have a coupon, where that is: on the platform or in an account.

    :param coupon: its row, or the processor's id of one that is the platform's, inside
        ``connect.account(id)`` that account's.
    :param code: letters, digits and dashes, in any case; the processor thinks of one otherwise. Of the active
        codes for one customer each has its own.
    :param only_for: the one customer who may use it.
    :param first_time_transaction: only customers who haven't paid anything before may use it.
    :param minimum: what has to be bought at least; ``other_minimums`` are the same in other currencies.
    :raises InvalidRequest: for a code that is taken, a coupon that can't be redeemed any more, or least
        amounts that can't be paid (``amount_not_payable``).
    :raises InvalidState: with the code ``other_account`` for a customer, or inside the block, of another
        account than the coupon's.
    """
    _check_count(max_redemptions, "max_redemptions")
    least = list(other_minimums)
    _check_minimums(minimum, least)
    extra = validate_metadata(metadata or {}, ours=1)
    is_row = isinstance(coupon, models.Coupon)
    gateway = _gateway(coupon) if isinstance(coupon, models.Coupon) else _here(processor)
    if only_for is not None:
        _check_customer(only_for, gateway)
    coupon_id = t.cast(models.Coupon, coupon).processor_id if is_row else t.cast(str, coupon)
    said: dict[str, t.Any] = {
        "coupon": coupon_id,
        "code": code,
        "customer": None if only_for is None else only_for.processor_id,
        "active": active,
        "expires_at": None if expires_at is None else unix(expires_at),
        "max_redemptions": max_redemptions,
        "first_time_transaction": first_time_transaction,
        "minimum_amount": None if minimum is None else minimum.amount_minor,
        "minimum_amount_currency": None if minimum is None else minimum.currency,
        "currency_options": {each.currency: each.amount_minor for each in least} or None,
    }
    plan: Plan[models.PromotionCode] = Plan(
        kind="create_promotion_code",
        subject=f"{_subject(gateway)}{coupon_id}",
        processor=gateway,
        arguments={**said, "metadata": extra},
        method="create_promotion_code",
        request=lambda id: {**said, "metadata": {**extra, OPERATION_KEY: id}},
        result="promotion_code",
        customer_id=None,
        account=gateway.account,
        find=("promotion_code", coupon_id),
    )
    return perform(plan, operation_id)


def activate_promotion_code(
    code: models.PromotionCode, *, operation_id: str | None = None
) -> models.PromotionCode:
    """Let a promotion code be redeemed again.

    :raises InvalidRequest: when it's over, or another active one has its word now.
    """
    changes = {"active": True}
    row = _change(code, "activate_promotion_code", changes, operation_id)
    return t.cast(models.PromotionCode, row)


def deactivate_promotion_code(
    code: models.PromotionCode, *, operation_id: str | None = None
) -> models.PromotionCode:
    """Let nobody redeem a promotion code, until it's activated again. Discounts from it go on."""
    changes = {"active": False}
    row = _change(code, "deactivate_promotion_code", changes, operation_id)
    return t.cast(models.PromotionCode, row)


def _here(processor: str | None) -> Processor:
    """Return the processor for the account of the block, or for the platform."""
    gateway = current_state().processor(processor).of_account(current_account())
    gateway.require(Capability.COUPONS)
    return gateway


def _gateway(row: models.Coupon | models.PromotionCode) -> Processor:
    gateway = gateway_of(row)
    gateway.require(Capability.COUPONS)
    return gateway


def _subject(gateway: Processor) -> str:
    """Return what operations on something that isn't there yet are about, less its id."""
    account = "" if gateway.account is None else f"{gateway.account}/"
    return f"coupon:{account}{gateway.name}:"


def _check_customer(customer: models.Customer, gateway: Processor) -> None:
    if customer.account != gateway.account:
        raise InvalidState(
            "The customer whom the code is for isn't in the account in which the coupon is.",
            code="other_account",
        )


def _change(
    row: models.Coupon | models.PromotionCode,
    kind: str,
    changes: dict[str, t.Any],
    operation_id: str | None,
) -> models.Mirrored:
    noun = "coupon" if isinstance(row, models.Coupon) else "promotion_code"
    processor_id = row.processor_id
    plan: Plan[models.Mirrored] = Plan(
        kind=kind,
        subject=f"{noun}:{row.id}",
        processor=_gateway(row),
        arguments=changes,
        method=f"update_{noun}",
        request=lambda _: {noun: processor_id, "changes": changes},
        result=noun,
        customer_id=None,
        account=row.account,
        seen=seen(row),
    )
    return perform(plan, operation_id)


def _check_terms(
    percent_off: t.Any,
    amount_off: t.Any,
    other_amounts: list[Money],
    duration: str,
    months: t.Any,
) -> None:
    if (percent_off is None) == (amount_off is None):
        raise _invalid("percent_off", "A coupon has either percent_off or amount_off.")
    _check_amounts([*([] if amount_off is None else [amount_off]), *other_amounts])
    if percent_off is not None:
        _percent(percent_off)
    if amount_off is None and other_amounts:
        raise _invalid("other_amounts", "Other amounts need an amount_off beside them.")
    one_of("duration", duration, DURATIONS)
    if (duration == "repeating") != (months is not None):
        raise _invalid("months", "A coupon has months if its duration is 'repeating'.")
    _check_count(months, "months")


def _check_amounts(amounts: list[t.Any]) -> None:
    for each in amounts:
        if not isinstance(each, Money) or each.amount_minor <= 0:
            raise _invalid("amount_off", f"An amount off is Money above 0, not {each!r}.")
        each.require_payable()
    if len({each.currency for each in amounts}) < len(amounts):
        raise _invalid("other_amounts", "Each amount is in a currency of its own.")


def _check_minimums(minimum: t.Any, others: list[t.Any]) -> None:
    if minimum is None and others:
        raise _invalid("other_minimums", "Other least amounts need a minimum beside them.")
    every = [*([] if minimum is None else [minimum]), *others]
    for number, each in enumerate(every):
        param = "other_minimums" if number else "minimum"
        if not isinstance(each, Money) or each.amount_minor <= 0:
            raise _invalid(param, f"A least amount is Money above 0, not {each!r}.")
        each.require_payable(param)
    if len({each.currency for each in every}) < len(every):
        raise _invalid("other_minimums", "Each least amount is in a currency of its own.")


def _percent(given: t.Any) -> str:
    """Return percents as they are sent: in decimals, since a float isn't what it says."""
    percent = decimal.Decimal(0)
    is_number = isinstance(given, decimal.Decimal | int) and not isinstance(given, bool)
    # Decimal itself takes "NaN", "1_0", and the digits of other scripts.
    if is_number or (isinstance(given, str) and _DECIMALS.fullmatch(given)):
        percent = decimal.Decimal(given)
    is_fine = percent.is_finite() and 0 < percent <= 100 and percent == round(percent, 4)
    if not is_fine:
        raise _invalid(
            "percent_off",
            "percent_off is a Decimal, a whole number or a string such as '12.5', above 0 and at most "
            f"100, with up to four decimals; not {given!r}.",
        )
    return f"{percent.normalize():f}"


def _check_count(given: t.Any, param: str) -> None:
    if given is None:
        return
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise _invalid(param, f"{param} is a whole number from 1 on, not {given!r}.")


def _product_id(product: models.Product | str) -> str:
    return product.processor_id if isinstance(product, models.Product) else product


def _invalid(param: str, message: str) -> InvalidRequest:
    return InvalidRequest(message, code="parameter_invalid", param=param)
