"""Errors as Stripe's API writes them."""

from __future__ import annotations

from typing import Any

# How Stripe names a kind in "No such …", where that isn't the kind itself.
SPOKEN_KINDS = {"payment_method": "PaymentMethod"}


class StripeError(Exception):
    """An answer with a status of 400 or more.

    :param depth: how deep in the parameters it was found; of several ways to read a parameter, the
        one that went deepest is the one that was meant.
    """

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        status: int = 400,
        kind: str = "invalid_request_error",
        depth: int = 0,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.depth = depth
        facts = {"type": kind, "message": message, "param": param, "code": code, **details}
        self.body = {"error": {name: fact for name, fact in facts.items() if fact is not None}}


def no_such(kind: str, object_id: str, *, param: str = "id") -> StripeError:
    """Return the error for an id that nobody has: 404 in a path, 400 in a parameter."""
    return StripeError(
        f"No such {SPOKEN_KINDS.get(kind, kind)}: '{object_id}'",
        param=param,
        code="resource_missing",
        status=404 if param == "id" else 400,
    )


def declined(decline_code: str = "generic_decline") -> StripeError:
    """Return the error of a card that its bank declines."""
    return StripeError(
        "Your card was declined.",
        param="",
        code="card_declined",
        status=402,
        kind="card_error",
        decline_code=decline_code,
    )


# What a queued failure says when the test doesn't: the error type and code of each status.
USUAL_FAILURES: dict[int, StripeError] = {
    401: StripeError("Invalid API Key provided: sk_test_****", status=401),
    402: declined(),
    409: StripeError(
        "This object cannot be accessed right now because another API request or Stripe process "
        "is currently accessing it.",
        code="lock_timeout",
        status=409,
    ),
    429: StripeError(
        "Request rate limit exceeded.", code="rate_limit", status=429, kind="invalid_request_error"
    ),
}


def usual_failure(status: int) -> dict[str, Any]:
    """Return the body of the failure that Stripe usually means by a status."""
    if status in USUAL_FAILURES:
        return USUAL_FAILURES[status].body
    kind = "api_error" if status >= 500 else "invalid_request_error"
    return StripeError(f"A failure of status {status} was asked for.", kind=kind).body
