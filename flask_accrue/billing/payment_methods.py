"""Cards: adding, listing, choosing and removing them."""

from __future__ import annotations

import re
import typing as t

import sqlalchemy as sa

from .. import mirror, models, operations
from ..errors import InvalidRequest, InvalidState, NotAttached
from ..gateways import gateway_of
from ..metadata import change_of_metadata
from ..origins import Origin, current_actor
from ..processors import Capability
from ..state import current_state
from ..unit_of_work import UnitOfWork, write
from .customers import change_customer, customer, get_customer
from .perform import Plan, perform, seen, settle_session

_NOT_IN_TOKENS: t.Final = re.compile(r"[\W_]+")
_DIGITS: t.Final = re.compile(r"\d{12,}")
#: As many digits as a card number may have.
_LENGTHS: t.Final = range(12, 20)


def add_payment_method(
    owner: t.Any, token: str, *, default: bool | None = None, operation_id: str | None = None
) -> models.PaymentMethod:
    """Attach a card, given as token, nonce or the processor's id.

    The same card twice gives the existing row.

    :param default: make it the default; by default only when the customer has none. A repeat changes neither.
    :raises CardError: when the bank refuses it.
    :raises InvalidRequest: for what can't be a token. A card number isn't one, and is neither sent nor kept.
    """
    check_token(token)
    payer = customer(owner)
    gateway = gateway_of(payer)
    gateway.require(Capability.PAYMENT_METHODS)
    processor_id, subject = payer.processor_id, f"customer:{payer.id}"
    id = operations.operation_id(operation_id, "add_payment_method", subject)
    known = {each.processor_id for each in list_payment_methods(payer)}
    plan: Plan[models.PaymentMethod] = Plan(
        kind="add_payment_method",
        subject=subject,
        processor=gateway,
        arguments={"token": token} | ({} if default is None else {"default": bool(default)}),
        method="add_payment_method",
        request=lambda _: {"customer": processor_id, "token": token},
        # Kept, since by the time of a repeat the customer may have lost the default that there was.
        basis=lambda: payer.default_payment_method_id is None if default is None else bool(default),
        result="payment_method",
        customer_id=payer.id,
    )
    row = perform(plan, id)
    twin = _twin(row, known)
    if twin is not None:
        remove_payment_method(row, operation_id=operations.shortened(f"{id}:twin"))
        row = twin
    following = operations.shortened(f"{id}:default")
    is_wanted = bool(default) or payer.default_payment_method_id is None
    is_left = row.is_attached and _is_to_be_default(id) and not operations.is_done(following)
    if is_wanted and is_left:
        set_default_payment_method(payer, row, operation_id=following)
    return row


def list_payment_methods(owner: t.Any) -> list[models.PaymentMethod]:
    """Return the customer's cards, oldest first. Never calls the processor."""
    payer = get_customer(owner)
    if payer is None:
        return []
    methods = models.PaymentMethod
    return list(
        current_state().db.session.scalars(
            sa.select(methods)
            .where(methods.customer_id == payer.id, methods.is_attached)
            .order_by(methods.created, methods.id)
            .execution_options(autoflush=False)
        )
    )


def set_default_payment_method(
    owner: t.Any, payment_method: models.PaymentMethod, *, operation_id: str | None = None
) -> models.Customer:
    """Make a card the one that invoices are charged to, but for subscriptions that name another one: see
    :func:`use_payment_method`.

    :raises NotAttached: when it isn't a card of this customer.
    """
    card = chosen_card(payment_method)
    payer = customer(owner)
    return change_customer(
        payer,
        "set_default_payment_method",
        {"default_payment_method": card},
        operation_id,
        legal=lambda: require_attached(payer, payment_method),
    )


def update_payment_method(
    payment_method: models.PaymentMethod,
    *,
    exp_month: int | None = None,
    exp_year: int | None = None,
    metadata: dict[str, str] | None = None,
    operation_id: str | None = None,
) -> models.PaymentMethod:
    """Change a card's month and year of expiry, or its metadata."""
    changes: dict[str, t.Any] = {}
    if exp_month is not None:
        changes["exp_month"] = exp_month
    if exp_year is not None:
        changes["exp_year"] = exp_year
    if metadata is not None:
        changes["metadata"] = change_of_metadata(metadata, payment_method)
    plan = _plan(payment_method, "update_payment_method", {"changes": changes})
    return perform(plan, operation_id)


def remove_payment_method(
    payment_method: models.PaymentMethod, *, force: bool = False, operation_id: str | None = None
) -> models.PaymentMethod:
    """Detach a card.

    :param force: also when a live subscription is charged to it.
    :raises InvalidState: with the code ``payment_method_needed`` for the card that a live
        subscription is charged to.
    """
    if not payment_method.is_attached:
        return payment_method
    needing = _needing(payment_method)
    if needing is not None and not force:
        raise InvalidState(
            f"The subscription {needing.name!r} is charged to this card. Add another card and make "
            "it the default first, or cancel the subscription.",
            code="payment_method_needed",
        )
    return perform(_plan(payment_method, "remove_payment_method", {}), operation_id)


def sync_payment_methods(owner: t.Any) -> list[models.PaymentMethod]:
    """Fetch the customer's cards from the processor and write what it says."""
    payer = get_customer(owner)
    if payer is None:
        return []
    settle_session()
    id, processor_id = payer.id, payer.processor_id
    before = seen(*list_payment_methods(payer))
    gateway = gateway_of(payer)
    current_state().db.session.rollback()
    answer = gateway.list_payment_methods(processor_id)
    listed = {obj.processor_id for obj in answer.objects}

    def work(uow: UnitOfWork) -> None:
        locked = uow.lock_customer(id)
        mirror.write_answers(uow, locked, [answer], before)
        for row in list_payment_methods(locked):
            unchanged = mirror.watermark(row) == before.get(("payment_method", row.processor_id))
            if row.processor_id not in listed and row.is_listed and unchanged:
                mirror.mark_gone(uow, locked, row, mirror.Source.of_answer(answer))

    write(work, origin=Origin(current_actor()))
    return list_payment_methods(payer)


def check_token(token: t.Any) -> None:
    """Refuse what can't be a token, a card number above all, without repeating it.

    What gets past here is kept with the operation.
    """
    if not isinstance(token, str) or not token or not token.isprintable():
        said = f"not {type(token).__name__}" if not isinstance(token, str) else "and printable"
    elif _holds_a_card_number(token):
        said = "never a card number: those belong into the processor's own form"
    else:
        return
    raise InvalidRequest(
        "A new card is given as the processor's token, nonce or id, a string such as "
        f"'pm_card_visa', {said}.",
        code="parameter_invalid",
        param="token",
    )


def _holds_a_card_number(token: str) -> bool:
    """Tell whether there is one in it, whatever is written between, before and after its digits.

    Of nothing but digits any is taken for one, also with a digit that is wrong. Among other characters the
    check digit has to be right: ids are long, and may hold a dozen digits by chance.
    """
    text = _NOT_IN_TOKENS.sub("", token)
    if text.isdigit() and len(text) in _LENGTHS:
        return True
    return any(
        _is_checked(digits[start : start + length])
        for digits in _DIGITS.findall(text)
        for length in _LENGTHS
        for start in range(len(digits) - length + 1)
    )


def _is_checked(digits: str) -> bool:
    """Tell whether the last digit is the check digit of the others, as on cards (ISO/IEC 7812)."""
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    total = sum(map(int, digits[-1::-2])) + sum(each // 10 + each % 10 for each in doubled)
    return total % 10 == 0 and total > 0


def chosen_card(payment_method: t.Any) -> str:
    """Return the processor's id of a card that was named by its row.

    :raises InvalidRequest: for anything else.
    """
    if not isinstance(payment_method, models.PaymentMethod):
        # It isn't repeated: somebody may have given a card number.
        raise InvalidRequest(
            "A card is a row of billing.list_payment_methods(), not "
            f"{type(payment_method).__name__}; add a token with billing.add_payment_method() first.",
            code="parameter_invalid",
            param="payment_method",
        )
    return payment_method.processor_id


def require_attached(payer: models.Customer, payment_method: t.Any) -> None:
    """Refuse a card that isn't this customer's, or isn't any more; ``None`` is the default.

    For what is new alone: what was done with a card that was removed since is repeated as anything else.
    """
    if payment_method is None:
        return
    chosen_card(payment_method)
    if payment_method.customer_id != payer.id or not payment_method.is_attached:
        raise NotAttached("This card doesn't belong to the customer (any more); add it first.")


def _plan(
    payment_method: models.PaymentMethod, method: str, arguments: dict[str, t.Any]
) -> Plan[models.PaymentMethod]:
    gateway = gateway_of(payment_method)
    gateway.require(Capability.PAYMENT_METHODS)
    processor_id = payment_method.processor_id
    return Plan(
        kind=method,
        subject=f"payment_method:{payment_method.id}",
        processor=gateway,
        arguments=arguments,
        method=method,
        request=lambda id: {"payment_method": processor_id, **arguments},
        result="payment_method",
        customer_id=payment_method.customer_id,
        seen=seen(payment_method),
    )


def _twin(row: models.PaymentMethod, known: set[str]) -> models.PaymentMethod | None:
    """Return the customer's older row of the same card, if this one is new.

    Only an older one: of two that come in at once, each would else give way to the other.
    """
    if row.fingerprint is None or row.processor_id in known:
        return None
    methods = models.PaymentMethod
    return (
        current_state()
        .db.session.scalars(
            sa.select(methods)
            .where(
                methods.customer_id == row.customer_id,
                methods.fingerprint == row.fingerprint,
                methods.exp_month == row.exp_month,
                methods.exp_year == row.exp_year,
                sa.tuple_(methods.created, methods.id) < sa.tuple_(row.created, row.id),
                methods.is_attached,
            )
            .order_by(methods.created, methods.id)
            .limit(1)
        )
        .one_or_none()
    )


def _needing(payment_method: models.PaymentMethod) -> models.Subscription | None:
    """Return a live subscription that is charged to this card."""
    subscriptions = models.Subscription
    named = subscriptions.default_payment_method_processor_id == payment_method.processor_id
    charged = named
    payer = payment_method.customer
    if payer.default_payment_method_id == payment_method.id:
        unnamed = subscriptions.default_payment_method_processor_id.is_(None)
        charged = sa.or_(named, unnamed)
    return (
        current_state()
        .db.session.scalars(
            sa.select(subscriptions)
            .where(
                subscriptions.customer_id == payment_method.customer_id,
                sa.not_(subscriptions.is_ended),
                # Of one whose invoices are sent nothing is charged by itself.
                subscriptions.collection_method != "send_invoice",
                charged,
            )
            .order_by(subscriptions.created)
            .limit(1)
        )
        .one_or_none()
    )


def _is_to_be_default(operation_id: str) -> bool:
    """Tell whether a card that was added is to be the default, as was settled when it was."""
    made = current_state().db.session.get_one(models.Operation, operation_id)
    return bool(made.request.get("basis"))
