"""Idempotency keys, with Stripe's rules.

What a request answered once it began to run is answered again for the same key, errors included;
the same key with other parameters is refused, and so is one whose first request still runs. A
request refused before it ran, for its parameters or its rate, leaves its key unused. Keys are
forgotten after 24 hours.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.oracles.stripe_errors import StripeError

if TYPE_CHECKING:
    from tests.oracles.server_clock import ServerClock

LIFETIME = 24 * 3600.0
LONGEST_KEY = 255


class SavedAnswer(NamedTuple):
    """The answer that a key's first request got."""

    status: int
    body: dict[str, Any] | str
    request_id: str


class _Key(NamedTuple):
    fingerprint: str
    claimed_at: float
    answer: SavedAnswer | None


class IdempotencyKeys:
    """The keys that one server has seen, per account."""

    def __init__(self, clock: ServerClock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[tuple[str | None, str], _Key] = {}

    def reset(self) -> None:
        """Forget every key."""
        with self._lock:
            self._keys.clear()

    def claim(self, account: str | None, key: str, fingerprint: str) -> SavedAnswer | None:
        """Take a key for a request that is about to run, or return what its first one answered.

        :raises StripeError: for a key that came with other parameters, that is in use, or too long.
        """
        if len(key) > LONGEST_KEY:
            raise StripeError(f"Idempotency keys may be {LONGEST_KEY} characters at most.")
        now = self._clock.now()
        with self._lock:
            known = self._keys.get((account, key))
            if known is None or now - known.claimed_at >= LIFETIME:
                self._keys[account, key] = _Key(fingerprint, now, None)
                return None
        if known.fingerprint != fingerprint:
            raise StripeError(
                "Keys for idempotent requests can only be used with the same parameters they were "
                f"first used with. Try using a key other than '{key}' if you meant to execute a "
                "different request.",
                kind="idempotency_error",
            )
        if known.answer is None:
            raise StripeError(
                "There is currently another in-progress request using this Idempotent Key (that "
                "probably means you submitted twice, and the other request is still going "
                f"through): {key}. Please try again later.",
                code="idempotency_key_in_use",
                status=409,
                kind="idempotency_error",
            )
        return known.answer

    def save(self, account: str | None, key: str, answer: SavedAnswer) -> None:
        """Keep the answer of a key's first request."""
        with self._lock:
            known = self._keys.get((account, key))
            if known is not None:
                self._keys[account, key] = known._replace(answer=answer)

    def release(self, account: str | None, key: str) -> None:
        """Give back a key whose request didn't run after all."""
        with self._lock:
            self._keys.pop((account, key), None)
