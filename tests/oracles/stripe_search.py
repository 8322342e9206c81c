"""The part of Stripe's search language that a billing program needs.

``metadata["accrue_operation"]:"op_1" AND status:"active"``: clauses joined by AND or by OR, a field
or a key of the metadata, ``:`` (equal), ``~`` (contains) or a comparison, ``-`` before a clause for
its opposite, ``null`` for a field that isn't set.
"""

from __future__ import annotations

import re
from typing import Any

from tests.oracles.stripe_errors import StripeError

Json = dict[str, Any]

CLAUSE = re.compile(
    r"""\s*(?P<minus>-)?
    (?:metadata\[(?P<quote>["'])(?P<key>.*?)(?P=quote)\] | (?P<field>[a-z_.]+))
    (?P<operator>:|~|>=|<=|>|<)
    (?: "(?P<double>[^"]*)" | '(?P<single>[^']*)' | (?P<bare>null|-?\d+) )""",
    re.VERBOSE,
)
JOINT = re.compile(r"\s+(AND|OR)(?=\s)", re.IGNORECASE)


def matches_query(row: Json, query: str) -> bool:
    """Tell whether an object is one that the query asks for.

    :raises StripeError: for a query that Stripe, or this part of its language, doesn't know.
    """
    truths, joints, at = [], set(), 0
    while True:
        clause = CLAUSE.match(query, at)
        if clause is None:
            raise invalid_query(query)
        truths.append(holds(row, clause) != bool(clause["minus"]))
        at = clause.end()
        if not query[at:].strip():
            break
        joint = JOINT.match(query, at)
        if joint is None:
            raise invalid_query(query)
        joints.add(joint[1].upper())
        at = joint.end()
    if len(joints) > 1:
        raise invalid_query(query)
    return any(truths) if joints == {"OR"} else all(truths)


def invalid_query(query: str) -> StripeError:
    return StripeError(f"We were unable to parse your search query: {query}", param="query")


def holds(row: Json, clause: re.Match[str]) -> bool:
    """Tell whether one clause holds, its minus aside."""
    if clause["key"] is not None:
        values = [(row.get("metadata") or {}).get(clause["key"])]
    else:
        values = values_at(row, clause["field"])
    wish = next(found for found in clause.group("double", "single", "bare") if found is not None)
    if clause["bare"] == "null":
        return all(value is None for value in values)
    return any(compare(value, clause["operator"], wish) for value in values if value is not None)


def compare(value: Any, operator: str, wish: str) -> bool:
    if isinstance(value, dict):
        value = value.get("id")
    if operator == ":":
        return str(value).lower() == wish.lower()
    if operator == "~":
        return wish.lower() in str(value).lower()
    if not isinstance(value, int) or not re.fullmatch(r"-?\d+", wish):
        return False
    difference = value - int(wish)
    return {">": difference > 0, ">=": difference >= 0, "<": difference < 0}.get(
        operator, difference <= 0
    )


def values_at(obj: Any, path: str) -> list[Any]:
    """Return what stands at a dotted path, of each row where the path leads through a list."""
    found = [obj]
    for name in path.split("."):
        parts = [part for node in found for part in (node if isinstance(node, list) else [node])]
        found = [part.get(name) if isinstance(part, dict) else None for part in parts]
    return found
