"""Decode the form encoding of Stripe's API: ``items[0][price]=price_1``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.oracles.stripe_errors import StripeError

if TYPE_CHECKING:
    from collections.abc import Iterable


def decode_form(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return nested dicts of strings; an empty bracket counts on, a list is a dict of numbers.

    :raises StripeError: for brackets that don't close, and a name sent twice or in two shapes.
    """
    root: dict[str, Any] = {}
    for name, value in pairs:
        head = name.partition("[")[0]
        parts = [head, *re.findall(r"\[([^\]]*)\]", name)]
        if name != head + "".join(f"[{part}]" for part in parts[1:]):
            raise StripeError(f"Invalid parameter name: {name}", param=name)
        node = root
        for part in parts[:-1]:
            node = node.setdefault(part or str(len(node)), {})
            if not isinstance(node, dict):
                raise StripeError(f"Parameter is both a value and a hash: {name}", param=name)
        last = parts[-1] or str(len(node))
        if last in node:
            raise StripeError(f"Parameter sent twice: {name}", param=name)
        node[last] = value
    return root


def to_list(value: Any) -> list[Any] | None:
    """Return ``{"0": a, "1": b}`` as ``[a, b]``; None where the keys aren't 0 to n-1."""
    if isinstance(value, dict) and set(value) == {str(index) for index in range(len(value))}:
        return [value[str(index)] for index in range(len(value))]
    return None


def param_name(path: Iterable[str]) -> str:
    """Return a parameter's name as Stripe's errors write it: ``items[0][price]``."""
    head, *rest = [*path] or [""]
    return head + "".join(f"[{part}]" for part in rest)
