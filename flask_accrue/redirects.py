"""What may be the target of a redirect: a path of the app, or a host that is listed."""

from __future__ import annotations

import collections.abc as c
import re
import typing as t
import urllib.parse

# What browsers skip, fold or read as a slash: a target with any of it means something else to them
# than to us.
_MISREAD: t.Final = re.compile(r"[^\x21-\x7e]|\\")


def is_safe_target(target: str, *, scheme: str, hosts: c.Container[str]) -> bool:
    """Tell whether a browser may be sent there.

    :param scheme: what the app itself is reached by; HTTPS is fine everywhere.
    :param hosts: in lower case, with their ports.
    """
    if not target or _MISREAD.search(target):
        return False
    if target.startswith("/"):
        # Two slashes begin a host.
        return not target.startswith("//")
    try:
        parts = urllib.parse.urlsplit(target)
        parts.port  # noqa: B018 - raises when it isn't a number
    except ValueError:
        return False
    # "https:evil.example" has no host for urlsplit and has one for a browser.
    if not target.lower().startswith((f"{parts.scheme}://",)) or not parts.netloc:
        return False
    if parts.scheme not in ("https", scheme) or parts.scheme not in ("http", "https"):
        return False
    return "@" not in parts.netloc and parts.netloc.lower() in hosts
