"""How entries hang together: canonical JSON, the HMAC over it, and the keys.

Each entry signs its own columns and the hash of the entry before it, so an edit, a deletion, an
insertion or a swap breaks the chain at that place for everybody who lacks the key.
"""

from __future__ import annotations

import collections.abc as c
import datetime
import hmac
import json
import typing as t
import uuid

from .. import models
from ..errors import ConfigError
from ..ledger_keys import LedgerKey

#: The columns that the hash doesn't cover: itself, and the row number that the database gives.
UNSIGNED: t.Final = frozenset({"id", "hash"})
#: The columns that the hash covers, for each schema version. A version once written stays here as it
#: was: a column that comes later belongs to a new version.
SIGNED: t.Final[c.Mapping[int, tuple[str, ...]]] = {
    1: (
        "actor_id",
        "actor_type",
        "cause_entry_id",
        "cause_webhook_id",
        "chain",
        "customer_id",
        "data",
        "key_id",
        "occurred_at",
        "operation_id",
        "previous_hash",
        "recorded_at",
        "schema_version",
        "sequence",
        "state",
        "subject_id",
        "subject_type",
        "trace_id",
        "type",
    )
}

_EPOCH: t.Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND: t.Final = datetime.timedelta(microseconds=1)


def canonical(value: t.Any) -> bytes:
    """Write a value in the only way it can be written.

    Sorted keys, no spaces, times as UTC microseconds since 1970, UUIDs as text.

    :raises TypeError: for a float, which two machines may write differently, and for what JSON
        doesn't know. It says where, not what: the value may be private.
    """
    refuse_floats(value, "")
    return _write(value)


def refuse_floats(value: t.Any, where: str = "") -> None:
    """Raise where a value holds a float, and say where.

    :raises TypeError: for a float.
    """
    of = type(value)
    if of in _WITHOUT_FLOATS:
        return
    if of is dict or isinstance(value, c.Mapping):
        for key, item in value.items():
            if type(item) not in _WITHOUT_FLOATS:
                refuse_floats(item, f"{where}.{key}" if where else str(key))
    elif of is list or isinstance(value, list | tuple):
        for number, item in enumerate(value):
            if type(item) not in _WITHOUT_FLOATS:
                refuse_floats(item, f"{where}[{number}]")
    elif isinstance(value, float):
        raise TypeError(
            f"The ledger can't hold a float, and {where or 'this'} is one. Write an amount in minor "
            "units, and anything else that has a fraction as a string."
        )


#: What most of an entry is made of, and is passed over fast.
_WITHOUT_FLOATS: t.Final = frozenset({str, int, bool, type(None)})


def _plain(value: t.Any) -> t.Any:
    if isinstance(value, datetime.datetime):
        return (value - _EPOCH) // _MICROSECOND
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, c.Mapping):
        return dict(value)
    raise TypeError(f"The ledger can't hold a {type(value).__name__}.")


_encoder = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain
)


def _write(value: t.Any) -> bytes:
    return _encoder.encode(value).encode()


def sign(content: c.Mapping[str, t.Any], key: LedgerKey) -> str:
    """Return the HMAC-SHA-256 over the content in canonical form, as 64 hexadecimal digits."""
    return hmac.digest(key.secret, canonical(content), "sha256").hex()


def signed_text(content: c.Mapping[str, t.Any], key: LedgerKey) -> tuple[str, str]:
    """Return content in canonical form, and what :func:`sign` does.

    It was looked through for floats already.
    """
    text = _encoder.encode(content)
    return text, hmac.digest(key.secret, text.encode(), "sha256").hex()


def is_signed(content: c.Mapping[str, t.Any], digest: str, key: LedgerKey) -> bool:
    """Tell whether a digest is the content's, as read back from a database.

    :raises Exception: of many kinds, for content that can't have been signed in the first place.
    """
    # No check for floats: nothing that holds one was ever signed, so its digest differs anyway.
    made = hmac.digest(key.secret, _write(content), "sha256").hex()
    return hmac.compare_digest(made.encode(), digest.encode())


def entry_content(entry: c.Mapping[str, t.Any] | models.LedgerEntry) -> dict[str, t.Any]:
    """Return what the hash of an entry covers.

    :raises KeyError: for a schema version that this release doesn't know.
    """
    if isinstance(entry, models.LedgerEntry):
        return {name: getattr(entry, name) for name in SIGNED[entry.schema_version]}
    return {name: entry[name] for name in SIGNED[entry["schema_version"]]}


def entry_hash(entry: c.Mapping[str, t.Any] | models.LedgerEntry, key: LedgerKey) -> str:
    """Return the hash that an entry must have; its ``key_id`` and ``previous_hash`` count too."""
    return sign(entry_content(entry), key)


def signing_key(keys: c.Sequence[LedgerKey]) -> LedgerKey:
    """Return the key that signs new entries: the first."""
    if not keys:
        raise ConfigError("The ledger has no key. Set ACCRUE_LEDGER_KEYS.")
    return keys[0]


def key_named(keys: c.Iterable[LedgerKey], key_id: str) -> LedgerKey | None:
    """Return the key with that id, or ``None`` when it isn't configured any more."""
    return next((key for key in keys if key.id == key_id), None)
