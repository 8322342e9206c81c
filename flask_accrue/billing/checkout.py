"""Pages on which customers pay: the processor's own, or mounted ones."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import typing as t

import sqlalchemy as sa

from .. import clock, mirror, models, operations
from ..errors import InvalidRequest, InvalidState, NotFound, UnsupportedByProcessor
from ..gateways import gateway_of
from ..metadata import can_be_stored, validate_metadata
from ..origins import Origin, current_actor
from ..processors import Answer, Capability, Processor
from ..state import current_state
from ..unit_of_work import UnitOfWork, write
from . import current, mounted_checkout
from .arguments import one_of
from .authentication import payment_outcome
from .checkout_options import Asked, asked_for
from .customers import OPERATION_KEY, customer, get_customer
from .mounted_endings import expire
from .mounted_sessions import name_of
from .page_links import make_link
from .payment_methods import chosen_card, require_attached
from .perform import Plan, perform, seen, settle_session
from .prices import Items
from .promotions import id_of
from .subscriptions import Trial, check_name, refuse_second
from .targets import absolute_target


@dataclasses.dataclass(frozen=True)
class Checkout:
    """A page on which a customer pays, and how to get there.

    :ivar session: the mirrored session; its ``status`` tells how it went.
    :ivar url: where to send the customer; ``None`` for one that is embedded. It opens the page without
        a log-in at the processor, so it isn't logged; that of a mounted page is kept nowhere.
    :ivar client_secret: what the browser needs for one that is embedded.
    """

    session: models.CheckoutSession
    url: str | None = dataclasses.field(repr=False)
    client_secret: str | None = dataclasses.field(default=None, repr=False)


def create_checkout_session(
    owner: t.Any,
    price: str | None = None,
    *,
    mode: str = "subscription",
    quantity: int | None = None,
    items: Items | None = None,
    success_url: str,
    cancel_url: str | None = None,
    name: str = "default",
    trial: Trial | None = None,
    coupon: models.Coupon | str | None = None,
    promotion_code: models.PromotionCode | str | None = None,
    allow_promotion_codes: bool = False,
    automatic_tax: bool = False,
    tax_id_collection: bool = False,
    customer_update: c.Mapping[str, str] | None = None,
    payment_method_collection: str | None = None,
    billing_address_collection: str | None = None,
    currency: str | None = None,
    locale: str | None = None,
    expires_at: datetime.datetime | None = None,
    client_reference_id: str | None = None,
    description: str | None = None,
    metadata: c.Mapping[str, str] | None = None,
    mounted: bool | None = None,
    embedded: bool = False,
    operation_id: str | None = None,
) -> Checkout:
    """Make a page on which a customer pays, and send the customer there::

        checkout = billing.create_checkout_session(org, "price_pro", success_url="/welcome")
        return redirect(checkout.url, 303)

    It's Stripe's page where there is one, else a mounted page: a link for 30 minutes, for this customer
    alone.

    :param mode: ``subscription``, ``payment`` (prices that are paid once) or ``setup`` (leaves a card).
    :param success_url: where the customer goes when it's done: a path of the app, or on a listed host. Stripe
        puts the session's id in place of ``{CHECKOUT_SESSION_ID}``.
    :param cancel_url: where the customer goes who gives up.
    :param name: of the subscription that comes of it.
    :param trial: how long, or until when, it's free; it has to end at least 48 hours ahead.
    :param coupon: taken off at once, by its row or the processor's id, as is ``promotion_code``; at most one
        of these, and neither where ``allow_promotion_codes`` lets the customer type a code.
    :param customer_update: what of the customer the page may overwrite, such as ``{"address": "auto"}``.
    :param expires_at: from 30 minutes to 24 hours ahead.
    :param mounted: whether it's a mounted page; by default where ``ACCRUE_HOSTED_PAGES`` says so, and
        where the processor has none of its own.
    :param embedded: Stripe's page within one of the host's, which then needs ``client_secret``.
    :raises InvalidState: with the code ``already_subscribed`` while a subscription of this name hasn't
        ended.
    :raises InvalidRequest: for arguments that don't go together; ``param`` names the one.
    """
    one_of("mode", mode, ("subscription", "payment", "setup"))
    check_name(name)
    extra = validate_metadata(metadata or {}, ours=2 if mode == "subscription" else 1)
    asked = asked_for(
        mode=mode,
        price=price,
        quantity=quantity,
        items=items,
        trial=trial,
        success_url=success_url,
        cancel_url=cancel_url,
        expires_at=expires_at,
        embedded=embedded,
        options={
            "coupon": id_of(coupon),
            "promotion_code": id_of(promotion_code),
            "allow_promotion_codes": bool(allow_promotion_codes),
            "automatic_tax": bool(automatic_tax),
            "tax_id_collection": bool(tax_id_collection),
            "customer_update": None if customer_update is None else dict(customer_update),
            "payment_method_collection": payment_method_collection,
            "billing_address_collection": billing_address_collection,
            "currency": currency,
            "locale": locale,
            "client_reference_id": client_reference_id,
            "description": description,
        },
    )
    payer = customer(owner)
    gateway = gateway_of(payer)
    gateway.require(Capability.CHECKOUT)
    is_mounted = _is_mounted(gateway, mounted)
    if is_mounted and embedded:
        raise InvalidRequest(
            "A mounted page can't be embedded.", code="parameter_invalid", param="embedded"
        )
    if is_mounted and gateway.can(Capability.HOSTED_PAGES):
        mounted_checkout.check(asked, payer)
        # What comes of it names the session, too.
        extra = validate_metadata(extra, ours=3 if mode == "subscription" else 2)
    asked.check_sale(payer, is_mounted=is_mounted)
    subject = f"customer:{payer.id}:{name}"
    id = operations.operation_id(operation_id, "create_checkout_session", subject)
    row = perform(_creation(payer, gateway, asked, name, extra, is_mounted), id)
    if is_mounted:
        details = {"name": name, **asked.shown(), "trial_end": _trial_end(id)}
        link = make_link("checkout", payer, details, until=row.expires_at, session=row)
        return Checkout(row, link.url)
    secret = None
    if embedded:
        processor_id = row.processor_id
        current_state().db.session.commit()
        secret = gateway.fetch("checkout_session", processor_id).client_secret
    return Checkout(row, row.url, secret)


def get_checkout_session(
    owner: t.Any, session_id: str, *, refresh: bool = True
) -> models.CheckoutSession | None:
    """Return an owner's session by the processor's id, ``None`` for anybody else's.

    One that was open is looked up at the processor, with the subscription that came of it, so that a host's
    page after the checkout needn't wait for a webhook.
    """
    payer = get_customer(owner)
    if payer is None or not can_be_stored(session_id):
        return None
    row = _session_of(payer, session_id)
    if row is None or not refresh or not row.is_open:
        return row
    return sync_checkout(row)


def sync_checkout(session: models.CheckoutSession) -> models.CheckoutSession:
    """Look a session up at the processor, and the subscription that came of it."""
    if session.is_kept_here:
        return mounted_checkout.look(session)
    row = current.sync(session) or session
    made = row.subscription_processor_id
    if made is not None and row.is_complete:
        _bring(row, made)
    return row


def expire_checkout_session(
    session: models.CheckoutSession, *, operation_id: str | None = None
) -> models.CheckoutSession:
    """Let nobody pay on an open page any more.

    :raises InvalidState: with the code ``checkout_over`` when it's complete or has expired.
    """
    gateway = gateway_of(session)
    gateway.require(Capability.CHECKOUT)
    if session.is_kept_here:
        _require_open(session)
        return expire(session)
    id, processor_id = session.id, session.processor_id

    def request(_: str) -> dict[str, t.Any]:
        now = current_state().db.session.get_one(models.CheckoutSession, id, populate_existing=True)
        _require_open(now)
        plan.seen |= seen(now)
        return {"session": processor_id}

    plan: Plan[models.CheckoutSession] = Plan(
        kind="expire_checkout_session",
        subject=f"checkout_session:{id}",
        processor=gateway,
        arguments={},
        method="expire_checkout_session",
        request=request,
        result="checkout_session",
        customer_id=session.customer_id,
    )
    return perform(plan, operation_id)


def complete_checkout_session(
    session: models.CheckoutSession,
    payment_method: models.PaymentMethod | None = None,
    *,
    operation_id: str | None = None,
) -> models.CheckoutSession:
    """Do what an open session is for, on the customer's word: what a mounted page calls.

    :param payment_method: the card to pay with; one with a trial may need none.
    :raises CardError: when the bank declines; nothing is made, and the session stays open.
    :raises ActionRequired: when the customer has to confirm the payment; the session is complete then.
    :raises InvalidState: with the code ``already_subscribed``, or ``checkout_over``.
    """
    gateway = gateway_of(session)
    gateway.require(Capability.MOUNTED_CHECKOUT)
    payer = session.customer
    if payment_method is not None:
        chosen_card(payment_method)
        # One that is over is told so, or what completed it is repeated, whatever became of the card.
        if session.is_open:
            require_attached(payer, payment_method)
    if session.is_kept_here:
        return mounted_checkout.complete(session, payment_method, operation_id)
    if gateway.can(Capability.HOSTED_PAGES):
        raise UnsupportedByProcessor(
            "This checkout is completed on the processor's own page alone."
        )
    id, processor_id, mode = session.id, session.processor_id, session.mode
    name = name_of(session)
    card = None if payment_method is None else payment_method.processor_id

    def request(operation: str) -> dict[str, t.Any]:
        now = current_state().db.session.get_one(models.CheckoutSession, id, populate_existing=True)
        _require_open(now)
        plan.seen |= seen(now, payment_method)
        return {"session": processor_id, "payment_method": card, "operation": operation}

    def trace(arguments: dict[str, t.Any]) -> Answer | None:
        answer = gateway.fetch("checkout_session", arguments["session"])
        return answer if getattr(answer.main, "status", None) != "open" else None

    guarded = mode == "subscription"
    plan: Plan[models.CheckoutSession] = Plan(
        kind="complete_checkout_session",
        subject=f"checkout_session:{id}",
        processor=gateway,
        arguments={"payment_method": card},
        method="complete_checkout_session",
        request=request,
        result="checkout_session",
        customer_id=session.customer_id,
        check=(lambda: refuse_second(payer, name)) if guarded else None,
        guard=operations.shortened(f"subscribe:{payer.id}:{name}" if guarded else f"checkout:{id}"),
        trace=trace,
        rivals={
            "subscribe": ("subscription", payer.processor_id),
            "subscribe_via_schedule": ("subscription_schedule", payer.processor_id),
        },
        outcome=payment_outcome,
    )
    return perform(plan, operation_id)


def _creation(
    payer: models.Customer,
    gateway: Processor,
    asked: Asked,
    name: str,
    extra: dict[str, str],
    is_mounted: bool,
) -> Plan[models.CheckoutSession]:
    processor_id, subscribes = payer.processor_id, asked.mode == "subscription"
    named = {mirror.NAME_KEY: name} if subscribes else {}

    def request(id: str) -> dict[str, t.Any]:
        options = asked.frozen(clock.now(), payer, is_mounted)
        for target in ("success_url", "cancel_url", "return_url"):
            # A mounted page is within the app: a path will do there.
            if target in options and not is_mounted:
                options[target] = absolute_target(options[target], target)
        options["made_metadata"] = {**extra, **named}
        if is_mounted and gateway.can(Capability.HOSTED_PAGES):
            options["mounted"] = True
        return {
            "customer": processor_id,
            "mode": asked.mode,
            "items": asked.frozen_items(payer),
            "options": options,
            "metadata": {**extra, **named, OPERATION_KEY: id},
        }

    return Plan(
        kind="create_checkout_session",
        subject=f"customer:{payer.id}:{name}",
        processor=gateway,
        arguments={
            "name": name,
            "metadata": extra,
            "mounted": is_mounted,
            **asked.said(),
        },
        method="create_checkout_session",
        request=request,
        result="checkout_session",
        customer_id=payer.id,
        check=(lambda: refuse_second(payer, name)) if subscribes else None,
        find=("checkout_session", processor_id),
    )


def _trial_end(operation_id: str) -> int | None:
    """Return the end of the trial that was asked for, as it was frozen."""
    made = current_state().db.session.get(models.Operation, operation_id)
    found: int | None = (
        None if made is None else made.request["arguments"]["options"].get("trial_end")
    )
    return found


def _is_mounted(gateway: Processor, mounted: bool | None) -> bool:
    """Tell whether the page is a mounted one.

    :raises UnsupportedByProcessor: when that is wanted of a processor that completes its sessions alone.
    """
    hosts_pages = gateway.can(Capability.HOSTED_PAGES)
    if mounted is None:
        prefers_hosted = current_state().settings.hosted_pages
        mounted = not hosts_pages or (
            not prefers_hosted and gateway.can(Capability.MOUNTED_CHECKOUT)
        )
    gateway.require(Capability.MOUNTED_CHECKOUT if mounted else Capability.HOSTED_PAGES)
    return mounted


def _require_open(session: models.CheckoutSession) -> None:
    if not session.is_open:
        raise InvalidState(f"This checkout is {session.status}.", code="checkout_over")


def _session_of(payer: models.Customer, session_id: str) -> models.CheckoutSession | None:
    sessions = models.CheckoutSession
    return (
        current_state()
        .db.session.scalars(
            sa.select(sessions).where(
                sessions.processor == payer.processor,
                sessions.customer_id == payer.id,
                sessions.processor_id == session_id,
            )
        )
        .one_or_none()
    )


def _bring(session: models.CheckoutSession, processor_id: str) -> None:
    """Fetch the subscription that came of a session, unless it's here."""
    subscriptions = models.Subscription
    db = current_state().db.session
    known = db.scalar(
        sa.select(subscriptions.id).where(
            subscriptions.processor == session.processor,
            subscriptions.processor_id == processor_id,
        )
    )
    if known is not None:
        return
    gateway, customer_id = gateway_of(session), session.customer_id
    settle_session()
    try:
        answer = gateway.fetch("subscription", processor_id)
    except NotFound:
        return

    def work(uow: UnitOfWork) -> None:
        mirror.write_answers(uow, uow.lock_customer(customer_id), [answer], {})

    write(work, origin=Origin(current_actor()))
