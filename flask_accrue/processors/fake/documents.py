"""The Fake's JSON: typed objects written down, and read back into the same classes.

A document is ``{"kind": "invoice", …}`` with the fields of its class in
:mod:`~flask_accrue.processors.objects`. Times are Unix seconds, tuples are lists, items, lines and payments
are nested documents. What the body doesn't speak of (``UNSAID``) is left out; ``null`` says that
there is none. ``raw`` and ``client_secret`` are never written.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import types
import typing as t

from ...clock import UTC, to_unix
from ...errors import InvalidRequest
from .. import objects

Document: t.TypeAlias = dict[str, t.Any]
Codec: t.TypeAlias = t.Callable[[t.Any], t.Any]
_T = t.TypeVar("_T")

#: What a call may answer with.
_ANSWERED: t.Final = {
    **objects.KINDS,
    objects.MeterEvent.kind: objects.MeterEvent,
    objects.AccountLink.kind: objects.AccountLink,
}
_UNWRITTEN = frozenset({"raw", "client_secret"})


class _Field(t.NamedTuple):
    name: str
    write: Codec
    read: Codec


_known: dict[type[t.Any], tuple[_Field, ...]] = {}


def write(each: t.Any) -> Document:
    """Return the document of an object, or of an item, line or payment within one."""
    document: Document = {}
    if isinstance(each, objects.ProcessorObject):
        document["kind"] = each.kind
    for field in _fields(type(each)):
        value = getattr(each, field.name)
        if value is not objects.UNSAID:
            document[field.name] = field.write(value)
    return document


def read(cls: type[_T], document: t.Mapping[str, t.Any]) -> _T:
    """Return the object that a document describes; its ``raw``, where it has one, is the document.

    :raises InvalidRequest: when the document isn't of that class.
    """
    try:
        values = {
            field.name: field.read(document[field.name])
            for field in _fields(cls)
            if field.name in document
        }
        if "raw" in cls.__dataclass_fields__:  # type: ignore[attr-defined]
            values["raw"] = document
        return cls(**values)
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise InvalidRequest(
            f"This isn't a {cls.__name__} as the Fake writes it ({type(error).__name__}).",
            code="document_invalid",
        ) from error


def read_any(document: t.Mapping[str, t.Any]) -> objects.ProcessorObject | None:
    """Return the object that a document describes, or ``None`` for a kind that isn't known."""
    kind = document.get("kind")
    cls = _ANSWERED.get(kind) if isinstance(kind, str) else None
    return None if cls is None else read(cls, document)


def _fields(cls: type[t.Any]) -> tuple[_Field, ...]:
    known = _known.get(cls)
    if known is None:
        hints = t.get_type_hints(cls)
        known = _known[cls] = tuple(
            _Field(field.name, *_codec(hints[field.name]))
            for field in dataclasses.fields(cls)
            if field.name not in _UNWRITTEN
        )
    return known


def _nested(element: t.Any) -> tuple[Codec, Codec]:
    return (
        lambda values: [write(value) for value in values],
        lambda values: tuple(read(element, value) for value in values),
    )


def _same(value: t.Any) -> t.Any:
    return value


def _codec(hint: t.Any) -> tuple[Codec, Codec]:
    """Return how a field of that type is written and read."""
    choices = t.get_args(hint) if t.get_origin(hint) in (t.Union, types.UnionType) else (hint,)
    for choice in choices:
        if choice is datetime.datetime:
            return _write_time, _read_time
        if choice is decimal.Decimal:
            return _write_decimal, _read_decimal
        if t.get_origin(choice) is tuple:
            element = t.get_args(choice)[0]
            return _nested(element) if dataclasses.is_dataclass(element) else (list, tuple)
        if t.get_origin(choice) is t.get_origin(t.Mapping[str, str]):
            return dict, dict
    return _same, _same


def _write_time(moment: datetime.datetime | None) -> int | None:
    return None if moment is None else to_unix(moment)


def _read_time(seconds: int | None) -> datetime.datetime | None:
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds, UTC)


def _write_decimal(value: decimal.Decimal | None) -> str | None:
    return None if value is None else str(value)


def _read_decimal(value: str | None) -> decimal.Decimal | None:
    return None if value is None else decimal.Decimal(value)
