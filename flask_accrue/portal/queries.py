"""Reading what a customer's page shows. Every statement is narrowed to that customer, but for the one that
finds out whose a payment is."""

from __future__ import annotations

import datetime
import uuid

import sqlalchemy as sa
from sqlalchemy import orm

from .. import billing, models
from ..state import current_state


def payment_of(processor: str, processor_id: str) -> models.PaymentIntent | None:
    """Return a payment, whoever's it is, with its customer."""
    intents = models.PaymentIntent
    return (
        current_state()
        .db.session.scalars(
            sa.select(intents)
            .where(intents.processor == processor, intents.processor_id == processor_id)
            .options(orm.joinedload(intents.customer))
        )
        .one_or_none()
    )


def setup_of(
    customer: models.Customer, processor: str, processor_id: str
) -> models.SetupIntent | None:
    """Return a setup intent of this customer, ``None`` for anybody else's."""
    setups = models.SetupIntent
    if "\x00" in processor_id:
        return None
    return (
        current_state()
        .db.session.scalars(
            sa.select(setups).where(
                setups.processor == processor,
                setups.processor_id == processor_id,
                setups.customer_id == customer.id,
            )
        )
        .one_or_none()
    )


def unused_setup(
    customer: models.Customer, processor: str, mark: dict[str, str], since: datetime.datetime
) -> models.SetupIntent | None:
    """Return the customer's latest setup intent with that mark that was made after a time, if no card was
    given to it yet."""
    setups = models.SetupIntent
    latest = current_state().db.session.scalars(
        sa.select(setups)
        .where(
            setups.processor == processor,
            setups.customer_id == customer.id,
            setups.requires_payment_method,
            setups.error_code.is_(None),
            setups.created > since,
        )
        .order_by(setups.created.desc(), setups.id.desc())
        .limit(5)
    )
    return next((row for row in latest if mark.items() <= row.meta.items()), None)


def invoice_of(intent: models.PaymentIntent) -> models.Invoice | None:
    """Return the invoice that a payment is for, with its lines and its subscription."""
    if intent.invoice_processor_id is None:
        return None
    invoices = models.Invoice
    return (
        current_state()
        .db.session.scalars(
            sa.select(invoices)
            .where(
                invoices.processor == intent.processor,
                invoices.processor_id == intent.invoice_processor_id,
                invoices.customer_id == intent.customer_id,
            )
            .options(orm.selectinload(invoices.items), orm.joinedload(invoices.subscription))
        )
        .one_or_none()
    )


def usable_cards(customer: models.Customer) -> list[models.PaymentMethod]:
    """Return the cards that this customer can pay with, oldest first."""
    return [card for card in billing.list_payment_methods(customer) if not card.is_expired]


def usable_card(customer: models.Customer, id: str) -> models.PaymentMethod | None:
    """Return one of them by its id, ``None`` for anybody else's."""
    try:
        wanted = uuid.UUID(id)
    except ValueError:
        return None
    return next((card for card in usable_cards(customer) if card.id == wanted), None)


def default_card_id(customer: models.Customer) -> uuid.UUID | None:
    """Return the id of the card that a customer's invoices are charged to, as it is now."""
    return current_state().db.session.scalar(
        sa.select(models.Customer.default_payment_method_id).where(
            models.Customer.id == customer.id
        )
    )


def card_of(customer: models.Customer, id: str) -> models.PaymentMethod | None:
    """Return a card of this customer by its id, expired or not, ``None`` for anybody else's."""
    try:
        wanted = uuid.UUID(id)
    except ValueError:
        return None
    return next(
        (card for card in billing.list_payment_methods(customer) if card.id == wanted), None
    )


def intent_of_session(session: models.CheckoutSession) -> models.PaymentIntent | None:
    """Return the payment that a checkout waits for: its own, or that of its invoice."""
    intents = models.PaymentIntent
    own = intents.processor_id == (session.payment_intent_processor_id or "")
    of_invoice = intents.invoice_processor_id == (session.invoice_processor_id or "")
    return (
        current_state()
        .db.session.scalars(
            sa.select(intents)
            .where(
                intents.processor == session.processor,
                intents.customer_id == session.customer_id,
                sa.or_(own, of_invoice),
            )
            .order_by(intents.created.desc(), intents.id.desc())
            .limit(1)
        )
        .one_or_none()
    )


def as_it_stands(session: models.CheckoutSession) -> models.CheckoutSession:
    """Return a session as its row is now."""
    return current_state().db.session.get_one(
        models.CheckoutSession, session.id, populate_existing=True
    )


def card_error_of_session(session: models.CheckoutSession) -> str | None:
    """Return why the card that a checkout waits for was refused last, if it was."""
    setups = models.SetupIntent
    row = (
        current_state()
        .db.session.scalars(
            sa.select(setups).where(
                setups.processor == session.processor,
                setups.processor_id == (session.setup_intent_processor_id or ""),
                setups.customer_id == session.customer_id,
            )
        )
        .one_or_none()
    )
    if row is None or not row.requires_payment_method:
        return None
    return row.error_decline_code or row.error_code


def discount_of(
    payer: models.Customer, given: dict[str, str | None]
) -> tuple[str | None, models.Coupon | None]:
    """Return the word and the coupon of a customer's discount, by the processor's ids, as far as known."""
    account = payer.account or ""
    session = current_state().db.session
    codes, coupons = models.PromotionCode, models.Coupon
    coupon_id, word = given.get("coupon"), None
    if given.get("promotion_code") is not None:
        code = session.scalars(
            sa.select(codes).where(
                codes.processor == payer.processor,
                codes.account_key == account,
                codes.processor_id == given["promotion_code"],
            )
        ).one_or_none()
        if code is not None:
            coupon_id, word = code.coupon_processor_id, code.code
    found = session.scalars(
        sa.select(coupons).where(
            coupons.processor == payer.processor,
            coupons.account_key == account,
            coupons.processor_id == (coupon_id or ""),
        )
    )
    return word, found.one_or_none()


def prices_of(payer: models.Customer, ids: list[str]) -> dict[str, models.Price]:
    """Return prices with their products, by the processor's ids, where a customer is."""
    prices = models.Price
    found = current_state().db.session.scalars(
        sa.select(prices)
        .where(
            prices.processor == payer.processor,
            prices.processor_id.in_(ids),
            prices.account_key == (payer.account or ""),
        )
        .options(orm.joinedload(prices.product))
    )
    return {each.processor_id: each for each in found}
