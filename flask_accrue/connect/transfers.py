"""Money that goes from the platform to an account, and back."""

from __future__ import annotations

import collections.abc as c
import typing as t

import sqlalchemy as sa

from .. import account_scope, mirror, models
from ..billing.amounts import check_amount, check_in, check_money, check_part
from ..billing.current import sync
from ..billing.customers import OPERATION_KEY
from ..billing.perform import Plan, perform, seen
from ..billing.writing import Seen
from ..errors import InvalidState
from ..metadata import validate_metadata
from ..mirror import Source
from ..money import Money
from ..processors import Answer, Capability, Processor, objects
from ..state import current_state
from ..unit_of_work import UnitOfWork
from .accounts import Account, require_account


def transfer(
    account: Account,
    amount: Money,
    *,
    charge: models.Charge | None = None,
    group: str | None = None,
    description: str | None = None,
    metadata: c.Mapping[str, str] | None = None,
    operation_id: str | None = None,
) -> models.Transfer:
    """Move money to an account: of a charge, else of the platform's balance.

    :param charge: what it's a part of. The transfer is then made at once and settles when the charge does;
        without one the balance has to hold as much. Of a charge that was settled in the currency of the
        platform's balance the amount is in that one.
    :param group: a name that the transfers and the charge of one sale have in common.
    :raises InvalidRequest: for an amount that isn't above 0, above what is left of the charge, in another
        currency, or more than the balance holds.
    :raises InvalidState: with the code ``charge_not_succeeded``, or ``other_account`` for a charge of an
        account's own, and inside an account's block.
    """
    check_amount(amount, "A transfer")
    extra = validate_metadata(metadata or {}, ours=1)
    account_scope.require_platform("A transfer")
    row = require_account(account)
    gateway = current_state().processor(row.processor)
    gateway.require(Capability.CONNECT)
    said = {
        "destination": row.processor_id,
        "amount": amount.amount_minor,
        "currency": amount.currency,
        "source_charge": None if charge is None else charge.processor_id,
        "transfer_group": group,
        "description": description,
    }

    def request(id: str) -> dict[str, t.Any]:
        if charge is not None:
            _check_charge(charge, amount)
        return {**said, "metadata": {**extra, OPERATION_KEY: id}}

    def settle() -> None:
        if charge is not None and charge.fee is None and amount.currency != charge.currency:
            sync(charge)

    plan = Plan(
        kind="transfer",
        subject=f"connect_account:{row.id}",
        processor=gateway,
        arguments={**said, "metadata": extra},
        method="create_transfer",
        request=request,
        result="transfer",
        customer_id=None,
        settle=settle,
        find=("transfer", row.processor_id),
        create=lambda uow, answer: _write(uow, gateway, answer, {}),
    )
    return perform(plan, operation_id)


def reverse_transfer(
    transfer: models.Transfer,
    amount: Money | None = None,
    *,
    refund_application_fee: bool = False,
    description: str | None = None,
    metadata: c.Mapping[str, str] | None = None,
    operation_id: str | None = None,
) -> models.Transfer:
    """Take back a part of a transfer, or all that is left.

    :param refund_application_fee: of a destination charge's transfer: give back the platform's fee in the
        same proportion.
    :raises InvalidState: with the code ``transfer_already_reversed`` when nothing is left.
    :raises InvalidRequest: for more than what is left, or another currency.
    """
    if amount is not None:
        check_money(amount)
    extra = validate_metadata(metadata or {}, ours=1)
    account_scope.require_platform("A transfer")
    gateway = current_state().processor(transfer.processor)
    gateway.require(Capability.CONNECT)
    said = {
        "transfer": transfer.processor_id,
        "amount": None if amount is None else amount.amount_minor,
        "refund_application_fee": refund_application_fee,
        "description": description,
    }
    before = seen(transfer)

    def request(id: str) -> dict[str, t.Any]:
        # Before it's sent for the first time only: what was taken back by a lost answer was this.
        _check_reversal(transfer, amount)
        return {**said, "metadata": {**extra, OPERATION_KEY: id}}

    plan = Plan(
        kind="reverse_transfer",
        subject=f"transfer:{transfer.id}",
        processor=gateway,
        arguments={**said, "currency": amount and amount.currency, "metadata": extra},
        method="reverse_transfer",
        request=request,
        result="transfer",
        customer_id=None,
        create=lambda uow, answer: _write(uow, gateway, answer, before),
    )
    return perform(plan, operation_id)


def list_transfers(account: Account | None = None) -> list[models.Transfer]:
    """Return the transfers, or those to an account, the newest first. Never calls the processor."""
    transfers = models.Transfer
    statement = sa.select(transfers).order_by(transfers.created.desc(), transfers.id.desc())
    if account is not None:
        name = account if isinstance(account, str) else account.processor_id
        statement = statement.where(transfers.destination_processor_id == name)
    session = current_state().db.session
    return list(session.scalars(statement.execution_options(autoflush=False)))


def _check_charge(charge: models.Charge, amount: Money) -> None:
    if charge.customer.account is not None:
        raise InvalidState(
            f"This charge is the account {charge.customer.account}'s own, and a transfer is a part of one of "
            "the platform's.",
            code="other_account",
        )
    if not charge.is_succeeded:
        raise InvalidState(
            "Only of a charge that succeeded can a part be transferred.",
            code="charge_not_succeeded",
        )
    if amount.currency != charge.currency and charge.fee is None:
        # What a charge cost is only told where it was settled in its own currency. Else it's transferred in
        # that of the balance, of which how much that was is told at the processor alone.
        return
    check_in(charge.currency, amount, "charge")
    transfers = models.Transfer
    moved = current_state().db.session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(transfers.amount_left), 0)).where(
            transfers.processor == charge.processor,
            transfers.source_charge_processor_id == charge.processor_id,
            transfers.currency == charge.currency,
        )
    )
    left = Money(charge.amount_captured - int(moved or 0), charge.currency)
    check_part(
        amount, left, "charge", f"{amount} can't be transferred: {left} of the charge is left."
    )


def _check_reversal(transfer: models.Transfer, amount: Money | None) -> None:
    left = Money(transfer.amount_left, transfer.currency)
    if left.amount_minor <= 0:
        raise InvalidState(
            "All of this transfer was taken back already.", code="transfer_already_reversed"
        )
    if amount is not None:
        refusal = f"{amount} can't be taken back: {left} of the transfer is left."
        check_part(amount, left, "transfer", refusal)


def _write(uow: UnitOfWork, gateway: Processor, answer: Answer, before: Seen) -> models.Transfer:
    """Write a transfer as it was answered, unless news of it have come in meanwhile."""
    obj, source = answer.main, Source.of_answer(answer)
    assert isinstance(obj, objects.Transfer)
    uow.lock_system(obj.processor_id)
    row = uow.find(models.Transfer, gateway.name, obj.processor_id)
    known = before.get((obj.kind, obj.processor_id), mirror.UNSEEN)
    if row is not None and not mirror.may_write(row, known, source):
        return row
    written = mirror.write_catalog(uow, gateway.name, obj, source)
    assert isinstance(written, models.Transfer)
    return written
