"""The headers of every page: no inline code, no frame, nothing kept in a cache, and no foreign host but
the processor's on pages that need its script."""

from __future__ import annotations

import collections.abc as c
import secrets
import typing as t

from flask import request
from werkzeug.wrappers import Response

_NONCE: t.Final = "accrue.nonce"
_ALLOWED: t.Final = "accrue.allowed"


def nonce() -> str:
    """Return what marks the stylesheets and scripts of this response as ours; random for each."""
    # Not in "g", which outlives a request that is made inside an app context.
    made = request.environ.get(_NONCE)
    if made is None:
        made = request.environ[_NONCE] = secrets.token_urlsafe(18)
    return t.cast(str, made)


def allow(*, scripts: c.Iterable[str], frames: c.Iterable[str], connects: c.Iterable[str]) -> None:
    """Let this response, and no other, load scripts from, frame and call other hosts."""
    request.environ[_ALLOWED] = {
        "script-src": tuple(scripts),
        "frame-src": tuple(frames),
        "connect-src": tuple(connects),
    }


def secure(response: Response, redirect_hosts: c.Iterable[str]) -> Response:
    """Set the headers.

    :param redirect_hosts: other hosts that a form may lead to. Browsers hold a redirect after a POST to
        the page's ``form-action`` too.
    """
    mark = f"'nonce-{nonce()}'"
    policy = {
        "default-src": "'none'",
        "style-src": mark,
        "script-src": mark,
        "img-src": "'self'",
        "connect-src": "'self'",
        "form-action": " ".join(["'self'", *sorted(redirect_hosts)]),
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    for name, hosts in request.environ.get(_ALLOWED, {}).items():
        policy[name] = " ".join([*filter(None, [policy.get(name)]), *hosts])
    response.headers["Content-Security-Policy"] = "; ".join(
        f"{name} {value}" for name, value in policy.items()
    )
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["X-Content-Type-Options"] = "nosniff"
    # Not "no-referrer": over HTTPS Flask-WTF's own check wants to see that a form came from this host.
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-store"
    return response
