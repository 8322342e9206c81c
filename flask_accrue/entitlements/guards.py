"""Guards: views, blueprints and templates that ask whether the request's owner may.

The owner comes from the server's own state, never from the URL, a form or a header.
"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import functools
import logging
import typing as t

import flask
from flask import current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden, HTTPException, default_exceptions

from ..billable import Billable
from ..errors import ConfigError
from ..signals import access_denied
from ..state import current_state
from .resolver import entitled, has_active_plan, warn_once

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from flask.sansio.blueprints import Blueprint

logger = logging.getLogger(__name__)

F = t.TypeVar("F", bound=c.Callable[..., t.Any])

#: What a guard does instead of the 403: redirects to a path, URL or endpoint, answers with a status, or
#: returns what a function returns.
OnDeny: t.TypeAlias = str | int | c.Callable[[], t.Any]


class AccessDenied(Forbidden):
    """What a guard raises: a 403 that tells nothing, as HTML or JSON by the request's ``Accept``.

    A host's own handler for 403, or for this class, takes its place.

    :ivar owner: who was refused, or ``None``.
    :ivar feature: what the guard asks for, or ``None``; one of this and ``plan``.
    """

    description = "You don't have access to this."

    def __init__(self, owner: t.Any, feature: str | None, plan: str | None) -> None:
        super().__init__()
        self.owner = owner
        self.feature = feature
        self.plan = plan

    def get_body(
        self, environ: WSGIEnvironment | None = None, scope: dict[str, t.Any] | None = None
    ) -> str:
        """Return the body in the form that the request prefers."""
        if _prefers_json():
            return flask.json.dumps({"code": "access_denied", "message": self.description}) + "\n"
        return super().get_body(environ, scope)

    def get_headers(
        self, environ: WSGIEnvironment | None = None, scope: dict[str, t.Any] | None = None
    ) -> list[tuple[str, str]]:
        """Return the headers that belong to the body."""
        kind = "application/json" if _prefers_json() else "text/html; charset=utf-8"
        return [("Content-Type", kind), ("Vary", "Accept")]


def require_feature(feature: str, *, on_deny: OnDeny | None = None) -> c.Callable[[F], F]:
    """Let a view be reached only by owners who are entitled to a feature.

    ::

        @app.get("/reports")
        @require_feature("reports", on_deny="pricing")
        def reports(): ...

    It belongs below the route, which would otherwise keep the view without its guard. OPTIONS passes.

    :param on_deny: instead of the 403, a path, URL or endpoint to redirect to (303), a status from 400 to
        599, or a function without arguments whose answer is the response.
    :raises AccessDenied: in the request, unless ``on_deny`` says otherwise.
    """
    return _Gate(feature=feature, on_deny=on_deny).around


def require_plan(plan: str, *, on_deny: OnDeny | None = None) -> c.Callable[[F], F]:
    """Let a view be reached only by owners who hold a plan now; else as :func:`require_feature`."""
    return _Gate(plan=plan, on_deny=on_deny).around


def guard_blueprint(
    blueprint: Blueprint,
    *,
    feature: str | None = None,
    plan: str | None = None,
    on_deny: OnDeny | None = None,
) -> None:
    """Guard every view of a blueprint, and of those nested in it, by a feature or by a plan.

    Call it before the blueprint is registered; several guards must all agree. OPTIONS passes.

    :raises TypeError: unless exactly one of ``feature`` and ``plan`` is given.
    """
    blueprint.before_request(_Gate(feature=feature, plan=plan, on_deny=on_deny).refuse)


def entitled_in_template(*arguments: t.Any) -> bool:
    """Answer ``entitled("reports")`` about the request's owner, or ``entitled(owner, "reports")``.

    The template global ``entitled``. As a guard it never raises.
    """
    if len(arguments) == 1:
        return _denying(entitled, current_owner(), arguments[0])
    owner, feature = arguments
    return _denying(entitled, owner, feature)


def current_owner() -> t.Any | None:
    """Return whose billing this request is about, from the registered loader, or else the current user.

    :return: ``None`` when nobody is logged in, or the user isn't a :class:`~flask_accrue.Billable`.
    """
    state = current_state()
    if state.owner_loader is not None:
        return current_app.ensure_sync(state.owner_loader)()
    user = state.auth.current_user()
    if user is None or isinstance(user, Billable):
        return user
    warn_once(
        f"The current user is a {type(user).__name__}, which isn't a Billable, and no owner loader is "
        "registered, so every guard denies. Say who pays with @accrue.owner_loader."
    )
    return None


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Gate:
    """One condition, and what happens to who doesn't meet it."""

    feature: str | None = None
    plan: str | None = None
    on_deny: OnDeny | None = None

    def __post_init__(self) -> None:
        name = self.feature if self.plan is None else self.plan
        if not isinstance(name, str) or not name or None not in (self.feature, self.plan):
            raise TypeError(
                "A guard asks for one feature or one plan, by its name: @require_feature('reports')."
            )
        on_deny: t.Any = self.on_deny
        if isinstance(on_deny, int) and not 400 <= on_deny <= 599:
            raise ValueError(f"on_deny={on_deny} is no error status, from 400 to 599.")
        if (
            not (on_deny is None or isinstance(on_deny, str | int) or callable(on_deny))
            or on_deny == ""
        ):
            raise TypeError(
                f"on_deny={on_deny!r} can't answer: use a path, URL or endpoint to redirect to, a status, "
                "or a function without arguments."
            )

    def around(self, view: F) -> F:
        @functools.wraps(view)
        def guarded(*args: t.Any, **kwargs: t.Any) -> t.Any:
            refusal = self.refuse()
            if refusal is not None:
                return refusal
            return current_app.ensure_sync(view)(*args, **kwargs)

        return t.cast(F, guarded)

    def refuse(self) -> ResponseReturnValue | None:
        """Return ``None`` for a request that may pass, and for another the response, or raise."""
        if request.method == "OPTIONS":
            return None
        owner = current_owner()
        if self.feature is not None:
            passes = _denying(entitled, owner, self.feature)
        else:
            passes = _denying(has_active_plan, owner, t.cast(str, self.plan))
        if passes is True:
            return None
        access_denied.send(
            current_app._get_current_object(),  # type: ignore[attr-defined]
            owner=owner,
            feature=self.feature,
            plan=self.plan,
        )
        answer = None if self.on_deny is None else _answer(self.on_deny)
        # A function that returned nothing would otherwise let everybody pass.
        if answer is None:
            raise AccessDenied(owner, self.feature, self.plan)
        return answer


def _answer(on_deny: OnDeny) -> ResponseReturnValue | None:
    if isinstance(on_deny, int):
        raise _status(on_deny)
    if isinstance(on_deny, str):
        is_location = on_deny.startswith(("/", "https://", "http://"))
        return flask.redirect(on_deny if is_location else flask.url_for(on_deny), 303)
    return t.cast(ResponseReturnValue | None, current_app.ensure_sync(on_deny)())


def _status(code: int) -> HTTPException:
    # A known one is the same as any other of its kind, so that a 404 can't be told from a real one.
    if code in default_exceptions:
        return default_exceptions[code]()
    error = HTTPException(AccessDenied.description)
    error.code = code
    return error


def _denying(question: c.Callable[[t.Any, str], bool], owner: t.Any, name: str) -> bool:
    try:
        return question(owner, name)
    except ConfigError as error:
        if error.code != "price_unmapped":
            raise
        logger.error("accrue: a guard denies: %s", error)  # noqa: TRY400 - the error says it all
        return False


def _prefers_json() -> bool:
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json"
