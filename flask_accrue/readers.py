"""How a value of ``app.config`` is read, and what's said about one that won't do.

A reader takes the key, the value and the list of problems. It returns the value as Accrue uses it, or
notes what is wrong and returns something harmless, so that reading goes on and finds the rest.
"""

from __future__ import annotations

import collections.abc as c
import difflib
import pathlib
import re
import typing as t
import urllib.parse


class Problems(list[str]):
    """Collects what is wrong, each with its key, what was found and the fix."""

    def add(self, key: str, found: str, fix: str) -> None:
        """Note a problem of one key."""
        self.append(f"{key} {found}. {fix}")


Reader: t.TypeAlias = t.Callable[[str, t.Any, Problems], t.Any]

# What begins like this is a secret, wherever it was pasted; so is a password within an address.
_SECRET = re.compile(r"(sk|rk)_(test|live)_|whsec_|://[^/\s]*:[^/\s]*@")
_LONGEST = 80


def shown(value: object) -> str:
    """Show what was found, shortened; a secret that landed in the wrong place isn't shown."""
    text = repr(value)
    if _SECRET.search(text):
        return redacted(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def redacted(value: object) -> str:
    """Show what kind of thing was found and nothing of it."""
    if isinstance(value, str):
        return f"a string of {len(value)} characters"
    return f"a {type(value).__name__}"


def nearest(name: object, known: c.Iterable[str]) -> str | None:
    """Return the known name that a mistyped one was likely meant to be, or ``None``."""
    near = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.8)
    return near[0] if near else None


# -- single values ---------------------------------------------------------------------------------


def text(key: str, value: t.Any, problems: Problems) -> str | None:
    """Read a string that isn't empty."""
    if isinstance(value, str) and value.strip():
        return value
    problems.add(key, f"is {shown(value)}", "Set it to a string that isn't empty, or remove it.")
    return None


def file(key: str, value: t.Any, problems: Problems) -> str | None:
    """Read the path of a file, as a string or a :class:`pathlib.Path`."""
    return text(key, str(value) if isinstance(value, pathlib.Path) else value, problems)


def matching(pattern: str, fix: str, *, secret: bool = False) -> Reader:
    """Return a reader of strings that a pattern describes; ``secret`` ones are never shown."""
    compiled = re.compile(pattern)

    def read(key: str, value: t.Any, problems: Problems) -> str | None:
        if isinstance(value, str) and compiled.fullmatch(value):
            return value
        problems.add(key, f"is {redacted(value) if secret else shown(value)}", fix)
        return None

    return read


def choice(*choices: str) -> Reader:
    """Return a reader of one of these words."""

    def read(key: str, value: t.Any, problems: Problems) -> str | None:
        if isinstance(value, str) and value in choices:
            return value
        listed = ", ".join(map(repr, choices))
        problems.add(key, f"is {shown(value)}", f"Use one of {listed}.")
        return None

    return read


def whole(least: int, most: int | None = None) -> Reader:
    """Return a reader of whole numbers within these bounds."""

    def read(key: str, value: t.Any, problems: Problems) -> int | None:
        if is_whole(value) and value >= least and (most is None or value <= most):
            return value
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        problems.add(key, f"is {shown(value)}", f"Use a whole number, {bounds}.")
        return None

    return read


def is_whole(value: object) -> t.TypeGuard[int]:
    """Tell whether the value is an integer; ``True`` isn't one here."""
    return isinstance(value, int) and not isinstance(value, bool)


def seconds(key: str, value: t.Any, problems: Problems) -> float | None:
    """Read a span of time in seconds, above 0 and at most an hour."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 3600:
        return float(value)
    problems.add(key, f"is {shown(value)}", "Use a number of seconds above 0, at most 3600.")
    return None


def flag(key: str, value: t.Any, problems: Problems) -> bool | None:
    """Read a setting that is on or off."""
    if isinstance(value, bool):
        return value
    problems.add(key, f"is {shown(value)}", "Use True or False.")
    return None


def path(key: str, value: t.Any, problems: Problems) -> str | None:
    """Read the path that a blueprint is mounted at; ``False`` switches it off."""
    if value is False:
        return None
    if isinstance(value, str) and re.fullmatch(r"(/[A-Za-z0-9_.~-]+)+", value):
        return value
    fix = "Use a path such as '/billing', without a slash at its end, or False to switch it off."
    problems.add(key, f"is {shown(value)}", fix)
    return None


def address(*schemes: str) -> Reader:
    """Return a reader of URLs, which aren't shown: they may hold a password."""

    def read(key: str, value: t.Any, problems: Problems) -> str | None:
        if isinstance(value, str):
            try:
                parts = urllib.parse.urlsplit(value)
            except ValueError:
                parts = urllib.parse.urlsplit("")
            if parts.scheme in schemes and (parts.netloc or parts.path.startswith("/")):
                return value
        begins = " or ".join(f"{scheme}://" for scheme in schemes)
        problems.add(key, f"is {redacted(value)}", f"Use a URL that begins with {begins}.")
        return None

    return read


# -- several values --------------------------------------------------------------------------------


def names(key: str, value: t.Any, problems: Problems) -> list[str]:
    """Read a list of strings that aren't empty."""
    if isinstance(value, c.Iterable) and not isinstance(value, str | bytes | c.Mapping):
        listed = list(value)
        if all(isinstance(name, str) and name.strip() for name in listed):
            return listed
    problems.add(key, f"is {shown(value)}", 'Use a list of strings such as ["reports"].')
    return []


def hosts(key: str, value: t.Any, problems: Problems) -> frozenset[str]:
    """Read a list of host names, with a port where there is one, in lower case."""
    if isinstance(value, c.Iterable) and not isinstance(value, str | bytes | c.Mapping):
        listed = list(value)
        if all(isinstance(h, str) and re.fullmatch(r"[A-Za-z0-9.-]+(:\d+)?", h) for h in listed):
            return frozenset(host.lower() for host in listed)
    problems.add(key, f"is {shown(value)}", "Use a list of host names such as ['app.example.com'].")
    return frozenset()


def mapping(
    key: str,
    value: t.Any,
    problems: Problems,
    *,
    example: str,
    known: c.Collection[str] | None = None,
) -> dict[str, t.Any]:
    """Read a mapping with strings as keys, of which only the ``known`` ones may be there."""
    if not isinstance(value, c.Mapping):
        problems.add(key, f"is {shown(value)}", f"Use a mapping such as {example}.")
        return {}
    found: dict[str, t.Any] = {}
    for name, entry in value.items():
        if not isinstance(name, str) or not name.strip():
            problems.add(
                key, f"has the key {shown(name)}", "Use names that are strings and not empty."
            )
        elif known is not None and name not in known:
            near = nearest(name, known)
            listed = ", ".join(map(repr, known))
            fix = f"Did you mean {near!r}?" if near else f"It may hold {listed}."
            problems.add(key, f"has the entry {shown(name)}", fix)
        else:
            found[name] = entry
    return found


def webhook_secrets(key: str, value: t.Any, problems: Problems) -> dict[str, tuple[str, ...]]:
    """Read the secrets of each webhook endpoint. Nothing of them is shown, nor of a key that may be one."""
    found: dict[str, tuple[str, ...]] = {}
    if not isinstance(value, c.Mapping):
        fix = 'Use a mapping such as {"stripe": ["whsec_…"]}.'
        problems.add(key, f"is {redacted(value)}", fix)
        return found
    for name, secrets in value.items():
        if (
            not isinstance(name, str)
            or not re.fullmatch(r"[a-z][a-z0-9_]*(/[a-z0-9_-]+)?", name)
            or _SECRET.search(name)
        ):
            fix = "Name a processor, or processor/endpoint, such as 'stripe/connect'."
            problems.add(key, f"has {redacted(name)} as the name of an endpoint", fix)
        elif isinstance(secrets, str | bytes | c.Mapping) or not isinstance(secrets, c.Iterable):
            fix = 'Use a list, so that secrets can be rotated: ["whsec_…"].'
            problems.add(key, f"has {redacted(secrets)} for {name!r}", fix)
        else:
            listed = tuple(secrets)
            if listed and all(isinstance(each, str) and each.strip() for each in listed):
                found[name] = listed
            else:
                fix = "Anybody can sign with an empty secret; set the endpoint's own."
                problems.add(key, f"has an empty secret for {name!r}", fix)
    return found
