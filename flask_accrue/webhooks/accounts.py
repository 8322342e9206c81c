"""Events of connected accounts: which are ours, and which of them somebody has to be told of."""

from __future__ import annotations

import uuid

import sqlalchemy as sa

from .. import leases, models, signals
from ..processors import Processor, ProcessorEvent, objects
from ..state import current_state
from .owners import Nobody


def not_ours(gateway: Processor, event: ProcessorEvent) -> Nobody | None:
    """Return why nothing is written for an event, as far as that's for the account that it's about."""
    account, of = event.account, event.subject
    if account is not None and _row(gateway, account) is None:
        return Nobody("ignored", f"the account {account} isn't connected here")
    if of is None:
        return None
    if of.kind == "connect_account":
        if account not in (None, of.processor_id):
            return Nobody("ignored", "the event is of another account than it's about")
        if account is None and _row(gateway, of.processor_id) is None:
            return Nobody("unhandled", f"the account {of.processor_id} isn't connected here")
    if of.kind == "transfer" and not _is_our_transfer(gateway, event):
        return Nobody("unhandled", "the transfer goes to nobody who is connected here")
    return None


def let_go(gateway: Processor, event: ProcessorEvent) -> Nobody | None:
    """Return why an event can't be looked after, where that is because its account is connected no more."""
    row = None if event.account is None else _row(gateway, event.account)
    if row is None or row.is_connected:
        return None
    return Nobody("skipped", f"the account {event.account} has let go of the platform")


def tell(row_id: uuid.UUID, event: ProcessorEvent) -> None:
    """Tell the host of what isn't mirrored and is worth waking someone for."""
    if event.type == "payout.failed":
        leases.tell(signals.payout_failed, models.WebhookEvent, row_id)


def _is_our_transfer(gateway: Processor, event: ProcessorEvent) -> bool:
    of, found = event.subject, event.object
    if event.account is not None or of is None:
        return False
    transfers = models.Transfer
    statement = sa.select(transfers.id).where(
        transfers.processor == gateway.name, transfers.processor_id == of.processor_id
    )
    session = current_state().db.session
    is_here = session.scalar(statement) is not None
    session.rollback()
    to = found.destination if isinstance(found, objects.Transfer) else None
    return is_here or (to is not None and _row(gateway, to) is not None)


def _row(gateway: Processor, account: str) -> models.ConnectAccount | None:
    accounts = models.ConnectAccount
    session = current_state().db.session
    found: models.ConnectAccount | None = session.scalars(
        sa.select(accounts)
        .where(accounts.processor == gateway.name, accounts.processor_id == account)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is not None:
        session.expunge(found)
    session.rollback()
    return found
