"""What an owner holds: one statement, and the models' own predicates on its plain rows.

Loading whole rows through the session would cost more than the statement, and would give an object that
the host has changed and not saved. So the columns that decide access are read as they are in the database.
"""

from __future__ import annotations

import datetime
import logging
import typing as t

import sqlalchemy as sa
from sqlalchemy import orm

from ..account_scope import current_account
from ..models import ConnectAccount, Customer, Subscription, SubscriptionItem
from ..plans import EntitlementPolicy
from ..state import current_state

logger = logging.getLogger(__name__)


class _Columns(t.NamedTuple):
    processor: str
    price_id: str
    quantity: int | None
    removed_at: datetime.datetime | None
    status: str
    current_period_end: datetime.datetime | None
    cancel_at_period_end: bool
    cancel_at: datetime.datetime | None
    ended_at: datetime.datetime | None
    deleted_at: datetime.datetime | None
    pause_behavior: str | None
    past_due_since: datetime.datetime | None
    paid_until: datetime.datetime | None


class Holding(_Columns):
    """An item that an owner holds, with those columns of its subscription that decide access.

    It borrows the models' predicates, so that there is one definition of each.
    """

    __slots__ = ()

    ends_at = vars(Subscription)["ends_at"]
    is_ended = vars(Subscription)["is_ended"]
    is_active = vars(Subscription)["is_active"]
    is_paused = vars(Subscription)["is_paused"]
    is_entitling = vars(Subscription)["is_entitling"]
    is_live = vars(SubscriptionItem)["is_live"]

    def grants(self, policy: EntitlementPolicy) -> bool:
        """Tell whether it gives now what its price stands for."""
        return self.is_live is True and self.is_entitling(policy) is True


def _statement() -> sa.Select[t.Any]:
    customers: t.Any = Customer.__table__.c
    subscriptions: t.Any = Subscription.__table__.c
    items: t.Any = SubscriptionItem.__table__.c
    return (
        sa.select(
            subscriptions.processor,
            items.price_processor_id,
            items.quantity,
            items.removed_at,
            subscriptions.status,
            subscriptions.current_period_end,
            subscriptions.cancel_at_period_end,
            subscriptions.cancel_at,
            subscriptions.ended_at,
            subscriptions.deleted_at,
            subscriptions.pause_behavior,
            subscriptions.past_due_since,
            subscriptions.paid_until,
        )
        .select_from(
            Customer.__table__.join(
                Subscription.__table__, subscriptions.customer_id == customers.id
            ).join(SubscriptionItem.__table__, items.subscription_id == subscriptions.id)
        )
        .where(
            customers.owner_type == sa.bindparam("owner_type"),
            customers.owner_id == sa.bindparam("owner_id"),
            # What an owner has of somebody else's account grants nothing on the platform.
            sa.func.coalesce(customers.account, "") == sa.bindparam("account"),
            # These grant nothing whatever else they say. The rest is for the predicates to tell.
            customers.deleted_at.is_(None),
            subscriptions.deleted_at.is_(None),
            subscriptions.ended_at.is_(None),
            items.removed_at.is_(None),
        )
    )


def _statement_within_account() -> sa.Select[t.Any]:
    """Leave out what is in an account that isn't connected any more: no news of it come."""
    accounts: t.Any = ConnectAccount.__table__.c
    connected = sa.exists().where(
        accounts.processor == Customer.__table__.c.processor,
        accounts.processor_id == Customer.__table__.c.account,
        accounts.deleted_at.is_(None),
    )
    return _statement().where(connected)


_HELD: t.Final = _statement()
_HELD_WITHIN_ACCOUNT: t.Final = _statement_within_account()
_ON_OUR_DATABASE: t.Final[dict[str, t.Any]] = {"mapper": Customer.__mapper__}


def read_holdings(owner_type: str, owner_id: str) -> list[Holding] | None:
    """Read what an owner holds, in one statement; ``None`` when the database failed.

    A transaction that this statement broke is rolled back, since nothing in it can be saved any more. One
    that was broken before is the host's to end.
    """
    session, account = current_state().db.session(), current_account() or ""
    begun_here = not session.in_transaction()
    try:
        # On the session's connection: in its transaction, but nothing pending is flushed first.
        connection = session.connection(bind_arguments=_ON_OUR_DATABASE)
        asked = {"owner_type": owner_type, "owner_id": owner_id, "account": account}
        held = _HELD_WITHIN_ACCOUNT if account else _HELD
        rows = connection.execute(held, asked).all()
    except sa.exc.SQLAlchemyError as error:
        rolled_back = begun_here or _broke_the_transaction(session, error)
        if rolled_back:
            session.rollback()
        logger.exception(
            "accrue: a gate denies, because what %s %s holds can't be read%s",
            owner_type,
            owner_id,
            "" if begun_here or not rolled_back else "; the transaction was rolled back",
        )
        return None
    return [Holding._make(row) for row in rows]


def _broke_the_transaction(session: orm.Session, error: sa.exc.SQLAlchemyError) -> bool:
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    dialect = session.get_bind(**_ON_OUR_DATABASE).dialect.name
    # Only PostgreSQL gives a transaction up for a statement that failed; 25P02 says that it had before.
    return dialect == "postgresql" and getattr(error.orig, "sqlstate", None) not in (None, "25P02")
