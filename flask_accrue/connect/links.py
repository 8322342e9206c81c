"""Links that let an account's owner in. They are handed on, and neither stored nor printed."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t
import uuid

from .. import account_scope
from ..billing.targets import absolute_target, checked_target
from ..errors import InvalidRequest
from ..processors import Answer, Capability, Processor, objects
from ..state import current_state
from ..unit_of_work import settle_session
from .accounts import Account, require_account

LINK_TYPES: t.Final = frozenset({"account_onboarding", "account_update"})
COLLECTED: t.Final = frozenset({"currently_due", "eventually_due"})


@dataclasses.dataclass(frozen=True)
class Link:
    """A page of the processor's. Who has ``url`` is let in, so it's for the account's owner alone.

    :ivar expires_at: until when it opens, ``None`` where the processor doesn't say.
    """

    url: str = dataclasses.field(repr=False)
    expires_at: datetime.datetime | None


def account_link(
    account: Account,
    *,
    refresh_url: str,
    return_url: str,
    type: str = "account_onboarding",
    collect: str | None = None,
) -> Link:
    """Make a link to the pages where an account's owner tells what is missing. It opens once, for minutes.

    :param refresh_url: where its owner goes when the link doesn't open any more; that page makes another.
    :param return_url: where its owner goes afterwards, whether or not all was told: look at the account then.
        Both are local paths or on a listed host.
    :param type: ``account_onboarding``, or ``account_update`` for an account without a dashboard.
    :param collect: ``currently_due`` or ``eventually_due``; by default as the processor has it.
    :raises InvalidRequest: with the code ``redirect_refused`` for an address elsewhere.
    """
    if type not in LINK_TYPES:
        raise _invalid(f"The type is one of {', '.join(sorted(LINK_TYPES))}.", "type")
    if collect is not None and collect not in COLLECTED:
        raise _invalid(f"What is collected is {' or '.join(sorted(COLLECTED))}.", "collect")
    again, back = _allowed(refresh_url, "refresh_url"), _allowed(return_url, "return_url")
    gateway, name = _of(account)
    made = gateway.create_account_link(
        name, type=type, refresh_url=again, return_url=back, collect=collect, key=_key()
    )
    return _link(made)


def login_link(account: Account) -> Link:
    """Make a link to the pages where the owner of an account with the Express dashboard sees its money.

    :raises InvalidRequest: for an account that has none, or whose owner hasn't told all yet.
    """
    gateway, name = _of(account)
    return _link(gateway.create_login_link(name, key=_key()))


def _of(account: Account) -> tuple[Processor, str]:
    account_scope.require_platform("A link for a connected account")
    row = require_account(account)
    gateway, name = current_state().processor(row.processor), row.processor_id
    gateway.require(Capability.CONNECT)
    settle_session()
    # No transaction is open while the processor is asked.
    current_state().db.session.rollback()
    return gateway, name


def _allowed(target: t.Any, param: str) -> str:
    return absolute_target(checked_target(target, param), param)


def _link(answer: Answer) -> Link:
    made = answer.main
    assert isinstance(made, objects.AccountLink)
    return Link(made.url, made.expires_at)


def _key() -> str:
    # Each is a new one: a link that was given before may have been opened.
    return uuid.uuid4().hex


def _invalid(message: str, param: str) -> InvalidRequest:
    return InvalidRequest(message, code="parameter_invalid", param=param)
