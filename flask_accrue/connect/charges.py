"""Charges that a platform makes for its accounts."""

from __future__ import annotations

import collections.abc as c
import typing as t

import sqlalchemy as sa

from .. import account_scope, models, operations
from ..billing.amounts import check_amount, check_in, check_money
from ..billing.charges import charge_card
from ..billing.customers import customer
from ..billing.payments import sync_payment
from ..errors import InvalidRequest, InvalidState
from ..gateways import gateway_of
from ..metadata import validate_metadata
from ..money import Money
from ..processors import Capability
from ..state import current_state
from .accounts import Account, require_account
from .transfers import transfer


class SeparateCharge(t.NamedTuple):
    """A charge of the platform's own, and what of it went to whom.

    :ivar payment: the payment; ``transfers`` are in the order of those that were asked for.
    """

    payment: models.PaymentIntent
    transfers: list[models.Transfer]


def destination_charge(
    owner: t.Any,
    amount: Money,
    account: Account,
    *,
    application_fee: Money | None = None,
    transfer_amount: Money | None = None,
    on_behalf_of: bool = False,
    payment_method: models.PaymentMethod | None = None,
    description: str | None = None,
    group: str | None = None,
    metadata: c.Mapping[str, str] | None = None,
    operation_id: str | None = None,
) -> models.PaymentIntent:
    """Charge a customer of the platform's, and move the money to an account in the same breath.

    :param application_fee: what the platform keeps, as from :func:`platform_fee`. Or ``transfer_amount``:
        what the account gets. Neither: the account gets all.
    :param on_behalf_of: charge in the account's name: its country, its statement descriptor, its fees.
    :raises CardError: when the bank declines; nothing is moved.
    :raises ActionRequired: when the customer has to confirm it; the money is moved once that's done.
    :raises InvalidRequest: for an amount that isn't above 0, in another currency than the customer's, or for
        a part of it that is more than the whole or that no bank can pay.
    """
    account_scope.require_platform("A destination charge")
    row = require_account(account)
    if application_fee is not None and transfer_amount is not None:
        raise _invalid(
            "What the platform keeps or what the account gets decides the other; give one of them.",
            "transfer_amount",
        )
    return _charge(
        "destination_charge",
        owner,
        amount,
        payment_method,
        {
            "destination": row.processor_id,
            "application_fee": _part(application_fee, amount, "application_fee"),
            "transfer_amount": _part(transfer_amount, amount, "transfer_amount"),
            "on_behalf_of": row.processor_id if on_behalf_of else None,
            "transfer_group": group,
            "description": description,
        },
        metadata,
        operation_id,
    )


def direct_charge(
    owner: t.Any,
    amount: Money,
    *,
    application_fee: Money | None = None,
    payment_method: models.PaymentMethod | None = None,
    description: str | None = None,
    metadata: c.Mapping[str, str] | None = None,
    operation_id: str | None = None,
) -> models.PaymentIntent:
    """Charge a customer of an account's, for that account; inside its block. ::

        with connect.account("acct_…"):
            connect.direct_charge(org, amount, application_fee=connect.platform_fee(amount, 5))

    :raises InvalidState: with the code ``account_missing`` outside an account's block.
    """
    if account_scope.current_account() is None:
        raise InvalidState(
            "A direct charge is an account's: make it inside `with connect.account(…):`.",
            code="account_missing",
        )
    return _charge(
        "direct_charge",
        owner,
        amount,
        payment_method,
        {
            "destination": None,
            "application_fee": _part(application_fee, amount, "application_fee"),
            "transfer_amount": None,
            "on_behalf_of": None,
            "transfer_group": None,
            "description": description,
        },
        metadata,
        operation_id,
    )


def separate_charge_and_transfer(
    owner: t.Any,
    amount: Money,
    transfers: c.Sequence[tuple[Account, Money]],
    *,
    group: str,
    on_behalf_of: Account | None = None,
    payment_method: models.PaymentMethod | None = None,
    description: str | None = None,
    metadata: c.Mapping[str, str] | None = None,
    operation_id: str | None = None,
) -> SeparateCharge:
    """Charge a customer of the platform's, then move parts of it to one account or several.

    Each step is an operation of its own, and how the sale is shared is a part of the first. Where the
    customer has to confirm the charge, or something fails on the way, the same call with the same
    ``operation_id`` goes on where it ended.

    :param transfers: to whom how much; together at most the amount.
    :param group: a name that the charge and its transfers have in common.
    :param on_behalf_of: the account in whose name it's charged.
    """
    account_scope.require_platform("A charge with transfers")
    parts = [(require_account(account), part) for account, part in transfers]
    _check_sum(amount, [part for _, part in parts])
    behalf = None if on_behalf_of is None else require_account(on_behalf_of).processor_id
    ids = [row.id for row, _ in parts]
    payment = _charge(
        "separate_charge",
        owner,
        amount,
        payment_method,
        {
            "destination": None,
            "application_fee": None,
            "transfer_amount": None,
            "on_behalf_of": behalf,
            "transfer_group": group,
            "description": description,
        },
        metadata,
        operation_id,
        beside={
            "transfers": [
                [row.processor_id, each.amount_minor, each.currency] for row, each in parts
            ]
        },
    )
    charge_id = _charge_of(payment).id
    session, payment_id, made = current_state().db.session, payment.id, []
    for number, (account_id, (_, part)) in enumerate(zip(ids, parts, strict=True), 1):
        done = transfer(
            session.get_one(models.ConnectAccount, account_id),
            part,
            charge=session.get_one(models.Charge, charge_id),
            group=group,
            metadata=metadata,
            operation_id=None
            if operation_id is None
            else operations.shortened(f"{operation_id}:{number}"),
        )
        made.append(done)
    return SeparateCharge(session.get_one(models.PaymentIntent, payment_id), made)


def _charge_of(payment: models.PaymentIntent) -> models.Charge:
    """Return the charge of a payment; fetch it where its news haven't come yet.

    :raises InvalidState: with the code ``charge_not_succeeded``, when nothing was paid.
    """
    charge = _succeeded_charge(payment) or _succeeded_charge(sync_payment(payment))
    if charge is None:
        raise InvalidState(
            "The payment hasn't succeeded, so there is nothing of it to transfer.",
            code="charge_not_succeeded",
        )
    return charge


def _succeeded_charge(payment: models.PaymentIntent) -> models.Charge | None:
    charges = models.Charge
    statement = sa.select(charges).where(
        charges.processor == payment.processor,
        charges.processor_id == payment.latest_charge_processor_id,
        charges.is_succeeded,
    )
    found: models.Charge | None = current_state().db.session.scalars(statement).one_or_none()
    return found if payment.is_succeeded else None


def _charge(
    kind: str,
    owner: t.Any,
    amount: Money,
    payment_method: models.PaymentMethod | None,
    split: dict[str, t.Any],
    metadata: c.Mapping[str, str] | None,
    operation_id: str | None,
    beside: c.Mapping[str, t.Any] | None = None,
) -> models.PaymentIntent:
    check_amount(amount, "A charge")
    extra = validate_metadata(metadata or {}, ours=1)
    payer = customer(owner)
    if kind != "direct_charge" and payer.account is not None:
        raise InvalidState(
            f"This customer belongs to the account {payer.account}, and the charge is the platform's.",
            code="other_account",
        )
    gateway = gateway_of(payer)
    gateway.require(Capability.CONNECT)
    return charge_card(
        payer,
        gateway,
        amount,
        payment_method,
        kind=kind,
        method="create_connect_charge",
        said=split,
        metadata=extra,
        operation_id=operation_id,
        beside=beside,
    )


def _part(part: t.Any, whole: t.Any, name: str) -> int | None:
    """Return a part of a charge in minor units, which is at most the whole."""
    if part is None:
        return None
    check_amount(whole, "A charge")
    if check_money(part, name).amount_minor < 0:
        raise InvalidRequest(
            f"{name} is at least 0, not {part}.", code="amount_invalid", param=name
        )
    check_in(whole.currency, part, "charge", name)
    part.require_payable(name)
    if whole < part:
        raise InvalidRequest(
            f"{name} is {part}, and the charge only {whole}.", code="amount_too_large", param=name
        )
    return int(part.amount_minor)


def _check_sum(amount: Money, parts: c.Sequence[Money]) -> None:
    check_amount(amount, "A charge")
    total = Money(0, amount.currency)
    for part in parts:
        check_in(
            amount.currency, check_amount(part, "A transfer", "transfers"), "charge", "transfers"
        )
        total += part
    if amount < total:
        raise InvalidRequest(
            f"The transfers add up to {total}, and the charge only to {amount}.",
            code="amount_too_large",
            param="transfers",
        )


def _invalid(message: str, param: str) -> InvalidRequest:
    return InvalidRequest(message, code="parameter_invalid", param=param)
