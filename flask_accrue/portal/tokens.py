"""Forms that can be sent for a while, and do what they do once however often they are sent."""

from __future__ import annotations

import secrets
import typing as t

from flask import current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer

#: How long a form can be sent, in seconds of real time.
SEND_WITHIN: t.Final = 3600


def operation_token(about: str) -> str:
    """Return what a form carries, so that sending it twice is one operation."""
    return _serializer(about).dumps(secrets.token_hex(16))


def sent_operation(about: str) -> str | None:
    """Return the operation id of the form that was sent, or ``None`` when it was open for too long."""
    try:
        return f"portal:{_serializer(about).loads(request.form.get('operation', ''), max_age=SEND_WITHIN)}"
    except BadData:
        return None


def _serializer(about: str) -> URLSafeTimedSerializer:
    assert current_app.secret_key is not None
    return URLSafeTimedSerializer(current_app.secret_key, salt=f"accrue.portal:{about}")
