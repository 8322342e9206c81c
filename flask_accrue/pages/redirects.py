"""Where a page may send somebody: a path of this app, or a host that is listed."""

from __future__ import annotations

import re
import typing as t
import urllib.parse

from flask import request

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
    if parts.scheme not in ("https", request.scheme) or parts.scheme not in ("http", "https"):
        return None
    if "@" in parts.netloc:
        return None
    listed = {request.host.lower(), *current_state().settings.allowed_redirect_hosts}
    return target if parts.netloc.lower() in listed else None
