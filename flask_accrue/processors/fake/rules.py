"""How this Fake behaves where a processor's account settings decide."""

from __future__ import annotations

import dataclasses
import datetime
import re
import typing as t
import zoneinfo

from ...clock import UTC
from ...errors import ConfigError

TERMINAL_ACTIONS: t.Final = ("cancel", "mark_unpaid", "past_due")
_COUNTRY: t.Final = re.compile(r"[A-Z]{2}\Z")
WITHOUT_CARD: t.Final = ("create_invoice", "pause", "cancel")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rules:
    """The account's settings; every process that shares the store shares them.

    :ivar retry_days: how many days after each failed attempt the next one comes.
    :ivar terminal_action: what becomes of a subscription when the last retry failed: ``cancel``,
        ``mark_unpaid`` or ``past_due`` (left as it is).
    :ivar trial_without_card: what becomes of a trial that ends without a card:
        ``create_invoice``, ``pause`` or ``cancel``.
    :ivar upcoming_days: how many days before a renewal ``invoice.upcoming`` comes.
    :ivar days_until_due: for invoices that are sent instead of charged.
    :ivar tax_country: where the seller is, as two letters such as ``DE``: where tax is reckoned, a business
        elsewhere in the EU then pays it itself. ``None``: nobody does.
    :ivar zone: in whose calendar months and days are counted; Stripe counts in UTC.
    """

    retry_days: tuple[int, ...] = (3, 5, 7)
    terminal_action: str = "cancel"
    trial_without_card: str = "create_invoice"
    upcoming_days: int = 7
    days_until_due: int = 30
    tax_country: str | None = None
    zone: str = "UTC"

    def __post_init__(self) -> None:
        object.__setattr__(self, "retry_days", tuple(self.retry_days))
        problems = []
        if any(days < 1 for days in self.retry_days):
            problems.append(f"retry_days are whole numbers from 1 on, not {self.retry_days!r}.")
        if self.terminal_action not in TERMINAL_ACTIONS:
            problems.append(
                f"terminal_action is one of {', '.join(TERMINAL_ACTIONS)}, "
                f"not {self.terminal_action!r}."
            )
        if self.trial_without_card not in WITHOUT_CARD:
            problems.append(
                f"trial_without_card is one of {', '.join(WITHOUT_CARD)}, "
                f"not {self.trial_without_card!r}."
            )
        if self.tax_country is not None and not _COUNTRY.match(self.tax_country):
            problems.append(f"tax_country is two letters such as 'DE', not {self.tax_country!r}.")
        try:
            _ = self.calendar_zone
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            problems.append(f"zone is an IANA name such as 'Europe/Berlin', not {self.zone!r}.")
        if problems:
            raise ConfigError(problems)

    @property
    def calendar_zone(self) -> datetime.tzinfo:
        """The zone in whose calendar months and days are counted."""
        # Small systems come without a database of zones, and hardly need more than this one.
        return UTC if self.zone == "UTC" else zoneinfo.ZoneInfo(self.zone)
