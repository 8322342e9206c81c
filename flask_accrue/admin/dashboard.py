"""The first page: how many, what is owed, whether webhooks are well, and what happened last."""

from __future__ import annotations

import datetime
import typing as t

from flask import render_template, url_for

from .. import models, webhooks
from ..clock import real_now
from ..money import Money
from . import filters
from .details import timeline_entries
from .lists import said_count
from .operators import Operator, current_operator
from .queries import Rows, count_each
from .resource import Resource
from .resources import CUSTOMERS, EVENTS, SUBSCRIPTIONS, WEBHOOKS
from .resources.money import INVOICES

_RECENT: t.Final = 10


class _Figure(t.NamedTuple):
    """A count, which is that of a list under its filters, so that a click shows what was counted."""

    label: str
    resource: Resource[t.Any]
    filters: t.Mapping[str, str]
    tone: str | None = None


_TILES: t.Final = (
    _Figure("Customers", CUSTOMERS, {"state": "living"}),
    _Figure("Active", SUBSCRIPTIONS, {"state": "active"}),
    _Figure("Trialing", SUBSCRIPTIONS, {"state": "trialing"}),
    _Figure("Canceling", SUBSCRIPTIONS, {"state": "canceling"}),
    _Figure("Past due", SUBSCRIPTIONS, {"state": "past_due"}),
)
_HEALTH: t.Final = (
    _Figure("Dead", WEBHOOKS, {"state": "dead"}, "bad"),
    _Figure("Waiting or retrying", WEBHOOKS, {"state": "waiting"}, "warn"),
)
#: Of the events of a day, those that weren't about anybody here.
_IGNORED: t.Final = _Figure("Ignored in 24 hours", WEBHOOKS, {"outcome": "ignored"})


def show_dashboard() -> str:
    """Show the first page: five statements, whatever there is, and the navigation's."""
    operator = current_operator()
    day = real_now() - datetime.timedelta(days=1)
    figures = (*_TILES, *_HEALTH)
    events = models.WebhookEvent
    *counts, received, ignored = count_each(
        [
            *(_rows(figure, operator) for figure in figures),
            Rows(WEBHOOKS, operator, events.received_at >= day),
            Rows(WEBHOOKS, operator, events.received_at >= day, events.is_ignored),
        ]
    )
    drawn = [_drawn(figure, count) for figure, count in zip(figures, counts, strict=True)]
    recent = Rows(EVENTS, operator).page(None, _RECENT).rows
    return render_template(
        "accrue/admin/dashboard.html",
        tiles=drawn[: len(_TILES)],
        health=[
            *drawn[len(_TILES) :],
            _drawn(_Figure("Received in 24 hours", WEBHOOKS, {}), received),
            _drawn(_IGNORED, ignored),
        ],
        other_mode=_other_mode(operator),
        dead=counts[len(_TILES)],
        balances=_open_balances(operator),
        entries=timeline_entries(recent, named=True),
        events_url=url_for(".list", resource="events"),
    )


def dead_events(operator: Operator) -> int:
    """Return how many webhook events wait for a human, up to the limit of counting."""
    return Rows(WEBHOOKS, operator, models.WebhookEvent.is_dead).count()


def _rows(figure: _Figure, operator: Operator) -> Rows[t.Any]:
    resource = figure.resource
    return Rows(resource, operator, *filters.conditions(resource.filters, figure.filters))


def _drawn(figure: _Figure, count: int) -> dict[str, str | None]:
    address: dict[str, t.Any] = dict(figure.filters)
    return {
        "label": figure.label,
        "value": said_count(count),
        "url": url_for(".list", resource=figure.resource.name, **address),
        "tone": figure.tone if count else None,
    }


def _other_mode(operator: Operator) -> dict[str, str]:
    """Return how many events of the other mode each processor has sent in a week; they are nobody's."""
    if operator.scope is not None:
        return {}
    counts = webhooks.unstored(webhooks.OTHER_MODE)
    return {processor: said_count(count) for processor, count in counts.items()}


def _open_balances(operator: Operator) -> list[tuple[Money, int]]:
    """Return what is left to pay on open invoices, for each currency."""
    invoices = models.Invoice
    sums = Rows(INVOICES, operator, invoices.is_open).sums(
        invoices.amount_remaining, invoices.currency
    )
    return [(Money(total, currency), count) for currency, total, count in sums]
