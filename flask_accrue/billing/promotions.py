"""Whether a coupon or a code may be redeemed, as far as that is known here.

The processor has the last word. What is known here is said at once, for each reason by a code of its own.
"""

from __future__ import annotations

import collections.abc as c
import typing as t

import sqlalchemy as sa

from .. import mirror, models
from ..errors import InvalidRequest
from ..gateways import gateway_of
from ..metadata import can_be_stored
from ..money import Money
from ..origins import Origin, current_actor
from ..processors import Capability
from ..state import current_state
from ..unit_of_work import UnitOfWork, write
from .perform import seen, settle_session


def accepted_code(
    payer: models.Customer,
    code: models.PromotionCode | str,
    currency: str | None,
    bought: Money | None = None,
) -> models.PromotionCode:
    """Return the promotion code that a customer may redeem.

    A word that isn't known here is looked up at the processor once, since it may have been made a moment ago;
    so this may call the processor, and settles the session.

    :param bought: what it's for, where that can be told.
    :raises InvalidRequest: with one of these codes, the first that applies: ``promotion_code_not_found``,
        ``promotion_code_inactive``, ``promotion_code_expired``, ``promotion_code_exhausted``,
        ``promotion_code_not_for_customer``, ``promotion_code_currency_mismatch``,
        ``promotion_code_not_first_time``, ``promotion_code_below_minimum``.
    """
    gateway = gateway_of(payer)
    gateway.require(Capability.COUPONS)
    if isinstance(code, models.PromotionCode):
        is_there = (code.processor, code.account) == (payer.processor, payer.account)
        candidates = [code] if is_there else []
        word = code.code
    else:
        word = _word(code)
        candidates = known_codes(payer, word) or _looked_up(payer, word)
    if not candidates:
        raise _refused("not_found", f"There is no promotion code {word!r}.")
    refusals = []
    for candidate in candidates:
        problem = next(_problems(payer, candidate, currency, bought), None)
        if problem is None:
            return candidate
        refusals.append(problem)
    # Several codes may have had the word; what is said is of the one that came closest.
    raise max(refusals, key=lambda each: each[0])[1]


def id_of(discount: models.Coupon | models.PromotionCode | str | None) -> str | None:
    """Return the processor's id of a coupon or code that is told by its row or by that."""
    if isinstance(discount, models.Coupon | models.PromotionCode):
        return discount.processor_id
    return discount


def check_coupon(payer: models.Customer, coupon: t.Any, currency: str | None) -> str:
    """Return the processor's id of a coupon, unless it's known here that it can't be redeemed.

    :raises InvalidRequest: with ``coupon_deleted``, ``coupon_expired``, ``coupon_exhausted``,
        ``coupon_inactive`` or ``coupon_currency_mismatch``; with ``other_account`` for one that isn't of
        the account in which the customer is.
    """
    gateway_of(payer).require(Capability.COUPONS)
    if isinstance(coupon, models.Coupon):
        row: models.Coupon | None = coupon
        processor_id = coupon.processor_id
        if coupon.account != payer.account:
            raise InvalidRequest(
                f"The coupon {processor_id!r} is {_whose(coupon.account)}, and the customer is "
                f"{_whose(payer.account)}. Give a coupon that was made there.",
                code="other_account",
                param="coupon",
            )
    elif isinstance(coupon, str) and coupon and can_be_stored(coupon):
        processor_id = coupon
        row = find_coupon(payer.processor, coupon, payer.account)
    else:
        raise InvalidRequest(
            f"A coupon is named by its row or the processor's id, not {coupon!a}.",
            code="parameter_invalid",
            param="coupon",
        )
    if row is None:
        return processor_id
    problem = None
    if row.deleted_at is not None:
        problem = "deleted", "was deleted"
    elif row.is_expired:
        problem = "expired", "can't be redeemed any more"
    elif row.is_exhausted:
        problem = "exhausted", "was redeemed as often as it may be"
    elif not row.is_valid:
        problem = "inactive", "isn't valid any more"
    elif is_in_other_currency(row, currency):
        problem = "currency_mismatch", f"isn't in {str(currency).upper()}"
    if problem is not None:
        raise InvalidRequest(
            f"The coupon {processor_id!r} {problem[1]}.",
            code=f"coupon_{problem[0]}",
            param="coupon",
        )
    return processor_id


def to_redeem(
    payer: models.Customer,
    coupon: models.Coupon | str | None,
    promotion_code: models.PromotionCode | str | None,
    prices: c.Sequence[tuple[models.Price | None, int | None]],
) -> list[dict[str, str]] | None:
    """Return what is to be taken off those prices, each so many times, as it's sent.

    :raises InvalidRequest: where it's known that it can't be redeemed.
    """
    if coupon is None and promotion_code is None:
        return None
    currency = payer.currency
    known = next((price for price, _ in prices if price is not None), None)
    if known is not None and currency not in known.currencies:
        currency = known.currency
    if promotion_code is None:
        return [{"coupon": check_coupon(payer, coupon, currency)}]
    found = accepted_code(payer, promotion_code, currency, total(prices, currency))
    return [{"promotion_code": found.processor_id}]


def refuse_both(coupon: t.Any, promotion_code: t.Any) -> None:
    """Refuse a coupon and a code at once.

    :raises InvalidRequest: for both.
    """
    if coupon is not None and promotion_code is not None:
        raise InvalidRequest(
            "Give either a coupon or a promotion code, not both.",
            code="parameter_invalid",
            param="promotion_code",
        )


def find_coupon(processor: str, processor_id: str, account: str | None) -> models.Coupon | None:
    """Return the mirrored coupon of the platform or of a connected account, or ``None`` when we haven't heard
    of it."""
    coupons = models.Coupon
    return (
        current_state()
        .db.session.scalars(
            sa.select(coupons)
            .where(
                coupons.processor == processor,
                coupons.processor_id == processor_id,
                coupons.account_key == (account or ""),
            )
            .execution_options(populate_existing=True)
        )
        .one_or_none()
    )


def is_in_other_currency(coupon: models.Coupon, currency: str | None) -> bool:
    """Tell whether a coupon's amount is surely in other currencies than this one."""
    if coupon.currency is None or currency in (None, coupon.currency):
        return False
    return coupon.currency_options is not None and currency not in coupon.currency_options


def bought_by(subscription: models.Subscription) -> Money | None:
    """Return what a period of a subscription costs, or ``None`` where that can't be told."""
    rows = [(each.price, each.quantity) for each in subscription.items]
    return total(rows, subscription.currency)


def total(
    rows: c.Iterable[tuple[models.Price | None, int | None]], currency: str | None
) -> Money | None:
    """Return what prices come to, each so many times; ``None`` where one of them can't be told.

    :param currency: in which they are paid, ``None``: in their own.
    """
    whole: Money | None = None
    for price, quantity in rows:
        each = None if price is None else price.money_in(currency)
        if each is None or price is None or price.is_metered:
            return None
        cost = Money(each.amount_minor * (1 if quantity is None else quantity), each.currency)
        if whole is not None and whole.currency != cost.currency:
            return None
        whole = cost if whole is None else whole + cost
    return whole


# -- the code --------------------------------------------------------------------------------------

_Problem: t.TypeAlias = tuple[int, InvalidRequest]


def _problems(
    payer: models.Customer,
    code: models.PromotionCode,
    currency: str | None,
    bought: Money | None,
) -> c.Iterator[_Problem]:
    """Give what stands against a code, in the order in which it's told."""
    coupon = find_coupon(code.processor, code.coupon_processor_id, code.account)
    is_expired = code.is_expired or (coupon is not None and coupon.is_expired)
    is_exhausted = code.is_exhausted or (coupon is not None and coupon.is_exhausted)
    is_valid = coupon is None or (coupon.is_valid and coupon.deleted_at is None)
    # The processor also calls inactive what is over; what is over is told as that.
    if not (code.is_active and is_valid) and not (is_expired or is_exhausted):
        yield 1, _refused("inactive", f"The promotion code {code.code!r} is inactive.")
    if is_expired:
        yield 2, _refused("expired", f"The promotion code {code.code!r} has expired.")
    if is_exhausted:
        yield 3, _refused("exhausted", f"The promotion code {code.code!r} is used up.")
    if code.only_for_processor_id not in (None, payer.processor_id):
        yield 4, _refused("not_for_customer", f"The promotion code {code.code!r} isn't for you.")
    if coupon is not None and is_in_other_currency(coupon, currency):
        yield (
            5,
            _refused(
                "currency_mismatch",
                f"The promotion code {code.code!r} isn't for what is paid in {str(currency).upper()}.",
            ),
        )
    if code.first_time_transaction and _has_paid(payer):
        yield (
            6,
            _refused(
                "not_first_time", f"The promotion code {code.code!r} is for a first purchase."
            ),
        )
    least = _least(code, bought)
    if least is not None and bought is not None and bought < least:
        yield (
            7,
            _refused(
                "below_minimum",
                f"The promotion code {code.code!r} is for {least.format()} and more.",
            ),
        )


def _least(code: models.PromotionCode, bought: Money | None) -> Money | None:
    """Return what has to be bought at least, in the currency of what is; ``None``: nothing is known."""
    if bought is None or code.minimum_amount is None or code.minimum_amount_currency is None:
        return None
    known = {**(code.currency_options or {}), code.minimum_amount_currency: code.minimum_amount}
    amount = known.get(bought.currency)
    return None if amount is None else Money(amount, bought.currency)


def _has_paid(payer: models.Customer) -> bool:
    session = current_state().db.session
    invoices, charges = models.Invoice, models.Charge
    for statement in (
        sa.select(invoices.id).where(
            invoices.customer_id == payer.id, invoices.is_paid, invoices.amount_paid > 0
        ),
        sa.select(charges.id).where(charges.customer_id == payer.id, charges.is_succeeded),
    ):
        if session.scalar(statement.limit(1)) is not None:
            return True
    return False


def known_codes(payer: models.Customer, word: str) -> list[models.PromotionCode]:
    """Return the codes that are known by a word, in any case, where a customer is; never asks elsewhere."""
    codes = models.PromotionCode
    return list(
        current_state().db.session.scalars(
            sa.select(codes)
            .where(
                codes.processor == payer.processor,
                codes.account_key == (payer.account or ""),
                sa.func.lower(codes.code) == word.lower(),
                codes.deleted_at.is_(None),
            )
            # One of the customer's own counts before one for everybody.
            .order_by(
                codes.only_for_processor_id.is_(None), codes.created.desc(), codes.processor_id
            )
            .execution_options(populate_existing=True)
        )
    )


def _looked_up(payer: models.Customer, word: str) -> list[models.PromotionCode]:
    """Ask the processor for a code that isn't known here, and keep what it says."""
    processor, account, gateway = payer.processor, payer.account, gateway_of(payer)
    settle_session()
    answer = gateway.look_up_promotion_code(word)
    if not answer.objects:
        return []
    coupons = (find_coupon(processor, each.processor_id, account) for each in answer.objects)
    before = seen(*(each for each in coupons if each is not None))

    def work(uow: UnitOfWork) -> None:
        mirror.write_answers(uow, None, [answer], before, processor=processor, account=account)

    write(work, origin=Origin(current_actor()))
    return known_codes(payer, word)


def _whose(account: str | None) -> str:
    return "the platform's" if account is None else f"the account {account}'s"


def _word(code: t.Any) -> str:
    if not isinstance(code, str) or not 0 < len(code.strip()) <= 500 or not can_be_stored(code):
        raise InvalidRequest(
            f"A promotion code is the word that was typed, not {str(code)[:80]!a}.",
            code="promotion_code_not_found",
            param="promotion_code",
        )
    return code.strip()


def _refused(why: str, message: str) -> InvalidRequest:
    return InvalidRequest(message, code=f"promotion_code_{why}", param="promotion_code")
