"""The rules for metadata: the labels that hosts put on rows."""

from __future__ import annotations

import collections.abc as c
import typing as t

from .errors import InvalidRequest

MOST_KEYS = 50
LONGEST_KEY = 40
LONGEST_VALUE = 500
_OURS: t.Final = "accrue_"


class HasMetadata(t.Protocol):
    """A row with the processor's metadata."""

    meta: t.Any


def validate_metadata(metadata: t.Any, *, ours: int = 0) -> dict[str, str]:
    """Return the metadata as a plain dict, or say which rule it breaks.

    Flat strings to strings; at most 50 keys of 40 characters with values of 500 characters
    (https://docs.stripe.com/api/metadata). Keys that begin with ``accrue_`` are Accrue's own.

    :param ours: how many keys of Accrue's the row has beside these. A key with an empty value has no place.
    :raises InvalidRequest: with ``param`` naming the key.
    """
    if not isinstance(metadata, c.Mapping):
        raise _invalid(f"Metadata is a mapping of strings, not {type(metadata).__name__}.")
    if len(metadata) > MOST_KEYS:
        raise _invalid(f"Metadata holds at most {MOST_KEYS} keys, not {len(metadata)}.")
    kept = sum(value != "" for value in metadata.values())
    if kept + ours > MOST_KEYS:
        raise _invalid(
            f"Metadata holds at most {MOST_KEYS} keys, and {ours} of them are Accrue's own here: give at "
            f"most {MOST_KEYS - ours}, not {kept}."
        )
    for key, value in metadata.items():
        if (
            not isinstance(key, str)
            or not 0 < len(key) <= LONGEST_KEY
            or set(key) & set("[]")
            or not can_be_stored(key)
        ):
            raise _invalid(
                f"A metadata key is a string of 1 to {LONGEST_KEY} characters without square "
                f"brackets, not {str(key)[:60]!r}.",
                str(key),
            )
        if key.startswith(_OURS):
            raise _invalid(f"Metadata keys that begin with 'accrue_' are reserved: {key!r}.", key)
        if not isinstance(value, str):
            raise _invalid(
                f"The value of metadata key {key!r} is a {type(value).__name__}; write it as a "
                "string.",
                key,
            )
        if len(value) > LONGEST_VALUE:
            raise _invalid(
                f"The value of metadata key {key!r} has {len(value)} characters; "
                f"at most {LONGEST_VALUE} fit.",
                key,
            )
        if not can_be_stored(value):
            raise _invalid(
                f"The value of metadata key {key!r} holds a NUL or half a character; remove it.",
                key,
            )
    return dict(metadata)


def change_of_metadata(metadata: t.Any, row: HasMetadata) -> dict[str, str]:
    """Return metadata that is to be laid over a row's, as :func:`validate_metadata` does.

    Room is left for Accrue's own keys of the row. The host's may have changed at the processor, which tells
    whether all of them fit.

    :raises InvalidRequest: as that does.
    """
    return validate_metadata(metadata, ours=sum(key.startswith(_OURS) for key in row.meta))


def require_fit(metadata: dict[str, str]) -> dict[str, str]:
    """Return metadata of the host's and Accrue's own, if it isn't too much together.

    :raises InvalidRequest: otherwise.
    """
    ours = {key for key in metadata if key.startswith(_OURS)}
    validate_metadata(
        {key: value for key, value in metadata.items() if key not in ours}, ours=len(ours)
    )
    return metadata


def merge_metadata(old: c.Mapping[str, str], new: c.Mapping[str, str]) -> dict[str, str]:
    """Lay ``new`` over ``old``; an empty value deletes its key.

    :raises InvalidRequest: when the result would hold more than 50 keys.
    """
    merged = {key: value for key, value in {**old, **new}.items() if value != ""}
    if len(merged) > MOST_KEYS:
        raise _invalid(f"Metadata holds at most {MOST_KEYS} keys; this would make {len(merged)}.")
    return merged


def can_be_stored(text: str) -> bool:
    """Tell whether a database takes a text: PostgreSQL has no NUL, and nobody can send a surrogate that lost
    its other half."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _invalid(message: str, key: str | None = None) -> InvalidRequest:
    param = "metadata" if key is None else f"metadata[{key[:60]}]"
    return InvalidRequest(
        message, code="metadata_invalid", param=param.encode(errors="replace").decode()
    )
