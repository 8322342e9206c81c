"""The error that an operation ended with, as it's kept, so that a repeat ends with it, too."""

from __future__ import annotations

import typing as t

from . import errors
from .errors import InvalidState

AccrueErrorJson: t.TypeAlias = dict[str, t.Any]

_KEPT: t.Final = ("code", "decline_code", "http_status", "param", "request_id")


def error_to_json(error: errors.AccrueError) -> AccrueErrorJson:
    """Return what is needed to raise an error again."""
    kept = {name: value for name in _KEPT if (value := getattr(error, name, None)) is not None}
    return {"class": type(error).__name__, "message": error.message, **kept}


def error_from_json(stored: AccrueErrorJson, row: t.Any = None) -> errors.AccrueError:
    """Make the error again that an operation ended with."""
    kind = getattr(errors, stored["class"], errors.ProcessorError)
    message = stored["message"]
    if kind is errors.ActionRequired:
        return errors.ActionRequired(message, row=row)
    if kind is errors.CardError:
        return errors.CardError(
            message,
            code=stored.get("code"),
            decline_code=stored.get("decline_code"),
            request_id=stored.get("request_id"),
            param=stored.get("param"),
            row=row,
        )
    if issubclass(kind, errors.ProcessorError):
        return kind(
            message,
            code=stored.get("code"),
            request_id=stored.get("request_id"),
            http_status=stored.get("http_status"),
            param=stored.get("param"),
        )
    if issubclass(kind, errors.AccrueError):
        return t.cast(errors.AccrueError, kind(message, code=stored.get("code")))
    return InvalidState(message, code=stored.get("code"))
