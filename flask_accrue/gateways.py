"""The processor of a row, whose calls are made in the account where the row is."""

from __future__ import annotations

import typing as t
import uuid

import sqlalchemy as sa

from . import account_scope, models
from .errors import InvalidRequest, InvalidState
from .processors import Processor
from .state import current_state


def gateway_of(row: models.Mirrored) -> Processor:
    """Return the processor of a row, for the account in which it, or its customer, is.

    :raises InvalidState: with the code ``other_account``, inside a block that acts for another one.
    """
    if isinstance(row, models.Customer | models.CatalogRow):
        account = row.account
    else:
        account = account_of(t.cast("uuid.UUID | None", getattr(row, "customer_id", None)))
    account_scope.check(account)
    return current_state().processor(row.processor).of_account(account)


def account_of(customer_id: uuid.UUID | None) -> str | None:
    """Return the account in which a customer is; ``None``: on the platform, as all that has no customer."""
    if customer_id is None:
        return None
    customers = models.Customer
    statement = sa.select(customers.account).where(customers.id == customer_id)
    return (
        current_state()
        .db.session.scalars(statement, execution_options={"autoflush": False})
        .one_or_none()
    )


def connected_account(processor: str, account: str) -> models.ConnectAccount:
    """Return an account, of whose events news are taken here.

    :raises InvalidRequest: with the code ``account_unknown``.
    :raises InvalidState: with the code ``account_disconnected``.
    """
    accounts = models.ConnectAccount
    statement = sa.select(accounts).where(
        accounts.processor == processor, accounts.processor_id == account
    )
    return check_connected(
        current_state()
        .db.session.scalars(statement, execution_options={"autoflush": False})
        .one_or_none(),
        account,
    )


def check_connected(
    row: models.ConnectAccount | None, named: str | None = None
) -> models.ConnectAccount:
    """Return an account that the platform may act for.

    :param row: the account, or ``None`` where there is none.
    :param named: the processor's id by which it was looked for.
    :raises InvalidRequest: with the code ``account_unknown`` for one that isn't here.
    :raises InvalidState: with the code ``account_disconnected`` for one that has let go of the platform.
    """
    if row is None:
        raise InvalidRequest(
            f"There is no {'such account' if named is None else f'account {named}'} here. An account is a "
            "row of connect.list_accounts(), or the id of one; one that was connected elsewhere is fetched "
            "with connect.fetch_account() first, or all of them by `flask accrue sync accounts`.",
            code="account_unknown",
            param="account",
        )
    if not row.is_connected:
        raise InvalidState(
            f"The account {row.processor_id} has let go of the platform.",
            code="account_disconnected",
        )
    return row
