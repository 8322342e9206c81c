"""The headers of every page: no inline code, no frame, no foreign host, nothing kept in a cache."""

from __future__ import annotations

import collections.abc as c
import secrets
import typing as t

from flask import request
from werkzeug.wrappers import Response

_NONCE: t.Final = "accrue.nonce"


def nonce() -> str:
    """Return what marks the stylesheets and scripts of this response as ours; random for each."""
    # Not in "g", which outlives a request that is made inside an app context.
    made = request.environ.get(_NONCE)
    if made is None:
        made = request.environ[_NONCE] = secrets.token_urlsafe(18)
    return t.cast(str, made)


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
    response.headers["Content-Security-Policy"] = "; ".join(
        f"{name} {value}" for name, value in policy.items()
    )
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["X-Content-Type-Options"] = "nosniff"
    # Not "no-referrer": over HTTPS Flask-WTF's own check wants to see that a form came from this host.
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-store"
    return response
