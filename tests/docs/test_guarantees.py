"""Each promise of the page names tests, and those exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guarantees.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
GROUPS = [
    "State and time",
    "Changes",
    "Webhooks",
    "Money",
    "Idempotency and concurrency",
    "People",
]


def test_every_test_that_the_page_names_exists() -> None:
    named = NAMED.findall(PAGE.read_text(encoding="utf-8"))
    missing = [f"{path}::{name}" for path, name in named if name not in collected_in(path)]
    assert missing == []
    assert named


def test_every_promise_names_a_test() -> None:
    groups = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert [group.partition("\n")[0] for group in groups] == GROUPS
    for group in groups:
        rows = [line for line in group.splitlines() if line.startswith("|")][2:]
        assert rows, group
        for row in rows:
            _, promise, proof, _ = (cell.strip() for cell in row.split("|"))
            assert promise.endswith(".")
            # Nothing but names of tests, so that a name that is written otherwise isn't overlooked.
            assert re.sub(NAMED, "", proof).strip(" ,") == "", row
            assert NAMED.search(proof), row


def collected_in(path: str) -> set[str]:
    """Return the names of the tests that pytest would find in a file, without running it."""
    file = ROOT / path
    if not file.is_file():
        return set()
    body = ast.parse(file.read_text(encoding="utf-8")).body
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    names = {node.name for node in body if isinstance(node, functions)}
    return {name for name in names if name.startswith("test_")}
