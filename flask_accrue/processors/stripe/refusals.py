"""What Stripe's refusals and failures mean, in Accrue's errors.

Messages are Stripe's own where it wrote one for people, without anything that looks like a key. The
SDK's error isn't chained, because it holds headers and the whole answer.
"""

from __future__ import annotations

import re
import typing as t

import stripe

from ...errors import (
    AccrueError,
    AuthenticationError,
    CardError,
    IdempotencyConflict,
    InvalidRequest,
    NotFound,
    ProcessorUnavailable,
    RateLimited,
)
from .bodies import CLIENT_SECRET

_LONGEST: t.Final = 500
_KEY = re.compile(rf"\b(?:sk|rk|pk|ek|whsec)_\S+|{CLIENT_SECRET.pattern}", re.ASCII)


def translated(error: stripe.StripeError) -> AccrueError:
    """Return Accrue's error for one of the SDK's.

    A 404 means that there is no such object only if Stripe's API says so in its own words: one from
    something in between would otherwise have objects marked as deleted.
    """
    body, status, request_id = said(error), error.http_status, error.request_id
    code, param = _text(body, "code"), _text(body, "param") or None
    if isinstance(error, stripe.APIConnectionError) or status is None:
        reason = type(error.__cause__ or error).__name__
        return ProcessorUnavailable(f"Stripe couldn't be reached ({reason}).")
    if isinstance(error, stripe.RateLimitError):
        return RateLimited(
            _message(body, status), retry_after=_retry_after(error), request_id=request_id
        )
    if isinstance(error, stripe.IdempotencyError):
        return IdempotencyConflict(_message(body, status))
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return AuthenticationError(
            _message(body, status), code=code, request_id=request_id, http_status=status
        )
    if isinstance(error, stripe.CardError):
        return CardError(
            _message(body, status),
            code=code,
            decline_code=_text(body, "decline_code"),
            request_id=request_id,
            http_status=status,
            param=param,
        )
    if isinstance(error, stripe.InvalidRequestError):
        kind = NotFound if _is_missing(body, status) else InvalidRequest
        return kind(
            _message(body, status),
            code=code,
            request_id=request_id,
            http_status=status,
            param=param,
        )
    # A 5xx, a 409 that outlasted the retries, or an answer that isn't the API's at all.
    return ProcessorUnavailable(_message(body, status), request_id=request_id, http_status=status)


def said(error: stripe.StripeError) -> dict[str, t.Any]:
    """Return what the answer's body says of the error; the SDK's own attributes have only some of it."""
    body = error.json_body
    found = body.get("error") if isinstance(body, dict) else None
    return found if isinstance(found, dict) else {}


def _is_missing(body: dict[str, t.Any], status: int) -> bool:
    """Tell whether an object that was named isn't there.

    The same code also says that a customer has no card, where nobody named one.
    """
    named = status == 404 or (_text(body, "message") or "").startswith("No such ")
    return named and _text(body, "code") == "resource_missing"


def _message(body: dict[str, t.Any], status: int) -> str:
    message = _text(body, "message")
    if not message:
        return f"Stripe answered with {status}, and not as its API does."
    return without_keys(message)[:_LONGEST]


def without_keys(text: str) -> str:
    """Return a text without the keys and client secrets that it quotes."""
    return _KEY.sub("[removed]", text)


def _text(body: dict[str, t.Any], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) else None


def _retry_after(error: stripe.StripeError) -> float | None:
    try:
        seconds = float((error.headers or {}).get("Retry-After", ""))
    except ValueError:
        return None  # also a date, which Stripe doesn't send
    return seconds if 0 <= seconds < 24 * 3600 else None
