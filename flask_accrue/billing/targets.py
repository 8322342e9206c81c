"""Where a customer is sent when a page is done with: local or listed, and absolute where others need it."""

from __future__ import annotations

import typing as t
import urllib.parse

from flask import url_for

from ..errors import InvalidRequest
from ..redirects import is_safe_target
from ..state import current_state


def checked_target(target: t.Any, param: str) -> str:
    """Return a target that a customer may be sent to: a path of the app, or on a listed host.

    :raises InvalidRequest: with the code ``redirect_refused`` for any other.
    """
    scheme, host = _own_address()
    hosts = {*current_state().settings.allowed_redirect_hosts, *([host.lower()] if host else [])}
    if not isinstance(target, str) or not is_safe_target(target, scheme=scheme, hosts=hosts):
        raise InvalidRequest(
            f"{param} is a path of the app, such as '/welcome', or an address on one of "
            "ACCRUE_ALLOWED_REDIRECT_HOSTS; this one is neither.",
            code="redirect_refused",
            param=param,
        )
    return target


def absolute_target(target: str, param: str) -> str:
    """Return a checked target as others can reach it.

    :raises InvalidRequest: with the code ``address_unknown`` for a path outside of a request, where the app
        has no ``SERVER_NAME``.
    """
    if not target.startswith("/"):
        return target
    scheme, host = _own_address()
    if host is None:
        raise InvalidRequest(
            f"{param} is a path, and outside of a request the app's own address isn't known. Give the "
            "whole address, or set SERVER_NAME.",
            code="address_unknown",
            param=param,
        )
    return urllib.parse.urlunsplit((scheme, host, "", "", "")) + target


def _own_address() -> tuple[str, str | None]:
    """Return scheme and host of the app, as the request or its settings tell."""
    try:
        parts = urllib.parse.urlsplit(url_for("accrue.static", filename="", _external=True))
    except RuntimeError:
        # Neither is there a request nor a SERVER_NAME.
        return "http", None
    return parts.scheme, parts.netloc
