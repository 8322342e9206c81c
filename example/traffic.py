"""The visitors of a made-up site.

A real product would count page views; the demo works them out, so that each site has years of
believable days whatever the clock says. The same site and day always give the same figures.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import math
from collections.abc import Iterator

_WEEK = (1.0, 1.06, 1.08, 1.03, 0.92, 0.61, 0.66)
_LAUNCH = datetime.date(2024, 1, 1)

PAGES = (
    ("/", 300),
    ("/pricing", 140),
    ("/docs/getting-started", 128),
    ("/blog/what-we-learned-counting-waves", 96),
    ("/changelog", 61),
    ("/about", 44),
    ("/docs/api", 41),
    ("/careers", 17),
)
SOURCES = (
    ("Search", 381),
    ("Direct", 272),
    ("Newsletter", 118),
    ("Hacker News", 83),
    ("Partner sites", 71),
    ("Social", 52),
    ("Podcast notes", 23),
)
GOALS = (("Signed up", 62), ("Started a trial", 31), ("Asked for a demo", 9), ("Bought", 11))


@dataclasses.dataclass(frozen=True, slots=True)
class Day:
    """What was counted on one day. ``bounces`` are visits of a single page."""

    date: datetime.date
    visitors: int
    views: int
    bounces: int
    seconds: int


@dataclasses.dataclass(frozen=True, slots=True)
class Share:
    """A part of the visitors of a period, beside that of the period before."""

    name: str
    count: int
    before: int

    @property
    def change(self) -> int | None:
        """The change in percent, rounded; ``None`` where there was nothing before."""
        return round(100 * (self.count - self.before) / self.before) if self.before else None


def day(site: str, date: datetime.date) -> Day:
    """Return the figures of a site on one day."""
    age = (date - _LAUNCH).days / 365
    base = 180 + 1400 * _noise(site)
    season = 1 + 0.12 * math.sin(2 * math.pi * (age + _noise(site, "season")))
    spike = 2.1 if _noise(site, date, "spike") > 0.985 else 1
    wobble = 0.86 + 0.28 * _noise(site, date)
    visitors = round(base * (1 + 0.55 * age) * season * _WEEK[date.weekday()] * spike * wobble)
    return Day(
        date,
        visitors,
        views=round(visitors * (2.0 + 0.5 * _noise(site, date, "views"))),
        bounces=round(visitors * (0.34 + 0.1 * _noise(site, date, "bounces"))),
        seconds=round(95 + 70 * _noise(site, date, "seconds")),
    )


def days(site: str, until: datetime.date, count: int) -> list[Day]:
    """Return ``count`` days that end with ``until``, oldest first."""
    return [day(site, until - datetime.timedelta(days=back)) for back in range(count - 1, -1, -1)]


def weeks(site: str, until: datetime.date, count: int) -> Iterator[tuple[datetime.date, list[Day]]]:
    """Yield ``count`` whole weeks, each with its Monday; the last is the one before ``until``'s."""
    monday = until - datetime.timedelta(days=until.weekday())
    for back in range(count, 0, -1):
        first = monday - datetime.timedelta(weeks=back)
        yield first, days(site, first + datetime.timedelta(days=6), 7)


def shares(
    site: str, table: tuple[tuple[str, int], ...], now: list[Day], before: list[Day]
) -> list[Share]:
    """Divide the visitors of two periods among the rows of a table, largest first."""
    totals = [sum(each.visitors for each in period) for period in (now, before)]
    found = []
    for name, permille in table:
        lean = 0.7 + 0.6 * _noise(site, name)
        drift = 0.85 + 0.3 * _noise(site, name, now[0].date.isocalendar().week)
        found.append(
            Share(
                name,
                count=round(totals[0] * permille / 1000 * lean * drift),
                before=round(totals[1] * permille / 1000 * lean),
            )
        )
    return sorted(found, key=lambda share: -share.count)


def _noise(*what: object) -> float:
    """Return a number from 0 to 1 that depends on nothing but ``what``."""
    digest = hashlib.blake2b(repr([str(part) for part in what]).encode(), digest_size=4).digest()
    return int.from_bytes(digest) / 2**32
