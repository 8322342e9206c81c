"""The detail machine: one row with its state in words, its facts, its tabs and what can be done."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from flask import Response, abort, render_template, url_for

from .. import models
from .actions import Offer, offers
from .cells import Cell, Value, as_cell
from .exports import export, is_export
from .lists import Heading, Listing, listing
from .lists import Row as DrawnRow
from .operators import Operator, current_operator
from .queries import Rows
from .resource import (
    FixedTab,
    R,
    RelatedTab,
    Resource,
    Tab,
    Table,
    TextTab,
    TimelineTab,
)
from .wording import customer_text, entry_text, entry_title, entry_tone, said_actor


@dataclasses.dataclass(frozen=True)
class Entry:
    """An entry of the ledger as the timeline draws it."""

    title: str
    text: str | None
    tone: str
    time: t.Any
    meta: str
    url: str


@dataclasses.dataclass(frozen=True)
class Part:
    """What a tab shows; what it has no use for stays empty."""

    listing: Listing[t.Any] | None = None
    timeline: tuple[Entry, ...] | None = None
    texts: c.Sequence[tuple[str, str]] = ()
    headings: tuple[Heading, ...] = ()
    rows: tuple[DrawnRow, ...] = ()
    empty: tuple[str, str | None] = ("", None)


def show_detail(
    resource: Resource[R], id: str, tab_name: str | None, timeline: Table[models.LedgerEntry]
) -> str | Response:
    """Show a row's page; 404 when there is none that this operator may see.

    :param timeline: the table of the ledger's entries.
    """
    operator = current_operator()
    detail, tab = resource.detail, resource.tab(tab_name)
    if detail is None or (tab is None and tab_name is not None):
        abort(404)
    row = Rows(resource, operator).get(id, *detail.options)
    if row is None:
        abort(404)
    part = _part(tab, row, operator, f"{resource.name}/{id}", timeline)
    if isinstance(part, Response):
        return part
    return render_template(
        "accrue/admin/detail.html",
        resource=resource,
        id=id,
        title=detail.title(row),
        badge=detail.badge(row),
        note=detail.note(row),
        notices=detail.notices(row),
        facts=facts(detail.facts(row)),
        tab=tab,
        tabs=_tabs(resource, id, tab),
        part=part,
        offers=_drawn(offers(resource, row, operator), resource, id),
    )


def facts(pairs: c.Sequence[tuple[str, Value]]) -> list[tuple[str, Cell]]:
    """Return facts as a template draws them."""
    return [(term, as_cell(value)) for term, value in pairs]


def timeline_entries(
    entries: c.Iterable[models.LedgerEntry], *, named: bool = False
) -> tuple[Entry, ...]:
    """Return entries of the ledger as the timeline draws them.

    :param named: each says whose it is.
    """

    def meta(entry: models.LedgerEntry) -> str:
        whose = customer_text(entry.customer) if named else None
        return f"{whose}, {said_actor(entry)}" if whose else said_actor(entry)

    return tuple(
        Entry(
            title=entry_title(entry),
            text=entry_text(entry),
            tone=entry_tone(entry),
            time=entry.recorded_at,
            meta=meta(entry),
            url=url_for(".detail", resource="events", id=entry.id),
        )
        for entry in entries
    )


def _part(
    tab: Tab[R] | None,
    row: R,
    operator: Operator,
    place: str,
    timeline: Table[models.LedgerEntry],
) -> Part | Response:
    match tab:
        case RelatedTab():
            rows = Rows(tab.table, operator, tab.where(row))
            if is_export():
                return export(rows, operator, f"{place}/{tab.name}", {})
            page = listing(rows, operator, f"{place}/{tab.name}", {}, without=tab.without)
            return Part(listing=page)
        case TimelineTab():
            entries = Rows(timeline, operator, tab.where(row))
            if is_export():
                return export(entries, operator, f"{place}/{tab.name}", {})
            happened = listing(entries, operator, f"{place}/{tab.name}", {})
            return Part(listing=happened, timeline=timeline_entries(happened.found))
        case TextTab():
            return Part(texts=tab.texts(row))
        case FixedTab():
            return Part(
                headings=tuple(
                    Heading(label, kind, position)
                    for position, (label, kind) in enumerate(tab.columns)
                ),
                rows=tuple(
                    DrawnRow(str(number), tuple(as_cell(value) for value in values))
                    for number, values in enumerate(tab.rows(row))
                ),
                empty=tab.empty,
            )
    return Part()


def _tabs(resource: Resource[t.Any], id: str, current: Tab[t.Any] | None) -> list[dict[str, t.Any]]:
    tabs = resource.detail.tabs if resource.detail is not None else ()
    return [
        {
            "label": tab.label,
            "url": url_for(
                ".detail", resource=resource.name, id=id, tab=tab.name if number else None
            ),
            "current": tab is current,
        }
        for number, tab in enumerate(tabs)
    ]


def _drawn(
    found: c.Sequence[Offer[t.Any]], resource: Resource[t.Any], id: str
) -> list[dict[str, t.Any]]:
    return [
        {
            "label": offer.action.label,
            "explanation": offer.explanation,
            "asks": offer.action.confirm is not None,
            "destructive": offer.action.destructive,
            "url": url_for(".act", resource=resource.name, id=id, action=offer.action.name),
        }
        for offer in found
    ]
