"""Promotion codes that customers type on a mounted page before they pay."""

from __future__ import annotations

import typing as t

from .. import models
from ..errors import InvalidRequest, InvalidState
from ..gateways import gateway_of
from ..processors import Capability
from ..state import current_state
from . import mounted_checkout
from .perform import Plan, perform, seen
from .prices import find_price
from .promotions import accepted_code, total


def type_promotion_code(
    link: models.PageLink, code: str | None, *, operation_id: str | None = None
) -> models.CheckoutSession:
    """Take off at an open checkout what a code that its customer types gives, instead of any before.

    :param link: to a checkout that was made with ``allow_promotion_codes``.
    :param code: the word; ``None`` takes the one before away.
    :returns: the session, with what is left to pay.
    :raises InvalidRequest: with the codes of :func:`apply_promotion_code` when it can't be redeemed, or
        with ``promotion_codes_not_allowed``.
    :raises InvalidState: with the code ``checkout_over``.
    """
    session = link.checkout_session
    if session is None or not link.details.get("takes_codes"):
        raise InvalidRequest(
            "This checkout takes no promotion codes; make it with allow_promotion_codes=True.",
            code="promotion_codes_not_allowed",
            param="code",
        )
    gateway = gateway_of(session)
    gateway.require(Capability.MOUNTED_CHECKOUT)
    found = None
    if code is not None:
        bought = total(
            (
                (find_price(session.customer, name), number)
                for name, number in link.details["items"]
            ),
            session.currency,
        )
        found = accepted_code(link.customer, code, session.currency, bought)
    if session.is_kept_here:
        return mounted_checkout.take_code(session, found)
    id, processor_id = session.id, session.processor_id
    code_id = None if found is None else found.processor_id

    def request(_: str) -> dict[str, t.Any]:
        now = current_state().db.session.get_one(models.CheckoutSession, id, populate_existing=True)
        if not now.is_open:
            raise InvalidState(f"This checkout is {now.status}.", code="checkout_over")
        plan.seen |= seen(now)
        return {"session": processor_id, "promotion_code": code_id}

    plan: Plan[models.CheckoutSession] = Plan(
        kind="type_promotion_code",
        subject=f"checkout_session:{id}",
        processor=gateway,
        arguments={"promotion_code": code_id},
        method="type_promotion_code",
        request=request,
        result="checkout_session",
        customer_id=session.customer_id,
    )
    return perform(plan, operation_id)
