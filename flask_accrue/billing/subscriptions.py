"""Subscribing, and finding the subscription that counts."""

from __future__ import annotations

import collections.abc as c
import datetime
import typing as t

import sqlalchemy as sa

from .. import clock, mirror, models, operations
from ..errors import InvalidRequest, InvalidState
from ..gateways import gateway_of
from ..metadata import validate_metadata
from ..processors import Capability
from ..state import current_state
from .arguments import check_collection
from .authentication import action_required, payment_outcome
from .customers import OPERATION_KEY, customer, get_customer
from .payment_methods import add_payment_method, check_token, require_attached
from .perform import Plan, perform
from .prices import Items, check_countable, check_currency, chosen_prices, find_price, paid_in
from .promotions import id_of, refuse_both, to_redeem

Trial: t.TypeAlias = datetime.timedelta | datetime.datetime


def subscribe(
    owner: t.Any,
    price: str | None = None,
    *,
    name: str = "default",
    quantity: int | None = None,
    items: Items | None = None,
    trial: Trial | None = None,
    payment_method: models.PaymentMethod | str | None = None,
    collection_method: str = "charge_automatically",
    days_until_due: int | None = None,
    billing_cycle_anchor: datetime.datetime | None = None,
    coupon: models.Coupon | str | None = None,
    promotion_code: models.PromotionCode | str | None = None,
    automatic_tax: bool = False,
    metadata: c.Mapping[str, str] | None = None,
    operation_id: str | None = None,
    _own: c.Mapping[str, str] | None = None,
    _ends: int | None = None,
) -> models.Subscription:
    """Subscribe a billable to a price, or to several.

    :param price: the processor's id of the price.
    :param items: instead of ``price``: several prices, each with how many of it; ``None`` is 1, and what a
        metered price has: ``{"price_pro": 1, "price_seat": 12, "price_calls": None}``.
    :param name: tells several subscriptions of one owner apart.
    :param quantity: how many; 1 by default. 0 is allowed, and entitles to nothing.
    :param trial: how long, or until when, it's free.
    :param automatic_tax: the processor reckons the tax by where the customer is, on every invoice.
    :param payment_method: the card to charge, a row or a token; the default card otherwise.
    :param collection_method: ``charge_automatically``, or ``send_invoice``: each bill is sent, to be paid
        within ``days_until_due``, 30 by default.
    :param coupon: what is taken off, by its row or the processor's id; or a ``promotion_code``, by its row or
        the word that was typed. Both are checked as :func:`apply_coupon` and
        :func:`apply_promotion_code` do.
    :raises InvalidState: with the code ``already_subscribed`` while one of this name hasn't ended.
    :raises ActionRequired: when the customer has to confirm the first payment; the subscription is stored,
        ``incomplete``, and grants nothing. Raised again by another call while it waits.
    :raises CardError: when the bank declines; the subscription is stored, ``incomplete``.
    :raises InvalidRequest: for an unknown price or wrong arguments.
    """
    check_name(name)
    check_collection(collection_method, days_until_due)
    if payment_method is not None and not isinstance(payment_method, models.PaymentMethod):
        check_token(payment_method)
    wanted = chosen_prices(price, quantity, items)
    refuse_both(coupon, promotion_code)
    own = _own or {}
    extra = {**validate_metadata(metadata or {}, ours=2 + len(own)), **own}
    days = {} if days_until_due is None else {"days_until_due": days_until_due}
    if trial is not None:
        check_trial(trial)
    anchor = None if billing_cycle_anchor is None else unix(billing_cycle_anchor)
    payer = customer(owner)
    gateway = gateway_of(payer)
    gateway.require(Capability.SUBSCRIPTIONS)
    if automatic_tax:
        gateway.require(Capability.TAX)
    if len(wanted) > 1:
        gateway.require(Capability.MULTIPLE_ITEMS)
    if any(number not in (None, 1) for number in wanted.values()):
        gateway.require(Capability.QUANTITY)
    for each, number in wanted.items():
        check_currency(payer, each)
        check_countable(find_price(payer, each), number)
    arguments = {
        "price": price,
        "name": name,
        "quantity": quantity,
        # In their order, which is that of the invoice's lines.
        "items": None if items is None else list(items.items()),
        "trial": trial,
        "payment_method": said_method(payment_method),
        "collection_method": collection_method,
        "billing_cycle_anchor": anchor,
        "automatic_tax": bool(automatic_tax),
        "metadata": extra,
        "coupon": id_of(coupon),
        "promotion_code": promotion_code.code
        if isinstance(promotion_code, models.PromotionCode)
        else promotion_code,
        **days,
        **({} if _ends is None else {"ends": _ends}),
    }
    subject = f"customer:{payer.id}:{name}"
    # Settled before anything is done under it: a card that is added on the way gets an id from it.
    id = operations.operation_id(operation_id, "subscribe", subject)
    card, discounts = None, None

    def settle() -> None:
        nonlocal card, discounts
        refuse_second(payer, name)
        if trial is not None:
            trial_end(trial, clock.now())
        prices = [(find_price(payer, each), number) for each, number in wanted.items()]
        discounts = to_redeem(payer, coupon, promotion_code, prices)
        card = card_to_charge(
            payer, payment_method, operation_id=operations.shortened(f"{id}:card")
        )

    processor_id = payer.processor_id

    def request(id: str) -> dict[str, t.Any]:
        currency = paid_in(payer, wanted)
        return {
            "customer": processor_id,
            "items": [
                {"price": each} | ({} if number is None else {"quantity": number})
                for each, number in wanted.items()
            ],
            "trial_end": None if trial is None else trial_end(trial, clock.now()),
            "payment_method": card,
            "collection_method": collection_method,
            "billing_cycle_anchor": anchor,
            "automatic_tax": bool(automatic_tax),
            "metadata": {**extra, mirror.NAME_KEY: name, OPERATION_KEY: id},
            "discounts": discounts,
            **days,
            **({} if _ends is None else {"cancel_at": _ends}),
            **({} if currency is None else {"currency": currency}),
        }

    plan: Plan[models.Subscription] = Plan(
        kind="subscribe",
        subject=subject,
        processor=gateway,
        arguments=arguments,
        method="create_subscription",
        request=request,
        result="subscription",
        customer_id=payer.id,
        settle=settle,
        check=lambda: refuse_second(payer, name),
        guard=operations.shortened(f"subscribe:{payer.id}:{name}"),
        find=("subscription", processor_id),
        rivals={
            "subscribe_via_schedule": ("subscription_schedule", processor_id),
            "complete_checkout_session": ("subscription", processor_id),
        },
        outcome=payment_outcome,
    )
    return perform(plan, id)


def subscription(owner: t.Any, name: str = "default") -> models.Subscription | None:
    """Return the owner's newest subscription of that name, ended or not, or ``None``.

    Never calls the processor.
    """
    payer = get_customer(owner)
    return None if payer is None else _newest(payer, name)


def list_subscriptions(owner: t.Any) -> list[models.Subscription]:
    """Return all subscriptions of an owner, newest first."""
    payer = get_customer(owner)
    if payer is None:
        return []
    subscriptions = models.Subscription
    return list(
        current_state().db.session.scalars(
            sa.select(subscriptions)
            .where(subscriptions.customer_id == payer.id)
            .order_by(subscriptions.created.desc(), subscriptions.processor_id.desc())
            .execution_options(autoflush=False)
        )
    )


def check_trial(trial: t.Any) -> None:
    """Say what is wrong with a trial, as far as that doesn't depend on the time.

    :raises InvalidRequest: for anything but a span above 0 or a time with a zone.
    """
    if isinstance(trial, datetime.datetime):
        unix(trial)
    elif not isinstance(trial, datetime.timedelta) or trial <= datetime.timedelta():
        raise InvalidRequest(
            f"A trial is a timedelta above 0 or a datetime, not {trial!r}.",
            code="parameter_invalid",
            param="trial",
        )


def trial_end(trial: Trial, begins: datetime.datetime) -> int:
    """Return when a trial ends, in Unix seconds.

    :raises InvalidRequest: when that isn't ahead, or is beyond the calendar.
    """
    try:
        ends = begins + trial if isinstance(trial, datetime.timedelta) else trial
    except OverflowError:
        ends = None
    if ends is None or unix(ends) <= unix(clock.now()):
        said = "is beyond the calendar" if ends is None else f"would be {ends:%Y-%m-%d %H:%M}"
        raise InvalidRequest(
            f"The end of the trial {said}; it has to be ahead.",
            code="parameter_invalid",
            param="trial",
        )
    return unix(ends)


def unix(moment: t.Any) -> int:
    """Return Unix seconds, rounded down.

    :raises InvalidRequest: for a time without a zone.
    """
    if not isinstance(moment, datetime.datetime) or moment.tzinfo is None:
        raise InvalidRequest(
            f"{moment!r} is no time with a zone; use datetime.now(UTC) or another aware time.",
            code="parameter_invalid",
        )
    return clock.to_unix(moment)


def _newest(payer: models.Customer, name: str) -> models.Subscription | None:
    subscriptions = models.Subscription
    return (
        current_state()
        .db.session.scalars(
            sa.select(subscriptions)
            .where(subscriptions.customer_id == payer.id, subscriptions.name == name)
            # The processor's id breaks ties, so that the answer is the same on every database.
            .order_by(subscriptions.created.desc(), subscriptions.processor_id.desc())
            .limit(1)
            .execution_options(populate_existing=True, autoflush=False)
        )
        .one_or_none()
    )


def refuse_second(payer: models.Customer, name: str) -> None:
    """Refuse another subscription of a name while one hasn't ended, or is going to begin by a schedule.

    :raises InvalidState: with the code ``already_subscribed``.
    :raises ActionRequired: for one whose first payment waits for the customer.
    """
    live = next(
        (each for each in list_subscriptions(payer) if each.name == name and not each.is_ended),
        None,
    )
    if live is None:
        _refuse_scheduled(payer, name)
        return
    if live.is_incomplete:
        raise action_required(live)
    raise InvalidState(
        f"There is a subscription {name!r} already ({live.status}). Change it with "
        "billing.swap_plan(), or give the new one another name.",
        code="already_subscribed",
    )


def _refuse_scheduled(payer: models.Customer, name: str) -> None:
    schedules = models.SubscriptionSchedule
    waiting = current_state().db.session.scalars(
        sa.select(schedules).where(schedules.customer_id == payer.id, schedules.is_waiting)
    )
    if any(each.name == name for each in waiting):
        raise InvalidState(
            f"A schedule is going to begin a subscription {name!r}. Change or cancel that one, or give "
            "the new one another name.",
            code="already_subscribed",
        )


def check_name(name: t.Any) -> None:
    """Say what is wrong with a subscription's name."""
    if not isinstance(name, str) or not 0 < len(name) <= 100 or not name.isprintable():
        raise InvalidRequest(
            f"A subscription's name is a string of 1 to 100 printable characters, not {name!r}.",
            code="parameter_invalid",
            param="name",
        )


def card_to_charge(
    payer: models.Customer, payment_method: models.PaymentMethod | str | None, operation_id: str
) -> str | None:
    """Return the processor's id of the card to charge, which is added where it's a token."""
    if payment_method is None:
        return None
    if isinstance(payment_method, str):
        payment_method = add_payment_method(payer, payment_method, operation_id=operation_id)
    require_attached(payer, payment_method)
    return payment_method.processor_id


def said_method(payment_method: models.PaymentMethod | str | None) -> str | None:
    """Return what the caller said for a card, as it's kept with the operation."""
    if isinstance(payment_method, models.PaymentMethod):
        return payment_method.processor_id
    return payment_method
