"""Any list as a CSV file, streamed, and safe to open in a spreadsheet."""

from __future__ import annotations

import collections.abc as c
import csv
import datetime
import io
import typing as t

from flask import Response, request, stream_with_context

from .audit import tell_host
from .cells import plain
from .operators import Operator
from .queries import Rows, first
from .resource import R

# What makes a spreadsheet take a cell for a formula, in either width.
_FORMULA: t.Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def is_export() -> bool:
    """Tell whether the request wants a file instead of a page."""
    return request.args.get("export") == "csv"


def export(rows: Rows[R], operator: Operator, name: str, values: c.Mapping[str, str]) -> Response:
    """Return a response that streams all rows. The host's audit log hears of it."""
    tell_host(operator, action="export", resource=name, filters=dict(values))
    lines = _lines(rows)
    today = datetime.datetime.now(datetime.UTC).date()
    file_name = f"{name.replace('/', '-')}-{today.isoformat()}.csv"
    return Response(
        stream_with_context(lines),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{file_name}"'},
    )


def safe_text(value: str | int) -> str | int:
    """Return a cell that no spreadsheet takes for a formula. Numbers stay numbers."""
    if isinstance(value, str) and (
        value.lstrip().startswith(_FORMULA) or value.startswith(("\t", "\r", "\n"))
    ):
        return f"'{value}"
    return value


def _lines(rows: Rows[R]) -> c.Iterator[str]:
    """Write the file line by line; the first rows are read at once, so that an error is still a page."""
    found = first(rows.stream())
    columns = rows.table.columns

    def write() -> c.Iterator[str]:
        yield _line([column.label for column in columns])
        for row in found:
            yield _line([safe_text(plain(column.cell(row))) for column in columns])

    return write()


def _line(cells: c.Sequence[str | int]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
