"""Who is looking: the seam between the host's log-in and Accrue's pages."""

from __future__ import annotations

import abc
import collections.abc as c
import time
import typing as t

from flask import current_app, has_request_context, session

#: How long after a log-in an operator may do what can't be undone, in seconds of real time.
FRESH_FOR: t.Final = 300


class AuthAdapter(abc.ABC):
    """What Accrue asks about the person behind a request. Subclass it for another log-in."""

    @abc.abstractmethod
    def current_user(self) -> t.Any | None:
        """Return the logged-in user, or ``None``."""

    @abc.abstractmethod
    def user_id(self, user: t.Any) -> str:
        """Return the user's id as text: it's what the ledger names."""

    @abc.abstractmethod
    def is_operator(self, user: t.Any) -> bool:
        """Tell whether the user may see the back office. When in doubt: no."""

    def actor(self, user: t.Any) -> str:
        """Return the id of the real person, also when somebody acts in another's name."""
        return self.user_id(user)

    def owner_scope(self, user: t.Any) -> c.Collection[tuple[str, str]] | None:
        """Return the owners, as (type, id), that an operator may see; ``None`` for all of them."""
        return None

    def can(self, user: t.Any, action: str, object: t.Any) -> bool:
        """Tell whether an operator may do that to this row."""
        return True

    def is_fresh(self, user: t.Any) -> bool:
        """Tell whether the user proved who they are within the last five minutes."""
        return False

    def step_up_url(self, next: str) -> str | None:
        """Return where the user can prove it again, or ``None`` where there is no such page."""
        return None

    def log_audit(self, user: t.Any, entry: c.Mapping[str, t.Any]) -> None:  # noqa: B027 - a hook
        """Hear of each thing that an operator does, for the host's own log."""

    def current_user_id(self) -> str | None:
        """Return the id of the logged-in user, or ``None`` without one or outside a request."""
        if not has_request_context():
            return None
        user = self.current_user()
        return None if user is None else self.actor(user)


class FlaskLoginAuth(AuthAdapter):
    """Flask-Login's current user. Nobody is an operator until the host says who is.

    :ivar step_up_view: the view where somebody proves again who they are; by default the login manager's
        ``refresh_view``, else its ``login_view``. It gets where to go on to as ``next``.
    """

    def __init__(self) -> None:
        self.operator_loader: c.Callable[[t.Any], bool] | None = None
        self.step_up_view: str | None = None

    def current_user(self) -> t.Any | None:
        if not has_request_context() or not hasattr(current_app, "login_manager"):
            return None
        from flask_login import current_user

        user = current_user._get_current_object()
        return user if user is not None and user.is_authenticated else None

    def user_id(self, user: t.Any) -> str:
        return str(user.get_id())

    def is_operator(self, user: t.Any) -> bool:
        if self.operator_loader is None or user is None:
            return False
        return self.operator_loader(user) is True

    def is_fresh(self, user: t.Any) -> bool:
        from flask_login import login_fresh

        proved = session.get("accrue_proved_at")
        if not login_fresh() or not isinstance(proved, int | float):
            return False
        return 0 <= time.time() - proved <= FRESH_FOR

    def step_up_url(self, next: str) -> str | None:
        manager = getattr(current_app, "login_manager", None)
        view = self.step_up_view
        if view is None and manager is not None:
            view = manager.refresh_view or manager.login_view
        if view is None:
            return None
        from flask_login.utils import login_url

        return t.cast(str, login_url(view, next_url=next))
