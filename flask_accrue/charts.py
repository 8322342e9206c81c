"""Charts: from numbers to the shapes that ``accrue/macros.html`` draws as SVG.

A chart is laid out on a plane of 100 by 100 that the page stretches; texts stay outside of the SVG,
so that they keep their size. Every chart carries the table that says the same to whoever can't
see it.
"""

from __future__ import annotations

import dataclasses
import math
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# How much of its slot a bar fills.
_BAR = 0.72
_MOST_LABELS = 12


@dataclasses.dataclass(frozen=True, slots=True)
class Series:
    """One row of numbers, none negative, as long as the chart's labels."""

    name: str
    values: Sequence[int]


@dataclasses.dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle; several series stand upon each other."""

    series: int
    x: float
    y: float
    width: float
    height: float
    text: str


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A series as SVG path data: the line, the area under it, and its points with what they say."""

    series: int
    path: str
    area: str
    points: tuple[tuple[float, float, str], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Chart:
    """What the ``chart`` macro draws.

    ``ticks`` stand from the top down, ``labels`` are those that fit under the plane (each under its
    own bar when ``slots`` is true), ``rows`` are the table behind the picture.
    """

    title: str
    names: tuple[str, ...]
    ticks: tuple[str, ...]
    grid: tuple[float, ...]
    labels: tuple[str, ...]
    slots: bool
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    bars: tuple[Bar, ...] = ()
    lines: tuple[Line, ...] = ()


def bar_chart(
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    write: Callable[[int], str] = "{:,}".format,
    write_tick: Callable[[int], str] | None = None,
) -> Chart:
    """Lay out bars, one a label, with several series stacked.

    :param write: how a value is written in the table and beside the pointer.
    :param write_tick: how a value is written on the scale; as ``write`` does when not given.
    :raises ValueError: when a series has another length than the labels, or a negative value.
    """
    _check(labels, series)
    totals = [sum(column) for column in zip(*(each.values for each in series), strict=True)]
    top, steps = _scale(max(totals, default=0))
    slot = 100 / max(len(labels), 1)
    bars = []
    for position, label in enumerate(labels):
        stacked = 0
        for index, each in enumerate(series, start=1):
            value = each.values[position]
            stacked += value
            if value:
                bars.append(
                    Bar(
                        series=index,
                        x=_round(slot * (position + (1 - _BAR) / 2)),
                        y=_round(100 - 100 * stacked / top),
                        width=_round(slot * _BAR),
                        height=_round(100 * value / top),
                        text=_caption(label, each.name, write(value)),
                    )
                )
    return _chart(title, labels, series, write, write_tick or write, top, steps, bars=tuple(bars))


def line_chart(
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    write: Callable[[int], str] = "{:,}".format,
    write_tick: Callable[[int], str] | None = None,
) -> Chart:
    """Lay out lines over evenly spaced labels; only the first has its area filled.

    Takes and raises what :func:`bar_chart` does.
    """
    _check(labels, series)
    top, steps = _scale(max((max(each.values, default=0) for each in series), default=0))
    lines = []
    for index, each in enumerate(series, start=1):
        points = [
            (_round(100 * i / max(len(labels) - 1, 1)), _round(100 - 100 * value / top))
            for i, value in enumerate(each.values)
        ]
        path = "M" + " ".join(f"{x:g} {y:g}" for x, y in points) if points else ""
        lines.append(
            Line(
                series=index,
                path=path,
                area=f"{path} {points[-1][0]:g} 100 {points[0][0]:g} 100Z" if points else "",
                points=tuple(
                    (x, y, _caption(label, each.name, write(value)))
                    for (x, y), label, value in zip(points, labels, each.values, strict=True)
                ),
            )
        )
    return _chart(title, labels, series, write, write_tick or write, top, steps, lines=tuple(lines))


def _check(labels: Sequence[str], series: Sequence[Series]) -> None:
    for each in series:
        if len(each.values) != len(labels):
            raise ValueError(
                f"{each.name!r} has {len(each.values)} values for {len(labels)} labels."
            )
        if min(each.values, default=0) < 0:
            raise ValueError(f"{each.name!r} has a negative value; a chart starts at 0.")


def _scale(highest: int) -> tuple[int, int]:
    """Return a round top that is at least ``highest``, and how many equal steps lead to it."""
    if highest <= 0:
        return 1, 1
    rough = max(highest / 4, 1)
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    steps = -(-highest // step)
    return step * steps, steps


def _caption(label: str, name: str, value: str) -> str:
    return f"{label}: {value} {name}" if name else f"{label}: {value}"


def _round(value: float) -> float:
    return round(value, 3)


def _some(labels: Sequence[str]) -> tuple[str, ...]:
    """Return labels that are evenly spaced from the first to the last, as many as divide best."""
    gaps = len(labels) - 1
    parts = next((parts for parts in (5, 4, 6, 3) if gaps % parts == 0), 4)
    return tuple(labels[round(i * gaps / parts)] for i in range(parts + 1))


class _Shapes(t.TypedDict, total=False):
    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]


def _chart(
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    write: Callable[[int], str],
    write_tick: Callable[[int], str],
    top: int,
    steps: int,
    **shapes: t.Unpack[_Shapes],
) -> Chart:
    all_fit = len(labels) <= _MOST_LABELS
    return Chart(
        title=title,
        names=tuple(each.name for each in series),
        ticks=tuple(write_tick(top * i // steps) for i in range(steps, -1, -1)),
        grid=tuple(_round(100 * i / steps) for i in range(steps + 1)),
        labels=tuple(labels) if all_fit else _some(labels),
        slots=all_fit and "bars" in shapes,
        rows=tuple(
            (label, tuple(write(each.values[i]) for each in series))
            for i, label in enumerate(labels)
        ),
        **shapes,
    )
