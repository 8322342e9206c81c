from __future__ import annotations

import datetime
import zoneinfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_accrue.processors.fake.calendar import boundary, period_at

UTC = datetime.UTC
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")

moments = st.datetimes(
    datetime.datetime(2015, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    datetime.datetime(2035, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
zones = st.sampled_from(
    [UTC, BERLIN, *map(zoneinfo.ZoneInfo, ("America/New_York", "Asia/Kolkata", "Pacific/Apia"))]
)
rhythms = st.sampled_from(
    [("day", 1), ("day", 30), ("week", 1), ("week", 2), ("month", 1), ("month", 3), ("year", 1)]
)


def days(anchor: str, interval: str, numbers: range) -> list[str]:
    at = datetime.datetime.fromisoformat(anchor).replace(tzinfo=UTC)
    return [f"{boundary(at, interval, 1, number):%Y-%m-%d}" for number in numbers]


def test_an_anchor_on_the_thirty_first_comes_back_to_it():
    assert days("2026-01-31", "month", range(5)) == [
        "2026-01-31",
        "2026-02-28",
        "2026-03-31",
        "2026-04-30",
        "2026-05-31",
    ]


def test_february_of_a_leap_year_has_its_day():
    assert days("2027-12-31", "month", range(2, 4)) == ["2028-02-29", "2028-03-31"]


def test_an_anchor_on_a_leap_day_comes_back_to_it_after_four_years():
    assert days("2024-02-29", "year", range(1, 5)) == [
        "2025-02-28",
        "2026-02-28",
        "2027-02-28",
        "2028-02-29",
    ]


def test_a_month_over_a_change_of_clocks_ends_at_the_same_time_of_day():
    anchor = datetime.datetime(2026, 3, 15, 9, tzinfo=BERLIN)

    end = boundary(anchor, "month", 1, 1, BERLIN)

    assert f"{end.astimezone(BERLIN):%Y-%m-%d %H:%M}" == "2026-04-15 09:00"
    assert end - anchor.astimezone(UTC) == datetime.timedelta(days=31, hours=-1)


def test_a_day_over_a_change_of_clocks_is_not_24_hours():
    anchor = datetime.datetime(2026, 10, 24, 12, tzinfo=BERLIN)

    length = boundary(anchor, "day", 1, 1, BERLIN) - anchor.astimezone(UTC)

    assert length == datetime.timedelta(hours=25)


def test_a_boundary_in_the_hour_that_is_skipped_is_still_a_moment_of_that_day():
    anchor = datetime.datetime(2026, 2, 28, 2, 30, tzinfo=BERLIN)

    skipped = boundary(anchor, "day", 1, 29, BERLIN)

    assert skipped == datetime.datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@settings(deadline=None)
@given(anchor=moments, rhythm=rhythms, number=st.integers(-60, 200), zone=zones)
def test_boundaries_never_drift_from_the_anchor(anchor, rhythm, number, zone):
    interval, count = rhythm
    local, moved = (
        each.astimezone(zone).replace(tzinfo=None)
        for each in (anchor, boundary(anchor, interval, count, number, zone))
    )

    # Where the clocks are changed a local time may not exist; then it's off by that change.
    assert abs((moved - datetime.datetime.combine(moved, local.time())).total_seconds()) <= 86400
    if interval == "month" and zone is UTC:
        assert moved.time() == local.time()
        assert moved.day == local.day or (
            moved.day < local.day and (moved + datetime.timedelta(days=1)).day == 1
        )


@settings(deadline=None)
@given(anchor=moments, rhythm=rhythms, moment=moments, zone=zones)
def test_every_moment_lies_in_exactly_one_period(anchor, rhythm, moment, zone):
    interval, count = rhythm

    start, end = period_at(anchor, interval, count, moment, zone)

    assert start <= moment < end
    assert period_at(anchor, interval, count, end, zone)[0] == end
    assert period_at(anchor, interval, count, start, zone) == (start, end)


@pytest.mark.parametrize("interval", ["day", "week", "month", "year"])
def test_the_anchor_begins_a_period(interval):
    anchor = datetime.datetime(2026, 1, 31, 12, tzinfo=UTC)

    assert period_at(anchor, interval, 1, anchor)[0] == anchor
