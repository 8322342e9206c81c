"""How the Fake says that it won't: a 400 with a code and the name of the argument."""

from __future__ import annotations

import collections.abc as c
import typing as t

from ...errors import InvalidRequest


def refused(message: str, param: str, code: str = "parameter_invalid") -> InvalidRequest:
    """Return the error for an argument that can't be taken."""
    return InvalidRequest(message, code=code, http_status=400, param=param)


def check_known(changes: c.Mapping[str, t.Any], known: c.Set[str], noun: str) -> None:
    """Check that only what is known is to be changed.

    :raises InvalidRequest: naming the first field that isn't.
    """
    unknown = sorted(changes.keys() - known)
    if unknown:
        raise refused(
            f"A {noun} has no {unknown[0][:80]!r} that could be changed.",
            unknown[0],
            "parameter_unknown",
        )


def check_texts(values: c.Mapping[str, t.Any]) -> None:
    """Check that each value is a string or ``None``.

    :raises InvalidRequest: naming the first that isn't.
    """
    for name, value in values.items():
        if not (value is None or isinstance(value, str)):
            raise refused(f"{name} is a string, not {type(value).__name__}.", name)


def check_choice(value: t.Any, choices: c.Sequence[str], param: str) -> None:
    """Check that a value is one of those that there are.

    :raises InvalidRequest: naming them.
    """
    if value not in choices:
        raise refused(f"{param} is one of {', '.join(choices)}, not {value!r}.", param)


def check_integer(value: t.Any, param: str) -> int:
    """Return an integer.

    :raises InvalidRequest: for anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise refused(
            f"{param} is an integer, not {type(value).__name__}.",
            param,
            "parameter_invalid_integer",
        )
    return value
