"""Coupons and promotion codes: made, changed, used up."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import decimal
import re
import typing as t

from ...errors import InvalidRequest
from ...money import Money
from .. import objects
from . import customers, items, labels
from .discounting import amounts_off
from .refusals import check_integer, check_known, check_texts, refused
from .transaction import Transaction, missing

DURATIONS: t.Final = ("once", "repeating", "forever")
CHANGEABLE: t.Final = frozenset({"name", "metadata", "currency_options"})
CODE_CHANGEABLE: t.Final = frozenset({"active", "metadata", "currency_options"})

_ID: t.Final = re.compile(r"[\w-]{1,200}", re.ASCII)
_CODE: t.Final = re.compile(r"[A-Za-z0-9-]{1,500}")
_LONGEST_NAME: t.Final = 40
_FARTHEST: t.Final = datetime.timedelta(days=5 * 366)


def create(tx: Transaction, given: c.Mapping[str, t.Any]) -> objects.Coupon:
    """Make a coupon; see the contract for what is given.

    :raises InvalidRequest: for terms that contradict each other, or an id that is taken.
    """
    check_texts({name: given[name] for name in ("id", "name", "currency")})
    coupon_id = given["id"] or tx.random_word(8)
    if not _ID.fullmatch(coupon_id):
        raise refused("A coupon's id has letters, digits, _ and -.", "id")
    _check_name(given["name"])
    taken = tx.peek(objects.Coupon, coupon_id)
    if taken is not None and not taken.deleted:
        raise refused("Coupon already exists.", "id", "resource_already_exists")
    percent = _percent(given["percent_off"])
    amount, currency = given["amount_off"], given["currency"]
    if (percent is None) == (amount is None):
        raise refused("A coupon has either percent_off or amount_off.", "percent_off")
    if amount is not None:
        _at_least_one(amount, "amount_off")
        if currency is None:
            raise refused("An amount off is in a currency.", "currency", "parameter_missing")
        currency = Money(amount, currency).currency
    elif given["currency_options"]:
        raise refused("Only an amount off has currency options.", "currency_options")
    _check_duration(given["duration"], given["duration_in_months"])
    if given["max_redemptions"] is not None:
        _at_least_one(given["max_redemptions"], "max_redemptions")
    redeem_by = _ahead(tx, given["redeem_by"], "redeem_by")
    for product in given["products"] or ():
        tx.get(objects.Product, product, "applies_to[products]")
    coupon = tx.save(
        objects.Coupon(
            processor_id=coupon_id,
            created=tx.now,
            name=given["name"],
            amount_off=amount,
            currency=currency if amount is not None else None,
            percent_off=percent,
            duration=given["duration"],
            duration_in_months=given["duration_in_months"],
            max_redemptions=given["max_redemptions"],
            redeem_by=redeem_by,
            products=tuple(given["products"] or ()),
            currency_options=_options(given["currency_options"], currency),
            metadata=labels.merged({}, given["metadata"]),
        ),
        "coupon.created",
    )
    tx.plan(coupon_id, "lapse", redeem_by)
    return coupon


def update(tx: Transaction, coupon_id: str, changes: c.Mapping[str, t.Any]) -> objects.Coupon:
    """Change what isn't a coupon's terms."""
    coupon = living(tx, coupon_id)
    check_known(changes, CHANGEABLE, "coupon")
    wanted = dict(changes)
    if "name" in wanted:
        check_texts({"name": wanted["name"]})
        _check_name(wanted["name"])
    if "metadata" in wanted:
        wanted["metadata"] = labels.merged(coupon.metadata, wanted["metadata"])
    if "currency_options" in wanted:
        if coupon.amount_off is None:
            raise refused("Only an amount off has currency options.", "currency_options")
        known = {} if coupon.currency_options is objects.UNSAID else coupon.currency_options
        added = _options(wanted["currency_options"], coupon.currency)
        wanted["currency_options"] = {**known, **added}
    return tx.save(dataclasses.replace(coupon, **wanted), "coupon.updated")


def delete(tx: Transaction, coupon_id: str) -> objects.Coupon:
    """Let nobody redeem a coupon any more; whoever has it keeps it. What is gone already is no error."""
    found = tx.get(objects.Coupon, coupon_id, "coupon")
    if found.deleted:
        return found
    coupon = dataclasses.replace(found, deleted=True, is_valid=False)
    tx.forget(coupon_id)
    tx.save(coupon)
    tx.emit("coupon.deleted", coupon)
    _close_codes(tx, coupon)
    return coupon


def living(tx: Transaction, coupon_id: t.Any, param: str = "coupon") -> objects.Coupon:
    """Return a coupon that wasn't deleted.

    :raises NotFound: otherwise.
    """
    coupon = tx.get(objects.Coupon, coupon_id, param)
    if coupon.deleted:
        raise missing(objects.Coupon, coupon_id, param)
    return coupon


def create_code(
    tx: Transaction, coupon_id: str, given: c.Mapping[str, t.Any]
) -> objects.PromotionCode:
    """Make a promotion code; see the contract for what is given.

    :raises InvalidRequest: for a word that another active code has, or a coupon that isn't valid.
    """
    coupon = living(tx, coupon_id, "promotion[coupon]")
    if not coupon.is_valid:
        raise refused("The coupon can't be redeemed any more.", "promotion[coupon]")
    word = given["code"] if given["code"] is not None else tx.random_word(8).upper()
    if not isinstance(word, str) or not _CODE.fullmatch(word):
        raise refused("A code has letters, digits and -.", "code")
    if given["customer"] is not None:
        customers.living(tx, given["customer"])
    if given["active"]:
        _check_unique(tx, word, given["customer"])
    most = given["max_redemptions"]
    if most is not None:
        _at_least_one(most, "max_redemptions")
        if coupon.max_redemptions is not None and most > coupon.max_redemptions:
            raise refused("The coupon has fewer redemptions than that.", "max_redemptions")
    expires = _ahead(tx, given["expires_at"], "expires_at")
    if expires and coupon.redeem_by and expires > coupon.redeem_by:
        raise refused("The coupon can't be redeemed for that long.", "expires_at")
    least, currency = given["minimum_amount"], given["minimum_amount_currency"]
    if (least is None) != (currency is None):
        raise refused(
            "A least amount has a currency.",
            "restrictions[minimum_amount_currency]",
            "parameter_missing",
        )
    if least is not None:
        _at_least_one(least, "restrictions[minimum_amount]")
        currency = Money(least, currency).currency
    code = tx.save(
        objects.PromotionCode(
            processor_id=tx.new_id("promo"),
            created=tx.now,
            code=word,
            coupon=coupon_id,
            is_active=bool(given["active"]),
            only_for=given["customer"],
            expires_at=expires,
            max_redemptions=most,
            first_time_transaction=bool(given["first_time_transaction"]),
            minimum_amount=least,
            minimum_amount_currency=currency,
            currency_options=_options(given["currency_options"], currency),
            metadata=labels.merged({}, given["metadata"]),
        ),
        "promotion_code.created",
    )
    tx.plan(code.processor_id, "lapse", expires)
    return code


def update_code(
    tx: Transaction, code_id: str, changes: c.Mapping[str, t.Any]
) -> objects.PromotionCode:
    """Change a promotion code.

    :raises InvalidRequest: for one that can't be redeemed any more and is to be active.
    """
    code = tx.get(objects.PromotionCode, code_id, "promotion_code")
    check_known(changes, CODE_CHANGEABLE, "promotion code")
    wanted = dict(changes)
    if "active" in wanted:
        wanted["is_active"] = bool(wanted.pop("active"))
        if wanted["is_active"] and not code.is_active:
            if _is_over(tx, code) or not tx.get(objects.Coupon, code.coupon).is_valid:
                raise refused("This code can't be redeemed any more.", "active")
            _check_unique(tx, code.code, code.only_for)
    if "metadata" in wanted:
        wanted["metadata"] = labels.merged(code.metadata, wanted["metadata"])
    if "currency_options" in wanted:
        known = {} if code.currency_options is objects.UNSAID else code.currency_options
        added = _options(wanted["currency_options"], code.minimum_amount_currency)
        wanted["currency_options"] = {**known, **added}
    return tx.save(dataclasses.replace(code, **wanted), "promotion_code.updated")


def look_up(tx: Transaction, word: str) -> list[objects.ProcessorObject]:
    """Return the codes with that word, the newest first, then their coupons."""
    every = reversed(tx.all(objects.PromotionCode))
    codes = [each for each in every if each.code.lower() == word.lower()]
    coupons = {each.coupon: tx.get(objects.Coupon, each.coupon) for each in codes}
    return [*codes, *coupons.values()]


# -- redeeming -------------------------------------------------------------------------------------


def usable(tx: Transaction, coupon_id: t.Any, currency: str | None, param: str) -> objects.Coupon:
    """Return a coupon that may be redeemed for what is billed in that currency.

    :raises NotFound: when there is none.
    :raises InvalidRequest: when it's over, or in another currency.
    """
    coupon = living(tx, coupon_id, param)
    if not coupon.is_valid:
        raise refused(f"Coupon expired: {coupon_id}.", param, "coupon_expired")
    known = amounts_off(coupon)
    if known and currency is not None and currency not in known:
        raise refused(
            f"The coupon {coupon_id!r} is in {', '.join(sorted(known)).upper()}, not in "
            f"{currency.upper()}.",
            param,
            "currency_mismatch",
        )
    return coupon


def accepted(
    tx: Transaction, code_id: t.Any, customer: str, bought: Money, param: str
) -> objects.PromotionCode:
    """Return a promotion code that a customer may redeem for what is bought.

    :raises NotFound: when there is none.
    :raises InvalidRequest: when it's over, or its restrictions don't allow it.
    """
    code = tx.get(objects.PromotionCode, code_id, param)
    problem = None
    if not code.is_active or _is_over(tx, code):
        problem = "is inactive"
    elif code.only_for not in (None, customer):
        problem = "is another customer's"
    elif code.first_time_transaction and _has_paid(tx, customer):
        problem = "is for customers who haven't paid anything before"
    elif not _is_enough(code, bought):
        problem = "is for more than that"
    if problem is not None:
        raise refused(f"The promotion code {code_id!r} {problem}.", param, "promotion_code_invalid")
    return code


def count(tx: Transaction, coupon: objects.Coupon, code: objects.PromotionCode | None) -> None:
    """Count a redemption; the last one that there may be ends coupon and code."""
    times = coupon.times_redeemed + 1
    coupon = tx.save(
        dataclasses.replace(
            coupon,
            times_redeemed=times,
            is_valid=coupon.is_valid and times != coupon.max_redemptions,
        ),
        "coupon.updated",
    )
    if code is not None:
        times = code.times_redeemed + 1
        is_active = code.is_active and times != code.max_redemptions
        tx.save(
            dataclasses.replace(code, times_redeemed=times, is_active=is_active),
            "promotion_code.updated",
        )
    if not coupon.is_valid:
        _close_codes(tx, coupon)


def lapse(tx: Transaction, what: objects.Coupon | objects.PromotionCode) -> None:
    """Let the time in which it could be redeemed be over; as at Stripe no event tells of that."""
    if isinstance(what, objects.PromotionCode):
        tx.save(dataclasses.replace(what, is_active=False))
        return
    coupon = tx.save(dataclasses.replace(what, is_valid=False))
    _close_codes(tx, coupon)


def _close_codes(tx: Transaction, coupon: objects.Coupon) -> None:
    """Let the codes of a coupon that isn't valid any more be inactive."""
    for code in tx.all(objects.PromotionCode, coupon.processor_id):
        if code.is_active:
            tx.save(dataclasses.replace(code, is_active=False), "promotion_code.updated")


def _is_over(tx: Transaction, code: objects.PromotionCode) -> bool:
    is_late = code.expires_at is not None and code.expires_at <= tx.now
    return is_late or code.times_redeemed == code.max_redemptions


def _has_paid(tx: Transaction, customer: str) -> bool:
    paid = any(each.amount_paid for each in tx.all(objects.Invoice, customer))
    return paid or any(each.status == "succeeded" for each in tx.all(objects.Charge, customer))


def _is_enough(code: objects.PromotionCode, bought: Money) -> bool:
    if code.minimum_amount is None or code.minimum_amount_currency is None:
        return True
    options = {} if code.currency_options is objects.UNSAID else code.currency_options
    known = {**options, code.minimum_amount_currency: code.minimum_amount}
    least = known.get(bought.currency)
    return least is not None and bought.amount_minor >= least


# -- terms -----------------------------------------------------------------------------------------


def _percent(given: t.Any) -> decimal.Decimal | None:
    if given is None:
        return None
    try:
        percent = decimal.Decimal(given)
    except (decimal.InvalidOperation, TypeError, ValueError):
        percent = decimal.Decimal(0)
    if not 0 < percent <= 100 or percent != percent.quantize(decimal.Decimal("0.0001")):
        raise refused("percent_off is above 0 and at most 100, with four decimals.", "percent_off")
    return percent


def _check_duration(duration: t.Any, months: t.Any) -> None:
    if duration not in DURATIONS:
        raise refused(f"duration is one of {', '.join(DURATIONS)}, not {duration!r}.", "duration")
    if (duration == "repeating") != (months is not None):
        code = "parameter_missing" if months is None else "parameter_invalid"
        raise refused("A repeating coupon has months, others don't.", "duration_in_months", code)
    if months is not None:
        _at_least_one(months, "duration_in_months")


def _check_name(name: str | None) -> None:
    if name is not None and len(name) > _LONGEST_NAME:
        raise refused(f"A coupon's name has at most {_LONGEST_NAME} characters.", "name")


def _check_unique(tx: Transaction, word: str, customer: str | None) -> None:
    codes = (each for each in look_up(tx, word) if isinstance(each, objects.PromotionCode))
    if any(each.is_active and each.only_for in (None, customer) for each in codes):
        raise refused(
            f"There is an active promotion code {word!r} already.",
            "code",
            "resource_already_exists",
        )


def _at_least_one(value: t.Any, param: str) -> None:
    if check_integer(value, param) < 1:
        raise refused(f"{param} is at least 1.", param, "parameter_invalid_integer")


def _ahead(tx: Transaction, value: t.Any, param: str) -> datetime.datetime | None:
    moment = items.moment(value, param)
    if moment is not None and not tx.now < moment <= tx.now + _FARTHEST:
        raise refused(f"{param} lies ahead, by five years at most.", param)
    return moment


def _options(given: t.Any, own: str | None) -> dict[str, int]:
    options: dict[str, int] = {}
    for currency, amount in (given or {}).items():
        _at_least_one(amount, f"currency_options[{currency}]")
        try:
            options[Money(amount, currency).currency] = amount
        except InvalidRequest:
            raise refused("This is no currency.", f"currency_options[{currency}]") from None
    if own in options:
        raise refused("Currency options are in other currencies.", f"currency_options[{own}]")
    return options
