"""The processor of a row, whose calls are made in the account where the row is."""

from __future__ import annotations

import typing as t
import uuid

import sqlalchemy as sa

from . import account_scope, models
from .processors import Processor
from .state import current_state


def gateway_of(row: models.Mirrored) -> Processor:
    """Return the processor of a row, for the account in which it, or its customer, is.

    :raises InvalidState: with the code ``other_account``, inside a block that acts for another one.
    """
    if isinstance(row, models.Customer | models.Redeemable):
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
