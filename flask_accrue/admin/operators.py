"""Who is looking at the back office, and which owners they may see."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import typing as t

from flask import abort, request
from werkzeug.exceptions import Forbidden

from ..state import current_state

logger = logging.getLogger(__name__)

_KEY: t.Final = "accrue.operator"

OwnerScope: t.TypeAlias = frozenset[tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class Operator:
    """Somebody whom the auth adapter lets in.

    :ivar id: the real person's id, as the ledger names it.
    :ivar name: what the page calls them.
    :ivar scope: the owners, as (type, id), that they may see; ``None`` for all of them.
    """

    user: t.Any = dataclasses.field(repr=False)
    id: str
    name: str
    scope: OwnerScope | None = None

    @property
    def scope_digest(self) -> str:
        """A short name of the scope, for what is only valid within it."""
        if self.scope is None:
            return "all"
        return hashlib.sha256(json.dumps(sorted(self.scope)).encode()).hexdigest()[:16]

    def may(self, action: str, row: t.Any) -> bool:
        """Tell whether the host lets them do that to a row."""
        return current_state().auth.can(self.user, action, row) is True

    @property
    def is_fresh(self) -> bool:
        """Whether they proved who they are within the last five minutes."""
        return current_state().auth.is_fresh(self.user) is True


def admit_operators_only() -> None:
    """Answer 403 to everybody else; for ``before_request``.

    It's the same page for whoever isn't logged in and for whoever is somebody else, and a
    failure of the host's adapter is taken as a no.
    """
    # Whoever is looking is asked for anew: this environment may have been copied from another request.
    request.environ.pop(_KEY, None)
    try:
        operator = _identify()
    except Exception:
        logger.exception("accrue: the auth adapter failed; the back office stays closed")
        operator = None
    if operator is None:
        refused = Forbidden("This page is for operators. If you are one, log in first.")
        if request.method == "GET":
            offer_log_in(refused)
        raise refused
    request.environ[_KEY] = operator


def current_operator() -> Operator:
    """Return who is looking at this page."""
    operator = request.environ.get(_KEY)
    if not isinstance(operator, Operator):
        abort(403)
    return operator


def offer_log_in(refused: Forbidden) -> None:
    """Add a way to log in to a refusal, where the host has one."""
    try:
        url = current_state().auth.step_up_url(request.full_path.rstrip("?"))
    except Exception:
        logger.exception("accrue: the auth adapter couldn't name the page to log in at")
        url = None
    refused.action_url = url  # type: ignore[attr-defined]
    refused.action_label = "Log in"  # type: ignore[attr-defined]


def _identify() -> Operator | None:
    auth = current_state().auth
    user = auth.current_user()
    if user is None or auth.is_operator(user) is not True:
        return None
    scope = auth.owner_scope(user)
    id = auth.actor(user)
    return Operator(
        user=user,
        id=id,
        name=str(getattr(user, "email", None) or getattr(user, "name", None) or id),
        scope=None if scope is None else frozenset(_pair(owner) for owner in scope),
    )


def _pair(owner: t.Any) -> tuple[str, str]:
    owner_type, owner_id = owner
    return str(owner_type), str(owner_id)
