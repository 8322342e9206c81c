"""The list machine: a page of a table with filters, cursors and a count that knows when to stop."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from flask import Response, render_template, request, url_for
from werkzeug.exceptions import BadRequest

from . import filters
from .cells import Cell, as_cell
from .cursors import Cursor, Cursors
from .exports import export, is_export
from .operators import Operator, current_operator
from .queries import MOST_COUNTED, Rows
from .resource import R, Resource

PAGE_SIZE: t.Final = 50
LARGEST_PAGE: t.Final = 100


@dataclasses.dataclass(frozen=True)
class Row:
    """A row as a template draws it."""

    id: str
    cells: tuple[Cell, ...]


@dataclasses.dataclass(frozen=True)
class Heading:
    """The head of a column."""

    label: str
    kind: str
    position: int


@dataclasses.dataclass(frozen=True)
class Listing(t.Generic[R]):
    """A page of a list as a template draws it.

    :ivar found: the model's rows.
    :ivar note: how many there are in all, in words.
    :ivar newer_url: the page before, ``None`` on the first; ``older_url`` the one after.
    """

    title: str
    headings: tuple[Heading, ...]
    rows: list[Row]
    found: list[R]
    note: str
    newer_url: str | None
    older_url: str | None
    export_url: str
    empty: tuple[str, str | None]


def show_list(resource: Resource[t.Any]) -> str | Response:
    """Show a resource's list, or with ``?export=csv`` send all of it."""
    operator = current_operator()
    values = filters.read(resource.filters, request.args)
    rows = Rows(resource, operator, *filters.conditions(resource.filters, values))
    if is_export():
        return export(rows, operator, resource.name, values)
    here = url_for(".list", resource=resource.name)
    return render_template(
        "accrue/admin/list.html",
        resource=resource,
        listing=listing(rows, operator, resource.name, values),
        filters=[
            {
                "name": each.name,
                "label": each.label,
                "kind": each.kind,
                "choices": each.choices,
                "value": values.get(each.name, ""),
            }
            for each in resource.filters
        ],
        here=here,
        clear_url=here if values else None,
        many=next((action for action in resource.actions if action.many), None),
        selected="select" in request.args,
        select_url=_address(values, select="page", cursor=request.args.get("cursor")),
        unselect_url=_address(values, cursor=request.args.get("cursor")),
    )


def listing(
    rows: Rows[R],
    operator: Operator,
    place: str,
    values: c.Mapping[str, str],
    *,
    without: c.Collection[str] = (),
) -> Listing[R]:
    """Make the page of a list that the request asks for.

    :param place: the list's path within the back office, to which its cursors are bound.
    :param without: labels of columns to leave out.
    """
    cursors = Cursors(place, values, operator.scope_digest)
    page = rows.page(cursors.read(request.args.get("cursor")), page_size())
    found = page.rows
    shown = [
        column
        for column in rows.table.columns
        if not column.exported_only and column.label not in without
    ]

    def beyond(row: R, *, backwards: bool) -> str:
        return _address(values, cursor=cursors.write(Cursor(rows.position(row), backwards)))

    return Listing(
        title=rows.table.title,
        headings=tuple(
            Heading(column.label, column.kind, position) for position, column in enumerate(shown)
        ),
        rows=[
            Row(
                str(row.id),  # type: ignore[attr-defined]
                tuple(as_cell(column.cell(row)) for column in shown),
            )
            for row in found
        ],
        found=found,
        note=_note(len(found), rows.count()),
        newer_url=beyond(found[0], backwards=True)
        if found and page.newer
        else _first(page, values),
        older_url=beyond(found[-1], backwards=False) if page.older else None,
        export_url=_address(values, export="csv"),
        empty=("Nothing matches.", "Clear the filters to see all.") if values else rows.table.empty,
    )


def said_count(count: int) -> str:
    """Write a count that may have stopped at its limit."""
    return f"{MOST_COUNTED:,}+" if count > MOST_COUNTED else f"{count:,}"


def page_size() -> int:
    """Return how many rows the request wants on a page.

    :raises BadRequest: for more than :data:`LARGEST_PAGE`, and for what isn't a number.
    """
    text = request.args.get("size", str(PAGE_SIZE))
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= LARGEST_PAGE:
        return int(text)
    raise BadRequest(f"A page has 1 to {LARGEST_PAGE} rows.")


def _note(shown: int, count: int) -> str:
    return f"{shown} of {said_count(count)}" if count else ""


def _first(page: t.Any, values: c.Mapping[str, str]) -> str | None:
    """Return the way back from a page whose rows are gone by now."""
    return _address(values) if page.newer else None


def _address(values: c.Mapping[str, str], **more: str | None) -> str:
    """Return this page's address with other arguments, and the same size of page.

    Never with whatever else the request has: ``url_for`` would take a ``_scheme`` from it.
    """
    assert request.endpoint is not None
    arguments: dict[str, t.Any] = {**values, "size": request.args.get("size"), **more}
    return url_for(request.endpoint, **(request.view_args or {}), **arguments)
