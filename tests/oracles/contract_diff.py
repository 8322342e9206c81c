"""Tell what changed between the contracts of two SDK versions.

Each side is a contract's JSON file or the folder of a ``stripe`` package, unpacked or installed:

    python -m tests.oracles.contract_diff OLD NEW [/v1/subscriptions …]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.oracles.contract_build import ContractData, build

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.oracles.sdk_annotations import Schema


class Field(NamedTuple):
    """One parameter, or one field of an answer, at whatever depth."""

    kinds: tuple[str, ...]
    required: bool


@dataclasses.dataclass(frozen=True)
class Difference:
    """What changed of one operation or resource; a whole one that came or went is ``fate``."""

    subject: str
    fate: str = "changed"
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    now_required: tuple[str, ...] = ()
    retyped: tuple[str, ...] = ()

    def __str__(self) -> str:
        facts = [
            f"{name.replace('_', ' ')}: {', '.join(fields)}"
            for name in ("removed", "added", "now_required", "retyped")
            if (fields := getattr(self, name))
        ]
        return f"{self.subject} ({self.fate}) " + " | ".join(facts)


def fields_of(schema: Schema, path: str = "") -> dict[str, Field]:
    """Return every field below a schema, under names like ``items[].price``."""
    found: dict[str, Field] = {}
    for branch in schema.get("anyOf", [schema]):
        if branch.get("type") == "object":
            for name, inner in branch.get("properties", {}).items():
                here = f"{path}.{name}" if path else name
                kinds = {kind_of(option) for option in inner.get("anyOf", [inner])}
                found[here] = Field(tuple(sorted(kinds)), name in branch.get("required", ()))
                found.update(fields_of(inner, here))
        elif branch.get("type") == "array":
            found.update(fields_of(branch.get("items", {}), path + "[]"))
    return found


def kind_of(schema: Schema) -> str:
    return str(schema.get("type") or schema.get("$ref", "?").rpartition("/")[2])


def subjects(contract: ContractData) -> dict[str, dict[str, Field]]:
    """Return the fields of every operation's parameters and of every resource."""
    found = {}
    for operation in contract["operations"]:
        path = re.sub(r"{\w+}", "{}", operation["path"])
        found[f"{path} {operation['verb']}"] = fields_of(operation["params"])
    for kind, schema in contract["schemas"].items():
        found[f"answer {kind}"] = fields_of(schema)
    return found


def outermost(names: set[str]) -> tuple[str, ...]:
    """Return the names sorted, without those below another of them."""
    return tuple(
        name
        for name in sorted(names)
        if not any(name.startswith((other + ".", other + "[")) for other in names)
    )


def container(name: str) -> str:
    """Return the name of the field that holds another, "" for one at the top."""
    return name.rpartition(".")[0].rstrip("[]")


def differences(
    old: ContractData, new: ContractData, prefixes: Sequence[str] = ()
) -> list[Difference]:
    """Return what a program written for the old contract must know of the new one.

    :param prefixes: only subjects that begin so: ``/v1/invoices``, ``answer invoice``.
    """
    before, after = subjects(old), subjects(new)
    found = []
    for subject in sorted(before.keys() | after.keys()):
        if prefixes and not subject.startswith(tuple(prefixes)):
            continue
        if subject not in before or subject not in after:
            found.append(Difference(subject, "removed" if subject in before else "new"))
            continue
        was, now = before[subject], after[subject]
        both = was.keys() & now.keys()
        # What is required inside a hash that is new itself breaks nobody.
        held = {name for name in now if container(name) in {"", *was}}
        free = {name for name in held if name not in was or not was[name].required}
        difference = Difference(
            subject,
            removed=outermost(was.keys() - now.keys()),
            added=outermost(now.keys() - was.keys()),
            now_required=tuple(sorted(name for name in free if now[name].required)),
            retyped=tuple(sorted(name for name in both if was[name].kinds != now[name].kinds)),
        )
        if difference != Difference(subject):
            found.append(difference)
    return found


def read_contract(path: Path) -> ContractData:
    """Return the contract in a JSON file, or of the SDK in a folder."""
    if path.is_dir():
        return build(path)
    contract: ContractData = json.loads(path.read_text(encoding="utf-8"))
    return contract


def main() -> None:
    """Print the differences between two contracts."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("prefixes", nargs="*", help="only operations or answers that begin so")
    given = parser.parse_args()
    old, new = read_contract(given.old), read_contract(given.new)
    sys.stdout.write(f"{old['version']} -> {new['version']}\n")
    for difference in differences(old, new, given.prefixes):
        sys.stdout.write(f"{difference}\n")


if __name__ == "__main__":
    main()
