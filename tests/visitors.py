"""People who visit the pages of a host under test, each with cookies of their own."""

from __future__ import annotations

import contextvars
import re
from html import unescape
from typing import TYPE_CHECKING, Any

from flask_login import LoginManager, UserMixin, login_user
from werkzeug.datastructures import MultiDict

from flask_accrue.auth import FlaskLoginAuth

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.test import TestResponse


class User(UserMixin):
    """A user of the host, known by the id alone."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.email = f"{id}@host.example"


class HostAuth(FlaskLoginAuth):
    """Users whose id begins with ``operator`` are operators; tests say what else they may.

    :ivar scopes: the owners that an operator may see, by the operator's id.
    :ivar refused: what nobody may do.
    :ivar audit: what the host's log was told.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operator_loader = lambda user: user.get_id().startswith("operator")
        self.scopes: dict[str, Any] = {}
        self.refused: set[str] = set()
        self.audit: list[tuple[str, dict[str, Any]]] = []

    def owner_scope(self, user: Any) -> Any:
        return self.scopes.get(user.get_id())

    def can(self, user: Any, action: str, object: Any) -> bool:
        return action not in self.refused

    def log_audit(self, user: Any, entry: Any) -> None:
        self.audit.append((user.get_id(), dict(entry)))


def give_log_in(app: Flask) -> HostAuth:
    """Add a log-in to a host, with the adapter above."""
    login = LoginManager(app)
    login.user_loader(User)
    login.login_view = "log_in"
    app.add_url_rule("/log-in", "log_in", lambda: "log in")
    app.add_url_rule("/log-in-as/<id>", "log_in_as", lambda id: str(login_user(User(id))))
    auth = HostAuth()
    app.extensions["accrue"].auth = auth
    return auth


class Visitor:
    """A browser without scripts. Each request runs as in a server: in no context of the test's."""

    def __init__(self, app: Flask, user_id: str | None = None, *, fresh: bool = True) -> None:
        self._client = app.test_client()
        if user_id is not None:
            self.log_in(user_id, fresh=fresh)

    def log_in(self, user_id: str, *, fresh: bool = True) -> None:
        """Become a user, as if logged in just now, or ten minutes ago."""
        assert self.get(f"/log-in-as/{user_id}").status_code == 200
        if not fresh:
            with self._client.session_transaction() as session:
                session["accrue_proved_at"] -= 600

    def get(self, path: str, **options: Any) -> TestResponse:
        """Ask for a page, and read it to its end."""
        return self._open("GET", path, **options)

    def post(self, path: str, data: Any = None, **options: Any) -> TestResponse:
        """Send a form as it stands, whatever is missing in it."""
        return self._open("POST", path, data=data or {}, **options)

    def submit(self, path: str, form: int = 0, **fields: Any) -> TestResponse:
        """Ask for a page and send one of its forms, with some fields filled in otherwise."""
        action, found = forms(self.get(path).text)[form]
        for name, value in fields.items():
            found.setlist(name, value if isinstance(value, list) else [value])
        return self.post(action or path, found)

    def _open(self, method: str, path: str, **options: Any) -> TestResponse:
        def ask() -> TestResponse:
            response = self._client.open(path, method=method, **options)
            response.get_data()
            # What follows the response begins when it's closed.
            response.close()
            return response

        return contextvars.Context().run(ask)


_FORM = re.compile(r'<form\b[^>]*method="post"[^>]*>.*?</form>', re.DOTALL)
_TAG = re.compile(r"<(?:input|button)\b[^>]*>", re.DOTALL)
_ATTRIBUTE = re.compile(r'([\w-]+)(?:="([^"]*)")?')


def forms(page: str) -> list[tuple[str, MultiDict[str, str]]]:
    """Return each form of a page that posts: its action, and what a browser would send unchanged."""
    found = []
    for form in _FORM.findall(page):
        action = re.search(r'action="([^"]*)"', form)
        fields: MultiDict[str, str] = MultiDict()
        for tag in _TAG.findall(form):
            attributes = {name: unescape(value) for name, value in _ATTRIBUTE.findall(tag[1:])}
            kind = attributes.get("type")
            if kind in ("radio", "checkbox") and "checked" not in attributes:
                continue
            if "name" in attributes:
                fields.add(attributes["name"], attributes.get("value", ""))
        found.append((unescape(action.group(1)) if action else "", fields))
    return found
