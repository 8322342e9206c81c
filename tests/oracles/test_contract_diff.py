from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from tests.oracles import contract_diff
from tests.oracles.contract_build import installed_contract
from tests.oracles.contract_diff import Difference, differences

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def contract(version: str, params: dict[str, Any], required: tuple[str, ...] = ()) -> Any:
    """Return a contract of one operation."""
    schema = {"type": "object", "properties": params, "required": list(required)}
    operation = {"verb": "post", "path": "/v1/things/{thing}", "params": schema}
    return {"version": version, "operations": [operation], "schemas": {}}


TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
OLD = contract(
    "2025",
    {
        "gone": {"type": "object", "properties": {"deep": TEXT}},
        "kept": TEXT,
        "was_number": NUMBER,
        "rows": {"type": "array", "items": {"type": "object", "properties": {"id": TEXT}}},
    },
)
NEW = contract(
    "2026",
    {
        "kept": TEXT,
        "was_number": TEXT,
        "hash": {"type": "object", "properties": {"inside": TEXT}, "required": ["inside"]},
        "rows": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"id": TEXT, "price": TEXT},
                "required": ["price"],
            },
        },
    },
    required=("kept",),
)


def test_what_changed_is_told_by_the_path_of_the_parameter() -> None:
    assert differences(OLD, NEW) == [
        Difference(
            "/v1/things/{} post",
            removed=("gone",),
            added=("hash", "rows[].price"),
            now_required=("kept", "rows[].price"),
            retyped=("was_number",),
        )
    ]


def test_an_operation_that_came_or_went_is_told_as_a_whole() -> None:
    empty = {"version": "2024", "operations": [], "schemas": {}}

    assert differences(empty, NEW) == [Difference("/v1/things/{} post", "new")]
    assert differences(OLD, empty) == [Difference("/v1/things/{} post", "removed")]
    assert differences(OLD, empty, ["/v1/others"]) == []


def test_a_contract_does_not_differ_from_itself() -> None:
    assert differences(installed_contract(), installed_contract()) == []


def test_the_command_reads_files_and_prints_a_line_a_subject(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / "old.json", tmp_path / "new.json"]
    for file, content in zip(files, (OLD, NEW), strict=True):
        file.write_text(json.dumps(content))
    monkeypatch.setattr(sys, "argv", ["contract_diff", *map(str, files)])

    contract_diff.main()

    first, second = capsys.readouterr().out.splitlines()
    assert first == "2025 -> 2026"
    assert second.startswith("/v1/things/{} post (changed) removed: gone | added: hash")
