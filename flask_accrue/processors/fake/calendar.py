"""When periods begin and end: calendar arithmetic that never drifts.

Every boundary is counted from the anchor, not from the boundary before it, so an anchor on the 31st gives 28
(or 29) February and then 31 March again. Months and days are those of a calendar in a zone: a
month over a change of clocks is an hour shorter or longer, and still ends at the same time of day.
"""

from __future__ import annotations

import calendar
import datetime
import typing as t

from ...clock import UTC

INTERVALS: t.Final = ("day", "week", "month", "year")
_LONGEST: t.Final = {"day": 1, "week": 7, "month": 31, "year": 366}
_SHORTEST: t.Final = {"day": 1, "week": 7, "month": 28, "year": 365}


def boundary(
    anchor: datetime.datetime, interval: str, count: int, number: int, zone: datetime.tzinfo = UTC
) -> datetime.datetime:
    """Return the boundary that lies ``number`` periods after the anchor (before it, if negative), in UTC.

    :param interval: ``day``, ``week``, ``month`` or ``year``; a period is ``count`` of them.
    """
    local = anchor.astimezone(zone)
    steps = number * count
    if interval in ("day", "week"):
        moved = local.replace(tzinfo=None) + datetime.timedelta(
            days=steps * (7 if interval == "week" else 1)
        )
    else:
        months = local.year * 12 + local.month - 1 + steps * (12 if interval == "year" else 1)
        year, month = divmod(months, 12)
        day = min(local.day, calendar.monthrange(year, month + 1)[1])
        moved = local.replace(tzinfo=None, year=year, month=month + 1, day=day)
    # The anchor keeps its own side of a repeated hour.
    return moved.replace(tzinfo=zone, fold=local.fold).astimezone(UTC)


def period_at(
    anchor: datetime.datetime,
    interval: str,
    count: int,
    moment: datetime.datetime,
    zone: datetime.tzinfo = UTC,
) -> tuple[datetime.datetime, datetime.datetime]:
    """Return start and end of the period that a moment lies in; the end belongs to the next one."""
    days = (moment - anchor) // datetime.timedelta(days=1)
    # A number that is surely too small, but not by much.
    length = (_LONGEST if days >= 0 else _SHORTEST)[interval]
    number = days // (length * count) - 1
    start = boundary(anchor, interval, count, number, zone)
    while True:
        number += 1
        end = boundary(anchor, interval, count, number, zone)
        if end > moment:
            return start, end
        start = end
