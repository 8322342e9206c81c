"""Filters of a list: they stand in the URL, and each says what it lets through."""

from __future__ import annotations

import abc
import collections.abc as c
import dataclasses
import datetime
import typing as t

import sqlalchemy as sa
from sqlalchemy import orm
from werkzeug.exceptions import BadRequest

Condition: t.TypeAlias = sa.ColumnExpressionArgument[bool]

_LONGEST: t.Final = 255


@dataclasses.dataclass(frozen=True, kw_only=True)
class Filter(abc.ABC):
    """One field of a list's filter form.

    :ivar kind: how the form shows it: ``search``, ``choice``, ``date`` or ``text``.
    """

    kind: t.ClassVar[str]

    name: str
    label: str

    @abc.abstractmethod
    def condition(self, text: str) -> Condition:
        """Return what lets rows through.

        :raises BadRequest: for a value that isn't one. It isn't ignored: a list or an export that shows
            more than was asked for would mislead.
        """

    @property
    def choices(self) -> c.Sequence[tuple[str, str]]:
        """The values of a choice, each with its label."""
        return ()

    def refuse(self, text: str, wanted: str) -> t.NoReturn:
        """Say what is wrong with a value."""
        raise BadRequest(f"The filter “{self.label}” can't be {text!r}. {wanted}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choice(Filter):
    """One of several values. A condition is made when it's asked for: it may look at the clock.

    :ivar options: label and condition by value.
    """

    kind = "choice"

    options: c.Mapping[str, tuple[str, c.Callable[[], Condition]]]

    @property
    def choices(self) -> c.Sequence[tuple[str, str]]:
        return [(value, label) for value, (label, _) in self.options.items()]

    def condition(self, text: str) -> Condition:
        found = self.options.get(text)
        if found is None:
            self.refuse(text, f"Use one of {', '.join(self.options)}.")
        return found[1]()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Exactly(Filter):
    """The very text, of a column or, with ``where``, of something else."""

    kind = "text"

    column: orm.InstrumentedAttribute[t.Any] | None = None
    where: c.Callable[[str], Condition] | None = None

    def condition(self, text: str) -> Condition:
        if self.where is not None:
            return self.where(text)
        assert self.column is not None
        found: Condition = self.column == text
        return found


@dataclasses.dataclass(frozen=True, kw_only=True)
class Search(Filter):
    """Free text.

    :ivar where: gets what was typed, without spaces around it.
    """

    kind = "search"

    where: c.Callable[[str], Condition]

    def condition(self, text: str) -> Condition:
        return self.where(text)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Since(Filter):
    """From the beginning of a day on, in UTC."""

    kind = "date"

    column: orm.InstrumentedAttribute[t.Any]

    def condition(self, text: str) -> Condition:
        found: Condition = self.column >= self.day(text)
        return found

    def day(self, text: str) -> datetime.datetime:
        """Return when a day begins."""
        try:
            day = datetime.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=datetime.UTC)
        except ValueError:
            self.refuse(text, "Write a date as 2026-03-14.")
        # Some databases and drivers know no year beyond these.
        if not 1900 <= day.year <= 9000:
            self.refuse(text, "Use a year from 1900 to 9000.")
        return day


@dataclasses.dataclass(frozen=True, kw_only=True)
class Until(Since):
    """Up to the end of a day, in UTC."""

    def condition(self, text: str) -> Condition:
        found: Condition = self.column < self.day(text) + datetime.timedelta(days=1)
        return found


def period(column: orm.InstrumentedAttribute[t.Any]) -> tuple[Since, Until]:
    """Return the two filters of a span of days."""
    return (
        Since(name="from", label="From", column=column),
        Until(name="until", label="Until", column=column),
    )


def read(filters: c.Sequence[Filter], arguments: c.Mapping[str, str]) -> dict[str, str]:
    """Return the values that are set, by name.

    :raises BadRequest: for what no database would take.
    """
    values = {}
    for each in filters:
        text = arguments.get(each.name, "").strip()
        if "\x00" in text or len(text) > _LONGEST:
            raise BadRequest(f"The filter “{each.label}” holds more than a filter can.")
        if text:
            values[each.name] = text
    return values


def conditions(filters: c.Sequence[Filter], values: c.Mapping[str, str]) -> list[Condition]:
    """Return what the values let through."""
    return [each.condition(values[each.name]) for each in filters if each.name in values]
