"""Where a page may send somebody: a path of this app, or a host that is listed."""

from __future__ import annotations

import re
import typing as t
import urllib.parse

from flask import current_app, has_request_context, request

from ..state import current_state

# What browsers skip, fold or read as a slash: a target with any of it means something else to them
# than to us.
_MISREAD: t.Final = re.compile(r"[^\x21-\x7e]|\\")


def safe_target(target: str | None) -> str | None:
    """Return the target of a redirect if it's a local path or on a listed host, else ``None``.

    Listed are the app's own host and ``ACCRUE_ALLOWED_REDIRECT_HOSTS``.
    """
    if not target or _MISREAD.search(target):
        return None
    if target.startswith("/"):
        # Two slashes begin a host.
        return None if target.startswith("//") else target
    try:
        parts = urllib.parse.urlsplit(target)
        parts.port  # noqa: B018 - raises when it isn't a number
    except ValueError:
        return None
    # "https:evil.example" has no host for urlsplit and has one for a browser.
    if not target.lower().startswith((f"{parts.scheme}://",)) or not parts.netloc:
        return None
    own_scheme, own_host = _own()
    if parts.scheme not in ("https", own_scheme) or parts.scheme not in ("http", "https"):
        return None
    if "@" in parts.netloc:
        return None
    listed = {own_host, *current_state().settings.allowed_redirect_hosts}
    return target if parts.netloc.lower() in listed else None


def absolute_target(target: str | None) -> str | None:
    """Return the target of a redirect from another site: like :func:`safe_target`, a local path with this
    app's own address before it.

    Outside a request there is no such address, unless ``SERVER_NAME`` says it.
    """
    safe = safe_target(target)
    if safe is None or not safe.startswith("/"):
        return safe
    scheme, host = _own()
    return f"{scheme}://{host}{safe}" if host else None


def _own() -> tuple[str, str]:
    """Return the app's own scheme and host, as far as they are known."""
    if has_request_context():
        return request.scheme, request.host.lower()
    config = current_app.config
    return config["PREFERRED_URL_SCHEME"], (config.get("SERVER_NAME") or "").lower()
