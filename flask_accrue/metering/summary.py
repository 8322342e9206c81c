"""What a customer used, from the local rows."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t
import uuid

import sqlalchemy as sa

from .. import models
from ..errors import InvalidRequest
from ..state import current_state

_events = models.MeterEvent


@dataclasses.dataclass(frozen=True, kw_only=True)
class UsageSummary:
    """How much was used in a window, and how much of it the processor has.

    :ivar count: of reports, those that failed left out.
    :ivar reported: the sum that the processor has; what is ``pending`` it will get.
    :ivar failed: the sum that it will not get unless somebody retries it.
    """

    event_name: str
    since: datetime.datetime | None
    until: datetime.datetime | None
    count: int = 0
    reported: int = 0
    pending: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        """What is billed in the end, as far as is known: reported and pending."""
        return self.reported + self.pending


def summarize(
    customer_id: uuid.UUID | None,
    event_name: str,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
) -> UsageSummary:
    """Add up usage from ``since`` to before ``until``, by the time it was used.

    :raises InvalidRequest: for a time without a zone.
    """
    conditions = [_events.customer_id == customer_id, _events.event_name == event_name]
    for name, moment in (("since", since), ("until", until)):
        if moment is not None and moment.tzinfo is None:
            raise InvalidRequest(
                f"{name} must be a datetime with a time zone, not {moment!r}.",
                code="parameter_invalid",
                param=name,
            )
    if since is not None:
        conditions.append(_events.occurred_at >= since)
    if until is not None:
        conditions.append(_events.occurred_at < until)
    found: dict[str, t.Any] = {}
    count = 0
    if customer_id is not None:
        statement = (
            sa.select(_events.state, sa.func.sum(_events.value), sa.func.count())
            .where(*conditions)
            .group_by(_events.state)
            .execution_options(autoflush=False)
        )
        for state, value, rows in current_state().db.session.execute(statement):
            found[state] = int(value)
            count += 0 if state == "failed" else rows
    return UsageSummary(event_name=event_name, since=since, until=until, count=count, **found)
