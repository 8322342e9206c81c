from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_accrue.charts import Series, bar_chart, line_chart

VALUES = st.lists(st.integers(min_value=0, max_value=10**12), min_size=1, max_size=60)


@given(VALUES)
def test_bars_and_lines_stay_on_their_plane(values: list[int]) -> None:
    labels = [str(n) for n in range(len(values))]
    bars = bar_chart("Sales", labels, [Series("a", values), Series("b", values)])
    lines = line_chart("Sales", labels, [Series("a", values)])
    assert all(bar.y >= 0 and bar.y + bar.height <= 100.01 for bar in bars.bars)
    assert all(0 <= x <= 100 and 0 <= y <= 100 for line in lines.lines for x, y, _ in line.points)
    assert len(bars.ticks) == len(bars.grid) <= 6


def test_the_scale_ends_on_a_round_number_above_the_highest_value() -> None:
    chart = bar_chart("Sales", ["Jan", "Feb"], [Series("paid", [41_200, 83_050])])
    assert chart.ticks == ("100,000", "50,000", "0")


def test_series_stand_on_each_other_and_an_empty_one_draws_nothing() -> None:
    chart = bar_chart("Sales", ["Jan"], [Series("paid", [60]), Series("open", [40])])
    paid, open_ = chart.bars
    assert (paid.y, paid.height) == (40, 60)
    assert (open_.y, open_.height) == (0, 40)
    assert not bar_chart("Sales", ["Jan"], [Series("paid", [0])]).bars


def test_the_table_behind_a_chart_says_every_figure() -> None:
    chart = line_chart(
        "Sales",
        ["Jan", "Feb"],
        [Series("paid", [1, 2]), Series("open", [3, 4])],
        write="${}".format,
    )
    assert chart.rows == (("Jan", ("$1", "$3")), ("Feb", ("$2", "$4")))


def test_a_long_chart_names_the_first_and_the_last_of_its_labels() -> None:
    labels = [str(day) for day in range(1, 32)]
    chart = line_chart("Views", labels, [Series("views", list(range(31)))])
    assert chart.labels == ("1", "7", "13", "19", "25", "31")


def test_an_empty_chart_is_no_error() -> None:
    assert line_chart("Views", [], [Series("views", [])]).lines[0].path == ""
    assert bar_chart("Views", [], []).bars == ()


@pytest.mark.parametrize("values", [[1], [1, -2]])
def test_a_series_that_does_not_fit_is_refused(values: list[int]) -> None:
    with pytest.raises(ValueError, match="views"):
        line_chart("Views", ["Mon", "Tue"], [Series("views", values)])
