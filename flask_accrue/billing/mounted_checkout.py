"""Sessions of mounted pages with a processor that has pages of its own, and knows nothing of these.

Such a session lives here alone. What comes of it is a subscription, an invoice or a setup intent as any
other, which names the session, and the mirror lets that stand as it does
(:mod:`flask_accrue.mirror.mounted_checkout`).
"""

from __future__ import annotations

import typing as t

import sqlalchemy as sa

from .. import clock, mirror, models
from ..errors import (
    ActionRequired,
    CardError,
    InvalidRequest,
    InvalidState,
    NotFound,
    ProcessorError,
)
from ..gateways import gateway_of
from ..operations import is_known, shortened
from ..operations import operation_id as settled_id
from ..origins import Origin, current_actor
from ..processors import Answer, objects
from ..processors.checkout_amounts import amounts_of, priced_or_unplaced
from ..state import current_state
from ..unit_of_work import UnitOfWork, write
from . import current
from .authentication import action_required
from .checkout_options import Asked, wrong
from .customers import OPERATION_KEY
from .invoices import pay_invoice
from .mounted_endings import expire, made_by, refuse_if_over, settle
from .mounted_sessions import (
    DISCOUNTS,
    again,
    asked,
    extra,
    name_of,
    over,
    taken_off_at,
    write_session,
)
from .perform import Plan, perform, settle_session
from .setup_intents import create_setup_intent, sync_setup_intent
from .subscriptions import subscribe

#: What the mounted page has no fields for, each with what to do instead.
_ELSEWHERE: t.Final[t.Mapping[str, str]] = {
    "tax_id_collection": "add it with billing.add_tax_id()",
    "customer_update": "tell what is known with billing.update_customer()",
    "billing_address_collection": "tell the address with billing.update_customer_tax_location()",
}


def check(asked: Asked, payer: models.Customer) -> None:
    """Refuse what only the processor's own page does.

    :raises InvalidRequest: naming it.
    """
    for name, instead in _ELSEWHERE.items():
        if asked.options.get(name):
            raise wrong(
                f"The mounted page doesn't ask its customer for that ({name}): {instead}, or use the "
                "processor's own page.",
                name,
            )


def complete(
    session: models.CheckoutSession,
    payment_method: models.PaymentMethod | None,
    operation_id: str | None,
) -> models.CheckoutSession:
    """Do what the session asks for: subscribe, or bill and pay.

    :raises CardError: when the bank declines; what was made waits then, and the session for it.
    :raises ActionRequired: when the customer has to confirm the payment; the session stays open.
    :raises InvalidState: with the code ``checkout_over``, also when it was closed meanwhile.
    """
    id = settled_id(operation_id, "complete_checkout_session", f"checkout_session:{session.id}")
    if session.is_complete and is_known(id):
        return session
    if not session.is_open:
        raise over(session)
    if session.mode == "setup":
        raise InvalidState(
            "A card is left by the processor's own fields on the page; there is nothing else to do.",
            code="checkout_waits_for_card",
        )
    if session.needs_address:
        raise InvalidRequest(
            "The tax can't be reckoned: nobody knows where the customer is. Its page asks for that first.",
            code="customer_tax_location_invalid",
            param="automatic_tax",
        )
    given = asked(session)
    if payment_method is None and (
        session.mode == "payment"
        or given["options"].get("payment_method_collection") != "if_required"
    ):
        raise InvalidRequest(
            "This page needs a card.", code="payment_method_required", param="payment_method"
        )
    session_id = session.id
    if session.mode == "subscription":
        try:
            _subscribe(session, given, payment_method, id)
        except (ActionRequired, CardError):
            # It waits now.
            refuse_if_over(session_id)
            raise
        refuse_if_over(session_id)
    else:
        _pay(session, given, payment_method, id)
    return again(session_id)


def begin_setup(session: models.CheckoutSession) -> models.SetupIntent:
    """Return the setup intent that an open session for a card waits for, with its client secret.

    :raises InvalidState: with the code ``checkout_over``, or ``checkout_takes_no_card`` for another kind.
    """
    if not session.is_open:
        raise over(session)
    if session.mode != "setup":
        raise InvalidState("On this page no card is left.", code="checkout_takes_no_card")
    return create_setup_intent(
        session.customer,
        metadata=extra(asked(session)),
        operation_id=shortened(f"{session.processor_id}:setup"),
        _own={mirror.CHECKOUT_KEY: session.processor_id},
    )


def take_code(
    session: models.CheckoutSession, code: models.PromotionCode | None
) -> models.CheckoutSession:
    """Let a code count at an open session instead of any before; ``None``: none any more.

    :raises InvalidRequest: when the processor says that it can't be redeemed for that.
    """
    if not session.is_open or session.waits:
        raise over(session)
    taken_off = {} if code is None else {"promotion_code": code.processor_id}
    return _priced(session, _price(session, taken_off), taken_off)


def look(session: models.CheckoutSession) -> models.CheckoutSession:
    """Look at what is due on an open session, or at how that stands which came of it.

    :raises ProcessorError: when the processor can't be asked.
    """
    if not session.is_open:
        return session
    session_id = session.id
    made = made_by(session)
    if isinstance(made, models.SetupIntent):
        made = sync_setup_intent(made)
    elif made is not None:
        made = current.sync(made)
    session = again(session_id)
    if made is not None:
        settle(session, made)
        session = again(session_id)
    if not session.is_open:
        return session
    if session.expires_at is not None and session.expires_at <= clock.now():
        return _expire_in_time(session)
    if session.waits or session.mode == "setup":
        return session
    taken_off = taken_off_at(session)
    try:
        bill = _price(session, taken_off)
    except ProcessorError as error:
        if not error.definite:
            raise
        # Completing it says what is wrong.
        return again(session_id)
    return _priced(again(session_id), bill, taken_off)


def _expire_in_time(session: models.CheckoutSession) -> models.CheckoutSession:
    if session.subscription_processor_id is not None:
        # The processor gives its first payment 23 hours.
        return session
    session_id = session.id
    try:
        return expire(session)
    except ProcessorError as error:
        if not error.definite:
            raise
        # Its payment is on its way at this moment.
        return again(session_id)
    except InvalidState:
        # It was paid meanwhile.
        return again(session_id)


# -- what comes of it ------------------------------------------------------------------------------


def _subscribe(
    session: models.CheckoutSession,
    given: dict[str, t.Any],
    payment_method: models.PaymentMethod | None,
    operation_id: str,
) -> None:
    options, taken_off = given["options"], taken_off_at(session)
    code = taken_off.get("promotion_code")
    payer, own = session.customer, {mirror.CHECKOUT_KEY: session.processor_id}
    found = None if code is None else _code(session, code)
    subscribe(
        payer,
        items={item["price"]: item.get("quantity") for item in given["items"]},
        name=name_of(session),
        trial=clock.from_unix(options.get("trial_end")),
        payment_method=payment_method,
        coupon=taken_off.get("coupon"),
        promotion_code=found,
        automatic_tax=bool(options.get("automatic_tax")),
        metadata=extra(given),
        operation_id=operation_id,
        _own=own,
    )


def _pay(
    session: models.CheckoutSession,
    given: dict[str, t.Any],
    payment_method: models.PaymentMethod | None,
    id: str,
) -> None:
    if session.waits and not is_known(id):
        raise over(session)
    agreed = session.amount_total
    session_id, bill = session.id, _bill(session, given, id)
    refuse_if_over(session_id)
    if bill.is_open and bill.amount_due != agreed:
        # Its customer pays it on the page that tells what it comes to.
        raise action_required(bill)
    if not bill.is_paid:
        pay_invoice(bill, payment_method=payment_method, operation_id=shortened(f"{id}:pay"))


def _bill(
    session: models.CheckoutSession, given: dict[str, t.Any], operation_id: str
) -> models.Invoice:
    """Make the bill of what is bought once."""
    gateway, session_id = gateway_of(session), session.id
    options, taken_off = given["options"], taken_off_at(session)
    customer, currency = session.customer.processor_id, session.currency
    named = {**extra(given), mirror.CHECKOUT_KEY: session.processor_id}

    def legal() -> None:
        now = again(session_id)
        if not now.is_open or now.waits:
            raise over(now)

    def request(id: str) -> dict[str, t.Any]:
        return {
            "customer": customer,
            "items": given["items"],
            "currency": currency,
            "discounts": [{name: value} for name, value in taken_off.items()],
            "automatic_tax": bool(options.get("automatic_tax")),
            "description": options.get("description"),
            "metadata": {**named, OPERATION_KEY: id},
        }

    def trace(arguments: dict[str, t.Any]) -> Answer | None:
        found = gateway.find("invoice", arguments["metadata"][OPERATION_KEY], within=customer)
        main = None if found is None else found.main
        # A draft is left behind: nobody finalizes it, so nobody pays it.
        is_bill = isinstance(main, objects.Invoice) and main.finalized_at is not None
        return found if is_bill else None

    plan: Plan[models.Invoice] = Plan(
        kind="bill_checkout",
        subject=f"checkout_session:{session_id}",
        processor=gateway,
        arguments={"discounts": taken_off},
        method="bill_checkout",
        request=request,
        result="invoice",
        customer_id=session.customer_id,
        check=legal,
        # Of two forms that are sent at once only one makes a bill.
        guard=shortened(f"checkout:{session_id}"),
        trace=trace,
    )
    return perform(plan, operation_id)


# -- what is due -----------------------------------------------------------------------------------


def _price(session: models.CheckoutSession, taken_off: dict[str, str]) -> tuple[Answer, bool]:
    """Ask what is due, which is the invoice that there would be; tell whether an address is needed for its
    tax."""
    given, gateway = asked(session), gateway_of(session)
    customer, mode = session.customer.processor_id, session.mode
    kept = {name: value for name, value in given["options"].items() if name not in DISCOUNTS}
    settle_session()
    return priced_or_unplaced(
        lambda options: gateway.price_checkout(
            customer, mode=mode, items=given["items"], options=options
        ),
        {**kept, **taken_off},
    )


def _priced(
    session: models.CheckoutSession, bill: tuple[Answer, bool], taken_off: dict[str, str]
) -> models.CheckoutSession:
    """Write what is due, unless that is known."""
    answer, needs_address = bill
    invoice = answer.main
    assert isinstance(invoice, objects.Invoice)
    raw = {**amounts_of(invoice, needs_address), **taken_off}
    if not session.is_open or (session.amount_total, session.raw) == (invoice.amount_due, raw):
        return session
    return write_session(session, amount_total=invoice.amount_due, raw=raw)


def _code(checkout: models.CheckoutSession, processor_id: str) -> models.PromotionCode:
    """Return a promotion code by the processor's id; one that isn't known here is looked up.

    :raises InvalidRequest: with the code ``promotion_code_not_found``.
    """
    codes, gateway = models.PromotionCode, gateway_of(checkout)
    wanted = sa.select(codes).where(
        codes.processor == gateway.name,
        codes.processor_id == processor_id,
        codes.account_key == (gateway.account or ""),
    )
    session = current_state().db.session
    known = session.scalars(wanted).one_or_none()
    if known is not None:
        return known
    settle_session()
    try:
        answer = gateway.fetch("promotion_code", processor_id)
    except NotFound:
        raise InvalidRequest(
            f"There is no promotion code {processor_id!r}.",
            code="promotion_code_not_found",
            param="promotion_code",
        ) from None

    def work(uow: UnitOfWork) -> None:
        mirror.write_answers(
            uow, None, [answer], {}, processor=gateway.name, account=gateway.account
        )

    write(work, origin=Origin(current_actor()))
    return session.scalars(wanted).one()
