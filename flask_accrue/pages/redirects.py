"""Where a page may send somebody: a path of this app, or a host that is listed."""

from __future__ import annotations

from flask import request

from ..redirects import is_safe_target
from ..state import current_state


def safe_target(target: str | None) -> str | None:
    """Return the target of a redirect if it's a local path or on a listed host, else ``None``.

    Listed are the app's own host and ``ACCRUE_ALLOWED_REDIRECT_HOSTS``.
    """
    if not target:
        return None
    listed = {request.host.lower(), *current_state().settings.allowed_redirect_hosts}
    return target if is_safe_target(target, scheme=request.scheme, hosts=listed) else None
