"""How webhooks are signed: Stripe's scheme, ``t=<Unix seconds>,v1=<hex HMAC-SHA-256>``.

The HMAC is taken over ``<t>.<raw body>``, so neither the body nor the time can be changed
(https://docs.stripe.com/webhooks#verify-manually). Own code rather than the SDK's, which refuses
bodies that aren't UTF-8 with the wrong error and accepts times far ahead.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import re
import typing as t

from ..clock import to_unix
from ..errors import SignatureError

#: Seconds that a signature may be old, or ahead.
TOLERANCE = 300

# More than any processor sends; a header full of signatures shouldn't buy an hour of hashing.
_LONGEST_HEADER = 2048
_TIME = re.compile(r"[0-9]{1,12}\Z", re.ASCII)


def sign(payload: bytes, secret: str, at: int) -> str:
    """Return the header that signs the body with the secret.

    :param at: Unix seconds, in real time.
    :raises SignatureError: when the secret is empty.
    """
    if not secret.strip():
        raise SignatureError("A webhook can't be signed with an empty secret.")
    return f"t={at},v1={_mac(payload, secret, at)}"


def verify(
    payload: bytes,
    header: str | None,
    secrets: t.Iterable[str],
    now: datetime.datetime,
    tolerance: int = TOLERANCE,
) -> None:
    """Check that the body was signed with one of the secrets, at most ``tolerance`` s from ``now``.

    :param now: real time, since billing time may stand still or run ahead.
    :raises SignatureError: otherwise. The message never holds a secret or the right signature.
    """
    usable = [secret for secret in secrets if secret.strip()]
    if not usable:
        raise SignatureError("No webhook secret is configured; an empty one never validates.")
    if not header:
        raise SignatureError("The webhook has no signature.")
    at, signatures = _parse(header)
    if abs(to_unix(now) - at) > tolerance:
        raise SignatureError(f"The webhook's signature is more than {tolerance} seconds off.")
    # Every pair is compared, so that the time taken doesn't tell which secret came close.
    matches = [
        hmac.compare_digest(_mac(payload, secret, at).encode(), signature)
        for secret in usable
        for signature in signatures
    ]
    if not any(matches):
        raise SignatureError("The webhook's signature doesn't match any configured secret.")


def _mac(payload: bytes, secret: str, at: int) -> str:
    return hmac.new(secret.encode(), b"%d." % at + payload, hashlib.sha256).hexdigest()


def _parse(header: str) -> tuple[int, list[bytes]]:
    if len(header) > _LONGEST_HEADER:
        raise SignatureError("The webhook's signature header is too long.")
    times, signatures = [], []
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name == "t":
            times.append(value)
        elif name == "v1":
            signatures.append(value.encode("utf-8", "surrogatepass"))
    if len(times) != 1 or not _TIME.match(times[0]):
        raise SignatureError("The webhook's signature has no time, or not one.")
    if not signatures:
        raise SignatureError("The webhook's signature header holds no v1 signature.")
    return int(times[0]), signatures
