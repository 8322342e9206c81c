"""Reading one field of an object: the right type, or a clear error.

A missing field reads as ``null`` does; who has to tell the two apart asks ``name in raw``. Values never
stand in messages, because they may be anybody's.
"""

from __future__ import annotations

import collections.abc as c
import datetime
import typing as t

from ...clock import from_unix
from ...errors import InvalidRequest
from .bodies import Raw, invalid

_INT64: t.Final = 2**63
#: Characters of an id: as many as columns have for it.
LONGEST_ID: t.Final = 255
# Unix seconds of the years 1697 and 2242: what lies beyond is no time of a bill.
_FARTHEST: t.Final = 2**33


def wrong(name: str, wanted: str, found: t.Any) -> InvalidRequest:
    """Return the error for a field that has the wrong type."""
    kind = "null" if found is None else type(found).__name__
    return invalid(f"`{name}` should be {wanted}, and is of the type {kind}.", name)


def text(raw: Raw, name: str) -> str | None:
    """Return a string, or ``None``."""
    value = raw.get(name)
    if value is None or isinstance(value, str):
        return value
    raise wrong(name, "a string", value)


def required_text(raw: Raw, name: str) -> str:
    """Return a string that must be there."""
    value = text(raw, name)
    if not value:
        raise wrong(name, "a string", value)
    return value


def identifier(raw: Raw, name: str = "id") -> str:
    """Return an id that must be there."""
    value = required_text(raw, name)
    if len(value) > LONGEST_ID:
        raise invalid(f"`{name}` has more than {LONGEST_ID} characters.", name)
    return value


def is_identifier(value: t.Any) -> t.TypeGuard[str]:
    """Tell whether something is an id, where that is no mistake if it isn't."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_ID


def reference(raw: Raw, name: str) -> str | None:
    """Return the id of another object, given as the id or as the (expanded, deleted) object."""
    value = raw.get(name)
    if value is None:
        return None
    if isinstance(value, dict):
        return identifier(value)
    return identifier(raw, name)


def required_reference(raw: Raw, name: str) -> str:
    """Return the id of another object, which must be there."""
    value = reference(raw, name)
    if value is None:
        raise wrong(name, "an id or an object", value)
    return value


def integer(raw: Raw, name: str) -> int | None:
    """Return an integer of 64 bits, or ``None``."""
    value = raw.get(name)
    if value is None:
        return None
    if type(value) is not int:
        raise wrong(name, "an integer", value)
    return value if -_INT64 <= value < _INT64 else bounded(value, name)


def required_integer(raw: Raw, name: str) -> int:
    """Return an integer of 64 bits that must be there."""
    value = integer(raw, name)
    if value is None:
        raise wrong(name, "an integer", value)
    return value


def bounded(value: int, name: str) -> int:
    """Return an integer, if it fits into the 64 bits that columns have."""
    if not -_INT64 <= value < _INT64:
        raise invalid(f"`{name}` doesn't fit into 64 bits.", name)
    return value


def flag(raw: Raw, name: str, default: bool = False) -> bool:
    """Return a boolean; ``default`` where there is none."""
    value = raw.get(name)
    if value is None:
        return default
    if isinstance(value, bool):
        return value
    raise wrong(name, "a boolean", value)


def moment(raw: Raw, name: str) -> datetime.datetime | None:
    """Return a time, in UTC, or ``None``."""
    value = integer(raw, name)
    if value is not None and abs(value) > _FARTHEST:
        raise invalid(f"`{name}` is no time in Unix seconds.", name)
    return from_unix(value)


def part(raw: Raw, name: str) -> Raw:
    """Return an object inside; an empty one where there is none."""
    value = raw.get(name)
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise wrong(name, "an object", value)


def rows(raw: Raw, name: str) -> list[Raw] | None:
    """Return the objects of a list, written as ``[…]`` or ``{"data": […]}``; ``None``: no list here."""
    value = raw.get(name)
    if isinstance(value, dict):
        value = value.get("data")
    if value is None:
        return None
    if isinstance(value, list) and all(isinstance(row, dict) for row in value):
        return value
    raise wrong(name, "a list of objects", value)


def is_cut_off(raw: Raw, name: str) -> bool:
    """Tell whether a list inside shows its first rows only."""
    value = raw.get(name)
    return isinstance(value, dict) and flag(value, "has_more")


def currency(raw: Raw, name: str = "currency") -> str | None:
    """Return a currency in lower case, or ``None``."""
    value = text(raw, name)
    if value is None:
        return None
    if len(value) != 3 or not (value.isascii() and value.isalpha()):
        raise invalid(f"`{name}` is no ISO 4217 code.", name)
    return value.lower()


def required_currency(raw: Raw) -> str:
    """Return ``currency`` in lower case, which must be there."""
    value = currency(raw)
    if value is None:
        raise wrong("currency", "an ISO 4217 code", value)
    return value


def metadata(raw: Raw) -> dict[str, str]:
    """Return the metadata, which maps strings to strings."""
    found = part(raw, "metadata")
    if not all(isinstance(value, str) for value in found.values()):
        raise invalid("`metadata` should hold strings only.", "metadata")
    return dict(found)


def total(amounts: c.Iterable[Raw]) -> int:
    """Return the sum of the ``amount`` of several rows."""
    return bounded(sum(required_integer(each, "amount") for each in amounts), "amount")


class Common(t.TypedDict):
    """What every object has, as arguments of its class."""

    processor_id: str
    created: datetime.datetime | None
    deleted: bool
    metadata: dict[str, str]
    raw: Raw


def common(raw: Raw) -> Common:
    """Return what every object has."""
    return Common(
        processor_id=identifier(raw),
        created=moment(raw, "created"),
        deleted=flag(raw, "deleted"),
        metadata=metadata(raw),
        raw=raw,
    )
