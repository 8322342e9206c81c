"""What import-linter can't see: who looks at the request, and who compares a raw status."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "flask_accrue"

# Flask's request and session belong to whoever faces a person or a processor; the auth adapter
# asks the session how fresh a log-in is.
MAY_SEE_THE_REQUEST = (
    "admin/",
    "auth.py",
    "cli/",
    "entitlements/",
    "extension.py",
    "pages/",
    "portal/",
    "testing/",
    "webhooks/",
)
# Models give predicates to everybody else. Processors speak the processor's own words, and the
# Fake decides by them as a processor does.
MAY_COMPARE_A_STATUS = ("models/", "processors/")


def sees_the_request(tree: ast.AST) -> Iterator[int]:
    """Yield each line that takes ``request`` or ``session`` from Flask."""
    flask_names = {"flask"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            flask_names |= {n.asname for n in node.names if n.name == "flask" and n.asname}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(level=0, module="flask" | "flask.globals"):
                if {alias.name for alias in node.names} & {"request", "session"}:
                    yield node.lineno
            case ast.Attribute(attr="request" | "session", value=ast.Name(id=name)):
                if name in flask_names:
                    yield node.lineno


def compares_a_status(tree: ast.AST) -> Iterator[int]:
    """Yield each line that compares something's ``status`` itself, in Python or in SQL."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare():
                compared = [node.left, *node.comparators]
            case ast.Call(
                func=ast.Attribute(attr="in_" | "not_in" | "is_" | "is_not", value=asked)
            ):
                compared = [asked]
            case ast.Match():
                compared = [node.subject]
            case _:
                continue
        if any(isinstance(side, ast.Attribute) and side.attr == "status" for side in compared):
            yield node.lineno


def offenders(rule: Callable[[ast.AST], Iterator[int]], allowed: tuple[str, ...]) -> list[str]:
    found = []
    for file in sorted(PACKAGE.rglob("*.py")):
        place = file.relative_to(PACKAGE).as_posix()
        if not place.startswith(allowed):
            lines = rule(ast.parse(file.read_text(), str(file)))
            found += [f"flask_accrue/{place}:{line}" for line in lines]
    return found


def test_only_front_doors_guards_and_webhooks_see_the_request() -> None:
    assert offenders(sees_the_request, MAY_SEE_THE_REQUEST) == []


def test_only_models_and_processors_compare_a_raw_status() -> None:
    assert offenders(compares_a_status, MAY_COMPARE_A_STATUS) == []


def test_no_template_compares_a_raw_status() -> None:
    comparison = re.compile(r"\.status\s*(==|!=|\bin\b|\bnot\s+in\b)|(==|!=)\s*[\w.]+\.status\b")
    found = [
        f"{file.relative_to(ROOT)}: {match.group()}"
        for file in sorted((ROOT / "templates").rglob("*.*"))
        if file.suffix in {".html", ".txt"}
        for match in comparison.finditer(file.read_text())
    ]

    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "from flask import request",
        "from flask import current_app, session as s",
        "from flask.globals import request",
        "import flask\nflask.request.path",
        "import flask as f\nf.session['x']",
    ],
)
def test_the_rule_about_the_request_sees(source: str) -> None:
    assert list(sees_the_request(ast.parse(source)))


@pytest.mark.parametrize(
    "source", ["from flask import g", "db.session.add(row)", "from .requests import request"]
)
def test_the_rule_about_the_request_passes(source: str) -> None:
    assert not list(sees_the_request(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        "subscription.status == 'active'",
        "'active' != row.status",
        "row.status in ('open', 'draft')",
        "sa.select(Invoice).where(Invoice.status == 'open')",
        "Invoice.status.in_(['open'])",
        "match row.status:\n    case 'open': pass",
    ],
)
def test_the_rule_about_statuses_sees(source: str) -> None:
    assert list(compares_a_status(ast.parse(source)))


@pytest.mark.parametrize(
    "source", ["row.status = 'open'", "row.status_code == 404", "f(row.status)"]
)
def test_the_rule_about_statuses_passes(source: str) -> None:
    assert not list(compares_a_status(ast.parse(source)))
