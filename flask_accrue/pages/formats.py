"""Amounts, times and cards as people write them."""

from __future__ import annotations

import datetime
import typing as t
import zoneinfo

from babel import Locale, UnknownLocaleError, dates

from .. import models
from ..money import Money

NOTHING: t.Final = "\N{EN DASH}"


def format_money(value: Money | None, locale: str | None = None) -> str:
    """Write an amount; an unknown or missing locale is taken as ``en_US``, no amount as a dash."""
    return NOTHING if value is None else value.format(locale)


def format_date(
    value: datetime.datetime | None, locale: str | None = None, zone: str | None = None
) -> str:
    """Write the day of an instant, such as ``March 14, 2026``; the zone is UTC unless one is known."""
    if value is None:
        return NOTHING
    local = value.astimezone(_zone(zone))
    return dates.format_date(local.date(), "long", locale=_locale(locale))


def format_time(
    value: datetime.datetime | None, locale: str | None = None, zone: str | None = None
) -> str:
    """Write an instant with the name of its zone, such as ``Mar 14, 2026, 12:00 UTC``."""
    if value is None:
        return NOTHING
    local, known = value.astimezone(_zone(zone)), _locale(locale)
    written = dates.format_datetime(local, "medium", tzinfo=local.tzinfo, locale=known)
    return f"{written} {dates.get_timezone_name(local, width='short', locale=known)}"


def zone_name(name: str | None) -> str:
    """Return the zone that dates are written in for somebody who prefers this one: UTC unless it's known."""
    return name if name is not None and _zone(name) is not datetime.UTC else "UTC"


def card_text(row: models.PaymentMethod | None) -> str | None:
    """Return a card as people call it, such as ``Visa •••• 4242``; ``None`` for none."""
    if row is None:
        return None
    name = (row.brand or row.type).replace("_", " ").capitalize()
    return f"{name} •••• {row.last4}" if row.last4 else name


def expiry_text(row: models.PaymentMethod) -> str | None:
    """Return the last month of a card, such as ``04/2028``."""
    if row.exp_month is None or row.exp_year is None:
        return None
    return f"{row.exp_month:02}/{row.exp_year}"


def _zone(name: str | None) -> datetime.tzinfo:
    if name is None:
        return datetime.UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return datetime.UTC


def _locale(name: str | None) -> Locale:
    try:
        return Locale.parse((name or "en_US").replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale.parse("en_US")
