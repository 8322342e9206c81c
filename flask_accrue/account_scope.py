"""For whom calls are made: the platform, or one of the accounts that are connected to it.

The scope is a context's own: another thread, request or job doesn't see it.
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import contextvars
import enum
import re
import typing as t

from .errors import InvalidRequest, InvalidState


class _Unsaid(enum.Enum):
    UNSAID = "unsaid"


#: What a processor calls an account: of letters that a header can carry.
_ID: t.Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

_account: contextvars.ContextVar[str | _Unsaid | None] = contextvars.ContextVar(
    "accrue_account", default=_Unsaid.UNSAID
)


@contextlib.contextmanager
def account(id: str | None) -> c.Iterator[None]:
    """Act for a connected account inside; ``None`` is the platform, also within another account's block.

    :raises InvalidRequest: for what can't be an account's id.
    """
    if id is not None and not _ID.fullmatch(str(id)):
        raise InvalidRequest(
            "An account is named by the processor's id, such as 'acct_…', or None for the platform.",
            code="account_invalid",
            param="account",
        )
    token = _account.set(id)
    try:
        yield
    finally:
        _account.reset(token)


@contextlib.contextmanager
def nobodys() -> c.Iterator[None]:
    """Act for nobody in particular inside: each row says itself whose it is."""
    token = _account.set(_Unsaid.UNSAID)
    try:
        yield
    finally:
        _account.reset(token)


def current_account() -> str | None:
    """Return the connected account that is acted for, or ``None``: the platform."""
    said = _account.get()
    return None if isinstance(said, _Unsaid) else said


def check(of: str | None) -> None:
    """Check that what is in an account, or on the platform, may be acted on here.

    Outside any scope all may; inside one only what is that account's, or with ``None`` the platform's.

    :raises InvalidState: with the code ``other_account``.
    """
    said = _account.get()
    if not isinstance(said, _Unsaid) and said != of:
        raise InvalidState(
            f"This belongs to {_named(of)}, and the block acts for {_named(said)}. Act on it outside the "
            "block, or in one of its own.",
            code="other_account",
        )


def require_platform(what: str) -> None:
    """Check that the platform is acted for.

    :raises InvalidState: with the code ``other_account``, inside an account's block.
    """
    said = current_account()
    if said is not None:
        raise InvalidState(
            f"{what} is the platform's own, and the block acts for {_named(said)}. Leave the block, or "
            "write `with connect.account(None):` around it.",
            code="other_account",
        )


def _named(account: str | None) -> str:
    return "the platform" if account is None else f"the account {account}"
