"""What stands in a cell or beside a fact: values that templates draw and exports write."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ..money import Money


@dataclasses.dataclass(frozen=True, slots=True)
class Link:
    """A way to the page of a row, or with ``filters`` to a list."""

    text: str
    resource: str
    id: t.Any = None
    filters: t.Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Badge:
    """A state in a word, and its tone: good, info, warn, bad or neutral."""

    label: str
    tone: str = "neutral"


@dataclasses.dataclass(frozen=True, slots=True)
class Code:
    """An id or another word of a machine's."""

    text: str


@dataclasses.dataclass(frozen=True, slots=True)
class Day:
    """An instant of which only the day matters."""

    moment: datetime.datetime


@dataclasses.dataclass(frozen=True, slots=True)
class Noted:
    """A value with a smaller line below it, which an export leaves out."""

    main: Value
    note: str | None


Value: t.TypeAlias = (
    str | int | Money | datetime.datetime | Link | Badge | Code | Day | Noted | None
)


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """A value with the name of its kind, by which a template draws it."""

    kind: str
    value: t.Any
    note: str | None = None


_KINDS: t.Final[tuple[tuple[type, str], ...]] = (
    (Link, "link"),
    (Badge, "badge"),
    (Code, "code"),
    (Day, "day"),
    (Money, "money"),
    (datetime.datetime, "time"),
    (int, "number"),
    (str, "text"),
)


def as_cell(value: Value) -> Cell:
    """Return the cell of a value.

    :raises TypeError: for a value that nothing is known of.
    """
    if value is None or value == "":
        return Cell("nothing", None)
    if isinstance(value, Noted):
        return dataclasses.replace(as_cell(value.main), note=value.note)
    for kind, name in _KINDS:
        if isinstance(value, kind):
            return Cell(name, value.moment if isinstance(value, Day) else value)
    raise TypeError(f"A {type(value).__name__} can't stand in a cell.")


def plain(value: Value) -> str | int:
    """Return what an export writes: numbers as such, times as ISO 8601 in UTC, amounts with currency."""
    match value:
        case None:
            return ""
        case Noted(main=main):
            return plain(main)
        case Link(text=text) | Code(text=text) | Badge(label=text):
            return text
        case Day(moment=moment):
            return moment.date().isoformat()
        case datetime.datetime():
            return value.astimezone(datetime.UTC).isoformat()
        case Money():
            return str(value)
        case int() | str():
            return value
