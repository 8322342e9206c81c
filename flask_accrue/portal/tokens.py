"""Forms that can be sent for a while, and do what they do once however often they are sent."""

from __future__ import annotations

import dataclasses
import secrets
import typing as t

from flask import current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer

from ..operations import is_known

#: How long a form can be sent, in seconds of real time.
SEND_WITHIN: t.Final = 3600


@dataclasses.dataclass(frozen=True)
class SignedForm:
    """A form that was sent, and what it told its customer when it was made."""

    operation_id: str
    told: dict[str, t.Any]

    @property
    def is_known(self) -> bool:
        """Whether it was sent before."""
        return is_known(self.operation_id)


def operation_token(about: str) -> str:
    """Return what a form carries, so that sending it twice is one operation."""
    return _serializer(about).dumps(secrets.token_hex(16))


def sent_operation(about: str) -> str | None:
    """Return the operation id of the form that was sent, or ``None`` when it was open for too long."""
    try:
        return f"portal:{_serializer(about).loads(request.form.get('operation', ''), max_age=SEND_WITHIN)}"
    except BadData:
        return None


def sign_form(about: str, **told: t.Any) -> str:
    """Return what a form carries that confirms what it tells, and nothing else."""
    return _serializer(f"{about}:told").dumps([secrets.token_hex(16), told])


def sent_form(about: str) -> SignedForm | None:
    """Return the form that was sent, or ``None`` when it's forged or was open for too long."""
    try:
        id, told = _serializer(f"{about}:told").loads(
            request.form.get("operation", ""), max_age=SEND_WITHIN
        )
    except BadData:
        return None
    return SignedForm(f"portal:{id}", told)


def _serializer(about: str) -> URLSafeTimedSerializer:
    assert current_app.secret_key is not None
    return URLSafeTimedSerializer(current_app.secret_key, salt=f"accrue.portal:{about}")
