"""The keys of the ledger's HMAC, as they are configured."""

from __future__ import annotations

import base64
import binascii
import collections.abc as c
import dataclasses
import hashlib
import hmac
import re
import typing as t

from .readers import Problems, redacted

_KEY: t.Final = "ACCRUE_LEDGER_KEYS"
_FIX: t.Final = (
    "Use a list of 'id:base64' with at least 32 random bytes each, the signing one first; make one "
    "with: python -c \"import os,base64;print('k1:'+base64.b64encode(os.urandom(32)).decode())\""
)
_LEAST_BYTES: t.Final = 32


@dataclasses.dataclass(frozen=True)
class LedgerKey:
    """A key of the ledger's HMAC."""

    id: str
    secret: bytes = dataclasses.field(repr=False)


def read_ledger_keys(given: t.Any, problems: Problems) -> tuple[LedgerKey, ...]:
    """Read ``ACCRUE_LEDGER_KEYS``: the first key signs, all verify."""
    if isinstance(given, str | bytes | c.Mapping) or not isinstance(given, c.Iterable):
        problems.add(_KEY, f"is {redacted(given)}", _FIX)
        return ()
    listed = list(given)
    if not listed:
        problems.add(_KEY, "is empty", _FIX)
    keys: dict[str, LedgerKey] = {}
    for number, entry in enumerate(listed, 1):
        key = _parse(entry)
        if key is None:
            problems.add(_KEY, f"has an entry number {number} that is no key", _FIX)
        elif key.id in keys:
            problems.add(
                _KEY, f"has two keys with the id {key.id!r}", "Give each an id of its own."
            )
        else:
            keys[key.id] = key
    return tuple(keys.values())


def derive_ledger_keys(config: c.Mapping[str, t.Any], problems: Problems) -> tuple[LedgerKey, ...]:
    """Make keys out of ``SECRET_KEY`` and ``SECRET_KEY_FALLBACKS``, where no real money moves.

    An id names its secret, so that a ledger from before a change of ``SECRET_KEY`` asks for a key that is
    missing instead of looking forged.
    """
    secret = config.get("SECRET_KEY")
    if not secret or not isinstance(secret, str | bytes):
        found = "is missing" if not secret else f"is {redacted(secret)}"
        problems.add("SECRET_KEY", found, "Set it to a long random string, as Flask asks.")
        return ()
    former = config.get("SECRET_KEY_FALLBACKS") or ()
    return tuple(_derive(each) for each in (secret, *former) if isinstance(each, str | bytes))


def report_missing(problems: Problems) -> None:
    """Note that real money moves and that no key was configured."""
    problems.add(_KEY, "is missing while a processor other than the Fake is configured", _FIX)


def _parse(entry: object) -> LedgerKey | None:
    if not isinstance(entry, str):
        return None
    key_id, _, encoded = entry.partition(":")
    try:
        secret = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", key_id) or len(secret) < _LEAST_BYTES:
        return None
    return LedgerKey(key_id, secret)


def _derive(secret: str | bytes) -> LedgerKey:
    material = secret.encode() if isinstance(secret, str) else secret
    derived = hmac.new(material, b"accrue ledger", hashlib.sha256).digest()
    return LedgerKey(f"derived-{hashlib.sha256(derived).hexdigest()[:8]}", derived)
