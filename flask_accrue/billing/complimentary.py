"""Subscriptions that are free of charge: a coupon of all percents, made once and found again."""

from __future__ import annotations

import calendar
import datetime
import typing as t

import sqlalchemy as sa

from .. import account_scope, clock, mirror, models, operations
from ..errors import InvalidRequest, InvalidState
from ..gateways import gateway_of
from ..ids import new_id
from ..origins import Origin, current_actor
from ..processors import Answer, Capability, Processor
from ..state import current_state
from ..unit_of_work import UnitOfWork, write
from .changes import COMP_END_KEY, as_it_is, require_changeable
from .coupons import create_coupon
from .current import sync
from .discount_lists import change_discounts
from .discounts import kept
from .early_ends import is_cut, set_to
from .perform import seen, settle_session
from .promotions import find_coupon
from .subscriptions import subscribe, unix

#: The key of a subscription's metadata that holds why it's free of charge.
REASON_KEY: t.Final = "accrue_comp_reason"
_LONGEST_REASON: t.Final = 500


def comp_subscription(
    target: models.Subscription | t.Any,
    price: str | None = None,
    *,
    reason: str,
    months: int | None = None,
    ends_at: datetime.datetime | None = None,
    name: str = "default",
    quantity: int | None = None,
    operation_id: str | None = None,
) -> models.Subscription:
    """Give a subscription free of charge: one that there is, or a new one to a price.

    It has a coupon of 100 % from its next invoice on, before any other discounts, also after its plan is
    swapped. A new one needs no card, and is made with its end by one call. The ledger has an entry
    ``subscription.comped``.

    :param target: a subscription, or the billable that is to have one to ``price``.
    :param reason: why, for whoever looks at it later; it's kept in the subscription's metadata.
    :param months: after so many calendar months it's billed; forever by default. In the very second in which
        a period of months began these are the months after that period, whose invoice there is already.
    :param ends_at: when it ends, instead of ever being billed. A swap of its plan doesn't withdraw that. What
        was billed of a running period stays billed. What an earlier end has given back of it stays so.
    :raises InvalidState: with the code ``already_comped``, or for one that is incomplete or has ended.
    """
    _check(reason, months)
    end = None if ends_at is None else unix(ends_at)
    if not isinstance(target, models.Subscription):
        return _begun(target, price, reason, months, end, name, quantity, operation_id)
    if price is not None:
        raise InvalidRequest(
            "A subscription has its price; swap its plan to change that.",
            code="parameter_invalid",
            param="price",
        )
    gateway = gateway_of(target)
    _require(gateway, end)
    subject = f"subscription:{target.id}"
    id = operations.operation_id(operation_id, "comp_subscription", subject)
    row_id = target.id
    needed = months

    def settle() -> None:
        nonlocal needed
        _check_ahead(end)
        row = as_it_is(row_id)
        if row.discounts is None:
            row = sync(row) or row
        _refuse(row)
        needed = _months_to_ask_for(row, months, clock.now())
        _ensure_coupon(gateway, needed)

    def changes(now: models.Subscription) -> dict[str, t.Any]:
        _refuse(now)
        # First of all: what the others would take off is nothing then, and isn't spent.
        discounts = [{"coupon": coupon_id(needed)}, *kept(now)]
        noted = _noted(reason, end)
        if end is None:
            return {"discounts": discounts, "metadata": noted}
        # What was billed of the running period isn't given back, and what was given back stays so.
        ending = set_to(now, end, prorate=is_cut(now))
        noted |= ending.get("metadata", {})
        return {"discounts": discounts, **ending, "metadata": noted}

    said = {"reason": reason, "months": months, "ends_at": end}
    row = change_discounts(target, "comp_subscription", said, changes, id, settle=settle)
    return _to_the_month(row, gateway, months, id)


def coupon_id(months: int | None) -> str:
    """Return the id of the coupon that makes a subscription free of charge, at every processor the same."""
    duration = "forever" if months is None else f"{months}-months"
    return f"{models.COMP_COUPON}{duration}"


def _months_to_ask_for(
    row: models.Subscription, months: int | None, begins: datetime.datetime | None
) -> int | None:
    """Return for how many months a coupon that begins then has to hold.

    It ends with the second in which it began, so many months later, and an invoice of that second isn't
    lowered any more. Where a period begins then, a month more is needed, or it would be one invoice less: so
    it is when it's given in the first second of a period, and not when that is a trial or the part of a
    period before the first whole one. Periods of days or weeks aren't counted in months.
    """
    if months is None or begins is None or row.billing_cycle_anchor is None:
        return months
    price = next((each.price for each in row.items if each.price is not None), None)
    interval, count = (
        ("month", 1) if price is None else (price.interval or "month", price.interval_count)
    )
    if interval not in ("month", "year"):
        return months
    length = count * (12 if interval == "year" else 1)
    anchor = row.billing_cycle_anchor.astimezone(clock.UTC)
    # One that began on the last day of a shorter month ends some days before the period does.
    begun = row.current_period_start is not None and unix(row.current_period_start) == unix(begins)
    begins_one = begun and months % length == 0 and _begins_period(anchor, length, begins)
    is_first_of_next = _begins_period(anchor, length, _later(begins, months))
    return months + 1 if begins_one or is_first_of_next else months


def _begins_period(anchor: datetime.datetime, length: int, moment: datetime.datetime) -> bool:
    """Tell whether a period of so many months, counted from its anchor, begins in the second of a moment."""
    moment = moment.astimezone(clock.UTC)
    months = (moment.year - anchor.year) * 12 + moment.month - anchor.month
    return months % length == 0 and unix(_later(anchor, months)) == unix(moment)


def _later(moment: datetime.datetime, months: int) -> datetime.datetime:
    """Return the same time so many calendar months later (or earlier), at most the month's last day."""
    moment = moment.astimezone(clock.UTC)
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def _to_the_month(
    row: models.Subscription, gateway: Processor, months: int | None, operation_id: str
) -> models.Subscription:
    """Replace the coupon when the processor's clock says otherwise than ours in which second it began.

    Only the one that the operation gave: a repeat may come when it was long taken away, and another given.
    """
    given = next((each for each in row.discounts or [] if _is_comp(each)), None)
    if months is None or row.current_period_start is None:
        return row
    if given is None or given["start"] is None or not _gave(operation_id, row, given):
        return row
    begins = datetime.datetime.fromisoformat(given["start"])
    needed = _months_to_ask_for(row, months, begins)
    # A period that began since tells nothing of it any more.
    if row.current_period_start > begins or given["coupon"] == coupon_id(needed):
        return row
    following = operations.shortened(f"{operation_id}:months")
    if not operations.is_known(following):
        _ensure_coupon(gateway, needed)

    def changes(now: models.Subscription) -> dict[str, t.Any]:
        others = [each for each in now.discounts or [] if not _is_comp(each)]
        return {
            "discounts": [
                {"coupon": coupon_id(needed)},
                *({"discount": each["id"]} for each in others),
            ]
        }

    return change_discounts(row, "comp_months", {"months": needed}, changes, following)


def _gave(id: str, row: models.Subscription, discount: t.Mapping[str, t.Any]) -> bool:
    """Tell whether an operation, which is finished, gave a discount."""
    session = current_state().db.session
    operation = session.get(models.Operation, id, populate_existing=True)
    if operation is None or operation.finished_at is None:
        return False
    sent = operation.request["arguments"]["changes"]["discounts"]
    if {"coupon": discount["coupon"]} not in sent:
        return False
    redemptions = models.Redemption
    # When it was noted is told by our own clock, as the operation's end is.
    noted = session.scalar(
        sa.select(redemptions.created_at).where(
            redemptions.processor == row.processor,
            redemptions.discount_processor_id == discount["id"],
        )
    )
    return noted is not None and noted <= operation.finished_at


def _is_comp(discount: t.Mapping[str, t.Any]) -> bool:
    return (discount["coupon"] or "").startswith(models.COMP_COUPON)


def _begun(
    owner: t.Any,
    price: str | None,
    reason: str,
    months: int | None,
    end: int | None,
    name: str,
    quantity: int | None,
    operation_id: str | None,
) -> models.Subscription:
    from .customers import customer

    payer = customer(owner)
    gateway = gateway_of(payer)
    _require(gateway, end)
    id = operations.operation_id(operation_id, "subscribe", f"customer:{payer.id}:{name}")
    if not operations.is_known(id):
        _check_ahead(end)
        settle_session()
        _ensure_coupon(gateway, months)
    return subscribe(
        payer,
        price,
        name=name,
        quantity=quantity,
        coupon=coupon_id(months),
        operation_id=id,
        _own=_noted(reason, end),
        _ends=end,
    )


def _noted(reason: str, end: int | None) -> dict[str, str]:
    """Return the metadata that tells why, and until when."""
    return {REASON_KEY: reason} | ({} if end is None else {COMP_END_KEY: str(end)})


def _refuse(now: models.Subscription) -> None:
    require_changeable(now)
    if now.is_complimentary:
        raise InvalidState("This subscription is free of charge already.", code="already_comped")


def _require(gateway: Processor, end: int | None) -> None:
    gateway.require(Capability.COUPONS)
    if end is not None:
        gateway.require(Capability.CANCEL_AT_DATE)


def _check(reason: t.Any, months: t.Any) -> None:
    if not isinstance(reason, str) or not 0 < len(reason.strip()) <= _LONGEST_REASON:
        raise InvalidRequest(
            f"Say why in 1 to {_LONGEST_REASON} characters.",
            code="parameter_invalid",
            param="reason",
        )
    if months is not None and (
        isinstance(months, bool) or not isinstance(months, int) or months < 1
    ):
        raise InvalidRequest(
            f"months is a whole number from 1 on, not {months!r}.",
            code="parameter_invalid",
            param="months",
        )


def _check_ahead(end: int | None) -> None:
    """Refuse an end that is over; not asked by a repeat, which may come after it."""
    if end is not None and end <= unix(clock.now()):
        when = datetime.datetime.fromtimestamp(end, clock.UTC)
        raise InvalidRequest(
            f"{when:%Y-%m-%d %H:%M} isn't ahead.", code="parameter_invalid", param="ends_at"
        )


def _ensure_coupon(gateway: Processor, months: int | None) -> None:
    """Make the coupon, unless there is one: here, or at the processor where somebody else made it."""
    id = coupon_id(months)
    row = find_coupon(gateway.name, id, gateway.account)
    if row is None or row.deleted_at is not None:
        try:
            with account_scope.account(gateway.account):
                row = create_coupon(
                    percent_off=100,
                    duration="forever" if months is None else "repeating",
                    months=months,
                    name="Free of charge",
                    id=id,
                    processor=gateway.name,
                    operation_id=f"{id}:{new_id()}",
                )
        except InvalidRequest as error:
            if error.code != "resource_already_exists":
                raise
            row = _fetched(gateway, id, row)
    is_ours = row.percent_off == 100 and row.duration_in_months == months and row.is_redeemable
    if not is_ours or (months is None) != (row.duration == "forever"):
        raise InvalidState(
            f"The coupon {id!r} isn't what it should be: 100 % off, and redeemable. Delete it at the "
            "processor, and it's made anew.",
            code="comp_coupon_changed",
        )


def _fetched(gateway: Processor, id: str, row: models.Coupon | None) -> models.Coupon:
    before = seen(row)
    current_state().db.session.rollback()
    answer: Answer = gateway.fetch("coupon", id)

    def work(uow: UnitOfWork) -> None:
        mirror.write_answers(
            uow, None, [answer], before, processor=gateway.name, account=gateway.account
        )

    write(work, origin=Origin(current_actor()))
    found = find_coupon(gateway.name, id, gateway.account)
    assert found is not None
    return found
