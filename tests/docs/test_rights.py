"""The rights that the page asks for a restricted key are those that the calls need, and no more."""

from __future__ import annotations

import re
from pathlib import Path

from tests.processors.stripe.call_table import CALLS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "stripe.md"
SOURCES = ROOT / "flask_accrue" / "processors" / "stripe"
PATH = re.compile(r'"(/v\d/[\w/{}().]*[\w})])"')
#: A POST that makes and changes nothing.
ASKED = {"/v1/invoices/create_preview"}
#: Nobody calls it: it comes along with a charge or a refund, which needs the right to read it.
BROUGHT = ("v1", "balance_transactions")


def rights() -> dict[tuple[str, ...], str]:
    """Return the level that the table asks for, by the segments of each path that it names."""
    section = PAGE.read_text(encoding="utf-8").partition("## A restricted key\n")[2]
    table = section.partition("\n## ")[0]
    found = {}
    for row in re.findall(r"^\| .* \| (?:Read|Write) \| .* \|$", table, re.MULTILINE):
        _, level, paths, _ = (cell.strip() for cell in row.strip("|").split("|"))
        found |= {segments(path): level for path in re.findall(r"`(/[^`]+)`", paths)}
    return found


def segments(path: str) -> tuple[str, ...]:
    return tuple(path.strip("/").split("/"))


def row_of(path: str, rows: dict[tuple[str, ...], str]) -> tuple[str, ...]:
    """Return the path of the table with which a call's begins; of several, the longest."""
    asked = segments(path)
    fitting = [row for row in rows if fits(asked, row)]
    assert fitting, f"{path} is called, and the table doesn't name it"
    return max(fitting, key=len)


def fits(asked: tuple[str, ...], row: tuple[str, ...]) -> bool:
    return len(row) <= len(asked) and all(
        theirs in ("…", ours) for ours, theirs in zip(asked, row, strict=False)
    )


def named_paths() -> set[str]:
    """Return each path that a source names; what isn't in the table of calls is read by it."""
    return {
        path
        for source in SOURCES.glob("*.py")
        for path in PATH.findall(source.read_text(encoding="utf-8"))
    }


def test_each_path_that_is_called_is_named_with_the_right_that_it_needs() -> None:
    rows = rights()
    needed = {row_of(path, rows): "Read" for path in named_paths()} | {BROUGHT: "Read"}
    for call in CALLS.values():
        if call.method != "GET" and call.path not in ASKED:
            needed[row_of(call.path, rows)] = "Write"

    assert rows == needed
